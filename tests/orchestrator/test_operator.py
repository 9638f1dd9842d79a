"""What people do to cards through the host: lawful, recorded, and never against a turn that runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from small_world import diligent, issue, open_world, organization, wish

import orket
from orket.contracts import ModelRequest, ToolCall, TurnKind
from orket.errors import RunError, StoreConflictError, TransitionError, UnknownCardError
from orket.events import CardMoved, CardReprioritized, CommentAdded

pytestmark = pytest.mark.anyio


def asking(prompts: list[str]) -> Callable[[ModelRequest], ToolCall]:
    """Return an agent that asks a person once, and keeps the prompts of issue a."""

    def agent(request: ModelRequest) -> ToolCall:
        assert request.brief is not None
        if request.brief.issue.id == "a" and request.brief.kind is TurnKind.WORK:
            prompts.append("\n".join(message.content for message in request.messages))
            if len(prompts) == 1:
                return wish("blocked", wait_reason="input", reason="Which colour?")
        return diligent(request)

    return agent


async def test_an_answered_question_unblocks_the_card(tmp_path: Path) -> None:
    """After unblock the next run finishes the card, its prompt quotes the answer, and the record names the person."""
    prompts: list[str] = []
    async with open_world(organization(tmp_path, [issue("a")]), asking(prompts)) as crew:
        assert (await crew.run_epic("launch")).reasons == {"a": "input: Which colour?"}
        changed = await crew.unblock("a", actor="ann", reason="Blue.")
        assert (changed.status, changed.wait_reason, changed.wait_detail) == (orket.CardStatus.READY, None, "")
        assert (await crew.explain("a")).wait == (orket.WaitReason.RESOURCE, "waits for a free slot")
        assert (await crew.run_epic("launch")).outcome is orket.RunOutcome.DONE
        chain = [entry.record for entry in (await crew.explain("a")).chain]
        await crew.store.verify()
    assert "comment by ann: Blue." in prompts[1]
    (moved,) = [record for record in chain if isinstance(record, CardMoved) and record.by == "ann"]
    assert (moved.before.value, moved.after.value, moved.role, moved.reason) == (
        "blocked",
        "ready",
        "operator",
        "Blue.",
    )
    assert CommentAdded(author="ann", text="Blue.") in chain


async def test_unblocking_gives_new_retries(tmp_path: Path) -> None:
    """A card that used up its retries has all of them again."""

    def dumb(_request: ModelRequest) -> str:
        return ""

    async with open_world(organization(tmp_path, [issue("a", max_retries=1)]), dumb) as crew:
        assert (await crew.run_epic("launch")).turns == 2
        assert (await crew.unblock("a", actor="ann")).retry_count == 0
        assert (await crew.run_epic("launch")).turns == 2


async def test_cancel_reopen_and_reprioritize(tmp_path: Path) -> None:
    """A card is called off and taken up again, and the urgent one goes first; history shows who did it."""
    order: list[str] = []

    def agent(request: ModelRequest) -> ToolCall:
        assert request.brief is not None
        order.append(request.brief.issue.id)
        return diligent(request)

    root = organization(tmp_path, [issue("a"), issue("b"), issue("c")], process_rules={"concurrency": 1})
    async with open_world(root, agent) as crew:
        await crew.run_epic("launch", target_issue_id="a")
        assert (await crew.cancel("b", actor="bob", reason="not now")).status is orket.CardStatus.CANCELED
        assert (await crew.reprioritize("c", 9, actor="bob", reason="soon")).priority == 9.0
        assert (await crew.reopen("a", actor="bob")).status is orket.CardStatus.READY
        assert (await crew.reopen("b", actor="bob", reason="now")).status is orket.CardStatus.READY
        order.clear()
        assert (await crew.run_epic("launch")).done == 3
        acts = [entry async for entry in crew.history(run="operator")]
    assert order[0] == "c"
    assert [entry.card for entry in acts if not isinstance(entry.record, CommentAdded)] == ["b", "c", "a", "b"]
    assert acts[1].record == CardReprioritized(before=2.0, after=9.0, by="bob", reason="soon", version=2)
    assert [entry.record.text for entry in acts if isinstance(entry.record, CommentAdded)] == ["now"]


async def test_the_law_holds_for_people(tmp_path: Path) -> None:
    """What the table does not grant an operator is refused, and so is a verb that means something else."""
    async with open_world(organization(tmp_path, [issue("a"), issue("b")]), diligent) as crew:
        await crew.run_epic("launch", target_issue_id="a")
        for act, card, said in (
            (crew.unblock, "a", "a is done: unblock is for"),
            (crew.cancel, "a", "done -> canceled"),
            (crew.reopen, "b", "b is ready: reopen is for"),
        ):
            with pytest.raises(TransitionError, match=said) as caught:
                await act(card, actor="ann")
            assert caught.value.rule == "transition"
        assert [entry async for entry in crew.history(run="operator")] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"actor": " "}, "actor is ' '; valid: a name"),
        ({"actor": "ann", "reason": None}, "reason is None; valid: a text"),
        ({"actor": "ann", "priority": True}, "priority is True; valid: a finite number"),
        ({"actor": "ann", "priority": float("nan")}, "priority is nan; valid: a finite number"),
        ({"actor": "ann", "priority": 10**400}, "priority is 1000000"),
        ({"actor": "ann", "priority": "High"}, "priority is 'High'; valid: a finite number"),
    ],
)
async def test_useless_arguments_are_refused(tmp_path: Path, arguments: dict[str, Any], said: str) -> None:
    """An action needs a name, a text and a number."""
    async with open_world(organization(tmp_path, [issue("a")]), diligent) as crew:
        await crew.run_epic("launch")
        with pytest.raises(RunError, match=said):
            await crew.reprioritize("a", **{"priority": 1, **arguments})


async def test_the_card_must_be_known_and_alone(tmp_path: Path) -> None:
    """An unknown card is told with what was meant; a card of two boards needs the board's name."""
    async with open_world(organization(tmp_path, [issue("publish")]), diligent) as crew:
        await crew.run_epic("launch")
        with pytest.raises(UnknownCardError, match="did you mean 'publish'"):
            await crew.cancel("publsh", actor="ann")
        with pytest.raises(UnknownCardError, match="no build 'other'"):
            await crew.cancel("publish", actor="ann", build="other")
        await crew.run_epic("launch", build="second")
        with pytest.raises(RunError, match="name one of them as build: build-launch, second"):
            await crew.reopen("publish", actor="ann")
        assert (await crew.reopen("publish", actor="ann", build="second")).build == "second"


