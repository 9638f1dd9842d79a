"""Whatever a crew and its operators made of a board, every card on it is explained, and its wait ends as it says."""

import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from lively_crew import LIVELY, moody
from small_world import WORKER_TOOLS, issue, open_world, organization

import orket
from orket.cards import CardStatus, WaitReason
from orket.contracts import ModelRequest, ToolCall, ToolContext, TurnKind
from orket.errors import EffectUnknownError, OrketError
from orket.events import CardAdded, CardMoved, DecisionMade, JournalEntry
from orket.governance import WAITING
from orket.nodes.orchestration_loop import DefaultOrchestrationLoopPolicyNode

pytestmark = pytest.mark.anyio


class OnlyCodeReview(DefaultOrchestrationLoopPolicyNode):
    """Gives no turns to issues that are ready for testing."""

    def is_review_turn(self, status: CardStatus, /) -> bool:
        return status is CardStatus.CODE_REVIEW


@orket.tool
async def ring(context: ToolContext) -> str:
    """Ring a bell, and often not know whether it rang."""
    if int(context.key[:2], 16) % 2:
        raise EffectUnknownError("the line was cut")
    return "rung"


def ringing(seed: int) -> Callable[[ModelRequest], Any]:
    """Return a moody agent that also rings, and hands some work to the testers."""
    dice, agent = random.Random(seed), moody(seed)

    async def answer(request: ModelRequest) -> Any:
        assert request.brief is not None
        is_work, roll = request.brief.kind is TurnKind.WORK, dice.random()
        if is_work and roll < 0.25:
            return [ToolCall(name="ring", arguments={})]
        if is_work and roll < 0.4:
            return [ToolCall(name="update_issue_status", arguments={"status": "ready_for_testing"})]
        return await agent(request)

    return answer


def opened(root: Path, store: Any, seed: int) -> orket.Orchestrator:
    """Return a crew, each third with a policy that leaves some issues without turns."""
    nodes = {**LIVELY, "orchestration_loop": OnlyCodeReview} if seed % 3 == 0 else LIVELY
    return open_world(root, ringing(seed), store=store, nodes=nodes, tools=[ring], limits=orket.Limits(rounds=3))


async def meddle(crew: orket.Orchestrator, dice: random.Random) -> None:
    """Do what operators do, in any order; what the law refuses is not done."""
    (view,) = (await crew.board()).builds
    for one in dice.sample(view.issues, len(view.issues) // 2):
        verb = dice.choice((crew.unblock, crew.reopen, crew.cancel))
        with suppress(OrketError):
            await verb(one.id, actor="ann", reason=dice.choice(("", "Blue.")))
        if dice.random() < 0.3:
            await crew.reprioritize(one.id, dice.randrange(9), actor="bob")
    for effect in await crew.unsettled():
        if dice.random() < 0.3:
            await crew.settle(effect, ran=dice.random() < 0.5, actor="cid", reason="I looked")


@pytest.mark.parametrize("seed", range(6))
async def test_every_card_in_every_state_is_explained(tmp_path: Path, seed: int) -> None:
    """A card is terminal or waits for exactly one thing, and everything that led there is told, with who did it."""
    dice, store = random.Random(seed), orket.MemoryStore() if seed % 2 else tmp_path / "journal.db"
    issues = [issue(f"i{n}", *dice.sample([f"i{m}" for m in range(n)], min(n, dice.randrange(3)))) for n in range(7)]
    root = organization(tmp_path, issues, tools=[*WORKER_TOOLS, "ring"])
    async with opened(root, store, seed) as crew:
        for turn in range(3):
            await crew.run_epic("launch", target_issue_id="i0" if turn == 2 and seed % 2 else None)
            await meddle(crew, dice)
        (view,) = (await crew.board()).builds
        for one in view.issues:
            why = await crew.explain(one.id)
            assert why.issue == one
            check_wait(why, {other.id: other for other in view.issues})
            check_causes(why)
            told = [entry async for entry in crew.history(card=one.id)]
            assert told == [entry for entry in why.chain if entry.card == one.id or joins(entry, one.id)]
            await wake(crew, why)


def check_wait(why: orket.Explanation, board: dict[str, orket.Issue]) -> None:
    """Nobody holds a card between two runs: it is terminal, or it waits for one thing."""
    assert (why.wait is None) is (why.wake is None) is why.issue.status.is_terminal
    if why.wait is None or why.wake is None:
        return
    reason, said = why.wait
    assert said
    assert why.wake.when in {
        WaitReason.DEPENDENCY: {"done", "reopen"},
        WaitReason.REVIEW: {"review"},
        WaitReason.RESOURCE: {"slot"},
        WaitReason.SYSTEM: {"policy", "settle", "unblock"},
        WaitReason.INPUT: {"unblock", "settle"},
    }.get(reason, set()) | ({"unblock", "settle"} if why.issue.status in WAITING else set())
    if why.wake.when == "done":
        assert why.wake.on == tuple(name for name in why.issue.depends_on if board[name].status != "done") != ()
        assert "canceled" not in [board[name].status for name in why.wake.on]
    if why.wake.when == "reopen":
        assert {board[name].status.value for name in why.wake.on} == {"canceled"}


def joins(entry: JournalEntry, card: str) -> bool:
    return isinstance(entry.record, CardAdded) and entry.record.issue.id == card


def check_causes(why: orket.Explanation) -> None:
    """The chain begins with the card and ends where it stands; nothing in it is without a name."""
    assert joins(why.chain[0], why.issue.id)
    assert [entry.seq for entry in why.chain] == sorted({entry.seq for entry in why.chain})
    moves = [entry.record for entry in why.chain if isinstance(entry.record, CardMoved)]
    assert why.issue.status is (moves[-1].after if moves else CardStatus.READY)
    assert all(change.record.by for change in why.changes if not hasattr(change.record, "result"))
    assert len(why.decisions) == sum(isinstance(entry.record, DecisionMade) for entry in why.chain)
    for decision in why.decisions:
        assert decision.node
        assert decision.distribution
        assert decision.source in {"host", "environment", "process_rules", "default"}
        assert len(decision.inputs) == 64
    for verdict in why.verdicts:
        assert bool(verdict.record.rule) is not verdict.record.allowed
    for effect in why.effects:
        assert (effect.ok is None) is (effect.state in ("begun", "unknown") or not effect.output)


async def wake(crew: orket.Orchestrator, why: orket.Explanation) -> None:
    """What a person can do to end the wait can be done, and nothing else is claimed."""
    if why.wake is None or why.wake.when not in ("unblock", "settle"):
        with pytest.raises(OrketError):
            await crew.unblock(why.issue.id, actor="ann")
        return
    if why.wake.when == "settle":
        with pytest.raises(EffectUnknownError):
            await crew.unblock(why.issue.id, actor="ann")
        for key in why.wake.on:
            await crew.settle(key, ran=False, actor="cid")
        why = await crew.explain(why.issue.id)
        if why.wake is None or why.wake.when != "unblock":
            assert why.issue.status not in WAITING
            return
    assert (await crew.unblock(why.issue.id, actor="ann")).status is CardStatus.READY
