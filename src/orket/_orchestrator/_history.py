"""The entries about a card, with the one that is committed with others: how it joined its board."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable

from orket._orchestrator._builds import builds_of
from orket.contracts import Store
from orket.events import CardAdded, CardAdopted, JournalEntry, RunStarted


def history(
    store: Store, since: int, *, run: str | None, build: str | None, card: str | None
) -> AsyncIterator[JournalEntry]:
    """Iterate over the entries with ``seq`` > *since* that match, those about a card with the one that added it."""
    if card is None:
        return store.events(since, run=run, build=build)
    return _about(store, card, since, run=run, build=build)


async def _about(
    store: Store, card: str, since: int, *, run: str | None, build: str | None
) -> AsyncIterator[JournalEntry]:
    """Iterate over the entries about a card.

    A card joins in a commit about others: with the rest of its epic, or in the turn of the issue that asked for it.
    """
    joined = [
        entry
        for name in await _homes(store, card, build)
        for entry in await joining(store, name, card)
        if entry.seq > since and run in (None, entry.run)
    ]
    joined.sort(key=lambda entry: entry.seq, reverse=True)
    entries = store.events(since, run=run, build=build, card=card)
    try:
        async for entry in entries:
            while joined and joined[-1].seq < entry.seq:
                yield joined.pop()
            yield entry
        while joined:
            yield joined.pop()
    finally:
        await close_entries(entries)


async def joining(store: Store, build: str, card: str) -> list[JournalEntry]:
    """Return the entry with which a card joined a board: one or none, where the record names the card itself."""

    def fits(entry: JournalEntry) -> bool:
        if isinstance(entry.record, CardAdded):
            return card in (entry.card, entry.record.issue.id)
        return entry.card == card and not isinstance(entry.record, CardAdopted)  # an orphan is adopted before it joins

    found = await first_entry(store, fits, build=build)
    return [] if found is None or found.card == card else [found]


async def first_entry(
    store: Store, fits: Callable[[JournalEntry], bool], *, build: str | None = None, run: str | None = None
) -> JournalEntry | None:
    """Return the first entry of a build or run that fits, or None."""
    entries = store.events(0, build=build, run=run)
    try:
        async for entry in entries:
            if fits(entry):
                return entry
        return None
    finally:
        await close_entries(entries)


async def beginning(store: Store, run: str) -> RunStarted | None:
    """Return the record with which a run began, or None."""
    found = await first_entry(store, lambda entry: isinstance(entry.record, RunStarted), run=run)
    return found.record if found is not None and isinstance(found.record, RunStarted) else None


async def _homes(store: Store, card: str, build: str | None) -> list[str]:
    """Return the builds whose boards have a card."""
    return [
        name
        for name in await builds_of(store, build)
        if any(row.issue.id == card for row in await store.load_board(name))
    ]


async def close_entries(entries: AsyncIterator[JournalEntry]) -> None:
    """Close an iteration that may not have come to its end."""
    if isinstance(entries, AsyncGenerator):  # it may hold a page of the file
        await entries.aclose()
