"""What a run knew, record by record: its cards, their past, and the turns that are open.

The journal is followed in its order. What it says between two records of one run is what others committed meanwhile;
the run may have learned of it later, so a rebuilt question is always compared with what the record says of it.
"""

from collections import deque
from collections.abc import Callable
from itertools import islice
from typing import Final

from attrs import define, field

from orket._board import Board
from orket._flow import Past, RunContext, Turn, comment_line, turn_line
from orket._replay._fold import Fold
from orket.cards import CardStatus, Issue, VerificationResult
from orket.errors import RunError
from orket.events import (
    CallJudged,
    CardAdded,
    CommentAdded,
    DecisionRemembered,
    Digest,
    FailureReported,
    JournalEntry,
    ModelReplied,
    TurnClosed,
    TurnKind,
    TurnOpened,
    VerificationRecorded,
)

_NEWEST: Final = 50  # decisions that a prompt was told before they were searched


@define(repr=False, eq=False)
class Talk:
    """What was said in the turn that is open on a card.

    ``size`` is how many issues the board had when the turn last wrote, ``least`` when it did so before that.
    """

    replies: list[Digest] = field(factory=list)
    calls: int = 0
    refused: int = 0
    created: int = 0
    size: int = 0
    least: int = 0


@define(repr=False, eq=False)
class Scene:
    """The cards of a build and what one run knew of them. ``context`` is the run's."""

    context: RunContext
    is_review: Callable[[CardStatus], bool]
    fold: Fold = field(factory=Fold)
    board: Board = field(init=False)
    talks: dict[str, Talk] = field(factory=dict)
    _pasts: dict[str, Past] = field(factory=dict)
    _memory: dict[str, list[str]] = field(factory=dict)  # of the run: what it recalls without reading
    _foreign: set[str] = field(factory=set)  # cards that somebody else has worked on since
    _remembered: list[str] = field(factory=list)
    _begun: bool = False

    def __attrs_post_init__(self) -> None:
        self.board = Board((), is_review=self.is_review)

    def begin(self, target: str | None) -> None:
        """Begin the run: its board holds what is there."""
        issues = [past[-1][1] for past in self.fold.pasts.get(self.context.build, {}).values()]
        self.board = Board(issues, is_review=self.is_review, target=target)
        self._begun = True

    def issue(self, card: str) -> Issue:
        """Return a card as it stands.

        Raises:
            RunError: no record has added it.
        """
        found = self.fold.get(self.context.build, card)
        if found is None:
            raise RunError(f"the journal says nothing of how card {card!r} joined its board", card=card)
        return found

    def at(self, card: str, version: int) -> Issue | None:
        """Return a card as it was in one of its versions, or None."""
        past = self.fold.pasts.get(self.context.build, {}).get(card, [])
        return next((issue for _, issue in reversed(past) if issue.version == version), None)

    def past(self, card: str) -> Past:
        """Return what the journal tells of a card so far."""
        return self._pasts.setdefault(card, Past(deque()))

    def meet(self, card: str) -> None:
        """Let the run look at a card: one that others have worked on it recalls from the journal."""
        if card not in self._memory or card in self._foreign:
            past = self.past(card)
            self._memory[card] = list(past.history) if past.history or past.opened else []
            self._foreign.discard(card)

    def history(self, card: str, count: int) -> tuple[str, ...] | None:
        """Return the history of a card that a prompt of *count* lines was told, or None."""
        recalled, read = self._memory.get(card, []), list(self.past(card).history)
        for lines in (recalled, read):
            if len(lines) == count:
                return tuple(lines)
        for lines in (recalled, read):
            if len(lines) > count:  # the context window was full
                return tuple(lines[len(lines) - count :])
        return None

    def remembered(self, count: int) -> tuple[str, ...] | None:
        """Return the decisions that a prompt was told whose turn does not name them: the newest ones, or None."""
        if count > len(self._remembered):
            return None
        if count == _NEWEST:  # it has forgotten the oldest ones
            return tuple(self._remembered[-count:])
        return tuple(islice(self._remembered, count))

    def add(self, entry: JournalEntry) -> None:
        """Take over what the next record says."""
        changed = self.fold.add(entry)
        if changed is not None and self._begun:
            if self.board.get(changed.id) is None:
                self.board.add(changed)
            else:
                self.board.put(changed)
        if entry.card is None:
            return
        if entry.run == self.context.run:
            self._recall(entry, entry.card)
        else:
            self._foreign.add(entry.card)
        self.past(entry.card).add(entry)
        self._follow(entry, entry.card)

    def _recall(self, entry: JournalEntry, card: str) -> None:
        """Change what the run itself remembers, as its turns do."""
        self.meet(card)
        match entry.record:
            case CommentAdded() as comment:
                self._memory[card].append(comment_line(comment))
            case TurnClosed() as closed if closed.status.is_terminal:
                self._memory[card].clear()
            case TurnClosed() as closed:
                past = self.past(card)
                opened = past.opened and past.opened.record
                failed = any(isinstance(it.record, FailureReported) for it in past.tail)
                if isinstance(opened, TurnOpened) and (closed.ok or failed):  # else the core itself ended it
                    self._memory[card].append(turn_line(opened.kind, opened.seat, closed))
            case _:
                pass

    def _follow(self, entry: JournalEntry, card: str) -> None:
        """Keep count of the turn that is open on a card."""
        talk = self.talks.setdefault(card, Talk())
        match entry.record:
            case TurnOpened(seat=seat):
                self.talks[card] = Talk()
                if self._begun and card not in self.board.running:
                    self.board.start(self.issue(card))
                    self.board.busy[card] = seat
            case TurnClosed():
                if card in self.board.running:
                    self.board.stop(card)
            case ModelReplied(reply=reply):
                talk.replies.append(reply)
                talk.least = talk.size
            case CallJudged(allowed=allowed):
                talk.calls += 1
                talk.refused += not allowed
            case CardAdded():
                talk.created += 1
            case DecisionRemembered(text=text) if not self._begun or entry.run == self.context.run:
                self._remembered.append(text)
            case _:
                pass
        self.talks[card].size = len(self.board)

    def turn(self, context: RunContext, card: str, issue: Issue) -> Turn:
        """Return the turn that is open on a card, as far as the journal has come; *issue* is the card in it.

        Raises:
            RunError: the team has lost the seat or a role of it, or the host a tool that it was offered.
        """
        past, talk = self.past(card), self.talks[card]
        opened = past.opened and past.opened.record
        if not isinstance(opened, TurnOpened):
            raise RunError(f"no turn is open on {card}", card=card)
        turn = Turn(
            context=context,
            board=self.board,
            issue=issue,
            number=opened.turn,
            place=opened.turn,
            kind=opened.kind,
            records=[],
            origin=past.opened.run if past.opened else "",
            calls=talk.calls,
            refused=talk.refused,
            created=talk.created,
            model=opened.model,
            dialect=opened.dialect,
        )
        if opened.seat:  # without one, its router failed
            gone = turn.take_seat(opened.seat, opened.roles, opened.tools, self_review=opened.self_review)
            if gone:
                raise RunError(gone, card=card)
        turn.verification = _proof(past) if opened.kind is TurnKind.REVIEW else None
        return turn


def _proof(past: Past) -> VerificationResult | None:
    proofs = [held.record for held in past.tail if isinstance(held.record, VerificationRecorded)]
    return next((proof.result for proof in reversed(proofs) if proof.version), None)
