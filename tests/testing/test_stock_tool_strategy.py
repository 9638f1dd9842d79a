"""The stock tool strategy keeps its contract."""

from orket.nodes.tool_strategy import DefaultToolStrategyNode
from orket.testing import ToolStrategyContract


class TestDefaultToolStrategy(ToolStrategyContract):
    def make_node(self) -> DefaultToolStrategyNode:
        return DefaultToolStrategyNode()
