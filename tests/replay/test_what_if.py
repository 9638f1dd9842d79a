"""Recorded questions asked again, of other nodes: what differs is told decision by decision."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from lively_crew import Narrowing, Strict, Thorough, crew_of, small
from small_world import diligent, issue, organization, write_json

import orket
from orket._replay._found import RUN_WIDE
from orket.contracts import (
    Batch,
    Document,
    ExecutionRuntimeStrategyNode,
    LoopQuestion,
    Message,
    ModelRequest,
    Plan,
    PlanQuestion,
    Prompt,
    PromptQuestion,
    Route,
    RouteQuestion,
    Toolset,
    ToolsetQuestion,
)
from orket.errors import RunError, WiringError
from orket.events import CallJudged, DecisionMade
from orket.governance import GateQuestion
from orket.nodes.execution_runtime import DefaultExecutionRuntimeStrategyNode
from orket.nodes.orchestration_loop import DefaultOrchestrationLoopPolicyNode
from orket.nodes.planner import DefaultPlannerNode
from orket.nodes.prompt_strategy import DefaultPromptStrategyNode
from orket.nodes.router import DefaultRouterNode
from orket.nodes.tool_strategy import DefaultToolStrategyNode

pytestmark = pytest.mark.anyio


class Guarded(DefaultRouterNode):
    def route(self, question: RouteQuestion, /) -> Route:
        return Route(seat="guard", reason="always")


class Backwards(DefaultPlannerNode):
    def plan(self, question: PlanQuestion, /) -> Plan:
        found = [*question.review, *question.ready]
        return Plan(issue_ids=tuple([one.id for one in reversed(found)][: question.slots]))


class Terse(DefaultPromptStrategyNode):
    def compose(self, question: PromptQuestion, /) -> Prompt:
        return Prompt(messages=(Message(role="user", content="Work."),), reason="short")


class Poor(DefaultToolStrategyNode):
    def compose(self, question: ToolsetQuestion, /) -> Toolset:
        return evolve(super().compose(question), tools=())


class Slow(DefaultOrchestrationLoopPolicyNode):
    def concurrency_limit(self, question: LoopQuestion, /) -> int:
        return 1


class Raising(DefaultRouterNode):
    def route(self, question: RouteQuestion, /) -> Route:
        raise LookupError("no idea")


OTHERS: Mapping[str, tuple[type, set[tuple[str, str]]]] = {
    "router": (Guarded, {("router", "route")}),
    "planner": (Backwards, {("planner", "plan")}),
    "prompt_strategy": (Terse, {("prompt_strategy", "compose")}),
    "tool_strategy": (Poor, {("tool_strategy", "compose")}),
    "evaluator": (Strict, {("evaluator", "evaluate_success"), ("evaluator", "evaluate_failure")}),
    "orchestration_loop": (Slow, {("orchestration_loop", "concurrency_limit")}),
}


def stumbling(request: ModelRequest) -> Any:
    """Fail the first turn on ``i0``."""
    assert request.brief is not None
    if request.brief.issue.id == "i0" and request.brief.issue.retry_count == 0:
        return ""
    return diligent(request)


@pytest.fixture
async def crew(tmp_path: Path):
    async with crew_of(small(tmp_path, concurrency=2), orket.MemoryStore(), stumbling) as opened:
        await opened.run_epic("launch", run_id="one")
        yield opened


@pytest.mark.parametrize("kind", OTHERS)
async def test_another_node_differs_in_its_own_decisions_only(crew: orket.Orchestrator, kind: str) -> None:
    """Of all decisions just those of the exchanged node may be others, each with what was and what would be."""
    node, expected = OTHERS[kind]
    found = await crew.what_if("one", {kind: node})
    assert {(one.seq, one.kind) for one in found.unasked} <= {(0, kind)}
    assert {(one.kind, one.method) for one in found} == expected
    assert [one.seq for one in found] == sorted(one.seq for one in found)
    for one in found:
        assert one.recorded != one.decided
        assert (one.run, one.error) == ("one", "")


async def test_what_differs_says_what(crew: orket.Orchestrator) -> None:
    """A difference holds both answers, whole messages of prompts, and the reason of the new one."""
    (first, *_) = (await crew.what_if("one", {"router": Guarded})).differences
    assert (first.recorded, first.decided, first.reason) == ({"seat": "coder"}, {"seat": "guard"}, "always")
    assert (first.card, first.question.split(" ")[0]) == ("i2", "i2") or first.card is not None
    (first, *_) = (await crew.what_if("one", {"prompt_strategy": Terse})).differences
    assert first.decided == {"messages": [{"role": "user", "content": "Work."}]}
    assert len(first.recorded["messages"]) == 2
    assert first.reason == "short"


async def test_a_node_that_breaks_its_contract_differs_by_its_error(crew: orket.Orchestrator) -> None:
    """A node that raises has no answer, and says why; the other questions are asked all the same."""
    found = await crew.what_if("one", {"router": Raising})
    assert {one.decided for one in found} == {None}
    assert all("no idea" in one.error for one in found)
    assert len(found) == sum([1 async for entry in crew.history() if getattr(entry.record, "method", "") == "route"])


async def test_other_rules_differ_in_verdicts(crew: orket.Orchestrator) -> None:
    """A rule that the host did not have refuses calls that were allowed; the story goes on as it was."""

    class NoDone:
        name = "no-done"

        def check(self, question: GateQuestion, /) -> str | None:
            return "never" if question.call.arguments.get("status") == "done" else None

    found = await crew.what_if("one", gate_rules=[NoDone()])
    assert {(one.kind, one.method, one.reason) for one in found} == {("gate", "judge", "never")}
    assert len(found) == 8
    assert found.differences[0].recorded == {"allowed": True, "rule": ""}
    assert found.differences[0].decided == {"allowed": False, "rule": "no-done"}
    assert (await crew.what_if("one", gate_rules=[])).differences == ()
    with pytest.raises(WiringError):
        await crew.what_if("one", gate_rules="rules")


async def test_a_wiring_may_be_brought(crew: orket.Orchestrator) -> None:
    """A wiring of a registry decides, for the kinds that it has."""
    registry = orket.DecisionNodeRegistry()
    registry.register("router", "guarded", Guarded)
    wiring = registry.resolve(host={"router": "guarded"}, kinds=["router"])
    found = await crew.what_if("one", wiring)
    assert {(one.kind, one.node) for one in found} == {("router", "guarded")}
    with pytest.raises(WiringError):
        await crew.what_if("one", {"router": "nobody"})


async def test_an_unknown_run_is_refused(crew: orket.Orchestrator) -> None:
    """A run that the record does not have is named."""
    with pytest.raises(RunError, match="'two'"):
        await crew.what_if("two")


async def test_a_rock_is_asked_again_as_a_whole(tmp_path: Path) -> None:
    """Of a rock's run the questions of all its epics are asked again."""
    root = organization(tmp_path, [issue("a")])
    other = {"name": "second", "team": "crew", "environment": "standard", "issues": [issue("b")]}
    write_json(root / "model" / "core" / "epics" / "second.json", other)
    rock = {"name": "all", "epics": [{"epic": "launch"}, {"epic": "second"}]}
    write_json(root / "model" / "core" / "rocks" / "all.json", rock)
    async with crew_of(root, orket.MemoryStore()) as crew:
        await crew.run_rock("all", run_id="big")
        whole = await crew.what_if("big", {"router": Guarded})
        parts = [await crew.what_if(f"big.{n}", {"router": Guarded}) for n in (1, 2)]
    assert whole.asked == sum(part.asked for part in parts) > 20
    assert whole.differences == (*parts[0], *parts[1])
    assert whole.unasked == ()


