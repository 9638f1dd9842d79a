"""An epic runs to rest, on both backends and both stores."""

from pathlib import Path
from typing import Any

import pytest
from small_world import diligent, issue, open_world, organization, wish, write_json

import orket
from orket.contracts import ModelRequest, Route, RouteQuestion, Store, TurnKind
from orket.events import CardMoved, RunFinished, TurnOpened
from orket.nodes.router import DefaultRouterNode
from orket.stores import SQLiteStore

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return orket.MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "journal" / "j.db")


async def test_dependent_issues_are_done_in_order(tmp_path: Path, store: Store) -> None:
    """A diamond of issues is done, each after what it depends on."""
    (tmp_path / "journal").mkdir()
    root = organization(tmp_path, [issue("a"), issue("b", "a"), issue("c", "a"), issue("d", "b", "c")])
    async with open_world(root, diligent, store=store) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert (result.outcome, result.done, result.turns) == (orket.RunOutcome.DONE, 4, 8)
        done = [
            entry.card
            async for entry in orchestrator.history()
            if isinstance(entry.record, CardMoved) and entry.record.after is orket.CardStatus.DONE
        ]
        assert done[0] == "a"
        assert done[-1] == "d"
        assert (await orchestrator.store.verify()).records > 0
        assert len(await orchestrator.store.find("ledger")) == 1
        (snapshot,) = await orchestrator.store.find("snapshot")
        assert (snapshot.key, snapshot.body["epic"]["id"], snapshot.body["team"]["name"]) == (
            result.run,
            "launch",
            "crew",
        )
        (row,) = await orchestrator.store.runs()
        assert orket.DecisionNodeRegistry().build(row.wiring).fingerprint == row.fingerprint


async def test_a_second_run_of_a_build_continues(tmp_path: Path) -> None:
    """A build that is done takes no further turn, and one that was halted goes on."""
    root = organization(tmp_path, [issue("a"), issue("b", "a")])
    path = tmp_path / "j.db"
    async with open_world(root, diligent, store=SQLiteStore(path)) as orchestrator:
        first = await orchestrator.run_epic("launch", target_issue_id="a")
        assert (first.outcome, first.done, first.turns) == (orket.RunOutcome.DONE, 1, 2)
    async with open_world(root, diligent, store=SQLiteStore(path)) as orchestrator:
        second = await orchestrator.run_epic("launch")
        assert (second.outcome, second.done, second.turns) == (orket.RunOutcome.DONE, 2, 2)
        third = await orchestrator.run_epic("launch")
        assert (third.outcome, third.turns) == (orket.RunOutcome.DONE, 0)


async def test_a_review_turn_goes_to_the_guard(tmp_path: Path) -> None:
    """The seat that holds integrity_guard reviews; without one the issue's own seat does, and that is recorded."""
    for guard, seat, self_review in ((True, "guard", False), (False, "coder", True)):
        root = organization(tmp_path / str(guard), [issue("a")], guard=guard)
        async with open_world(root, diligent) as orchestrator:
            assert (await orchestrator.run_epic("launch")).outcome is orket.RunOutcome.DONE
            opened = [e.record async for e in orchestrator.history() if isinstance(e.record, TurnOpened)]
            assert [(one.seat, one.self_review) for one in opened] == [("coder", False), (seat, self_review)]


async def test_self_review_is_refused_where_duties_are_separate(tmp_path: Path) -> None:
    """With separation of duties an issue that only its own seat could review waits for a review, and says so."""
    root = organization(tmp_path, [issue("a")], guard=False)
    async with open_world(root, diligent, separation_of_duties=True) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert result.outcome is orket.RunOutcome.STALLED
        assert result.reasons["a"].startswith("review: ")
        explained = await orchestrator.explain("a")
        assert explained.wait is not None
        assert explained.wait[0] is orket.WaitReason.REVIEW


