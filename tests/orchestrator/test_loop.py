"""The loop: how many turns at once, that none waits for a slow one, how it ends, and who places its turns."""

from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import anyio
import pytest
from small_world import diligent, issue, open_world, organization, wish

import orket
from orket.contracts import ModelRequest, Plan, PlanQuestion, TurnBody, TurnKind, TurnTask
from orket.errors import NodeError
from orket.events import DecisionMade, EffectRecorded, ModelReplied, TurnOpened
from orket.nodes.orchestration_loop import DefaultOrchestrationLoopPolicyNode
from orket.nodes.planner import DefaultPlannerNode

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("limit", [1, 2, 5])
async def test_no_more_turns_than_the_limit_run_at_once(tmp_path: Path, limit: int) -> None:
    """With issues enough, as many turns run at once as the policy says, and the planner is told of free slots."""
    running, most = 0, 0

    async def agent(request: ModelRequest) -> object:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(30):
            await anyio.lowlevel.checkpoint()
        running -= 1
        return diligent(request)

    slots: list[tuple[int, int]] = []

    class Noting(DefaultPlannerNode):
        def plan(self, question: PlanQuestion, /) -> Plan:
            slots.append((question.slots, len(question.running)))
            return super().plan(question)

    root = organization(tmp_path, [issue(f"i{number}") for number in range(12)], process_rules={"concurrency": limit})
    async with open_world(root, agent, nodes={"planner": Noting}) as orchestrator:
        result = await orchestrator.run_epic("launch")
    assert (result.outcome, result.turns, most) == (orket.RunOutcome.DONE, 24, limit)
    assert all(free + busy == limit for free, busy in slots)


async def test_a_turn_sees_no_context_of_another(tmp_path: Path) -> None:
    """A context variable that an agent sets is unset in every other turn, however many come after."""
    seen: list[str] = []
    card: ContextVar[str] = ContextVar("card", default="")

    def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        seen.append(card.get())
        card.set(request.brief.issue.id)
        return diligent(request)

    root = organization(tmp_path, [issue(f"i{index}") for index in range(5)], process_rules={"concurrency": 2})
    async with open_world(root, agent) as crew:
        result = await crew.run_epic("launch")
    assert len(seen) == result.turns
    assert set(seen) == {""}


async def test_a_slow_turn_holds_back_nothing_but_what_waits_for_it(tmp_path: Path) -> None:
    """While one turn does not end, all other issues of the board are done, dependents of done ones too."""
    release, rest = anyio.Event(), anyio.Event()
    finished: list[str] = []

    async def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        brief = request.brief
        if brief.issue.id == "slow" and brief.kind is TurnKind.WORK:
            await release.wait()
        elif brief.kind is TurnKind.REVIEW:
            finished.append(brief.issue.id)
            if len(finished) == 9:
                rest.set()
        return diligent(request)

    chain = [issue(f"c{number}", *([f"c{number - 1}"] if number else [])) for number in range(9)]
    root = organization(tmp_path, [issue("slow", priority=9), *chain, issue("after", "slow")])
    async with open_world(root, agent) as orchestrator:
        run = await orchestrator.start("launch")
        with anyio.fail_after(60):
            await rest.wait()
        assert "slow" not in finished
        release.set()
        assert (await run.outcome()).done == 11


async def test_a_run_that_uses_up_its_turns_has_failed(tmp_path: Path) -> None:
    """Work and review that never agree end when the budget is used up; the reason says so, and a later run goes on."""
    rounds: list[TurnKind] = []

    def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        rounds.append(request.brief.kind)
        return wish("ready" if request.brief.kind is TurnKind.REVIEW else "code_review")

    root = organization(tmp_path, [issue("a")], process_rules={"turn_budget": 5})
    async with open_world(root, agent) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert (result.outcome, result.turns) == (orket.RunOutcome.FAILED, 5)
        assert result.reason.startswith("the turn budget of 5 turns is used up")
        assert "planner" not in result.reason
        assert list(result.reasons) == ["a"]
        assert await orchestrator.store.find("ledger") == ()
        (row,) = await orchestrator.store.runs()
        assert (row.outcome, row.turns) == (orket.RunOutcome.FAILED, 5)
    assert rounds == [TurnKind.WORK, TurnKind.REVIEW] * 2 + [TurnKind.WORK]


async def test_a_planner_that_chooses_nothing_stalls_the_run(tmp_path: Path) -> None:
    """Candidates that nobody chooses are no success: the outcome names the planner's reason."""

    class Idle(DefaultPlannerNode):
        def plan(self, question: PlanQuestion, /) -> Plan:
            return Plan(issue_ids=(), reason="it is Sunday")

    root = organization(tmp_path, [issue("a")])
    async with open_world(root, diligent, nodes={"planner": Idle}) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert (result.outcome, result.turns) == (orket.RunOutcome.STALLED, 0)
        assert result.reason.endswith("the planner chose none: it is Sunday")
        assert result.reasons == {"a": "resource: waits for a free slot"}
        made = [e.record async for e in orchestrator.history() if isinstance(e.record, DecisionMade)]
        assert not [one for one in made if one.kind == "planner"]


class BrokenPolicy(DefaultOrchestrationLoopPolicyNode):
    """A loop policy that answers nonsense when one method is asked."""

    def __init__(self, method: str) -> None:
        super().__init__()
        setattr(self, method, lambda *_: "nonsense")


METHODS = ("concurrency_limit", "turn_budget", "is_done", "no_candidates", "role_order")


