"""Several runs on one build: claims are respected, renewed and waited for, and what others add joins the board."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import anyio
import pytest
from attrs import evolve
from neighbours import Neighbour, joined, keep_moving, settle
from ports import StoreDouble
from small_world import diligent, issue, open_world, organization

import orket
from orket.contracts import (
    Batch,
    CardChange,
    JournalEntry,
    ModelRequest,
    Plan,
    PlanQuestion,
    Receipt,
    Release,
    TurnKind,
)
from orket.errors import StoreConflictError
from orket.events import CardAdded, CardMoved, TurnOpened
from orket.nodes.planner import DefaultPlannerNode
from orket.testing.fakes import SimulatedClock

pytestmark = pytest.mark.anyio
SHORT = orket.Limits(lease=0.3)


async def test_a_claim_is_renewed_while_its_turn_is_slow(tmp_path: Path) -> None:
    """A model that takes many leases to answer keeps its issue; nobody else could have taken it."""
    clock, slow, answer = SimulatedClock(), anyio.Event(), anyio.Event()

    async def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        if request.brief.kind is TurnKind.WORK:
            slow.set()
            await answer.wait()
        return diligent(request)

    root = organization(tmp_path, [issue("a")])
    async with open_world(root, agent, clock=clock, limits=orket.Limits(lease=60)) as orchestrator:
        run = await orchestrator.start("launch")
        await slow.wait()
        await settle()
        for _ in range(30):
            before = clock.now()
            clock.advance(20)
            with anyio.fail_after(60):
                while (await orchestrator.store.load_board("build-launch"))[0].until < before + 80:
                    await anyio.lowlevel.checkpoint()
            await settle()
        (row,) = await orchestrator.store.load_board("build-launch")
        assert row.token == 1
        answer.set()
        assert (await run.outcome()).turns == 2
        assert (await orchestrator.store.load_board("build-launch"))[0].owner is None


async def test_an_issue_that_a_neighbour_holds_is_waited_for(tmp_path: Path) -> None:
    """The rest of the board is worked meanwhile; the held issue is taken when its claim expires, not earlier."""
    clock, store = SimulatedClock(), orket.MemoryStore()
    root = organization(tmp_path, [issue("a"), issue("b")])
    await joined(root, store, clock)
    await Neighbour(store, clock).claim("a", 30)
    await store.aclose()
    times: list[tuple[str, float]] = []

    def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        times.append((request.brief.issue.id, clock.now()))
        return diligent(request)

    begin = clock.now()
    async with open_world(root, agent, store=store, clock=clock) as orchestrator:
        run = await orchestrator.start("launch")
        with anyio.fail_after(60):
            while len(times) < 2:
                await anyio.lowlevel.checkpoint()
            async with anyio.create_task_group() as group:
                group.start_soon(keep_moving, clock)
                assert (await run.outcome()).outcome is orket.RunOutcome.DONE
                group.cancel_scope.cancel()
    assert [card for card, _ in times] == ["b", "b", "a", "a"]
    assert all(at >= begin + 30 for card, at in times if card == "a")


class Plain(StoreDouble):
    """A store whose entries come from an iterator that is no generator, as the contract allows."""

    def events(self, since: int = 0, /, **wanted: Any) -> AsyncIterator[JournalEntry]:
        """Return an iterator that has nothing beside what an iterator has."""
        entries = super().events(since, **wanted)

        class Entries:
            def __aiter__(self) -> AsyncIterator[JournalEntry]:
                return self

            async def __anext__(self) -> JournalEntry:
                return await anext(entries)

        return Entries()


async def test_a_neighbour_is_waited_for_with_any_store(tmp_path: Path) -> None:
    """A run that waits reads what others write through the store's contract alone."""
    clock, store = SimulatedClock(), orket.MemoryStore()
    root = organization(tmp_path, [issue("a")])
    await joined(root, store, clock)
    await Neighbour(store, clock).claim("a", 30)
    await store.aclose()
    async with open_world(root, diligent, store=Plain(store), clock=clock) as orchestrator:
        run = await orchestrator.start("launch")
        with anyio.fail_after(60):
            async with anyio.create_task_group() as group:
                group.start_soon(keep_moving, clock)
                assert (await run.outcome()).outcome is orket.RunOutcome.DONE
                group.cancel_scope.cancel()


async def test_a_claim_that_is_given_back_early_is_noticed(tmp_path: Path) -> None:
    """A run that waits for a neighbour looks again long before the claim would expire."""
    clock, store = SimulatedClock(), orket.MemoryStore()
    root = organization(tmp_path, [issue("a")])
    await joined(root, store, clock)
    neighbour = Neighbour(store, clock)
    token = await neighbour.claim("a", 10_000)
    await store.aclose()
    begin = clock.now()
    async with open_world(root, diligent, store=store, clock=clock) as orchestrator:
        run = await orchestrator.start("launch")
        with anyio.fail_after(60):
            await clock.wait_for_sleepers(2)  # the keeper of claims, and who waits for others
        await neighbour.release("a", token)
        with anyio.fail_after(60):
            async with anyio.create_task_group() as group:
                group.start_soon(keep_moving, clock)
                assert (await run.outcome()).outcome is orket.RunOutcome.DONE
                group.cancel_scope.cancel()
    assert clock.now() < begin + 5_000