@pytest.mark.parametrize("separate", [False, True])
async def test_whoever_did_the_work_reviews_itself_whatever_the_issue_says(tmp_path: Path, separate: bool) -> None:
    """A router that lets the guard work, and then review, is found out, in the same run and in a later one."""

    class Single(DefaultRouterNode):
        def route(self, question: RouteQuestion, /) -> Route:
            return Route(seat="guard")

    def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        if request.brief.kind is TurnKind.WORK and request.brief.issue.id == "b":
            crew.halt()
        return diligent(request)

    rules = {"concurrency": 1}
    root, store = organization(tmp_path, [issue("a", priority=9), issue("b")], process_rules=rules), orket.MemoryStore()
    role = {"name": "integrity_guard", "tools": ["update_issue_status"]}
    write_json(root / "model" / "core" / "roles" / "integrity_guard.json", role)
    options: dict[str, Any] = {"store": store, "nodes": {"router": Single}, "separation_of_duties": separate}
    for _ in range(2):
        async with open_world(root, agent, **options) as crew:
            result = await crew.run_epic("launch")
    async with open_world(root, agent, **options) as crew:
        opened = [e.record async for e in crew.history() if isinstance(e.record, TurnOpened)]
    if separate:
        assert {name: why.partition(":")[0] for name, why in result.reasons.items()} == {"a": "review", "b": "review"}
        assert [one.kind for one in opened if one.seat == "guard"] == [TurnKind.WORK] * 2
    else:
        assert result.outcome is orket.RunOutcome.DONE
        assert [one.self_review for one in opened if one.kind is TurnKind.REVIEW] == [True, True]


async def test_a_missing_seat_cancels_the_issue_with_a_reason(tmp_path: Path) -> None:
    """An issue whose seat the team lacks is canceled, and the reason names the seat."""
    root = organization(tmp_path, [issue("a", seat="astronaut"), issue("b")])
    async with open_world(root, diligent) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert (result.outcome, result.done, result.canceled) == (orket.RunOutcome.DONE, 1, 1)
        moved = [e.record async for e in orchestrator.history(card="a") if isinstance(e.record, CardMoved)]
        assert "astronaut" in moved[-1].reason


async def test_a_blocked_issue_stalls_what_depends_on_it(tmp_path: Path) -> None:
    """An unfinished board without candidates is stalled, never done, and every card has its reason."""

    def blocker(request: ModelRequest) -> object:
        assert request.brief is not None
        if request.brief.issue.id == "a" and request.brief.kind is TurnKind.WORK:
            return wish("blocked", wait_reason="input", reason="which colour?")
        return diligent(request)

    root = organization(tmp_path, [issue("a"), issue("b", "a"), issue("c")])
    async with open_world(root, blocker) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert result.outcome is orket.RunOutcome.STALLED
        assert result.reasons == {"a": "input: which colour?", "b": "dependency: a is blocked"}
        assert not await orchestrator.store.find("ledger")


async def test_failed_turns_are_retried_and_then_stop_the_run(tmp_path: Path) -> None:
    """A model that never answers anything costs max_retries retries and then the run, with a reason."""
    root = organization(tmp_path, [issue("a", max_retries=2), issue("b", "a")])
    async with open_world(root, lambda _request: "") as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert (result.outcome, result.turns) == (orket.RunOutcome.FAILED, 3)
        assert result.reason.startswith("a: ")
        finished = [e.record async for e in orchestrator.history() if isinstance(e.record, RunFinished)]
        assert finished[0].outcome is orket.RunOutcome.FAILED


async def test_a_started_run_streams_its_events(tmp_path: Path) -> None:
    """A host follows a run while it goes on, from any cursor, and gets its outcome."""
    root = organization(tmp_path, [issue("a"), issue("b", "a")])
    async with open_world(root, diligent) as orchestrator:
        run = await orchestrator.start("launch")
        seen = [entry async for entry in run.events()]
        assert isinstance(seen[-1].record, RunFinished)
        assert (await run.outcome()).outcome is orket.RunOutcome.DONE
        assert [entry.seq async for entry in run.events(seen[3].seq)] == [entry.seq for entry in seen[4:]]


async def test_halt_lets_running_turns_finish(tmp_path: Path) -> None:
    """A halted run finishes what it began, ends as halted, and a later run goes on."""
    root = organization(tmp_path, [issue("a"), issue("b", "a"), issue("c", "b")])

    async with open_world(root, lambda request: (orchestrator.halt(), diligent(request))[1]) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert (result.outcome, result.turns) == (orket.RunOutcome.HALTED, 1)
