"""Stores that forget, that trust only themselves, or that leave work undone."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
from attrs import evolve

from mutants.store._twin import Core, Twin, broken, on_open
from orket.contracts import Batch, Claim, Document, Receipt
from orket.events import JournalEntry


class ForgetsCards(Twin):
    """Does not know any more which card an entry was about."""

    async def open(self) -> None:
        await super().open()
        self._before = self.core._link.seq

    async def events(self, since: int = 0, /, **wanted: Any) -> AsyncIterator[JournalEntry]:
        async for entry in super().events(since, **wanted):
            yield evolve(entry, card=None) if entry.seq <= self._before else entry


def forgets_claims(store: Twin) -> None:
    for state in store.core._cards.values():
        state.owner, state.until = None, 0.0


class ShowsOwnDocuments(Twin):
    """Shows a document only to the instance that has put it, while that one is open."""

    async def commit(self, batch: Batch, /) -> Receipt:
        receipt = await super().commit(batch)
        self.core.notes.update({(it.kind, it.key): self for it in batch.documents})
        return receipt

    async def find(self, kind: str, /, *, prefix: str = "") -> tuple[Document, ...]:
        found = await super().find(kind, prefix=prefix)
        return tuple([it for it in found if self._may_see(self.core.notes[it.kind, it.key])])

    def _may_see(self, writer: Twin) -> bool:
        return writer is self or not writer.is_open


class OwnClaimsOnly(Twin):
    """Takes no notice of claims that another open instance has granted."""

    async def commit(self, batch: Batch, /) -> Receipt:
        receipt = await super().commit(evolve(batch, claims=tuple([self._blind(batch, it) for it in batch.claims])))
        self.core.notes.update({(batch.build, it.card): self for it in batch.claims})
        return receipt

    def _blind(self, batch: Batch, claim: Claim) -> Claim:
        by = self.core.notes.get((batch.build, claim.card), self)
        return evolve(claim, now=1e18) if by is not self and by.is_open and claim.token is None else claim


class OwnOpIdsOnly(Twin):
    async def commit(self, batch: Batch, /) -> Receipt:
        by = self.core.notes.setdefault(batch.op_id, self)
        own = by is self or not by.is_open
        return await super().commit(batch if own else evolve(batch, op_id=self.fresh(batch.op_id)))


class OwnNumbers(Twin):
    """Counts records by itself."""

    async def open(self) -> None:
        await super().open()
        self._seq = self.core._link.seq

    async def commit(self, batch: Batch, /) -> Receipt:
        known = self.knows(batch)
        receipt = await super().commit(batch)
        if known or not batch.records or len(self.core.users) == 1:
            return receipt
        first, self._seq = self._seq + 1, self._seq + len(batch.records)
        return evolve(receipt, first_seq=first, last_seq=self._seq)


class OwnEnd(Twin):
    """Looks where the record ends when it is opened, and counts on from there."""

    async def open(self) -> None:
        await super().open()
        self._end = await super().last_seq()

    async def commit(self, batch: Batch, /) -> Receipt:
        receipt = await super().commit(batch)
        self._end = max(self._end, receipt.last_seq)
        return receipt

    async def last_seq(self) -> int:
        self.opened()
        return self._end


class InTwoSteps(Twin):
    """Writes documents after the rest."""

    async def commit(self, batch: Batch, /) -> Receipt:
        if not (batch.documents and batch.changes) or self.knows(batch):
            return await super().commit(batch)
        receipt = await super().commit(evolve(batch, documents=()))
        rest = Batch(op_id=self.fresh(batch.op_id), run=batch.run, build=batch.build, at=batch.at)
        await super().commit(evolve(rest, documents=batch.documents))
        return receipt


def is_one_comment(batch: Batch) -> bool:
    return len(batch.records) == 1 and not batch.changes and not batch.claims


class LeavesWithItsCaller(Twin):
    """Waits for its turn in the caller's task."""

    def __init__(self, core: Core) -> None:
        super().__init__(core)
        self._waiting = 0

    async def commit(self, batch: Batch, /) -> Receipt:
        if not self.is_open or not is_one_comment(batch):
            return await super().commit(batch)
        self._waiting += 1
        try:
            for _ in range(10):
                await anyio.lowlevel.checkpoint()
            return await super().commit(batch)
        finally:
            self._waiting -= 1

    async def aclose(self) -> None:
        while self._waiting:
            await anyio.lowlevel.checkpoint()
        await super().aclose()


class ClosesAtOnce(Twin):
    """Does not wait for what was begun."""

    async def commit(self, batch: Batch, /) -> Receipt:
        if self.is_open and is_one_comment(batch):
            with anyio.CancelScope(shield=True):
                for _ in range(10):
                    await anyio.lowlevel.checkpoint()
                return await super().commit(batch)
        return await super().commit(batch)


class OpensTwice(Twin):
    async def open(self) -> None:
        if not self.is_open:
            await super().open()


class Elsewhere(Twin):
    location = Path("record")


MUTANTS = (
    broken("87", ForgetsCards, "forgets which card an entry is about when it is closed"),
    broken("88", on_open(forgets_claims), "forgets claims when it is closed"),
    broken("89", on_open(lambda store: store.core._charges.clear()), "forgets charges when it is closed"),
    broken("90", on_open(lambda store: store.core._operations.clear()), "forgets op_ids when it is closed", "86", "87"),
    broken("91", ShowsOwnDocuments, "shows documents to the instance that put them"),
    broken("92", OwnClaimsOnly, "knows only its own claims"),
    broken("93", OwnOpIdsOnly, "knows only its own op_ids"),
    broken("94", OwnNumbers, "counts records by itself"),
    broken("102", OwnEnd, "counts from what it found when it was opened, and its own commits"),
    broken("95", InTwoSteps, "writes documents in a second step"),
    broken("96", LeavesWithItsCaller, "waits in the caller's task"),
    broken("97", ClosesAtOnce, "closes while commits wait"),
    broken("98", OpensTwice, "can be opened twice"),
    broken("99", Elsewhere, "names a location that depends on the working directory"),
)
