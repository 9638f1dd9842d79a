"""The transition table: who may move a card from where to where, and on which terms.

``TRANSITIONS`` names every pair of statuses. A pair that nobody may use stands there too, with no actor.
"""

import enum
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Final

from attrs import evolve, frozen

from orket._value import Value
from orket.cards import CardStatus, Issue, WaitReason
from orket.errors import TransitionError
from orket.events import CardMoved, TurnKind
from orket.organization import INTEGRITY_GUARD


class Actor(enum.StrEnum):
    """Who moves a card: a seat within its turn, orket itself, or a person who operates it."""

    SEAT = "seat"
    CORE = "core"
    OPERATOR = "operator"


@frozen(kw_only=True, repr=False, eq=False)
class Transition(Value):
    """The terms of one pair of statuses.

    ``actors`` may use it; nobody else. A seat may only on a turn of ``kind``, and only holding ``role`` where one is
    named. ``needs_wait_reason``: the card waits afterwards; where it is False a wait reason is refused.
    """

    actors: frozenset[Actor] = frozenset()
    kind: TurnKind | None = None
    role: str = ""
    needs_wait_reason: bool = False


@frozen(kw_only=True, repr=False, eq=False)
class Refusal(Value):
    """The law says no: ``rule`` is a stable name, ``detail`` a sentence."""

    rule: str
    detail: str


WAITING: Final = frozenset({CardStatus.BLOCKED, CardStatus.WAITING_FOR_DEVELOPER})  # these need a wait reason
IN_REVIEW: Final = frozenset({CardStatus.CODE_REVIEW, CardStatus.READY_FOR_TESTING})
_AFTER_WORK: Final = WAITING | IN_REVIEW
_AFTER_VERDICT: Final = frozenset({CardStatus.DONE, CardStatus.READY, CardStatus.CANCELED})  # the guard's to give
_UNFINISHED: Final = frozenset(status for status in CardStatus if not status.is_terminal)
_TAKEN_UP: Final = IN_REVIEW | frozenset({CardStatus.IN_PROGRESS})  # where a turn stood that waited for an effect
_REOPENED: Final = WAITING | frozenset({CardStatus.DONE, CardStatus.CANCELED})


def _may_core(before: CardStatus, after: CardStatus) -> bool:
    if before is CardStatus.BLOCKED and after in _TAKEN_UP:  # a tool said what became of its effect
        return True
    match after:
        case CardStatus.IN_PROGRESS:  # a work turn opens
            return before is CardStatus.READY
        case CardStatus.READY:  # a turn failed and is tried again
            return before is CardStatus.IN_PROGRESS or before in IN_REVIEW
        case CardStatus.BLOCKED | CardStatus.CANCELED:
            return before in _UNFINISHED
        case _:
            return False


def _may_operator(before: CardStatus, after: CardStatus) -> bool:
    if before is CardStatus.BLOCKED and after in _TAKEN_UP:  # settle
        return True
    match after:
        case CardStatus.READY:  # unblock, reopen
            return before in _REOPENED
        case CardStatus.CANCELED:
            return before in _UNFINISHED
        case CardStatus.ARCHIVED:
            return before.is_terminal
        case _:
            return False


def _seat_kind(before: CardStatus, after: CardStatus) -> TurnKind | None:
    if before is CardStatus.IN_PROGRESS and after in _AFTER_WORK:
        return TurnKind.WORK
    if before in IN_REVIEW and (after in WAITING or after in _AFTER_VERDICT or after is CardStatus.CODE_REVIEW):
        return TurnKind.REVIEW
    return None


def _terms(before: CardStatus, after: CardStatus) -> Transition:
    if before is after:
        return Transition()
    kind = _seat_kind(before, after)
    may = {
        Actor.SEAT: kind is not None,
        Actor.CORE: _may_core(before, after),
        Actor.OPERATOR: _may_operator(before, after),
    }
    return Transition(
        actors=frozenset(actor for actor, granted in may.items() if granted),
        kind=kind,
        role=INTEGRITY_GUARD if kind is TurnKind.REVIEW and after in _AFTER_VERDICT else "",
        needs_wait_reason=after in WAITING,
    )


TRANSITIONS: Final[Mapping[tuple[CardStatus, CardStatus], Transition]] = MappingProxyType(
    {(before, after): _terms(before, after) for before in CardStatus for after in CardStatus}
)


