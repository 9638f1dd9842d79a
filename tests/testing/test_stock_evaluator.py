"""The stock evaluator keeps its contract."""

from orket.nodes.evaluator import DefaultEvaluatorNode
from orket.testing import EvaluatorContract


class TestDefaultEvaluator(EvaluatorContract):
    def make_node(self) -> DefaultEvaluatorNode:
        return DefaultEvaluatorNode()
