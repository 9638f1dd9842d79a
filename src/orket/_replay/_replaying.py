"""Fold a whole journal, and compare what comes out with what is stored."""

from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Sequence
from typing import Final

import anyio.lowlevel
from attrs import evolve

from orket._replay._fold import Disagreement, Fold, Replay, first_of
from orket.contracts import Store
from orket.errors import JournalError, RunError, StoreError
from orket.events import JournalEntry

_PAUSE_EVERY: Final = 200  # records between two checkpoints of the event loop


async def replay(journal: Store | AsyncIterable[JournalEntry] | Iterable[JournalEntry]) -> Replay:
    """Fold a journal to the boards that its records lead to, without calling a node, a model or a tool.

    Args:
        journal: An open store, whose records are compared with the hash chain and with the stored cards; or entries,
            of a whole journal or of whole builds of it, in their order: they can only disagree with each other.

    Returns:
        The boards, and the first record that the rest does not agree with. Of a store that is the record which was
        changed. Of entries alone it is the first one that does not fit those before it.

    Raises:
        StoreError: the store could not be read.
        RunError: what was given is no journal.
    """
    fold = Fold()
    if not isinstance(journal, Store):
        await _add(fold, journal)
        return fold.result()
    broken = await _broken(journal)
    try:
        await _add(fold, journal.events())
        stored = await _compare(fold, journal)
        while await _add(fold, journal.events(fold.last_seq)):  # what was committed meanwhile is in the cards, too
            stored = await _compare(fold, journal)
    except StoreError as error:
        if broken is None:
            raise
        return fold.result(_unreadable(fold, broken, error))
    found = [*fold.disagreements, *stored]
    return fold.result(first_of(found) if broken is None else _located(fold, broken, found))


async def _broken(store: Store) -> JournalError | None:
    """Return what breaks the chain; what is wrong with rows that are no records is not what a fold is about."""
    try:
        await store.verify()
    except JournalError as error:
        return error if error.seq else None
    return None


def _located(fold: Fold, broken: JournalError, found: Sequence[Disagreement]) -> Disagreement:
    """Return which record of the row that breaks the chain was changed, as far as other records or cards tell.

    The chain covers whole rows: the records of one commit. The one that the most others contradict was changed.
    """
    if (before := _before(fold, broken)) is not None:
        return before
    votes: Counter[int] = Counter()
    said: dict[int, Disagreement] = {}
    for one in found:
        past = fold.pasts.get(one.build, {}).get(one.card, [])
        for seq in {one.seq, *[seq for seq, _ in past]}.intersection(_row(broken)):
            votes[seq] += 1
            said.setdefault(seq, one)
    if not votes:
        return _one_of(broken, _row(broken))
    seq = max(votes, key=lambda one: (votes[one], one))
    return evolve(said[seq], seq=seq, last=seq, detail=f"{said[seq].detail}; {broken.message}")


def _unreadable(fold: Fold, broken: JournalError, error: StoreError) -> Disagreement:
    """Return the record that cannot be read: the next one, where what broke the chain reaches as far."""
    row, following = _row(broken), fold.last_seq + 1
    found = _one_of(broken, range(following, following + 1) if following in row else row)
    return _before(fold, broken) or evolve(found, detail=f"{found.detail}; {error.message}")


def _before(fold: Fold, broken: JournalError) -> Disagreement | None:
    """Return what the records before the broken chain disagree about among themselves."""
    return first_of([one for one in fold.disagreements if one.seq < broken.seq])


def _row(broken: JournalError) -> range:
    return range(broken.seq, max(broken.seq, broken.last) + 1)


def _one_of(broken: JournalError, row: range) -> Disagreement:
    return Disagreement(seq=row[0], last=row[-1], build="", card="", detail=broken.message)


async def _compare(fold: Fold, store: Store) -> list[Disagreement]:
    """Return the records that the stored cards do not agree with."""
    found: list[Disagreement] = []
    for build in dict.fromkeys([*fold.pasts, *[row.build for row in await store.runs()]]):
        rows = await store.load_board(build)
        for count, disagreement in enumerate(fold.compare(build, [row.issue for row in rows])):
            if disagreement is not None:
                found.append(disagreement)
            if count % _PAUSE_EVERY == 0:
                await anyio.lowlevel.checkpoint()
    return found


async def _add(fold: Fold, entries: AsyncIterable[JournalEntry] | Iterable[JournalEntry]) -> int:
    count = 0
    async for entry in _each(entries):
        fold.add(entry)
        count += 1
        if count % _PAUSE_EVERY == 0:
            await anyio.lowlevel.checkpoint()
    return count


async def _each(entries: object) -> AsyncIterator[JournalEntry]:
    if isinstance(entries, AsyncIterable):
        async for entry in entries:
            yield _checked(entry)
    elif isinstance(entries, Iterable):
        for entry in entries:
            yield _checked(entry)
    else:
        _checked(entries)


def _checked(entry: object) -> JournalEntry:
    """Return what is an entry.

    Raises:
        RunError: it is none.
    """
    if isinstance(entry, JournalEntry):
        return entry
    raise RunError(f"replay found {entry!r:.80}; valid: an open store, or the entries of a journal")
