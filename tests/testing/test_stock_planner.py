"""The stock planner keeps its contract."""

from orket.nodes.planner import DefaultPlannerNode
from orket.testing import PlannerContract


class TestDefaultPlanner(PlannerContract):
    def make_node(self) -> DefaultPlannerNode:
        return DefaultPlannerNode()