async def test_prompts_need_the_schemas_of_their_tools(tmp_path: Path) -> None:
    """Where nobody knows any more which schemas the tools were offered with, prompts are not asked for again."""
    root, store = small(tmp_path, count=2), orket.MemoryStore()
    async with crew_of(root, store, nodes={"tool_strategy": Narrowing}) as crew:
        await crew.run_epic("launch", run_id="one")
        assert (await crew.what_if("one", {"tool_strategy": Poor})).unasked == ()
    async with crew_of(root, store, nodes={"tool_strategy": Poor}) as crew:
        found = await crew.what_if("one")
        assert {(one.kind, one.method) for one in found.unasked} == {("prompt_strategy", "compose")}
        assert {one.kind for one in found} == {"tool_strategy"}
        assert (await crew.what_if("one", {"tool_strategy": Narrowing})).unasked == ()


async def test_what_cannot_be_rebuilt_is_said(tmp_path: Path) -> None:
    """A question whose reference fits nothing is listed with why, and no decision is made up for it."""
    root, store = small(tmp_path, count=2), orket.MemoryStore()
    async with crew_of(root, store) as crew:
        await crew.run_epic("launch", run_id="one")
    rows = [
        (*row[:-1], row[-1].replace('"question":"i0 1 crew work"', '"question":"i0 7 crew work"'))
        for row in store._journal
    ]
    assert rows != store._journal
    store._journal = rows
    async with crew_of(root, store) as crew:
        found = await crew.what_if("one", {"router": Guarded})
    (missing,) = found.unasked
    assert (missing.kind, missing.method, missing.card) == ("router", "route", "i0")
    assert "cannot be told" in missing.why


