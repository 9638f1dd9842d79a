"""Wherever a run dies, nothing that may happen once happens twice, and what is known is not asked for again."""

from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from ports import StoreDouble
from small_world import WORKER_TOOLS, diligent, issue, open_world, organization

import orket
from orket.contracts import Batch, EffectClass, ModelReply, ModelRequest, RawToolCall, Receipt, ToolCall, TurnKind
from orket.errors import StoreError
from orket.events import CardAdded, CommentAdded, EffectIntended, EffectRecorded, ModelReplied, TurnClosed, TurnOpened

pytestmark = pytest.mark.anyio
Commit = Callable[[], Awaitable[Receipt]]
SHORT = orket.Limits(lease=0.1)
CALLS = {
    1: [
        ToolCall(name="add_issue_comment", arguments={"comment": "begun"}),
        ToolCall(name="note", arguments={"x": 1}),
        ToolCall(name="ring", arguments={"x": 1}),
        ToolCall(name="ring", arguments={"x": 2}),
        ToolCall(name="create_issue", arguments={"summary": "more", "seat": "coder"}),
    ],
    2: [ToolCall(name="add_issue_comment", arguments={"comment": "no effect beside"})],
    3: [ToolCall(name="ring", arguments={"x": 3})],
}


class World:
    """Tools and a model that count what they are asked for."""

    def __init__(self) -> None:
        self.done: Counter[tuple[str, int]] = Counter()
        self.asked: Counter[tuple[str, int]] = Counter()

    def tools(self) -> list[Any]:
        @orket.tool(effect=EffectClass.AT_MOST_ONCE)
        async def ring(x: int) -> str:
            self.done["ring", x] += 1
            return f"rung {x}"

        @orket.tool(effect=EffectClass.IDEMPOTENT)
        async def note(x: int) -> str:
            self.done["note", x] += 1
            return f"noted {x}"

        return [ring, note]

    def agent(self, request: ModelRequest) -> ModelReply:
        assert request.brief is not None
        brief = request.brief
        self.asked[f"{brief.issue.id} {brief.kind}", brief.round] += 1
        is_rich = brief.issue.id == "a" and brief.kind is TurnKind.WORK
        calls = CALLS.get(brief.round, []) if is_rich else []
        if not calls:
            calls = [diligent(request)]
        raw = [RawToolCall(name=one.name, arguments=one.arguments) for one in calls]
        return ModelReply(text="DECISION: onward" if is_rich else "", tool_calls=tuple(raw))

    def open(self, root: Path, store: Any) -> orket.Orchestrator:
        return open_world(root, self.agent, store=store, tools=self.tools(), limits=SHORT)


class Dies:
    """Let the run die at its k-th commit: cancelled, or with an error; before the commit is applied, or after."""

    def __init__(self, which: int, *, applied: bool, scope: anyio.CancelScope | None) -> None:
        self.which, self.applied, self.scope, self.seen, self.dead = which, applied, scope, 0, False

    async def __call__(self, batch: Batch, commit: Commit) -> Receipt:
        if "::renew:" in batch.op_id:
            return await commit()
        self.seen += 1
        if self.dead or self.seen == self.which:  # nothing reaches the record any more
            if self.seen == self.which and self.applied:
                await commit()
            self.dead = True
            if self.scope is not None:
                self.scope.cancel()
            raise StoreError("the disk is gone")
        return await commit()


async def life(root: Path, which: int, *, applied: bool, by_cancelling: bool) -> int:
    """Let a run die at a commit and the next one finish; check both; return how many commits the first one made."""
    world, inner, scope = World(), orket.MemoryStore(), anyio.CancelScope()
    dies = Dies(which, applied=applied, scope=scope if by_cancelling else None)
    with scope:
        async with world.open(root, StoreDouble(inner, dies)) as orchestrator:
            try:
                await orchestrator.run_epic("launch")
            except StoreError:
                assert dies.dead
    first_asked = Counter(world.asked)
    async with world.open(root, inner) as orchestrator:
        result = await orchestrator.run_epic("launch")
        check_once(world, result)
        entries = [entry async for entry in orchestrator.history()]
        await inner.verify()
        memories = await inner.find("memory")
        assert len(memories) == (0 if result.done < result.cards else 1)
    check_journal([entry.record for entry in entries if entry.card == "a"], stalled=result.done < result.cards)
    repeated = [place for place in world.asked if world.asked[place] > 1]
    assert len(repeated) <= 1  # only the reply whose very commit failed was lost
    assert all(world.asked[place] - first_asked[place] <= 1 for place in repeated)
    return dies.seen


def check_once(world: World, result: orket.RunResult) -> None:
    """Bells ring once at most; a run that could not know whether one rang says so."""
    assert all(count == 1 for (tool, _), count in world.done.items() if tool == "ring")
    if result.outcome is orket.RunOutcome.STALLED:
        assert result.reasons["a"].startswith("system: effect_unknown: ring")
    else:
        assert result.outcome is orket.RunOutcome.DONE
        assert (result.cards, result.done) == (2, 2)
        assert {x for tool, x in world.done if tool == "ring"} == {1, 2, 3}


def check_journal(records: list[object], *, stalled: bool) -> None:
    """What stands in the journal of the issue stands there once, and in a sound order."""
    for kind, most in ((CommentAdded, 2), (TurnOpened, 2), (TurnClosed, 2)):
        assert sum(isinstance(record, kind) for record in records) <= most
    assert sum(isinstance(record, CardAdded) for record in records) <= 2  # itself, and the one that it created
    intended = [record.key for record in records if isinstance(record, EffectIntended)]
    recorded = [record.key for record in records if isinstance(record, EffectRecorded)]
    assert len(set(intended)) == len(intended)
    assert len(set(recorded)) == len(recorded)
    assert set(recorded) <= set(intended)
    closed = 0  # turns so far; numbers begin anew in each run
    rounds: Counter[tuple[int, int]] = Counter()
    for record in records:
        closed += isinstance(record, TurnClosed)
        if isinstance(record, ModelReplied):
            rounds[closed, record.round] += 1
    assert set(rounds.values()) == {1}
    if not stalled:
        assert set(recorded) == set(intended)
        assert [record.text for record in records if isinstance(record, CommentAdded)] == ["begun", "no effect beside"]


@pytest.mark.parametrize("by_cancelling", [False, True], ids=["error", "cancelled"])
@pytest.mark.parametrize("applied", [False, True], ids=["before", "after"])
async def test_a_run_may_die_at_any_commit(tmp_path: Path, applied: bool, by_cancelling: bool) -> None:
    """For every k, whether the k-th commit was applied or not, and whether the host is told or gone."""
    tools, rules = [*WORKER_TOOLS, "ring", "note"], {"concurrency": 1}  # one at a time: one reply at most is lost
    root = organization(tmp_path, [issue("a")], tools=tools, process_rules=rules)
    commits = await life(root, 0, applied=False, by_cancelling=False)
    assert commits >= 12
    for which in range(1, commits + 1):
        await life(root, which, applied=applied, by_cancelling=by_cancelling)
