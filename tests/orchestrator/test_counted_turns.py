"""The turns that a run says it has taken are those that the record charges it with, and those in its journal."""

from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from neighbours import Neighbour, joined, keep_moving
from small_world import diligent, issue, open_world, organization

import orket
from orket.contracts import ModelRequest, Plan, PlanQuestion
from orket.events import RunFinished, TurnOpened, TurnResumed
from orket.nodes.planner import DefaultPlannerNode
from orket.testing.fakes import SimulatedClock

pytestmark = pytest.mark.anyio


async def counted(crew: orket.Orchestrator, result: orket.RunResult) -> list[int]:
    """Return how often result, run row, last record and journal say that a run has taken turns."""
    records = [entry.record async for entry in crew.history() if entry.run == result.run]
    row = await crew.store.load_run(result.run)
    assert row is not None
    (finished,) = [it for it in records if isinstance(it, RunFinished)]
    taken = sum(isinstance(it, TurnOpened | TurnResumed) for it in records)
    return [result.turns, row.turns, finished.counts["turns"], taken]


async def test_an_attempt_that_another_was_faster_at_is_no_turn(tmp_path: Path) -> None:
    """An issue that a neighbour claims between plan and turn is taken later, and counts once."""
    clock, store = SimulatedClock(), orket.MemoryStore()
    root, neighbour = organization(tmp_path, [issue("a")]), Neighbour(store, clock)
    await joined(root, store, clock)
    await store.aclose()
    plans: list[PlanQuestion] = []

    class Robbed(DefaultPlannerNode):
        async def plan(self, question: PlanQuestion, /) -> Plan:  # type: ignore[override]
            plans.append(question)
            if len(plans) == 1:
                await neighbour.claim("a", 30)
            return super().plan(question)

    async with open_world(root, diligent, store=store, clock=clock, nodes={"planner": Robbed()}) as crew:
        run = await crew.start("launch")
        with anyio.fail_after(60):
            async with anyio.create_task_group() as group:
                group.start_soon(keep_moving, clock)
                result = await run.outcome()
                group.cancel_scope.cancel()
        assert result.outcome is orket.RunOutcome.DONE
        assert await counted(crew, result) == [2, 2, 2, 2]
    assert len(plans) == 3


async def test_a_turn_that_is_taken_up_counts_for_both_runs(tmp_path: Path) -> None:
    """Who opened a turn and who goes on with it have each taken one, and their rows say so."""
    root, store, asked = organization(tmp_path, [issue("a")]), orket.MemoryStore(), anyio.Event()

    async def waits(_request: ModelRequest) -> Any:
        asked.set()
        await anyio.sleep_forever()

    async with open_world(root, waits, store=store) as crew:
        await crew.start("launch", run_id="monday")
        await asked.wait()
    async with open_world(root, diligent, store=store) as crew:
        result = await crew.resume("monday")
        assert await counted(crew, result) == [2, 2, 2, 2]
        row = await store.load_run("monday")
        assert row is not None
        assert row.turns == 1


async def test_what_no_seat_takes_is_no_turn(tmp_path: Path) -> None:
    """An issue whose seat is missing is called off without a turn: none is on record."""
    root = organization(tmp_path, [issue("a"), issue("b", seat="nobody")])
    async with open_world(root, diligent) as crew:
        result = await crew.run_epic("launch")
        assert (result.done, result.canceled) == (1, 1)
        assert await counted(crew, result) == [2, 2, 2, 2]
