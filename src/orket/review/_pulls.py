"""How a pull request moves on: pure. Each change names the records that are committed with it."""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Final, TypeAlias

from attrs import evolve, field, frozen

from orket._codec import canonical_json, codec, digest
from orket._value import Value
from orket.cards import EMPTY
from orket.contracts import (
    Delivery,
    EffectClass,
    PendingEffect,
    PullEvent,
    PullReview,
    PullStatus,
    ReviewAct,
    ReviewAction,
    ReviewAnswer,
    ReviewCycle,
)
from orket.events import (
    DeliveryAccepted,
    Digest,
    EffectIntended,
    EffectRecorded,
    EffectSettled,
    EffectUnknown,
    Record,
)

KeyMaker: TypeAlias = Callable[[int, ReviewAction], Digest]  # (place among the actions, action)

_OVERTAKES: Final = frozenset({PullEvent.SYNCHRONIZED, PullEvent.CHANGES_REQUESTED, PullEvent.CLOSED})  # an approval
_ENDS: Final = frozenset({PullEvent.MERGED, PullEvent.CLOSED})
_CLASSES: Final = frozenset({ReviewAct.MERGE, ReviewAct.COMMENT, ReviewAct.OPEN_ISSUE})  # twice is twice


@frozen(kw_only=True, repr=False, eq=False)
class Change(Value):
    """A pull request as it is from now on, with what is recorded of it."""

    pull: PullReview
    records: tuple[Record, ...]
    payloads: Mapping[Digest, str] = field(default=EMPTY)
    delivery: Digest | None = None


@frozen(kw_only=True, repr=False, eq=False)
class Hold(Value):
    """Who may try an effect, from when until when (seconds since the epoch)."""

    owner: str
    now: float
    until: float


@frozen(kw_only=True, repr=False, eq=False)
class Outcome(Value):
    """What became of an effect. ``found``: Gitea had it already. ``follows`` is to be done next."""

    ok: bool
    text: str
    found: bool = False
    follows: tuple[ReviewAction, ...] = ()


def take_in(pull: PullReview, delivery: Delivery, now: float) -> PullReview | None:
    """Return the pull request as the delivery says it is; None where the delivery comes too late to matter."""
    is_over = pull.status is not PullStatus.OPEN
    after = partial(evolve, pull, title=delivery.title, head=delivery.head)
    match delivery.event:
        case PullEvent.MERGED if pull.status is not PullStatus.MERGED:
            return after(status=PullStatus.MERGED)
        case PullEvent.CLOSED if not is_over:
            return after(status=PullStatus.CLOSED)
        case PullEvent.REOPENED if pull.status is not PullStatus.MERGED:
            return after(status=PullStatus.OPEN, cycles=())  # a person gives it another chance
        case PullEvent.CHANGES_REQUESTED if not is_over:
            cycle = ReviewCycle(reviewer=delivery.sender, reason=delivery.comment, head=delivery.head, at=now)
            return after(cycles=(*pull.cycles, cycle))
        case _:
            return None if is_over or delivery.event in _ENDS else after()


def accept(
    before: PullReview, taken: PullReview, delivery: Delivery, answer: ReviewAnswer, key: KeyMaker, hold: Hold
) -> Change:
    """Return what is committed with a delivery: how the pull request stands, and the intents of what follows.

    Args:
        before: the pull request as it was.
        taken: as :func:`take_in` returned it.
        delivery: what was delivered.
        answer: the policy's.
        key: makes the keys of effects.
        hold: who begins with the effects.
    """
    cycles = taken.cycles if answer.counts or delivery.event is PullEvent.REOPENED else before.cycles
    pull = evolve(taken, cycles=cycles, card=answer.card or taken.card)
    pull, withdrawn = _withdraw(pull, delivery, hold.now)
    wanted = [it for it in answer.actions if it.act is not ReviewAct.MERGE or not _is_merging(pull, delivery.head)]
    pull, intended = _intend(pull, wanted, delivery.head, key, hold)
    if any(it.act is ReviewAct.CLOSE for it in wanted):
        pull = evolve(pull, status=PullStatus.CLOSED)
    accepted = DeliveryAccepted(
        delivery=delivery.digest,
        event=delivery.event.value,
        by=delivery.sender,
        head=delivery.head,
        cycles=len(pull.cycles),
        reason=answer.reason,
    )
    return Change(
        pull=pull,
        records=(accepted, *withdrawn.records, *intended.records),
        payloads={**withdrawn.payloads, **intended.payloads},
        delivery=delivery.digest,
    )


