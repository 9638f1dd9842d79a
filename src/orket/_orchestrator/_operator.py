"""What a person does to a card through the host: judged by the same law as everybody's wishes, and recorded."""

import math
from collections.abc import Callable
from typing import TypeAlias

from attrs import evolve

from orket._flow import UNKNOWN, effects_of
from orket._orchestrator._arguments import check
from orket._orchestrator._builds import builds_of
from orket._orchestrator._engine import Engine
from orket._orchestrator._views import ambiguous, explain
from orket.cards import CardStatus, Issue
from orket.contracts import Batch, CardChange
from orket.errors import EffectUnknownError, TransitionError
from orket.events import CardMoved, CardReprioritized, CommentAdded, Record
from orket.governance import WAITING, Actor, move

Action: TypeAlias = Callable[[Issue, str, str], tuple[Issue, Record]]  # (issue, actor, reason)


async def operate(
    engine: Engine, card: str, build: str | None, action: Action, *, actor: str, reason: str, tell: bool = False
) -> Issue:
    """Let *actor* do something to a card, as one commit, and return the card as it is now.

    Args:
        engine: whose store is written.
        card: an issue's id.
        build: the board that it is on; None where only one board has it.
        action: what is done.
        actor: the person's name, for the record.
        reason: why, for the record.
        tell: leave the reason as a comment, too, which the card's next prompt quotes.

    Raises:
        UnknownCardError: no board has such a card.
        RunError: several boards have one, or the actor has no name.
        TransitionError: the law refuses.
        EffectUnknownError: the card would take turns again, and an effect of it is not settled.
        StoreConflictError: a turn holds the card, or somebody else changed it meanwhile.
    """
    check_person(actor, reason)
    home, issue = await find_card(engine, card, build)
    changed, record = action(issue, actor, reason)
    if changed.status is CardStatus.READY and issue.status is not CardStatus.READY:
        await _refuse_unsettled(engine, home, card)
    comments = (CommentAdded(author=actor, text=reason),) if tell and reason.strip() else ()
    await engine.store.commit(
        Batch(
            op_id=f"operator:{home}:{card}:{engine.token(8)}",
            run="operator",
            build=home,
            at=engine.clock.now(),
            card=card,
            records=(record, *comments),
            changes=(CardChange(issue=changed, expected=issue.version),),
        )
    )
    return changed


def unblock(issue: Issue, actor: str, reason: str) -> tuple[Issue, CardMoved]:
    """Let a waiting card take turns again; its retries begin anew."""
    if issue.status not in WAITING:
        raise _misused(issue, CardStatus.READY, "unblock is for cards that are blocked or waiting for a developer")
    return _move(issue, CardStatus.READY, actor, reason, retry_count=0)


def reopen(issue: Issue, actor: str, reason: str) -> tuple[Issue, CardMoved]:
    """Let a finished card take turns again; its retries begin anew."""
    if not issue.status.is_terminal:
        raise _misused(issue, CardStatus.READY, "reopen is for cards that are done or canceled")
    return _move(issue, CardStatus.READY, actor, reason, retry_count=0)


def cancel(issue: Issue, actor: str, reason: str) -> tuple[Issue, CardMoved]:
    """Take a card off the board for good, or until it is reopened."""
    return _move(issue, CardStatus.CANCELED, actor, reason)


def reprioritize(priority: float) -> Action:
    """Return the action that gives a card another priority."""
    check("priority", priority, is_valid=_is_number(priority), valid="a finite number, larger is more urgent")

    def change(issue: Issue, actor: str, reason: str) -> tuple[Issue, CardReprioritized]:
        after, version = float(priority), issue.version + 1
        record = CardReprioritized(before=issue.priority, after=after, by=actor, reason=reason, version=version)
        return evolve(issue, priority=after, version=version), record

    return change


def _is_number(value: object) -> bool:
    try:
        return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # an integer that is larger than every float
        return False


def check_person(actor: object, reason: object) -> None:
    """Refuse an action without a name, or with a reason that is no text.

    Raises:
        RunError: naming what is valid.
    """
    check("actor", actor, is_valid=isinstance(actor, str) and bool(actor.strip()), valid="a name")
    check("reason", reason, is_valid=isinstance(reason, str), valid="a text")


async def _refuse_unsettled(engine: Engine, build: str, card: str) -> None:
    """Refuse new turns, which could do again what an effect of unknown outcome may have done."""
    for effect in (await effects_of(engine.store, build, card)).unsettled.values():
        raise EffectUnknownError(
            f"{card}: whether {effect.tool} (effect {effect.key}) ran is not known; settle it first",
            rule=UNKNOWN,
            key=effect.key,
            card=card,
        )


def _move(
    issue: Issue, after: CardStatus, actor: str, reason: str, *, retry_count: int | None = None
) -> tuple[Issue, CardMoved]:
    return move(
        issue,
        after,
        actor=Actor.OPERATOR,
        by=actor,
        role=Actor.OPERATOR.value,
        reason=reason,
        retry_count=retry_count,
    )


def _misused(issue: Issue, after: CardStatus, why: str) -> TransitionError:
    return TransitionError(
        f"{issue.id} is {issue.status.value}: {why} (rule transition)",
        rule="transition",
        card=issue.id,
        before=issue.status,
        after=after,
    )


async def find_card(engine: Engine, card: str, build: str | None) -> tuple[str, Issue]:
    """Return the build that has a card, and the card.

    Raises:
        UnknownCardError: no board has such a card.
        RunError: several boards have one.
    """
    found = [
        (name, held.issue)
        for name in await builds_of(engine.store, build)
        for held in await engine.store.load_board(name)
        if held.issue.id == card
    ]
    if len(found) > 1:
        raise ambiguous(card, [name for name, _ in found])
    if found:
        return found[0]
    missing = await explain(engine.store, card, build, engine.clock.now(), engine.is_review)  # says what there is
    return missing.build, missing.issue
