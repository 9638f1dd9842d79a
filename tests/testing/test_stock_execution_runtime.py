"""The stock execution runtime keeps its contract."""

from orket.nodes.execution_runtime import DefaultExecutionRuntimeStrategyNode
from orket.testing import ExecutionRuntimeContract


class TestDefaultExecutionRuntime(ExecutionRuntimeContract):
    def make_node(self) -> DefaultExecutionRuntimeStrategyNode:
        return DefaultExecutionRuntimeStrategyNode()
