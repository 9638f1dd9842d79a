"""The stock API runtime keeps its contract."""

from orket.nodes.api_runtime import DefaultApiRuntimeStrategyNode
from orket.testing import ApiRuntimeContract


class TestDefaultApiRuntime(ApiRuntimeContract):
    def make_node(self) -> DefaultApiRuntimeStrategyNode:
        return DefaultApiRuntimeStrategyNode()
