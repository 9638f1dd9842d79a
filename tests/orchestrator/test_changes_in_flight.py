"""What people and other runs do to a board while a run goes on: it is seen in time, and nothing is begun against it."""

from pathlib import Path

import anyio
import pytest
from small_world import diligent, issue, open_world, organization

import orket
from orket.contracts import ModelRequest, Plan, PlanQuestion, Route, RouteQuestion, Store, ToolCall, TurnKind
from orket.nodes.planner import DefaultPlannerNode
from orket.nodes.router import DefaultRouterNode
from orket.stores import SQLiteStore

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """Return a store of each kind."""
    return orket.MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "journal.db")


async def test_a_card_that_is_reopened_meanwhile_is_worked_on_again(tmp_path: Path, store: Store) -> None:
    """The run that learns of it works on the card, and what depends on it waits until it is done once more."""
    order: list[str] = []

    async def agent(request: ModelRequest) -> ToolCall:
        assert request.brief is not None
        brief = request.brief
        order.append(brief.issue.id)
        if brief.issue.id == "b" and order.count("b") == 1:
            await crew.reopen("a", actor="ann", reason="not good enough")
            await crew.reprioritize("c", 1, actor="ann")  # the run is behind on what it turns to next, and looks around
        return diligent(request)

    issues = [issue("a", priority=9), issue("b", priority=5), issue("c", priority=4), issue("d", "a")]
    root = organization(tmp_path, issues, process_rules={"concurrency": 1})
    async with open_world(root, agent, store=store) as crew:
        result = await crew.run_epic("launch")
        assert (result.outcome, result.done) == (orket.RunOutcome.DONE, 4)
        await crew.store.verify()
    assert order == [*"aabb", *"aaddcc"]


async def test_nothing_is_called_done_that_was_reopened_meanwhile(tmp_path: Path, store: Store) -> None:
    """A run whose last turn ends behind the back of a reopened card does it again before it says that all is done."""
    reviews: list[str] = []

    async def agent(request: ModelRequest) -> ToolCall:
        assert request.brief is not None
        if request.brief.kind is TurnKind.REVIEW:
            reviews.append(request.brief.issue.id)
            if reviews == ["a", "b"]:
                await crew.reopen("a", actor="ann")
        return diligent(request)

    root = organization(tmp_path, [issue("a", priority=9), issue("b")], process_rules={"concurrency": 1})
    async with open_world(root, agent, store=store) as crew:
        result = await crew.run_epic("launch")
        board = (await crew.board()).builds[0]
        assert [one.status for one in board.issues] == [orket.CardStatus.DONE] * 2
        assert (result.outcome, len(await crew.store.find("ledger"))) == (orket.RunOutcome.DONE, 1)
    assert reviews == ["a", "b", "a"]


async def test_a_planner_that_takes_its_time_starts_nothing_that_was_called_off(tmp_path: Path) -> None:
    """While it thinks, a person cancels the card that it will name, and the run learns of that: no turn is taken."""
    asked, told = anyio.Event(), anyio.Event()
    order: list[str] = []

    class Slow(DefaultPlannerNode):
        async def plan(self, question: PlanQuestion, /) -> Plan:  # type: ignore[override]
            if told.is_set():
                return super().plan(question)
            if not question.running:
                return Plan(issue_ids=("a",))
            asked.set()
            await told.wait()
            return Plan(issue_ids=("b",))

    class Slower(DefaultRouterNode):
        async def route(self, question: RouteQuestion, /) -> Route:  # type: ignore[override]
            if not told.is_set():
                await asked.wait()
                await crew.cancel("b", actor="ann")
                await crew.reprioritize("a", 3, actor="ann")  # so that this turn is lost, and the run looks around
                group.start_soon(tell)
            return super().route(question)

    async def tell() -> None:
        for _ in range(100):
            await anyio.lowlevel.checkpoint()
        told.set()

    def agent(request: ModelRequest) -> ToolCall:
        assert request.brief is not None
        order.append(request.brief.issue.id)
        return diligent(request)

    root = organization(tmp_path, [issue("a", priority=9), issue("b")], process_rules={"concurrency": 2})
    nodes = {"planner": Slow, "router": Slower}
    with anyio.fail_after(60):
        async with anyio.create_task_group() as group, open_world(root, agent, nodes=nodes) as crew:
            result = await crew.run_epic("launch")
    assert (result.outcome, result.done, result.canceled) == (orket.RunOutcome.DONE, 1, 1)
    assert order == ["a", "a"]


async def test_a_run_that_is_halted_while_its_planner_thinks_starts_no_turn(tmp_path: Path) -> None:
    """What the planner has chosen by then is not begun, and the run ends as halted."""

    class Slow(DefaultPlannerNode):
        async def plan(self, question: PlanQuestion, /) -> Plan:  # type: ignore[override]
            crew.halt()
            await anyio.lowlevel.checkpoint()
            return super().plan(question)

    async with open_world(organization(tmp_path, [issue("a")]), diligent, nodes={"planner": Slow}) as crew:
        result = await crew.run_epic("launch")
    assert (result.outcome, result.turns) == (orket.RunOutcome.HALTED, 0)