async def test_what_comes_after_a_difference_is_named(crew: orket.Orchestrator) -> None:
    """A decision about a card after one that differs is a follow-up of the first such one, and so are later plans."""
    found = await crew.what_if("one", {"router": Guarded})
    first: dict[str | None, int] = {}
    for one in found:
        assert one.after == first.get(one.card, 0)
        first.setdefault(one.card, one.seq)
    assert found.follow_ups
    for one in found.follow_ups:
        assert one.after < one.seq
        assert one.after == (found.differences[0].seq if one.kind in RUN_WIDE else first[one.card])
    named = {one.seq for one in found.follow_ups}
    made = [entry async for entry in crew.history() if isinstance(entry.record, DecisionMade | CallJudged)]
    assert len(made) == found.asked
    kinds = {entry.seq: getattr(entry.record, "kind", "gate") for entry in made}
    for entry in made:
        begun = first.get(entry.card, entry.seq) if kinds[entry.seq] not in RUN_WIDE else found.differences[0].seq
        assert (entry.seq in named) is (entry.seq > begun)
    assert (await crew.what_if("one")).follow_ups == ()


async def test_a_plan_that_differs_is_followed_by_the_turns_of_its_cards(crew: orket.Orchestrator) -> None:
    """Where a plan would be another one, everything about the cards that it named is a follow-up."""
    found = await crew.what_if("one", {"planner": Backwards})
    (first, *_) = found.differences
    assert (first.kind, first.after) == ("planner", 0)
    (card, *_) = first.recorded["issue_ids"]
    about = [one for one in found.follow_ups if one.card == card and one.kind != "planner"]
    assert {one.kind for one in about} >= {"router", "tool_strategy", "prompt_strategy", "gate", "evaluator"}
    assert {one.after for one in about} == {first.seq}


async def test_questions_that_are_not_on_record_are_named(crew: orket.Orchestrator) -> None:
    """Of a kind that is exchanged every method whose questions the journal does not keep is named, of others none."""

    class Ids(DefaultExecutionRuntimeStrategyNode):
        pass

    found = await crew.what_if("one", {"execution_runtime": Ids, "orchestration_loop": Slow, "planner": Thorough})
    named = {(one.kind, one.method) for one in found.unasked}
    assert {one.seq for one in found.unasked} == {0}
    assert {method for kind, method in named if kind == "execution_runtime"} == {
        name for name in vars(ExecutionRuntimeStrategyNode) if name.startswith("select_")
    }
    assert ("orchestration_loop", "is_review_turn") in named
    assert ("orchestration_loop", "concurrency_limit") not in named
    assert ("planner", "plan") in named
    assert {kind for kind, _ in named} == {"execution_runtime", "orchestration_loop", "planner"}
    assert (await crew.what_if("one", {"router": Guarded, "evaluator": Strict})).unasked == ()


async def test_a_run_whose_assets_are_not_on_record_is_refused(crew: orket.Orchestrator) -> None:
    """Without what a run began with no question of it can be rebuilt, and what is missing is named."""
    (snapshot,) = await crew.store.find("snapshot", prefix="one")
    less = Document(kind="snapshot", key="one", body={k: v for k, v in snapshot.body.items() if k != "dialects"})
    await crew.store.commit(Batch(op_id="less", run="one", build="build-launch", at=1.0, documents=(less,)))
    with pytest.raises(RunError, match="not on record: dialects"):
        await crew.what_if("one")