async def test_a_run_that_waits_for_a_neighbour_can_be_halted(tmp_path: Path) -> None:
    """Halting does not wait for the claim, with the clock standing still."""
    clock, store = SimulatedClock(), orket.MemoryStore()
    root = organization(tmp_path, [issue("a")])
    await joined(root, store, clock)
    await Neighbour(store, clock).claim("a", 10_000)
    await store.aclose()
    async with open_world(root, diligent, store=store, clock=clock) as orchestrator:
        run = await orchestrator.start("launch")
        await settle()
        run.halt()
        with anyio.fail_after(60):
            result = await run.outcome()
    assert result.outcome is orket.RunOutcome.HALTED
    assert result.reasons == {"a": "resource: claimed by another orchestrator"}


async def test_what_a_neighbour_adds_and_finishes_is_taken_over(tmp_path: Path) -> None:
    """An issue that another orchestrator created joins this run's board; one that it finished frees its dependents."""
    clock, store = SimulatedClock(), orket.MemoryStore()
    root = organization(tmp_path, [issue("a"), issue("b", "a")])
    await joined(root, store, clock)
    neighbour = Neighbour(store, clock)
    token = await neighbour.claim("a", 40)
    await store.aclose()
    async with open_world(root, diligent, store=store, clock=clock) as orchestrator:
        run = await orchestrator.start("launch")
        await settle()
        (a, _) = await store.load_board("build-launch")
        done = evolve(a.issue, status=orket.CardStatus.DONE, version=a.issue.version + 1)
        new = orket.Issue(id="new", name="new", seat="coder", parent="launch", build="build-launch", version=1)
        await neighbour.write(
            card="a",
            changes=(
                CardChange(issue=done, expected=a.issue.version, token=token),
                CardChange(issue=new, expected=0),
            ),
            records=(CardAdded(issue=new, by="neighbour"),),
            releases=(Release(card="a", token=token),),
        )
        with anyio.fail_after(60):
            async with anyio.create_task_group() as group:
                group.start_soon(keep_moving, clock)
                result = await run.outcome()
                group.cancel_scope.cancel()
        assert (result.outcome, result.cards, result.done, result.turns) == (orket.RunOutcome.DONE, 3, 3, 4)


async def test_an_issue_lost_in_the_middle_of_a_turn_is_left_to_its_new_owner(tmp_path: Path) -> None:
    """Who stole the issue may finish it; the loser takes the result over, with the issue that the thief created."""
    clock, store = SimulatedClock(), orket.MemoryStore()
    neighbour = Neighbour(store, clock)

    async def agent(request: ModelRequest) -> object:
        (row,) = await store.load_board("build-launch")
        clock.advance(1000)  # the lease is over before it could be renewed
        token = await neighbour.claim("a", 10)
        done = evolve(row.issue, status=orket.CardStatus.DONE, version=row.issue.version + 1)
        new = orket.Issue(
            id="new", name="new", seat="coder", status=orket.CardStatus.DONE, build="build-launch", version=1
        )
        await neighbour.write(
            changes=(
                CardChange(issue=done, expected=row.issue.version, token=token),
                CardChange(issue=new, expected=0),
            ),
            releases=(Release(card="a", token=token),),
        )
        return diligent(request)

    root = organization(tmp_path, [issue("a")])
    async with open_world(root, agent, store=store, clock=clock) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert (result.outcome, result.cards, result.turns) == (orket.RunOutcome.DONE, 2, 1)


async def test_two_runs_of_one_orchestrator_share_a_build(tmp_path: Path) -> None:
    """Started at once on a new build, two runs finish every issue once between them."""
    asked: list[tuple[str, TurnKind]] = []

    async def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        asked.append((request.brief.issue.id, request.brief.kind))
        await anyio.sleep(0.001)
        return diligent(request)

    root = organization(tmp_path, [issue(f"i{number}") for number in range(108)])
    async with open_world(root, agent, limits=orket.Limits(lease=60)) as orchestrator:
        runs = [await orchestrator.start("launch") for _ in range(2)]
        results = [await run.outcome() for run in runs]
        assert [(one.outcome, one.done) for one in results] == [(orket.RunOutcome.DONE, 108)] * 2
        moved = [e async for e in orchestrator.history() if isinstance(e.record, CardMoved)]
        done = [entry.card for entry in moved if entry.record.after is orket.CardStatus.DONE]
        assert len(done) == len(set(done)) == 108
    assert sorted(asked) == sorted(set(asked))


