"""The stock loop policy keeps its contract."""

from orket.nodes.orchestration_loop import DefaultOrchestrationLoopPolicyNode
from orket.testing import OrchestrationLoopContract


class TestDefaultOrchestrationLoop(OrchestrationLoopContract):
    errors = (ValueError,)  # bad settings

    def make_node(self) -> DefaultOrchestrationLoopPolicyNode:
        return DefaultOrchestrationLoopPolicyNode()
