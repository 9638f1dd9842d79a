"""A run that waits for others notices what they do, and neither spins nor stands idle meanwhile."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import anyio
import pytest
from neighbours import Neighbour, joined, keep_moving, settle
from ports import StoreDouble
from small_world import diligent, issue, open_world, organization

import orket
from orket.contracts import JournalEntry, ModelRequest, Release
from orket.events import CommentAdded
from orket.testing.fakes import SimulatedClock

pytestmark = pytest.mark.anyio


class Counting(StoreDouble):
    """A store that counts how often board and journal are read."""

    boards = glances = 0

    async def load_board(self, build: str, /) -> Any:
        self.boards += 1
        return await self.inner.load_board(build)

    async def events(self, since: int = 0, /, **wanted: Any) -> AsyncIterator[JournalEntry]:
        self.glances += 1
        async with aclosing(self.inner.events(since, **wanted)) as entries:  # type: ignore[type-var]
            async for entry in entries:
                yield entry


async def test_what_a_neighbour_writes_is_noticed_soon_and_nothing_is_read_in_vain(tmp_path: Path) -> None:
    """A run that waits looks at the journal every second at most, and goes on a second after a word of it at most."""
    clock, store = SimulatedClock(), orket.MemoryStore()
    root = organization(tmp_path, [issue("a")])
    await joined(root, store, clock)
    neighbour = Neighbour(store, clock)
    token = await neighbour.claim("a", 10_000)
    await store.aclose()
    seen = Counting(store)

    async def pass_by(seconds: float) -> None:
        seen.boards = seen.glances = 0
        for _ in range(int(seconds * 10)):
            clock.advance(0.1)
            await settle()

    async with open_world(root, diligent, store=seen, clock=clock) as orchestrator:
        run = await orchestrator.start("launch")
        with anyio.fail_after(60):
            while seen.boards or not seen.glances:  # it has begun to wait, however long its beginning took
                await pass_by(2)
        begin = clock.now()
        await pass_by(15)
        assert seen.boards == 0
        assert 10 <= seen.glances <= 20
        said = CommentAdded(author="neighbour", text="it is yours")
        await neighbour.write(card="a", records=(said,), releases=(Release(card="a", token=token),))
        await pass_by(1.5)
        with anyio.fail_after(60):
            assert (await run.outcome()).outcome is orket.RunOutcome.DONE
    assert clock.now() < begin + 20


async def test_a_free_slot_takes_what_a_neighbour_has_freed_while_others_are_busy(tmp_path: Path) -> None:
    """A run whose own turn is slow works on what becomes free meanwhile."""
    clock, store, slow = SimulatedClock(), orket.MemoryStore(), anyio.Event()
    root = organization(tmp_path, [issue("a"), issue("b")])
    await joined(root, store, clock)
    neighbour = Neighbour(store, clock)
    token = await neighbour.claim("a", 10_000)
    await store.aclose()
    asked: list[str] = []

    async def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        asked.append(request.brief.issue.id)
        if request.brief.issue.id == "b":
            await slow.wait()
        return diligent(request)

    async with open_world(root, agent, store=store, clock=clock) as orchestrator:
        run = await orchestrator.start("launch")
        with anyio.fail_after(60):
            while asked != ["b"]:  # no number of steps is sure to be enough
                await anyio.lowlevel.checkpoint()
            said = CommentAdded(author="neighbour", text="it is yours")
            await neighbour.write(card="a", records=(said,), releases=(Release(card="a", token=token),))
            async with anyio.create_task_group() as group:
                group.start_soon(keep_moving, clock)
                while asked != ["b", "a", "a"]:
                    await anyio.lowlevel.checkpoint()
                slow.set()
                assert (await run.outcome()).outcome is orket.RunOutcome.DONE
                group.cancel_scope.cancel()