async def test_a_target_does_not_wait_for_other_issues(tmp_path: Path) -> None:
    """A run of one issue ends when that is done, whatever a neighbour holds."""
    clock, store = SimulatedClock(), orket.MemoryStore()
    root = organization(tmp_path, [issue("a"), issue("b")])
    await joined(root, store, clock)
    await Neighbour(store, clock).claim("a", 10_000)
    await store.aclose()
    async with open_world(root, diligent, store=store, clock=clock) as orchestrator:
        with anyio.fail_after(60):
            result = await orchestrator.run_issue("b")
        assert (result.outcome, result.done) == (orket.RunOutcome.DONE, 1)


class Stopped(SimulatedClock):
    """A clock that breaks."""

    async def sleep(self, seconds: float, /) -> None:
        raise OSError("no more time")


async def test_a_clock_that_breaks_ends_the_run_with_an_error(tmp_path: Path) -> None:
    """What a foreign clock raises is chained to a RunError, never in a group."""
    root = organization(tmp_path, [issue("a")])
    async with open_world(root, diligent, clock=Stopped(), store=StoreDouble()) as orchestrator:
        with pytest.raises(orket.RunError, match="no more time") as caught:
            await orchestrator.run_epic("launch")
        assert isinstance(caught.value.__cause__, OSError)


async def test_the_past_is_read_only_under_the_claim(tmp_path: Path) -> None:
    """While a run reads what a turn that was left open came to, nobody else can take the issue and add to it."""
    clock, store = SimulatedClock(), orket.MemoryStore()
    root, scope = organization(tmp_path, [issue("a")]), anyio.CancelScope()

    async def dies(_request: ModelRequest) -> object:
        scope.cancel()
        await anyio.sleep_forever()

    with scope:
        async with open_world(root, dies, store=store, clock=clock) as orchestrator:
            await orchestrator.run_epic("launch")
    owners: list[str | None] = []

    class Watched(StoreDouble):
        async def events(self, since: int = 0, /, **wanted: Any) -> AsyncIterator[JournalEntry]:
            owners.append((await self.inner.load_board("build-launch"))[0].owner)
            async with aclosing(self.inner.events(since, **wanted)) as entries:  # type: ignore[type-var]
                async for entry in entries:
                    yield entry

    async with open_world(root, diligent, store=Watched(store), clock=clock) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert (result.outcome, result.turns) == (orket.RunOutcome.DONE, 2)
    assert owners[-1] is not None  # what was read before it, to see whether it can be taken up at all, decides nothing


async def test_a_turn_does_not_begin_on_a_state_that_is_past(tmp_path: Path) -> None:
    """An issue that a neighbour sent back meanwhile gets no review turn: the model is asked to work on it."""
    clock, store = SimulatedClock(), orket.MemoryStore()
    asked: list[tuple[str, TurnKind]] = []
    neighbour = Neighbour(store, clock)

    async def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        brief = request.brief
        asked.append((brief.issue.id, brief.kind))
        if brief.issue.id == "b" and brief.kind is TurnKind.WORK:
            (a, _) = await store.load_board("build-launch")
            back = evolve(a.issue, status=orket.CardStatus.READY, version=a.issue.version + 1)
            await neighbour.write(changes=(CardChange(issue=back, expected=a.issue.version),))
        return diligent(request)

    root = organization(
        tmp_path, [issue("a", status="code_review"), issue("b", priority=9)], process_rules={"concurrency": 1}
    )

    class LastFirst(DefaultPlannerNode):
        def plan(self, question: PlanQuestion, /) -> Plan:
            return Plan(issue_ids=((*question.review, *question.ready)[-1].id,), reason="last first")

    async with open_world(root, agent, store=store, nodes={"planner": LastFirst}, limits=SHORT) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert result.outcome is orket.RunOutcome.DONE
    assert [kind for card, kind in asked if card == "a"] == [TurnKind.WORK, TurnKind.REVIEW]


async def test_a_prompt_is_stored_although_its_first_turn_was_lost(tmp_path: Path) -> None:
    """A system message whose first commit came to nothing is in the store when a later turn names it."""
    store, failed = orket.MemoryStore(), [False]

    async def around(batch: Batch, commit: Callable[[], Awaitable[Receipt]]) -> Receipt:
        if batch.turns and not failed[0]:
            failed[0] = True
            raise StoreConflictError("somebody else was faster", card="a", expected=1, found=2)
        return await commit()

    root = organization(tmp_path, [issue("a")])
    async with open_world(root, diligent, store=StoreDouble(store, around), limits=SHORT) as orchestrator:
        assert (await orchestrator.run_epic("launch")).outcome is orket.RunOutcome.DONE
        opened = [e.record async for e in orchestrator.history() if isinstance(e.record, TurnOpened)]
        assert opened
        for digest in {key for record in opened for key in record.prompt}:
            assert await store.payload(digest) is not None
