"""A store in front of another one, with one place where every call passes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from orket.contracts import Batch, CardRow, Document, JournalEntry, JournalProof, Receipt, RunRow, Store
from orket.events import Digest

T = TypeVar("T")


class FrontStore:
    """Hand every verb on to *inner*; a subclass stands around the calls by :meth:`around`.

    Closing is not a call that may fail: it passes by.

    Args:
        inner: The store behind; it is opened and closed with this one.
    """

    def __init__(self, inner: Store) -> None:
        self.inner = inner

    @property
    def location(self) -> Path | None:
        """Where the store behind keeps its file."""
        return self.inner.location

    async def around(self, verb: str, call: Callable[[], Awaitable[T]], batch: Batch | None = None) -> T:  # noqa: ARG002 - subclasses ask
        """Make a call.

        Args:
            verb: Its name.
            call: What makes it, at most once.
            batch: What is committed; None for every other verb.
        """
        return await call()

    async def open(self) -> None:
        """Open the store behind."""
        await self.around("open", self.inner.open)

    async def aclose(self) -> None:
        """Close the store behind."""
        await self.inner.aclose()

    async def commit(self, batch: Batch, /) -> Receipt:
        """Commit."""
        return await self.around("commit", partial(self.inner.commit, batch), batch)

    async def load_board(self, build: str, /) -> tuple[CardRow, ...]:
        """Return the cards of a build."""
        return await self.around("load_board", partial(self.inner.load_board, build))

    async def load_run(self, run: str, /) -> RunRow | None:
        """Return a run, or None."""
        return await self.around("load_run", partial(self.inner.load_run, run))

    async def runs(self, build: str | None = None, /) -> tuple[RunRow, ...]:
        """Return the runs of a build."""
        return await self.around("runs", partial(self.inner.runs, build))

    async def last_seq(self) -> int:
        """Return the ``seq`` of the last stored entry; 0 without any."""
        return await self.around("last_seq", self.inner.last_seq)

    async def events(self, since: int = 0, /, **wanted: Any) -> AsyncIterator[JournalEntry]:
        """Iterate over the stored entries; they are read in one go, so that this is one call like the others."""

        async def read() -> list[JournalEntry]:
            return [entry async for entry in self.inner.events(since, **wanted)]

        for entry in await self.around("events", read):
            yield entry

    async def wait(self, since: int, /) -> None:
        """Wait for more entries."""
        await self.around("wait", partial(self.inner.wait, since))

    async def payload(self, digest: Digest, /) -> str | None:
        """Return a payload's text, or None."""
        return await self.around("payload", partial(self.inner.payload, digest))

    async def find(self, kind: str, /, *, prefix: str = "") -> tuple[Document, ...]:
        """Return documents."""
        return await self.around("find", partial(self.inner.find, kind, prefix=prefix))

    async def verify(self) -> JournalProof:
        """Check the whole chain."""
        return await self.around("verify", self.inner.verify)
