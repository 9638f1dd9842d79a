"""Stores that apply a batch in part, or twice."""

from contextlib import suppress
from typing import Any

import anyio.lowlevel
from attrs import evolve

from mutants.store._twin import Twin, before, broken
from orket.contracts import Batch, Receipt
from orket.errors import StoreConflictError

NOTHING: dict[str, Any] = {
    "records": (),
    "changes": (),
    "claims": (),
    "releases": (),
    "documents": (),
    "payloads": None,
    "run_row": None,
    "turns": 0,
    "tokens": 0,
}


class Leaves(Twin):
    """Keeps some parts of a batch that it refuses."""

    parts: tuple[str, ...] = ()

    async def commit(self, batch: Batch, /) -> Receipt:
        try:
            return await super().commit(batch)
        except StoreConflictError:
            if batch.releases and batch.records:
                kept = {name: getattr(batch, name) for name in self.parts}
                with suppress(StoreConflictError):
                    await super().commit(evolve(batch, op_id=self.fresh(batch.op_id), **{**NOTHING, **kept}))
            raise


class LeavesRecords(Leaves):
    parts = ("records",)


class LeavesClaims(Leaves):
    parts = ("claims",)


class LeavesDocuments(Leaves):
    parts = ("documents",)


class RemembersRefused(Twin):
    async def commit(self, batch: Batch, /) -> Receipt:
        if batch.op_id in self.core.notes:
            return Receipt(first_seq=0, last_seq=0, tokens={})
        try:
            return await super().commit(batch)
        except StoreConflictError:
            self.core.notes[batch.op_id] = True
            raise


class RaisesAnything(Twin):
    async def commit(self, batch: Batch, /) -> Receipt:
        if batch.at != batch.at:
            raise ValueError("not a time")
        return await super().commit(batch)


class FailsTogether(Twin):
    """Refuses whatever is under way together with a batch that conflicts."""

    async def commit(self, batch: Batch, /) -> Receipt:
        notes = self.core.notes
        if len(batch.records) != 1 or batch.claims:
            return await super().commit(batch)
        notes["flying"] = notes.get("flying", 0) + 1
        try:
            await anyio.lowlevel.checkpoint()
            if notes.get("poisoned", 0):
                notes["poisoned"] -= 1
                raise StoreConflictError("another failed", card="", expected=None, found=None)
            return await super().commit(batch)
        except StoreConflictError as conflict:
            if conflict.card:
                notes["poisoned"] = notes["flying"] - 1
            raise
        finally:
            notes["flying"] -= 1


def is_late(store: Twin, batch: Batch) -> bool:
    return any(it.expected > store.state(batch, it.issue.id).version for it in batch.changes)


class ChecksBeforeItKnows(Twin):
    async def commit(self, batch: Batch, /) -> Receipt:
        if self.knows(batch) and is_late(self, batch):
            raise StoreConflictError("late", card="I-1", expected=None, found=None)
        return await super().commit(batch)


class PutsAgain(Twin):
    async def commit(self, batch: Batch, /) -> Receipt:
        if self.knows(batch) and batch.documents:
            again = evolve(batch, op_id=self.fresh(batch.op_id), **{**NOTHING, "documents": batch.documents})
            await super().commit(again)
        return await super().commit(batch)


class KnowsRecordsOnly(Twin):
    async def commit(self, batch: Batch, /) -> Receipt:
        return await super().commit(batch if batch.records else evolve(batch, op_id=self.fresh(batch.op_id)))


class KnowsOfBuilds(Twin):
    async def commit(self, batch: Batch, /) -> Receipt:
        own = evolve(batch, op_id=f"{batch.build}/{batch.op_id}")
        return await super().commit(own if batch.build == "another" else batch)


class KnowsTooEarly(Twin):
    """Looks whether it knows a batch, and waits before it writes it."""

    async def commit(self, batch: Batch, /) -> Receipt:
        if batch.records and batch.claims and not self.knows(batch):
            await anyio.lowlevel.checkpoint()
            if self.knows(batch):
                batch = evolve(batch, op_id=self.fresh(batch.op_id))
        return await super().commit(batch)


class TellsNobody(Twin):
    async def commit(self, batch: Batch, /) -> Receipt:
        return evolve(await super().commit(batch), repeated=False)


MUTANTS = (
    broken(
        "49",
        before(lambda _, it: evolve(it, payloads=None) if it.releases else it),
        "forgets payloads beside a release",
    ),
    broken("50", LeavesRecords, "writes records before it checks"),
    broken("51", LeavesClaims, "keeps the claims of a batch that it refuses"),
    broken("52", LeavesDocuments, "keeps the documents of a batch that it refuses"),
    broken("53", RemembersRefused, "remembers the op_id of what it refused"),
    broken("54", RaisesAnything, "raises ValueError"),
    broken("55", FailsTogether, "fails all batches of a moment together"),
    broken("56", ChecksBeforeItKnows, "checks versions before it looks for the op_id"),
    broken("57", PutsAgain, "puts the documents of a known batch again"),
    broken("58", KnowsRecordsOnly, "knows only batches with records", "100", "101"),
    broken("59", KnowsOfBuilds, "knows an op_id in one build only"),
    broken("60", KnowsTooEarly, "waits between the look for the op_id and the write", "100"),
    broken("100", TellsNobody, "does not say that a batch was applied before", "90", "93"),
)
