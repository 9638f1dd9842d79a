"""A turn gives its slot back before its last commit is on record: what begins then, and what waits for it."""

from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

import anyio
import pytest
from small_world import diligent, issue, open_world, organization

import orket
from orket.contracts import Batch, ModelReply, ModelRequest, RawToolCall
from orket.errors import StoreConflictError, StoreError
from orket.events import CardMoved, RunFinished, TurnClosed, TurnOpened
from orket.stores import SQLiteStore
from orket.testing import SimulatedClock
from orket.testing.faults import FrontStore

pytestmark = pytest.mark.anyio


class Slow(FrontStore):
    """A store in order; a commit that closes a turn passes only when all else has come to rest. Notes what it hears."""

    in_order = True

    def __init__(self) -> None:
        super().__init__(orket.MemoryStore())
        self.heard: list[str] = []
        self._turn = anyio.Lock()

    async def around(self, verb: str, call: Callable[[], Awaitable[Any]], batch: Batch | None = None) -> Any:
        opened = any(isinstance(record, TurnOpened) for record in batch.records) if batch else False
        closed = any(isinstance(record, TurnClosed) for record in batch.records) if batch else False
        if batch and opened:
            self.heard.append(f"begin {batch.card}")
        if batch and closed:
            self.heard.append(f"end {batch.card}")
        async with self._turn:
            if closed:
                await anyio.wait_all_tasks_blocked()
            answer = await call()
        if batch and closed:
            self.heard.append(f"{batch.card} on record")
        return answer


async def heard(root: Path, issues: Iterable[Any], agent: Callable[[ModelRequest], Any] = diligent) -> list[str]:
    """Return what a slow store hears of a board with one slot."""
    store = Slow()
    world = organization(root, issues, process_rules={"concurrency": 1})
    async with open_world(world, agent, store=store, clock=SimulatedClock(auto=True)) as crew:
        assert (await crew.run_epic("launch")).outcome is orket.RunOutcome.DONE
    return store.heard


async def test_the_next_turn_begins_while_the_last_commit_is_on_its_way(tmp_path: Path) -> None:
    """An issue that nobody waits for is handed on at once: the other one's work turn opens before its end is stored."""
    order = await heard(tmp_path, [issue("a"), issue("b")])
    assert order[:8] == ["begin a", "end a", "begin a", "a on record", "end a", "begin b", "a on record", "end b"]


async def test_who_depends_on_an_issue_waits_until_it_is_done_on_record(tmp_path: Path) -> None:
    """No turn of a dependent is opened before the commit that finishes what it depends on has returned."""
    order = await heard(tmp_path, [issue("a"), issue("b", "a")])
    assert order[:7] == ["begin a", "end a", "begin a", "a on record", "end a", "a on record", "begin b"]


async def test_what_the_next_turn_is_told_is_on_record_before_it_begins(tmp_path: Path) -> None:
    """A last commit with a decision to remember is waited for: the prompts of the turns after it quote the decision."""

    def deciding(request: ModelRequest) -> ModelReply:
        call = diligent(request)
        asked = RawToolCall(name=call.name, arguments=call.arguments)
        return ModelReply(text="DECISION: paint it green", tool_calls=(asked,))

    order = await heard(tmp_path, [issue("a")], deciding)
    assert order == ["begin a", "end a", "a on record"] * 2


class Refusing(FrontStore):
    """A store in order that refuses the first commit that closes a turn."""

    in_order = True

    def __init__(self, error: StoreError, *, late: bool = False) -> None:
        super().__init__(orket.MemoryStore())
        self._errors = [error]
        self._late = late  # when the next turn has begun, and its first commit waits behind this one
        self._turn = anyio.Lock()

    async def around(self, verb: str, call: Callable[[], Awaitable[Any]], batch: Batch | None = None) -> Any:
        async with self._turn:
            if batch and self._errors and any(isinstance(record, TurnClosed) for record in batch.records):
                error = self._errors.pop()
                if self._late:
                    await anyio.wait_all_tasks_blocked()
                raise error
            return await call()


@pytest.mark.parametrize("late", [False, True])
async def test_a_turn_whose_end_is_refused_is_taken_up_again(tmp_path: Path, late: bool) -> None:
    """The board takes back what it showed, the turn goes on where the record has it, each card's versions follow."""
    store = Refusing(StoreConflictError("taken", card="a", expected=1, found=2), late=late)
    world = organization(tmp_path, [issue("a"), issue("b")])
    async with open_world(world, diligent, store=store, clock=SimulatedClock(auto=True)) as crew:
        result = await crew.run_epic("launch")
        records = [entry async for entry in crew.history()]
    assert (result.outcome, result.done) == (orket.RunOutcome.DONE, 2)
    assert sum(isinstance(it.record, TurnOpened) for it in records) == 4
    for card in ("a", "b"):
        versions = [it.record.version for it in records if it.card == card and isinstance(it.record, CardMoved)]
        assert versions == [2, 3, 4]


@pytest.mark.parametrize("review", [False, True])
async def test_a_run_that_cannot_write_counts_what_is_on_record(tmp_path: Path, review: bool) -> None:
    """Where a turn's last commit fails, the run's counts are those of the stored cards, not what was hoped for."""

    class Failing(Refusing):
        async def around(self, verb: str, call: Callable[[], Awaitable[Any]], batch: Batch | None = None) -> Any:
            statuses = [it.status for it in batch.records if isinstance(it, TurnClosed)] if batch else []
            if statuses and ("done" in statuses) == review:
                return await super().around(verb, call, batch)
            return await call()

    store = Failing(StoreError("the disk is full"))
    async with open_world(organization(tmp_path, [issue("a")]), diligent, store=store) as crew:
        with pytest.raises(StoreError, match="the disk is full"):
            await crew.run_epic("launch")
        (finished,) = [it.record async for it in crew.history() if isinstance(it.record, RunFinished)]
        (card,) = await crew.store.load_board("build-launch")
    assert finished.counts["done"] == 0
    assert card.issue.status == ("code_review" if review else "in_progress")


async def test_what_ends_and_what_begins_share_a_transaction(tmp_path: Path) -> None:
    """Twenty issues of two turns each, ten at once: the batches of an end and of a beginning are written together."""
    groups: list[int] = []
    root = organization(tmp_path, [issue(f"i{number}") for number in range(20)], process_rules={"concurrency": 10})

    class Counting(SQLiteStore):
        def _answered(self, answers: Any) -> None:
            groups.append(len(answers))
            super()._answered(answers)

    async with open_world(root, diligent, store=Counting(tmp_path / "journal.db")) as crew:
        assert (await crew.run_epic("launch")).turns == 40
    assert max(groups) == 20
