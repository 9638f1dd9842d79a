"""The stock sandbox policy keeps its contract."""

from orket.nodes.sandbox_policy import DefaultSandboxPolicyNode
from orket.testing import SandboxPolicyContract


class TestDefaultSandboxPolicy(SandboxPolicyContract):
    def make_node(self) -> DefaultSandboxPolicyNode:
        return DefaultSandboxPolicyNode()
