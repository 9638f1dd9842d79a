"""The stock loader keeps its contract."""

from orket.nodes.loader_strategy import DefaultLoaderStrategyNode
from orket.testing import LoaderStrategyContract


class TestDefaultLoaderStrategy(LoaderStrategyContract):
    errors = (ValueError,)  # names that are paths

    def make_node(self) -> DefaultLoaderStrategyNode:
        return DefaultLoaderStrategyNode()