def judge_transition(
    card: Issue | CardStatus,
    after: CardStatus,
    *,
    actor: Actor,
    roles: Collection[str] = (),
    kind: TurnKind | None = None,
    wait_reason: WaitReason | None = None,
) -> Refusal | None:
    """Return why the law refuses a status change, or None where it grants it.

    Args:
        card: the issue, or only the status it has. An issue whose fixture did not pass may not become done.
        after: the wanted status.
        actor: who wants it.
        roles: names of the roles that a seat holds in its turn.
        kind: of the seat's turn; None where the status alone decides.
        wait_reason: what the card waits for afterwards.
    """
    before = card.status if isinstance(card, Issue) else card
    terms = TRANSITIONS[before, after]
    if refusal := _judge_actor(before, after, terms, actor):
        return refusal
    if actor is Actor.SEAT and kind not in (None, terms.kind):
        return Refusal(rule="turn-kind", detail=f"{_pair(before, after)} is not for a {kind} turn")
    if actor is Actor.SEAT and terms.role and terms.role not in roles:
        return Refusal(
            rule="role", detail=f"{_pair(before, after)} needs the role {terms.role}; held: {_listed(roles)}"
        )
    if after is CardStatus.DONE and isinstance(card, Issue) and not _is_proven(card):
        return Refusal(rule="verification", detail=f"the fixture of {card.id} did not pass; it cannot be done")
    if terms.needs_wait_reason and wait_reason is None:
        return Refusal(rule="wait-reason", detail=f"{after} needs a wait reason: {_listed(WaitReason)}")
    if wait_reason is not None and not terms.needs_wait_reason:
        return Refusal(rule="wait-reason", detail=f"{after} is no waiting status; it takes no wait reason")
    return None


def _judge_actor(before: CardStatus, after: CardStatus, terms: Transition, actor: Actor) -> Refusal | None:
    if before is after:
        return Refusal(rule="same-status", detail=f"the card is {after} already")
    if actor in terms.actors:
        return None
    if before is CardStatus.ARCHIVED:
        return Refusal(rule="final", detail="an archived card moves no more")
    who = f"only {_listed(sorted(terms.actors))} may" if terms.actors else "nobody may"
    return Refusal(rule="transition", detail=f"{_pair(before, after)}: {who}, not the {actor}")


def _is_proven(issue: Issue) -> bool:
    # Without a fixture, or where it has not been run, the reviewer alone judges.
    verification = issue.verification
    if verification is None or not verification.proves or verification.last_run is None:
        return True
    return verification.last_run.passed


def grantable(status: CardStatus, roles: Collection[str], kind: TurnKind) -> tuple[CardStatus, ...]:
    """Return the statuses that a seat with these roles may wish for on such a turn, in the order of CardStatus."""
    return _GRANTABLE[status, kind, INTEGRITY_GUARD in roles]


def _is_grantable(terms: Transition, kind: TurnKind, guard: bool) -> bool:
    return Actor.SEAT in terms.actors and terms.kind is kind and (guard or not terms.role)


# Every turn asks; the guard's is the only role that makes a difference.
_GRANTABLE: Final[Mapping[tuple[CardStatus, TurnKind, bool], tuple[CardStatus, ...]]] = MappingProxyType(
    {
        (status, kind, guard): tuple(
            after for after in CardStatus if _is_grantable(TRANSITIONS[status, after], kind, guard)
        )
        for status in CardStatus
        for kind in TurnKind
        for guard in (False, True)
    }
)


def move(
    issue: Issue,
    after: CardStatus,
    *,
    actor: Actor,
    by: str,
    reason: str,
    roles: Collection[str] = (),
    role: str = "",
    wait_reason: WaitReason | None = None,
    wait_detail: str = "",
    retry_count: int | None = None,
) -> tuple[Issue, CardMoved]:
    """Move an issue as the law grants it.

    Args:
        issue: as it stands.
        after: the wanted status.
        actor: who wants it; ``by`` is that one's name, ``role`` the role it acts in.
        by: name of the seat, or of the actor.
        reason: why, for the record.
        roles: names of the roles that a seat holds in its turn.
        role: the acting role, for the record.
        wait_reason: what the issue waits for; needed for a waiting status, and refused for any other.
        wait_detail: a sentence on it; kept only with a wait reason.
        retry_count: the new count; None leaves it. Only an operator may lower it.

    Returns:
        The issue in its new state, one version on, and the record of it.

    Raises:
        TransitionError: the law refuses; ``rule`` names the rule.
    """
    count = issue.retry_count if retry_count is None else retry_count
    refusal = judge_transition(issue, after, actor=actor, roles=roles, wait_reason=wait_reason)
    if refusal := refusal or _judge_count(issue.retry_count, count, actor):
        text = f"{issue.id}: {refusal.detail} (rule {refusal.rule})"
        raise TransitionError(text, rule=refusal.rule, card=issue.id, before=issue.status, after=after)
    detail = wait_detail if wait_reason else ""
    moved = CardMoved(
        before=issue.status,
        after=after,
        by=by,
        role=role,
        reason=reason,
        version=issue.version + 1,
        retry_count=count,
        wait_reason=wait_reason,
        wait_detail=detail,
    )
    changed = evolve(
        issue, status=after, version=moved.version, retry_count=count, wait_reason=wait_reason, wait_detail=detail
    )
    return changed, moved


def _judge_count(before: int, after: int, actor: Actor) -> Refusal | None:
    if after >= (0 if actor is Actor.OPERATOR else before):
        return None
    return Refusal(rule="retry-count", detail=f"the retry count may not go from {before} to {after}")


def _pair(before: CardStatus, after: CardStatus) -> str:
    return f"{before} -> {after}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names) or "none"
