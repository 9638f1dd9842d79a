"""Stores that give back something else than they were given."""

import copy
from collections.abc import AsyncIterator
from typing import Any

import anyio.lowlevel
from attrs import evolve

from mutants.store._twin import Twin, after, broken, on_board, on_bodies, on_entries
from orket.contracts import Batch, CardRow, Document, Receipt, RunRow
from orket.errors import StoreConflictError
from orket.events import CardMoved, JournalEntry


def without_detail(_: Twin, entry: JournalEntry) -> JournalEntry:
    if isinstance(entry.record, CardMoved):
        return evolve(entry, record=evolve(entry.record, wait_detail=""))
    return entry


def in_ascii(text: str) -> str:
    return text.encode("ascii", "replace").decode()


class AsciiPayloads(Twin):
    async def payload(self, digest: str, /) -> str | None:
        found = await super().payload(digest)
        return found and in_ascii(found)


class NoTarget(Twin):
    async def load_run(self, run: str, /) -> RunRow | None:
        found = await super().load_run(run)
        return found and evolve(found, target=None)


class AnyCase(Twin):
    async def commit(self, batch: Batch, /) -> Receipt:
        documents = [evolve(it, kind=it.kind.lower()) for it in batch.documents]
        return await super().commit(evolve(batch, documents=tuple(documents)))

    async def find(self, kind: str, /, *, prefix: str = "") -> tuple[Document, ...]:
        found = await super().find(kind.lower(), prefix=prefix)
        return tuple([evolve(it, kind=kind) for it in found])


class ByTime(Twin):
    async def events(self, since: int = 0, /, **wanted: Any) -> AsyncIterator[JournalEntry]:
        found = [entry async for entry in super().events(since, **wanted)]
        for entry in sorted(found, key=lambda entry: entry.at):
            yield entry


class Wasteful(Twin):
    async def commit(self, batch: Batch, /) -> Receipt:
        try:
            return await super().commit(batch)
        except StoreConflictError:
            if batch.records and batch.changes:
                link = self.core._link
                self.core._link = link._replace(seq=link.seq + 1)
            raise


class CountsEarly(Twin):
    async def commit(self, batch: Batch, /) -> Receipt:
        first = self.core._link.seq + 1
        if len(batch.records) != 2 or self.knows(batch):
            return await super().commit(batch)
        await anyio.lowlevel.checkpoint()
        receipt = await super().commit(batch)
        return evolve(receipt, first_seq=first, last_seq=first + 1)


class KeepsParams(Twin):
    """Holds on to the very object that it was given."""

    async def commit(self, batch: Batch, /) -> Receipt:
        receipt = await super().commit(batch)
        for change in batch.changes:
            self.core.notes[batch.build, change.issue.id, change.issue.version] = change.issue.params
        return receipt

    async def load_board(self, build: str, /) -> tuple[CardRow, ...]:
        return tuple([self._kept(build, it) for it in await super().load_board(build)])

    def _kept(self, build: str, row: CardRow) -> CardRow:
        key = build, row.issue.id, row.issue.version
        params = copy.deepcopy(dict(self.core.notes.get(key, row.issue.params)))
        return evolve(row, issue=evolve(row.issue, params=params))


class Caches(Twin):
    async def commit(self, batch: Batch, /) -> Receipt:
        self.core.notes.clear()
        return await super().commit(batch)

    async def find(self, kind: str, /, *, prefix: str = "") -> tuple[Document, ...]:
        if (kind, prefix) not in self.core.notes:
            self.core.notes[kind, prefix] = await super().find(kind, prefix=prefix)
        found: tuple[Document, ...] = self.core.notes[kind, prefix]
        return found


class BoardByPrefix(Twin):
    async def load_board(self, build: str, /) -> tuple[CardRow, ...]:
        self.opened()
        builds = dict.fromkeys(of for of, _ in self.core._cards if of.startswith(build))
        boards = [await self.core.load_board(it) for it in builds]
        return tuple([row for board in boards for row in board])


class ReadsTwice(Twin):
    async def load_board(self, build: str, /) -> tuple[CardRow, ...]:
        found = await super().load_board(build)
        if len(found) != 2:
            return found
        return (found[0], (await super().load_board(build))[1])


MUTANTS = (
    broken("01", on_entries(without_detail), "drops a field of one type of record"),
    broken("02", on_entries(lambda _, it: evolve(it, at=round(it.at, 3))), "keeps times in milliseconds"),
    broken(
        "03",
        on_board(lambda rows: [evolve(it, issue=evolve(it.issue, created_at=0.0)) for it in rows]),
        "forgets when a card was created",
    ),
    broken(
        "04",
        on_bodies(
            lambda it: {key: value for key, value in it.items() if value is not None} if type(it) is dict else it
        ),
        "drops members that are null",
    ),
    broken("05", AsciiPayloads, "keeps payloads in ASCII"),
    broken("06", NoTarget, "forgets what a run was for"),
    broken(
        "07",
        on_bodies(lambda it: {in_ascii(key): value for key, value in it.items()} if type(it) is dict else it),
        "keeps the names of members in ASCII",
    ),
    broken("08", AnyCase, "compares kinds without regard to case"),
    broken(
        "09",
        on_bodies(
            lambda it: [float(n) if type(n) is int and abs(n) >= 2**63 else n for n in it] if type(it) is list else it
        ),
        "makes floats of integers beyond 64 bits",
    ),
    broken(
        "10",
        on_entries(lambda _, it: evolve(it, seq=it.seq + 1) if it.build == "of s" else it),
        "numbers a second build differently",
    ),
    broken(
        "11",
        after(lambda _, batch, it: evolve(it, first_seq=it.first_seq + 1) if len(batch.records) > 2 else it),
        "counts a long batch's records wrongly",
    ),
    broken("12", ByTime, "sorts entries by time"),
    broken("13", on_board(lambda rows: sorted(rows, key=lambda it: it.issue.id)), "sorts the board by id", "76"),
    broken("14", Wasteful, "takes numbers before it checks versions", "101"),
    broken("15", CountsEarly, "reads the number before it waits for its turn"),
    broken("16", KeepsParams, "keeps the caller's own dict"),
    broken("17", Caches, "gives all readers the same objects"),
    broken("18", BoardByPrefix, "finds builds by the beginning of their name"),
    broken("19", ReadsTwice, "reads a board in two steps"),
)
