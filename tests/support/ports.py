"""Doubles of ports: stores that fail or wait where a test says so."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import orket
from orket.contracts import Batch, CardRow, Document, JournalEntry, JournalProof, Receipt, RunRow, Store
from orket.errors import StoreError


class StoreDouble:
    """A store in front of a real one; *around* stands around each commit and may do what it likes."""

    def __init__(
        self,
        inner: Store | None = None,
        around: Callable[[Batch, Callable[[], Awaitable[Receipt]]], Awaitable[Receipt]] | None = None,
    ) -> None:
        self.inner = inner or orket.MemoryStore()
        self._around = around

    @property
    def location(self) -> Path | None:
        return self.inner.location

    async def open(self) -> None:
        await self.inner.open()

    async def aclose(self) -> None:
        await self.inner.aclose()

    async def commit(self, batch: Batch, /) -> Receipt:
        if self._around is None:
            return await self.inner.commit(batch)
        return await self._around(batch, lambda: self.inner.commit(batch))

    async def load_board(self, build: str, /) -> tuple[CardRow, ...]:
        return await self.inner.load_board(build)

    async def load_run(self, run: str, /) -> RunRow | None:
        return await self.inner.load_run(run)

    async def runs(self, build: str | None = None, /) -> tuple[RunRow, ...]:
        return await self.inner.runs(build)

    async def last_seq(self) -> int:
        return await self.inner.last_seq()

    def events(self, since: int = 0, /, **wanted: Any) -> AsyncIterator[JournalEntry]:
        return self.inner.events(since, **wanted)

    async def wait(self, since: int, /) -> None:
        await self.inner.wait(since)

    async def payload(self, digest: str, /) -> str | None:
        return await self.inner.payload(digest)

    async def find(self, kind: str, /, *, prefix: str = "") -> tuple[Document, ...]:
        return await self.inner.find(kind, prefix=prefix)

    async def verify(self) -> JournalProof:
        return await self.inner.verify()


class Shared(StoreDouble):
    """One of several faces of a store that is open already; once ``dead``, nothing of its orchestrator is written."""

    def __init__(self, inner: Any) -> None:
        super().__init__(inner, self._unless_dead)
        self.dead = False

    async def open(self) -> None:
        pass

    async def aclose(self) -> None:
        pass

    async def _unless_dead(self, _batch: Batch, commit: Callable[[], Awaitable[Receipt]]) -> Receipt:
        if self.dead:
            raise StoreError("dead")
        return await commit()
