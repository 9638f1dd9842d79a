"""The record fails in the middle of a run: the host gets the error, nothing is half applied, a later run finishes."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from ports import StoreDouble
from small_world import diligent, issue, open_world, organization

import orket
from orket.contracts import Batch, CardStatus, ModelRequest, Receipt, ToolCall, TurnKind
from orket.errors import StoreError
from orket.events import CardMoved
from orket.stores import SQLiteStore

pytestmark = pytest.mark.anyio
SHORT = orket.Limits(lease=0.1)  # how long a claim stays that could not be given back
Commit = Callable[[], Awaitable[Receipt]]


def writer(request: ModelRequest) -> object:
    """Write a file and create an issue before asking for a review."""
    assert request.brief is not None
    brief = request.brief
    if brief.kind is TurnKind.WORK and brief.round == 1 and brief.issue.id == "a":
        return [
            ToolCall(name="write_file", arguments={"path": "agent_output/a.txt", "content": "a"}),
            ToolCall(name="create_issue", arguments={"summary": "more", "seat": "coder"}),
        ]
    return diligent(request)


class Fails:
    """Fail the k-th commit, before or after it is applied; count all."""

    def __init__(self, which: int, *, applied: bool, once: bool = True) -> None:
        self.which, self.applied, self.once, self.seen = which, applied, once, 0

    async def __call__(self, batch: Batch, commit: Commit) -> Receipt:
        if "::renew:" in batch.op_id:  # how often that happens is the machine's affair
            return await commit()
        self.seen += 1
        if self.seen == self.which or (self.seen > self.which and not self.once):
            message = f"commit {self.seen} failed"
            if self.applied:
                await commit()
            raise StoreError(message)
        return await commit()


async def count_commits(root: Path) -> int:
    """Return how many commits the epic needs when nothing fails."""
    fails = Fails(0, applied=False)
    async with open_world(root, writer, store=StoreDouble(around=fails)) as orchestrator:
        assert (await orchestrator.run_epic("launch")).outcome is orket.RunOutcome.DONE
    return fails.seen


async def check_whole(orchestrator: orket.Orchestrator) -> None:
    """The journal holds, every board state is the last that the journal tells, and nobody holds a claim."""
    await orchestrator.store.verify()
    told: dict[str | None, tuple[CardStatus, int]] = {}
    async for entry in orchestrator.history():
        if isinstance(entry.record, CardMoved):
            told[entry.card] = (entry.record.after, entry.record.version)
    for row in await orchestrator.store.load_board("build-launch"):
        if row.issue.id in told:
            assert (row.issue.status, row.issue.version) == told[row.issue.id]


@pytest.mark.parametrize("applied", [False, True], ids=["before", "after"])
async def test_whichever_commit_fails_a_later_run_finishes(tmp_path: Path, applied: bool) -> None:
    """For every k: the k-th commit fails, the run raises StoreError, and the next run of the build is done."""
    root = organization(tmp_path, [issue("a"), issue("b", "a")])
    commits = await count_commits(root)
    assert commits >= 10
    for which in range(1, commits + 1):
        inner = orket.MemoryStore()
        store = StoreDouble(inner, Fails(which, applied=applied))
        async with open_world(root, writer, store=store, limits=SHORT) as orchestrator:
            with pytest.raises(StoreError, match=f"commit {which} failed"):
                await orchestrator.run_epic("launch")
            await check_whole(orchestrator)
        async with open_world(root, writer, store=inner, limits=SHORT) as orchestrator:
            result = await orchestrator.run_epic("launch")
            assert (result.outcome, result.done, result.cards) == (orket.RunOutcome.DONE, 3, 3)
            await check_whole(orchestrator)
            assert all(row.owner is None for row in await inner.load_board("build-launch"))


@pytest.mark.parametrize("which", [1, 2, 4, 7])
async def test_a_record_that_is_lost_for_good_ends_the_run(tmp_path: Path, which: int) -> None:
    """When every further commit fails too, the first error is what the host gets; SQLite goes on afterwards."""
    root, path = organization(tmp_path, [issue("a"), issue("b", "a")]), tmp_path / "j.db"
    store = StoreDouble(SQLiteStore(path), Fails(which, applied=False, once=False))
    async with open_world(root, writer, store=store, limits=SHORT) as orchestrator:
        with pytest.raises(StoreError, match=f"commit {which} failed"):
            await orchestrator.run_epic("launch")
    async with open_world(root, writer, store=path) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert (result.outcome, result.cards) == (orket.RunOutcome.DONE, 3)
        await check_whole(orchestrator)


class Broken(StoreDouble):
    """A foreign store that raises what no store may raise, in one of its verbs."""

    def __init__(self, verb: str, calls: int) -> None:
        super().__init__()
        self._verb, self._calls = verb, calls
        real = getattr(self.inner, verb)

        async def raising(*args: object, **options: object) -> object:
            self._calls -= 1
            if self._calls < 0:
                raise KeyError("foreign")
            return await real(*args, **options)

        setattr(self, verb, raising)


@pytest.mark.parametrize(
    ("verb", "calls"), [("commit", 0), ("commit", 1), ("commit", 3), ("load_board", 0), ("find", 0), ("runs", 0)]
)
async def test_what_a_foreign_store_raises_becomes_orkets_own_error(tmp_path: Path, verb: str, calls: int) -> None:
    """A store that breaks its contract ends the run with a RunError that chains what it raised, never a group."""
    root = organization(tmp_path, [issue("a"), issue("b")])
    async with open_world(root, diligent, store=Broken(verb, calls)) as orchestrator:
        with pytest.raises(orket.RunError, match="KeyError") as caught:
            await orchestrator.run_epic("launch")
        assert isinstance(caught.value.__cause__, KeyError)


async def test_a_claim_that_was_being_taken_is_given_back(tmp_path: Path) -> None:
    """Cancelled while a turn's first commit is on its way, the claim that it took is not left behind."""
    root = organization(tmp_path, [issue("a")])
    scope = anyio.CancelScope()

    async def around(batch: Batch, commit: Commit) -> Receipt:
        receipt = await commit()
        if batch.claims:
            scope.cancel()
            await anyio.lowlevel.checkpoint()  # where a slow store is cancelled: applied, and not yet answered
        return receipt

    inner = orket.MemoryStore()
    with scope:
        async with open_world(root, diligent, store=StoreDouble(inner, around)) as orchestrator:
            await orchestrator.run_epic("launch")
    await inner.open()
    (row,) = await inner.load_board("build-launch")
    assert (row.owner, row.token) == (None, 1)
