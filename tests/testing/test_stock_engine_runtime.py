"""The stock engine runtime keeps its contract."""

from orket.nodes.engine_runtime import DefaultEngineRuntimePolicyNode
from orket.testing import EngineRuntimeContract


class TestDefaultEngineRuntime(EngineRuntimeContract):
    errors = (ValueError,)  # lines of a .env file that are none

    def make_node(self) -> DefaultEngineRuntimePolicyNode:
        return DefaultEngineRuntimePolicyNode()
