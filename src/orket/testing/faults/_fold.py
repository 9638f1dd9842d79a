"""The board that the events tell, folded by rules of its own: the kernel's are what is on trial."""

from collections.abc import Iterator

from attrs import define, evolve, field

from orket.cards import Issue
from orket.events import (
    CardAdded,
    CardMoved,
    CardReprioritized,
    JournalEntry,
    TurnOpened,
    VerificationRecorded,
)
from orket.governance import TRANSITIONS, WAITING, Actor


@define(eq=False)
class Fold:
    """The boards of all builds, one event after the other; ``problems`` says what the law would not have granted."""

    boards: dict[str, dict[str, Issue]] = field(factory=dict)
    problems: list[str] = field(factory=list)
    _opened: dict[tuple[str, str], TurnOpened] = field(factory=dict)

    def add(self, entry: JournalEntry) -> None:
        """Take an entry in."""
        record, board = entry.record, self.boards.setdefault(entry.build, {})
        if isinstance(record, CardAdded):
            if record.issue.id in board:
                self._accuse(entry, f"{record.issue.id} joined before")
            board[record.issue.id] = record.issue
            return
        issue = board.get(entry.card or "")
        if issue is None:
            if isinstance(record, CardMoved | CardReprioritized | TurnOpened):
                self._accuse(entry, f"{entry.card} never joined the board")
            return
        if isinstance(record, TurnOpened):
            self._opened[entry.build, issue.id] = record
        elif (changed := _changed(issue, record)) is not None:
            self.problems.extend(self._wrong(entry, issue, changed))
            board[issue.id] = changed

    def _wrong(self, entry: JournalEntry, before: Issue, after: Issue) -> Iterator[str]:
        if after.version != before.version + 1:
            yield f"entry {entry.seq}: {before.id} goes from version {before.version} to {after.version}"
        if isinstance(entry.record, CardMoved):
            for problem in self._illegal(entry, before, entry.record):
                yield f"entry {entry.seq}: {before.id}, {entry.record.before} -> {entry.record.after}: {problem}"

    def _illegal(self, entry: JournalEntry, issue: Issue, moved: CardMoved) -> Iterator[str]:
        terms, actor = TRANSITIONS[moved.before, moved.after], _actor(moved)
        if moved.before is not issue.status:
            yield f"it was {issue.status}"
        if actor not in terms.actors:
            yield f"the law does not let the {actor} do that"
        if (moved.wait_reason is None) is (moved.after in WAITING):
            yield f"its wait reason is {moved.wait_reason}"
        if actor is Actor.SEAT:
            opened = self._opened.get((entry.build, issue.id))
            if opened is None or moved.by != opened.seat:
                yield f"seat {moved.by!r} has no turn on it"
            elif opened.kind is not terms.kind or (terms.role and terms.role not in opened.roles):
                yield f"not for a {opened.kind} turn with the roles {', '.join(opened.roles)}"

    def _accuse(self, entry: JournalEntry, what: str) -> None:
        self.problems.append(f"entry {entry.seq}: {what}")


def _actor(moved: CardMoved) -> Actor:
    """Return as whom somebody moved a card: a tool that knows of its effect has a name, and acts as the core."""
    if moved.role in (Actor.OPERATOR.value, Actor.CORE.value):
        return Actor(moved.role)
    return Actor.CORE if moved.by == Actor.CORE.value and not moved.role else Actor.SEAT


def _changed(issue: Issue, record: object) -> Issue | None:
    """Return an issue after a record, or None where the record does not change it."""
    match record:
        case CardMoved():
            return evolve(
                issue,
                status=record.after,
                version=record.version,
                retry_count=record.retry_count,
                wait_reason=record.wait_reason,
                wait_detail=record.wait_detail,
            )
        case CardReprioritized():
            return evolve(issue, priority=record.after, version=record.version)
        case VerificationRecorded(version=version) if version and issue.verification is not None:
            ran = evolve(issue.verification, last_run=evolve(record.result, log=""))
            return evolve(issue, verification=ran, version=version)
        case _:
            return None
