"""Which services a pipeline gets by default."""

from pathlib import Path

import pytest

from orket._answers import CHECKS
from orket.contracts import (
    EpicReference,
    MemoryQuery,
    PipelineWiringStrategyNode,
    Remembered,
    Rock,
    ServiceQuestion,
    SubPipeline,
    Verification,
    VerificationResult,
)
from orket.nodes.pipeline_wiring import DefaultPipelineWiringStrategyNode

SERVICES = ("verifier", "sandbox_orchestrator", "bug_fix_manager", "memory")


class Proof:
    """A verifier, a memory and a service in one."""

    async def verify(self, verification: Verification, workspace: Path, /) -> VerificationResult:
        return VerificationResult(passed=True)

    def add(self, remembered: tuple[Remembered, ...], /) -> None:
        return None

    def search(self, query: MemoryQuery, /) -> tuple[Remembered, ...]:
        return ()

    async def aclose(self) -> None:
        return None


def test_satisfies_the_protocol() -> None:
    """The node has every method of its protocol."""
    assert isinstance(DefaultPipelineWiringStrategyNode(), PipelineWiringStrategyNode)


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_does_not_exist_is_left_out(service: str) -> None:
    """Nothing stands in for a service that has no stock factory."""
    question = ServiceQuestion(environ={}, stock={name: Proof for name in SERVICES if name != service})
    assert getattr(DefaultPipelineWiringStrategyNode(), f"create_{service}")(question) is None


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_is_made_by_its_factory_each_time(service: str) -> None:
    """Two pipelines never share a service."""
    node, question = DefaultPipelineWiringStrategyNode(), ServiceQuestion(environ={}, stock={service: Proof})
    one, other = (getattr(node, f"create_{service}")(question) for _ in range(2))
    assert isinstance(one, Proof)
    assert one is not other
    assert CHECKS["pipeline_wiring", f"create_{service}"](one, question) is None


def test_a_rock_runs_its_epics_as_listed() -> None:
    """Each epic runs once, in the order of the rock, in its own department, on its stock build."""
    rock = Rock(id="r", name="r", epics=(EpicReference(epic="b", department="uiux"), EpicReference(epic="a")))
    parts = DefaultPipelineWiringStrategyNode().select_sub_pipelines(rock)
    assert [(part.epic, part.department, part.build) for part in parts] == [("b", "uiux", None), ("a", "core", None)]
    assert all(isinstance(part, SubPipeline) and part.reason for part in parts)
    assert CHECKS["pipeline_wiring", "select_sub_pipelines"](parts, rock) is None
    assert DefaultPipelineWiringStrategyNode().select_sub_pipelines(Rock(id="r", name="r")) == ()
