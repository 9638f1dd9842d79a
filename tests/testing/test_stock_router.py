"""The stock router keeps its contract."""

from orket.nodes.router import DefaultRouterNode
from orket.testing import RouterContract


class TestDefaultRouter(RouterContract):
    def make_node(self) -> DefaultRouterNode:
        return DefaultRouterNode()
