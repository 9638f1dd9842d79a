"""Stores whose journal is read or proven wrongly."""

import hashlib
from collections.abc import AsyncIterator
from typing import Any

import anyio
import attrs
from attrs import evolve

from mutants.store._twin import Core, Twin, broken
from orket.contracts import Batch, JournalProof, Receipt
from orket.errors import JournalError, StoreError
from orket.events import JournalEntry


class SkipsToBatches(Twin):
    async def events(self, since: int = 0, /, **wanted: Any) -> AsyncIterator[JournalEntry]:
        self.opened()
        inside = [row.last_seq for row in self.rows() if row.first_seq <= since < row.last_seq]
        async for entry in super().events(inside[0] if inside else since, **wanted):
            yield entry


class RunsByPrefix(Twin):
    async def events(
        self, since: int = 0, /, *, run: str | None = None, build: str | None = None, card: str | None = None
    ) -> AsyncIterator[JournalEntry]:
        alone = run is not None and build is None and card is None
        async for entry in super().events(since, run=None if alone else run, build=build, card=card):
            if not alone or entry.run.startswith(run or ""):
                yield entry


class TwoFiltersAtMost(Twin):
    async def events(
        self, since: int = 0, /, *, run: str | None = None, build: str | None = None, card: str | None = None
    ) -> AsyncIterator[JournalEntry]:
        both = run is not None and build is not None
        async for entry in super().events(since, run=run, build=build, card=None if both else card):
            yield entry


class OnePage(Twin):
    async def events(self, since: int = 0, /, **wanted: Any) -> AsyncIterator[JournalEntry]:
        count = 0
        async for entry in super().events(since, **wanted):
            count += 1
            if count <= 256:
                yield entry


class Follows(Twin):
    async def events(self, since: int = 0, /, **wanted: Any) -> AsyncIterator[JournalEntry]:
        before = -1
        while before != since:
            before = since
            async for entry in super().events(since, **wanted):
                since = entry.seq
                yield entry


class KeepsCursors(Twin):
    """Frees what an iteration holds at its end only, and can hold a few."""

    async def events(self, since: int = 0, /, **wanted: Any) -> AsyncIterator[JournalEntry]:
        notes = self.core.notes
        notes["open"] = notes.get("open", 0) + 1
        async for entry in super().events(since, **wanted):
            yield entry
        notes["open"] -= 1

    async def commit(self, batch: Batch, /) -> Receipt:
        if self.core.notes.get("open", 0) > 3:
            raise StoreError("the journal is being read")
        return await super().commit(batch)


class EndsAtTheLastBatch(Twin):
    async def last_seq(self) -> int:
        self.opened()
        ends = [row.last_seq if row.first_seq <= row.last_seq else 0 for row in self.rows()]
        return ends[-1] if ends else 0


class WaitsForTheNext(Twin):
    async def wait(self, since: int, /) -> None:
        await super().wait(max(since, self.opened()._link.seq) if since == 0 else since)


class WakesAlways(Twin):
    """Wakes who waits at every commit."""

    def __init__(self, core: Core) -> None:
        super().__init__(core)
        self._moved = anyio.Event()

    def _wake(self) -> None:
        self._moved.set()
        self._moved = anyio.Event()

    async def commit(self, batch: Batch, /) -> Receipt:
        receipt = await super().commit(batch)
        self._wake()
        return receipt

    async def aclose(self) -> None:
        await super().aclose()
        self._wake()

    async def wait(self, since: int, /) -> None:
        if self.opened()._link.seq <= since:
            await self._moved.wait()
            self.opened()


class EndsQuietly(Twin):
    async def wait(self, since: int, /) -> None:
        self.opened()
        try:
            await super().wait(since)
        except StoreError:
            return


class CountsLongBatchesOnce(Twin):
    async def verify(self) -> JournalProof:
        proof = await super().verify()
        long = [row for row in self.rows() if row.last_seq - row.first_seq >= 2]
        return evolve(proof, records=proof.records - len(long))


class ChainsWithoutTime(Twin):
    async def verify(self) -> JournalProof:
        proof = await super().verify()
        said = [(row.op_id, row.run, row.build, row.card, row.body) for row in self.rows()]
        return attrs.evolve(proof, head=hashlib.sha256(repr(said).encode()).hexdigest())


class PassesOver(Twin):
    """Does not mind one of the things that verification finds."""

    words = ""

    async def verify(self) -> JournalProof:
        try:
            return await super().verify()
        except JournalError as error:
            if self.words not in str(error):
                raise
            return JournalProof(records=self.core._link.seq, head="0" * 64)


class PassesChanges(PassesOver):
    words = "do not have the hash"


class PassesGaps(PassesOver):
    words = "does not go on"


class TrustsOldPayloads(Twin):
    """Checks only payloads that it has written itself."""

    def __init__(self, core: Core) -> None:
        super().__init__(core)
        self._mine: set[str] = set()

    async def commit(self, batch: Batch, /) -> Receipt:
        self._mine.update(batch.payloads or ())
        return await super().commit(batch)

    async def verify(self) -> JournalProof:
        try:
            return await super().verify()
        except JournalError as error:
            if error.data.get("digest") in (None, *self._mine):
                raise
            return JournalProof(records=self.core._link.seq, head="0" * 64)


MUTANTS = (
    broken("73", SkipsToBatches, "goes on with the next batch"),
    broken("74", RunsByPrefix, "finds runs by the beginning of their name"),
    broken("75", TwoFiltersAtMost, "ignores a third filter"),
    broken("76", OnePage, "reads one page"),
    broken("77", Follows, "goes on while there is more"),
    broken("78", KeepsCursors, "keeps what an iteration holds until it has ended"),
    broken("101", EndsAtTheLastBatch, "says 0 after a batch without records"),
    broken("79", WaitsForTheNext, "waits for the next entry, whatever is there"),
    broken("80", WakesAlways, "wakes at every commit"),
    broken("81", EndsQuietly, "ends a wait as if there were more"),
    broken("82", CountsLongBatchesOnce, "miscounts batches of three records"),
    broken("83", ChainsWithoutTime, "leaves the time out of the hash"),
    broken("84", PassesChanges, "does not compare hashes"),
    broken("85", PassesGaps, "does not look for gaps"),
    broken("86", TrustsOldPayloads, "trusts payloads that it did not write"),
)
