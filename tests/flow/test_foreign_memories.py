"""Memories of hosts: they are told, asked, closed, and what they do wrong fails the turn."""

from pathlib import Path

import pytest
from shed_crew import TEXTS, Deciding, Foreign, shed, wired
from small_world import diligent, issue, open_world, organization

import orket
from orket.contracts import (
    Remembered,
)
from orket.errors import NodeError, RecallError
from orket.events import FailureReported

pytestmark = pytest.mark.anyio


async def test_a_host_brings_a_memory_of_its_own(tmp_path: Path) -> None:
    """A foreign memory may be async, is told of every decision once it is committed, and is closed in the end."""
    memory, agent = Foreign(), Deciding()
    root = shed(tmp_path, issue("n", "build"))
    async with open_world(root, agent, nodes={"pipeline_wiring": wired(lambda: memory)}) as orchestrator:
        assert (await orchestrator.run_epic("launch")).outcome is orket.RunOutcome.DONE
        assert not memory.closed
    assert agent.offers["n"] == memory.told == list(TEXTS.values())
    assert memory.closed


async def test_a_memory_that_fails_for_a_while_misses_nothing(tmp_path: Path) -> None:
    """A turn whose memory fails is tried again, and the memory is told again of what it failed on."""
    memory, agent = Foreign(fails=1), Deciding()
    async with open_world(shed(tmp_path), agent, nodes={"pipeline_wiring": wired(lambda: memory)}) as orchestrator:
        assert (await orchestrator.run_epic("launch")).outcome is orket.RunOutcome.DONE
        reports = [e.record async for e in orchestrator.history() if isinstance(e.record, FailureReported)]
    assert [(it.violation, it.attempted) for it in reports] == [("node", "memory.search")]
    assert "no route" in reports[0].detail
    assert memory.told == [TEXTS["paint"], *TEXTS.values()]  # the turn that failed judged the first one's work


ONE = Remembered(key="k", text="t", build="b", card="c", at=1.0)
BROKEN = {
    "raised": (ValueError("boo"), "the memory raised ValueError('boo')"),
    "exits": (SystemExit(3), "the memory raised SystemExit(3)"),
    "list": ([], "broke its contract: the answer is of type list; valid: tuple"),
    "many": ((ONE,) * 11, "broke its contract: 11 decisions; valid: at most 10"),
    "twice": ((ONE, ONE), "broke its contract: a decision is named twice"),
    "long": (
        (Remembered(key="k", text="t" * 2001, build="b", card="c", at=1),),
        "broke its contract: text of a decision has 2001 characters; valid: at most 2000",
    ),
    "number": ((Remembered(key="k", text=5, build="b", card="c", at=1),), "text of a decision is 5; valid: str"),  # type: ignore[arg-type]
    "time": ((Remembered(key="k", text="t", build="b", card="c", at="now"),), "at of a decision is 'now'; valid: flo"),  # type: ignore[arg-type]
    "typed": (RecallError("down for today"), "down for today"),
}


@pytest.mark.parametrize("how", BROKEN)
async def test_a_memory_that_breaks_its_contract_fails_the_turn(tmp_path: Path, how: str) -> None:
    """Whatever a memory does wrong is a failure of the turn that says what it was; nothing takes its place."""
    answer, said = BROKEN[how]
    node = wired(lambda: Foreign(answer=answer))
    root = organization(tmp_path, [issue("a", max_retries=0)])
    async with open_world(root, diligent, nodes={"pipeline_wiring": node}) as orchestrator:
        await orchestrator.run_epic("launch")
        reports = [e.record async for e in orchestrator.history() if isinstance(e.record, FailureReported)]
        with pytest.raises(RecallError):
            await orchestrator.recall("anything")
    assert said in reports[0].detail


async def test_a_memory_that_hangs_is_given_up(tmp_path: Path) -> None:
    """A memory may take as long as a node, and no longer."""
    node, limits = wired(lambda: Foreign(hangs=True)), orket.Limits(node=0.05)
    root = organization(tmp_path, [issue("a", max_retries=0)])
    async with open_world(root, diligent, nodes={"pipeline_wiring": node}, limits=limits) as orchestrator:
        await orchestrator.run_epic("launch")
        reports = [e.record async for e in orchestrator.history() if isinstance(e.record, FailureReported)]
    assert "the memory did not answer within 0.05 s" in reports[0].detail


async def test_without_a_memory_nothing_is_offered(tmp_path: Path) -> None:
    """A wiring without a memory still puts decisions on record, and offers none."""
    agent = Deciding()
    async with open_world(shed(tmp_path), agent, nodes={"pipeline_wiring": wired(lambda: None)}) as orchestrator:
        await orchestrator.run_epic("launch")
        assert len(await orchestrator.store.find("memory")) == 3
        with pytest.raises(RecallError, match="create_memory gives None"):
            await orchestrator.recall("shed")
    assert not any(agent.offers.values())


async def test_what_is_no_memory_is_refused(tmp_path: Path) -> None:
    """A service that cannot search is refused when the orchestrator opens; the error names the missing method."""
    with pytest.raises(NodeError, match=r"create_memory broke its contract: the Memory it gives has no method add"):
        async with open_world(organization(tmp_path, []), diligent, nodes={"pipeline_wiring": wired(object)}):
            pass
