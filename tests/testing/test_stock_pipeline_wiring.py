"""The stock pipeline wiring keeps its contract."""

from orket.nodes.pipeline_wiring import DefaultPipelineWiringStrategyNode
from orket.testing import PipelineWiringContract


class TestDefaultPipelineWiring(PipelineWiringContract):
    def make_node(self) -> DefaultPipelineWiringStrategyNode:
        return DefaultPipelineWiringStrategyNode()
