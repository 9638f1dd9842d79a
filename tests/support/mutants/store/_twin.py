"""A store that keeps all rules, whose subclasses break one each."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

from attrs import evolve

from mutants import Mutant
from orket.contracts import Batch, CardRow, Document, JournalProof, Receipt, RunRow
from orket.errors import StoreConflictError, StoreError
from orket.events import JournalEntry
from orket.stores import MemoryStore
from orket.stores._changes import CardState
from orket.stores._journal import JournalRow


class Core(MemoryStore):
    """What all stores of one folder share. It outlasts them."""

    def __init__(self) -> None:
        super().__init__()
        self.users: list[Twin] = []
        self.notes: dict[Any, Any] = {}  # of a mutant
        self.count = 0


class Twin:
    """One of several stores of a folder; a subclass spoils it."""

    location: Path | None = None

    def __init__(self, core: Core) -> None:
        self.core = core
        self.is_open = False

    async def open(self) -> None:
        if self.is_open:
            raise StoreError("open already")
        if not self.core.users:
            await self.core.open()
        self.core.users.append(self)
        self.is_open = True

    async def aclose(self) -> None:
        if self.is_open:
            self.is_open = False
            self.core.users.remove(self)
            if not self.core.users:
                await self.core.aclose()

    def opened(self) -> Core:
        if not self.is_open:
            raise StoreError("not open")
        return self.core

    async def commit(self, batch: Batch, /) -> Receipt:
        return await self.opened().commit(batch)

    async def load_board(self, build: str, /) -> tuple[CardRow, ...]:
        return await self.opened().load_board(build)

    async def load_run(self, run: str, /) -> RunRow | None:
        return await self.opened().load_run(run)

    async def runs(self, build: str | None = None, /) -> tuple[RunRow, ...]:
        return await self.opened().runs(build)

    async def last_seq(self) -> int:
        return await self.opened().last_seq()

    async def events(
        self, since: int = 0, /, *, run: str | None = None, build: str | None = None, card: str | None = None
    ) -> AsyncIterator[JournalEntry]:
        async for entry in self.opened().events(since, run=run, build=build, card=card):
            yield entry

    async def wait(self, since: int, /) -> None:
        await self.opened().wait(since)

    async def payload(self, digest: str, /) -> str | None:
        return await self.opened().payload(digest)

    async def find(self, kind: str, /, *, prefix: str = "") -> tuple[Document, ...]:
        return await self.opened().find(kind, prefix=prefix)

    async def verify(self) -> JournalProof:
        return await self.opened().verify()

    def knows(self, batch: Batch) -> bool:
        """Return whether a batch was applied already."""
        return batch.op_id in self.core._operations

    def state(self, batch: Batch, card: str) -> CardState:
        """Return a card as it is now; one that is not there has version 0."""
        return self.core._cards.get((batch.build, card)) or CardState()

    def rows(self) -> Iterator[JournalRow]:
        """Return the rows of the journal."""
        return (JournalRow(*row) for row in self.core._journal)

    def fresh(self, op_id: str) -> str:
        """Return an op_id that nobody has used."""
        self.core.count += 1
        return f"{op_id} #{self.core.count}"


def before(spoil: Callable[[Any, Batch], Batch]) -> type[Twin]:
    """Return a store that spoils each new batch before it is committed."""

    class Before(Twin):
        async def commit(self, batch: Batch, /) -> Receipt:
            return await super().commit(batch if self.knows(batch) else spoil(self, batch))

    return Before


def each_change(spoil: Callable[..., Any]) -> type[Twin]:
    """Return a store that spoils changes: ``spoil(state, change, batch)``."""

    def change(store: Twin, batch: Batch) -> Batch:
        changes = [spoil(store.state(batch, it.issue.id), it, batch) for it in batch.changes]
        return evolve(batch, changes=tuple(changes))

    return before(change)


def each_claim(spoil: Callable[..., Any]) -> type[Twin]:
    """Return a store that spoils claims: ``spoil(state, claim, batch)``."""

    def change(store: Twin, batch: Batch) -> Batch:
        return evolve(batch, claims=tuple([spoil(store.state(batch, it.card), it, batch) for it in batch.claims]))

    return before(change)


def refusing(when: Callable[[Any, Batch], Any]) -> type[Twin]:
    """Return a store that refuses batches that it should grant."""

    def refuse(store: Twin, batch: Batch) -> Batch:
        if when(store, batch):
            raise StoreConflictError("refused", card="I-1", expected=None, found=None)
        return batch

    return before(refuse)


def after(spoil: Callable[[Any, Batch, Receipt], Receipt]) -> type[Twin]:
    """Return a store that spoils receipts."""

    class After(Twin):
        async def commit(self, batch: Batch, /) -> Receipt:
            return spoil(self, batch, await super().commit(batch))

    return After


def on_board(spoil: Callable[..., Any]) -> type[Twin]:
    """Return a store that spoils the rows of boards, all together."""

    class Board(Twin):
        async def load_board(self, build: str, /) -> tuple[CardRow, ...]:
            return tuple(spoil(await super().load_board(build)))

    return Board


def on_entries(spoil: Callable[[Any, JournalEntry], JournalEntry]) -> type[Twin]:
    """Return a store that spoils entries."""

    class Entries(Twin):
        async def events(self, since: int = 0, /, **wanted: Any) -> AsyncIterator[JournalEntry]:
            async for entry in super().events(since, **wanted):
                yield spoil(self, entry)

    return Entries


def on_bodies(spoil: Callable[[Any], Any]) -> type[Twin]:
    """Return a store that spoils the bodies of documents."""

    class Bodies(Twin):
        async def find(self, kind: str, /, *, prefix: str = "") -> tuple[Document, ...]:
            found = await super().find(kind, prefix=prefix)
            return tuple([evolve(it, body=spoil(it.body)) for it in found])

    return Bodies


def on_open(spoil: Callable[[Twin], None]) -> type[Twin]:
    """Return a store that spoils the record when it is opened."""

    class Opening(Twin):
        async def open(self) -> None:
            await super().open()
            spoil(self)

    return Opening


def _tamper(self: Any, folder: Path, what: str, seq: int) -> None:
    core: Core = vars(self)["cores"][folder]
    if what == "payload":
        core._payloads = dict.fromkeys(core._payloads, b"A")
        return
    rows = [JournalRow(*row) for row in core._journal]
    index = next(index for index, row in enumerate(rows) if row.first_seq == seq)
    row = rows.pop(index)
    if what == "entry":
        rows.insert(index, row._replace(body=row.body.replace("ann", "bob")))
    core._journal = rows


def broken(number: str, kind: type[Twin], how: str, *also: str) -> Mutant:
    """Return the mutant of a rule.

    Args:
        number: Of the rule.
        kind: The class of the store that breaks it.
        how: What is wrong with it.
        also: Numbers of rules that cannot but fail with it.
    """

    def make_store(self: Any, folder: Path) -> Twin:
        return kind(vars(self).setdefault("cores", {}).setdefault(folder, Core()))

    attributes = {
        "make_store": make_store,
        "tamper": _tamper,
        "tamperable": True,
        "patience": 0.2,
        "backends": ("asyncio",),  # that rules hold on both is seen with the stock stores
    }
    return Mutant(
        rule=f"store-{number}",
        make=lambda: kind(Core()),
        how=how,
        also=tuple([f"store-{it}" for it in also]),
        attributes=attributes,
    )