@pytest.mark.parametrize("method", METHODS)
async def test_a_policy_that_breaks_its_contract_is_a_node_error(tmp_path: Path, method: str) -> None:
    """Wherever the loop asks, the host gets the NodeError bare, the run is recorded, and a sound policy goes on."""
    blocked = [issue("a"), issue("b", status="blocked", wait_reason="input")]
    root, store = organization(tmp_path, blocked), orket.MemoryStore()
    nodes = {"orchestration_loop": BrokenPolicy(method)}
    async with open_world(root, diligent, store=store, nodes=nodes) as orchestrator:
        if method == "role_order":  # asked within a turn: the turn fails, and at last the run
            assert (await orchestrator.run_epic("launch")).outcome is orket.RunOutcome.FAILED
        else:
            with pytest.raises(NodeError, match=method):
                await orchestrator.run_epic("launch")
    async with open_world(root, diligent, store=store, accept_new_wiring=True) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert result.outcome is orket.RunOutcome.STALLED
        assert (await orchestrator.store.verify()).records


class Placing:
    """An executor that places turns by a function of its own."""

    def __init__(self, place: Callable[[TurnTask, TurnBody], Any]) -> None:
        self._place = place
        self.tasks: list[TurnTask] = []

    async def execute(self, task: TurnTask, body: TurnBody, /) -> None:
        self.tasks.append(task)
        await self._place(task, body)


async def test_a_turn_executor_places_every_turn(tmp_path: Path) -> None:
    """Each turn goes through the port once, with the run, build, issue, number and kind that the journal has."""

    async def place(task: TurnTask, body: TurnBody) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(body, task)

    executor = Placing(place)
    root = organization(tmp_path, [issue("a"), issue("b", "a")])
    async with open_world(root, diligent, executor=executor) as orchestrator:
        result = await orchestrator.run_epic("launch")
        opened = [
            (e.run, e.build, e.card, e.record.turn, e.record.kind)
            async for e in orchestrator.history()
            if isinstance(e.record, TurnOpened)
        ]
    assert (result.outcome, result.turns) == (orket.RunOutcome.DONE, 4)
    assert [(one.run, one.build, one.issue_id, one.turn, one.kind) for one in executor.tasks] == opened


async def test_an_executor_that_runs_a_turn_twice_changes_nothing(tmp_path: Path) -> None:
    """Run twice, one after the other and at once, a turn is taken once: one reply, one effect."""

    async def place(task: TurnTask, body: TurnBody) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(body, task)
            group.start_soon(body, task)
        await body(task)

    rung: list[int] = []

    @orket.tool
    def ring(times: int) -> str:
        rung.append(times)
        return "rung"

    def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        if request.brief.kind is TurnKind.WORK and request.brief.round == 1:
            return orket.contracts.ToolCall(name="ring", arguments={"times": 1})
        return diligent(request)

    root = organization(tmp_path, [issue("a")], tools=["ring", "update_issue_status"])
    async with open_world(root, agent, executor=Placing(place), tools=[ring]) as orchestrator:
        result = await orchestrator.run_epic("launch")
        records = [entry.record async for entry in orchestrator.history()]
    assert (result.outcome, result.turns, rung) == (orket.RunOutcome.DONE, 2, [1])
    assert sum(isinstance(record, ModelReplied) for record in records) == 3
    assert sum(isinstance(record, EffectRecorded) for record in records) == 1


async def raising(_task: TurnTask, _body: TurnBody) -> None:
    raise OSError("no machine is free")


async def forgetting(_task: TurnTask, _body: TurnBody) -> None:
    """Place the turn nowhere."""


async def grouping(task: TurnTask, body: TurnBody) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(body, task)
        raise OSError("no machine is left")


@pytest.mark.parametrize(
    ("place", "words"),
    [(raising, "no machine is free"), (forgetting, "without running turn 1, of a"), (grouping, "no machine is left")],
)
async def test_an_executor_that_fails_ends_the_run(
    tmp_path: Path, place: Callable[[TurnTask, TurnBody], Any], words: str
) -> None:
    """What an executor raises, or does not do, is a RunError at the boundary and never a group; a later run goes on."""
    root, store = organization(tmp_path, [issue("a")]), orket.MemoryStore()
    async with open_world(root, diligent, store=store, executor=Placing(place)) as orchestrator:
        with pytest.raises(orket.RunError, match=words):
            await orchestrator.run_epic("launch")
        (row,) = await orchestrator.store.runs()
        assert row.outcome is orket.RunOutcome.FAILED
    async with open_world(root, diligent, store=store) as orchestrator:
        assert (await orchestrator.run_epic("launch")).outcome is orket.RunOutcome.DONE


async def test_what_a_turn_raises_is_not_lost_in_its_executor(tmp_path: Path) -> None:
    """An executor that swallows every error does not swallow that of the turn: the run fails with it."""

    async def place(task: TurnTask, body: TurnBody) -> None:
        with suppress(Exception):
            await body(task)

    class BrokenEvaluator:
        def evaluate_success(self, question: Any, /) -> Any:
            raise LookupError("no idea")

        def evaluate_failure(self, question: Any, /) -> Any:
            raise LookupError("no idea")

    root = organization(tmp_path, [issue("a")])
    options: dict[str, Any] = {"executor": Placing(place), "nodes": {"evaluator": BrokenEvaluator}}
    async with open_world(root, diligent, **options) as orchestrator:
        with pytest.raises(NodeError, match="no idea"):
            await orchestrator.run_epic("launch")
