"""The stock prompt strategy keeps its contract."""

from orket.nodes.prompt_strategy import DefaultPromptStrategyNode
from orket.testing import PromptStrategyContract


class TestDefaultPromptStrategy(PromptStrategyContract):
    def make_node(self) -> DefaultPromptStrategyNode:
        return DefaultPromptStrategyNode()