async def test_a_card_in_a_turn_is_not_moved(tmp_path: Path) -> None:
    """While a turn holds the card an operator is refused with a conflict; afterwards the law alone decides."""
    begun, go = anyio.Event(), anyio.Event()

    async def slow(request: ModelRequest) -> ToolCall:
        begun.set()
        await go.wait()
        return diligent(request)

    async with open_world(organization(tmp_path, [issue("a")]), slow) as crew:
        run = await crew.start("launch")
        await begun.wait()
        with pytest.raises(StoreConflictError, match="holds it until"):
            await crew.cancel("a", actor="ann")
        go.set()
        assert (await run.outcome()).outcome is orket.RunOutcome.DONE
        assert (await crew.reopen("a", actor="ann")).status is orket.CardStatus.READY


async def test_a_run_that_is_going_finds_what_was_done(tmp_path: Path) -> None:
    """A card that is called off before its turn takes none, and the run ends as done without it."""
    first: list[orket.Orchestrator] = []

    async def calling_off(request: ModelRequest) -> ToolCall:
        assert request.brief is not None
        assert request.brief.issue.id == "a"
        if request.brief.kind is TurnKind.WORK:
            await first[0].cancel("b", actor="ann", reason="never mind")
        return diligent(request)

    root = organization(tmp_path, [issue("a", priority=9), issue("b")], process_rules={"concurrency": 1})
    async with open_world(root, calling_off) as crew:
        first.append(crew)
        result = await crew.run_epic("launch")
    assert (result.outcome, result.done, result.canceled) == (orket.RunOutcome.DONE, 1, 1)
