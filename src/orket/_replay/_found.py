"""What comes out when recorded questions are asked again."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from attrs import define, field, frozen

from orket._value import Value
from orket.cards import JsonValue
from orket.events import CallJudged, DecisionMade, JournalEntry

RUN_WIDE: Final = ("planner", "orchestration_loop")  # kinds that decide about the run, and not about one card


@frozen(kw_only=True, repr=False, eq=False)
class Difference(Value):
    """A recorded decision that would be another one.

    ``seq`` is its record, ``kind`` and ``method`` say which decision (``gate``, ``judge`` for a verdict on a call),
    ``node`` who would decide it now. ``recorded`` and ``decided`` are the answers, as the journal keeps them; prompts
    as whole messages. ``error`` says why there is no answer now, or is "". ``after`` is as in :class:`FollowUp`, 0
    where nothing before it would be another one.
    """

    seq: int
    run: str
    card: str | None
    kind: str
    method: str
    node: str
    question: str
    recorded: JsonValue
    decided: JsonValue
    reason: str = ""
    error: str = ""
    after: int = 0


@frozen(kw_only=True, repr=False, eq=False)
class Unasked(Value):
    """A question that cannot be asked again: ``why`` says what is missing. ``seq`` is 0 where it is not on record."""

    seq: int
    run: str
    card: str | None
    kind: str
    method: str
    question: str
    why: str


@frozen(kw_only=True, repr=False, eq=False)
class FollowUp(Value):
    """A recorded question that was asked again as it stands, and might not have been asked like this.

    ``after`` is the first record before it that would be another one and that it may rest on: a decision about the same
    card, or a plan with it; for plans and loop policies any decision.
    """

    seq: int
    run: str
    card: str | None
    kind: str
    method: str
    question: str
    after: int


@frozen(kw_only=True, repr=False, eq=False)
class WhatIf(Value):
    """What would have been decided otherwise. Its length and its items are those of ``differences``.

    ``asked`` counts the recorded decisions that were decided again; ``follow_ups`` lists those of them that come after
    a difference, ``unasked`` what could not be asked.
    """

    asked: int
    differences: tuple[Difference, ...]
    follow_ups: tuple[FollowUp, ...] = ()
    unasked: tuple[Unasked, ...] = ()

    def __len__(self) -> int:
        """Return the number of differences."""
        return len(self.differences)

    def __iter__(self) -> Iterator[Difference]:
        """Iterate over the differences, in the order of the journal."""
        return iter(self.differences)


def together(found: Sequence[WhatIf]) -> WhatIf:
    """Return what was found in several runs as one."""
    return WhatIf(
        asked=sum(one.asked for one in found),
        differences=tuple([it for one in found for it in one.differences]),
        follow_ups=tuple([it for one in found for it in one.follow_ups]),
        unasked=tuple([it for one in found for it in one.unasked]),
    )


@define(repr=False, eq=False)
class Findings:
    """What has been found so far, and which differences the decisions after them may rest on."""

    asked: int = 0
    _differences: list[Difference] = field(factory=list)
    _follow_ups: list[FollowUp] = field(factory=list)
    _unasked: list[Unasked] = field(factory=list)
    _first: int = 0
    _cards: dict[str, int] = field(factory=dict)  # the first difference that a card's decisions may rest on

    def count(self, entry: JournalEntry) -> None:
        """Count a recorded decision that is asked again."""
        self.asked += 1
        if after := self._after(entry):
            self._follow_ups.append(FollowUp(**_named(entry), after=after))

    def differs(self, entry: JournalEntry, **said: Any) -> None:
        """Note that a decision would be another one; *said* are the fields of the difference that say how."""
        self._differences.append(Difference(**_named(entry), after=self._after(entry), **said))
        self._first = self._first or entry.seq
        kind = self._differences[-1].kind
        cards = _planned(said["recorded"]) if kind in RUN_WIDE else (entry.card or "",)
        for card in cards:
            self._cards.setdefault(card, entry.seq)

    def cannot(self, entry: JournalEntry, why: str) -> None:
        """Note that a recorded question cannot be asked."""
        self._unasked.append(Unasked(**_named(entry), why=why))

    def never_recorded(self, run: str, kind: str, method: str, why: str) -> None:
        """Note that questions are not on record."""
        self._unasked.append(Unasked(seq=0, run=run, card=None, kind=kind, method=method, question="", why=why))

    def result(self) -> WhatIf:
        """Return what was found."""
        return WhatIf(
            asked=self.asked,
            differences=tuple(sorted(self._differences, key=lambda one: one.seq)),
            follow_ups=tuple(sorted(self._follow_ups, key=lambda one: one.seq)),
            unasked=tuple(self._unasked),
        )

    def _after(self, entry: JournalEntry) -> int:
        is_run_wide = isinstance(entry.record, DecisionMade) and entry.record.kind in RUN_WIDE
        return self._first if is_run_wide else self._cards.get(entry.card or "", 0)


def _planned(answer: JsonValue) -> tuple[str, ...]:
    """Return the cards that a recorded plan names; a loop policy's answer names none."""
    return tuple(answer["issue_ids"]) if isinstance(answer, dict) else ()


def _named(entry: JournalEntry) -> dict[str, Any]:
    """Return the fields by which a recorded decision is named."""
    kind, method, question = "", "", ""
    match entry.record:
        case DecisionMade() as made:
            kind, method, question = made.kind, made.method, made.question
        case CallJudged() as call:
            kind, method = "gate", "judge"
            question = f"{entry.card} {call.turn} {call.round} {call.index} {call.tool}"
        case _:
            pass
    return {
        "seq": entry.seq,
        "run": entry.run,
        "card": entry.card,
        "kind": kind,
        "method": method,
        "question": question,
    }
