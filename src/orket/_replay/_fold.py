"""The fold: from the records of the journal to the boards, without a call of anything.

Only four kinds of records change a card: the one with which it joins a board, a move, another priority, and the result
of a fixture. What closes a turn repeats where its card stands. Everything else that a journal says is why.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise

from attrs import Factory, define, evolve, field, fields, frozen

from orket._value import Value
from orket.cards import Issue
from orket.events import CardAdded, CardMoved, CardReprioritized, JournalEntry, TurnClosed, VerificationRecorded


@frozen(kw_only=True, repr=False, eq=False)
class Disagreement(Value):
    """What a record says and what else is on record of it do not go together.

    ``seq`` is the first record that does not fit; 0: no record says anything of the card. ``last`` is the same, unless
    all that is known is that one of the records from ``seq`` to ``last`` was changed.
    """

    seq: int
    build: str
    card: str
    detail: str
    last: int = field(default=Factory(lambda self: self.seq, takes_self=True))


@frozen(kw_only=True, repr=False, eq=False)
class Replay(Value):
    """The boards that a journal leads to.

    ``boards`` holds the issues of each build in the order they joined, ``records`` how many entries were folded and
    ``last_seq`` the last of them. ``disagreement`` is the first one found, or None.
    """

    boards: Mapping[str, tuple[Issue, ...]]
    records: int
    last_seq: int
    disagreement: Disagreement | None = None


@define(repr=False, eq=False)
class Fold:
    """The boards as the records seen so far make them."""

    records: int = 0
    last_seq: int = 0
    disagreements: list[Disagreement] = field(factory=list)  # of records with those before them
    # of each build and card what it was, and since which record
    pasts: dict[str, dict[str, list[tuple[int, Issue]]]] = field(factory=dict)

    def get(self, build: str, card: str) -> Issue | None:
        """Return a card as it stands, or None."""
        past = self.pasts.get(build, {}).get(card)
        return None if past is None else past[-1][1]

    def add(self, entry: JournalEntry) -> Issue | None:
        """Take over what a record says; return the card that it changes."""
        if entry.seq <= self.last_seq:
            self._disagree(entry, entry.card or "", f"it stands after record {self.last_seq}")
        self.records += 1
        self.last_seq = max(self.last_seq, entry.seq)
        record = entry.record
        if isinstance(record, CardAdded):
            if self.get(entry.build, record.issue.id) is not None:
                self._disagree(entry, record.issue.id, "the card is on the board already")
            self.pasts.setdefault(entry.build, {}).setdefault(record.issue.id, []).append((entry.seq, record.issue))
            return record.issue
        if isinstance(record, CardMoved | CardReprioritized) or (
            isinstance(record, VerificationRecorded) and record.version
        ):
            return self._change(entry, entry.card or "", record)
        if isinstance(record, TurnClosed):
            issue = self.get(entry.build, entry.card or "")
            if issue is not None and issue.status is not record.status:
                self._disagree(entry, issue.id, f"it leaves a card {record.status} that is {issue.status}")
        return None

    def _change(
        self, entry: JournalEntry, card: str, record: CardMoved | CardReprioritized | VerificationRecorded
    ) -> Issue | None:
        issue = self.get(entry.build, card)
        if issue is None:
            self._disagree(entry, card, "no record before it adds the card")
            return None
        if record.version != issue.version + 1:
            self._disagree(entry, card, f"it makes version {record.version} of a card of version {issue.version}")
        match record:
            case CardMoved(before=before) if before is not issue.status:
                self._disagree(entry, card, f"it moves a card from {before} that is {issue.status}")
            case CardReprioritized(before=priority) if priority != issue.priority:
                self._disagree(entry, card, f"it changes priority {priority} of a card that has {issue.priority}")
            case _:
                pass
        issue = _changed(issue, record)
        self.pasts[entry.build][card].append((entry.seq, issue))
        return issue

    def compare(self, build: str, stored: Iterable[Issue]) -> Iterator[Disagreement | None]:
        """Yield for each card of a build the first record that what is stored of it does not agree with, or None."""
        held = {issue.id: issue for issue in stored}
        pasts = self.pasts.get(build, {})
        for card in held:
            if card not in pasts:
                yield Disagreement(seq=0, build=build, card=card, detail="it is stored, and no record adds it")
        for card, past in pasts.items():
            if card not in held:
                yield Disagreement(seq=past[0][0], build=build, card=card, detail="it is not stored")
            else:
                yield _difference(build, held[card], past) if held[card] != past[-1][1] else None
        if pasts.keys() == held.keys():
            for card, other in zip(pasts, held, strict=True):
                if card != other:
                    detail = "another one is stored in its place"
                    yield Disagreement(seq=pasts[card][0][0], build=build, card=card, detail=detail)

    def result(self, disagreement: Disagreement | None = None) -> Replay:
        """Return where the records lead; *disagreement* is what is known beside what the fold has seen itself."""
        boards = {build: tuple([past[-1][1] for past in pasts.values()]) for build, pasts in self.pasts.items()}
        found = disagreement or first_of(self.disagreements)
        return Replay(boards=boards, records=self.records, last_seq=self.last_seq, disagreement=found)

    def _disagree(self, entry: JournalEntry, card: str, detail: str) -> None:
        self.disagreements.append(Disagreement(seq=entry.seq, build=entry.build, card=card, detail=detail))


def first_of(found: Iterable[Disagreement]) -> Disagreement | None:
    """Return the first disagreement, or None."""
    return min(found, key=lambda one: one.seq, default=None)


def _changed(issue: Issue, record: CardMoved | CardReprioritized | VerificationRecorded) -> Issue:
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
        case VerificationRecorded():
            ran = issue.verification and evolve(issue.verification, last_run=evolve(record.result, log=""))
            return evolve(issue, verification=ran, version=record.version)


def _difference(build: str, stored: Issue, past: list[tuple[int, Issue]]) -> Disagreement:
    """Return since which record a stored card is not what the records make of it."""
    for (_, before), (seq, _after) in pairwise(past):
        if before == stored:
            detail = f"what is stored is version {stored.version}, from before it"
            return Disagreement(seq=seq, build=build, card=stored.id, detail=detail)
    final = past[-1][1]
    names = [one.name for one in fields(Issue) if getattr(stored, one.name) != getattr(final, one.name)]
    since = {name: _since(name, past) for name in names}
    name = min(names, key=lambda one: since[one])
    detail = f"{name} is stored as {getattr(stored, name)!r:.100}, and recorded as {getattr(final, name)!r:.100}"
    return Disagreement(seq=since[name], build=build, card=stored.id, detail=detail)


def _since(name: str, past: list[tuple[int, Issue]]) -> int:
    """Return the record since which a field has the value that it has."""
    final, since = getattr(past[-1][1], name), past[-1][0]
    for seq, issue in reversed(past):
        if getattr(issue, name) != final:
            break
        since = seq
    return since