@frozen(kw_only=True, repr=False, eq=False)
class _Noted(Value):
    records: tuple[Record, ...]
    payloads: Mapping[Digest, str]


def _is_merging(pull: PullReview, head: str) -> bool:
    return any(it.action.act is ReviewAct.MERGE and it.head == head for it in pull.pending)


def _withdraw(pull: PullReview, delivery: Delivery, now: float) -> tuple[PullReview, _Noted]:
    """Take back merges that nobody is about to try, when what was approved is approved no more."""
    if delivery.event not in _OVERTAKES:
        return pull, _Noted(records=(), payloads={})
    gone = [it for it in pull.pending if it.action.act is ReviewAct.MERGE and not is_held(it, now)]
    if not gone:
        return pull, _Noted(records=(), payloads={})
    text = f"withdrawn: {delivery.event.value} came after the approval"
    records = [EffectRecorded(key=it.key, ok=False, output=digest(text)) for it in gone]
    kept = tuple([it for it in pull.pending if it not in gone])
    return evolve(pull, pending=kept), _Noted(records=tuple(records), payloads={digest(text): text})


def _intend(
    pull: PullReview, actions: Iterable[ReviewAction], head: str, key: KeyMaker, hold: Hold
) -> tuple[PullReview, _Noted]:
    effects, records, payloads = [], [], {}
    for index, action in enumerate(actions):
        arguments = canonical_json(codec().dump(action))
        effect = PendingEffect(
            key=key(index, action), action=action, head=head, decided_at=hold.now, owner=hold.owner, until=hold.until
        )
        effects.append(effect)
        payloads[digest(arguments)] = arguments
        records.append(_intent(effect, pull.version + 1, index, digest(arguments)))
    pull = evolve(pull, pending=(*pull.pending, *effects)) if effects else pull
    return pull, _Noted(records=tuple(records), payloads=payloads)


def _intent(effect: PendingEffect, version: int, index: int, arguments: Digest) -> EffectIntended:
    act = effect.action.act
    twice = EffectClass.AT_MOST_ONCE if act in _CLASSES else EffectClass.IDEMPOTENT
    return EffectIntended(
        key=effect.key,
        turn=version,
        round=0,
        index=index,
        tool=f"review_desk.{act.value}",
        effect=twice.value,
        arguments=arguments,
    )


def is_held(effect: PendingEffect, now: float) -> bool:
    """Return whether somebody may be trying an effect just now."""
    return effect.owner is not None and effect.until > now


def hold_first(pull: PullReview, hold: Hold) -> Change:
    """Return the pull request whose first pending effect is *hold*'s to try."""
    first, *rest = pull.pending
    held = evolve(first, owner=hold.owner, until=hold.until)
    return Change(pull=evolve(pull, pending=(held, *rest)), records=())


def finish_first(pull: PullReview, outcome: Outcome, key: KeyMaker, hold: Hold) -> Change:
    """Return the pull request whose first pending effect has this outcome."""
    first, *rest = pull.pending
    text = digest(outcome.text)
    done: Record = EffectRecorded(key=first.key, ok=outcome.ok, output=text)
    if outcome.found:
        done = EffectSettled(key=first.key, ran=True, by="gitea", reason=outcome.text, ok=outcome.ok, output=text)
    pull, intended = _intend(evolve(pull, pending=tuple(rest)), outcome.follows, first.head, key, hold)
    payloads = {**intended.payloads, text: outcome.text}
    return Change(pull=pull, records=(done, *intended.records), payloads=payloads)


def postpone_first(pull: PullReview, detail: str, after: float) -> Change:
    """Return the pull request whose first pending effect may have happened, and is tried again later."""
    first, *rest = pull.pending
    later = evolve(first, owner=None, until=0.0, after=after, attempts=first.attempts + 1)
    unknown = EffectUnknown(key=first.key, detail=detail)
    return Change(pull=evolve(pull, pending=(later, *rest)), records=(unknown,))
