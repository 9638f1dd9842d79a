"""The async face of a store whose storage blocks: writes go to one thread in groups, reads to worker threads."""

from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar, TypeVarTuple

import anyio
import anyio.lowlevel
from anyio import CapacityLimiter, to_thread

from orket.contracts import Batch, CardRow, Document, JournalProof, Receipt, RunRow
from orket.errors import StoreError
from orket.events import Digest, JournalEntry
from orket.stores._account import Account
from orket.stores._journal import Selection
from orket.stores._prepare import payload_key, prepare
from orket.stores._progress import Progress
from orket.stores._writer import Answer, Books, Wake, Writer

READERS = 4  # worker threads, and so connections, that read at once
T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Database(Books, Protocol):
    """Blocking storage. ``write`` and ``tidy`` are called by one thread; everything else by any, several at once.

    What reads ends its read transaction before it returns: nothing stays open while a consumer is away.
    """

    def last_seq(self) -> int:
        """Return the ``seq`` of the last record; 0 without any."""
        ...

    def board(self, build: str, /) -> tuple[CardRow, ...]:
        """Return the cards of a build, in the order they joined."""
        ...

    def runs(self, run: str | None, build: str | None, /) -> tuple[RunRow, ...]:
        """Return the runs that match, oldest first."""
        ...

    def page(self, since: int, end: int, wanted: Selection, /) -> tuple[list[JournalEntry], int]:
        """Return some wanted entries with *since* < ``seq`` <= *end*, and the ``seq`` to go on after."""
        ...

    def payload(self, key: bytes, /) -> str | None:
        """Return a payload's text, or None."""
        ...

    def find(self, kind: str, prefix: str, /) -> tuple[Document, ...]:
        """Return the documents of a kind whose key begins with *prefix*."""
        ...

    def check_journal(self, account: Account, /) -> bool:
        """Follow the chain over some more rows; return whether there were any."""
        ...

    def check_payloads(self, place: int, /) -> int | None:
        """Check some more payloads; return the place to go on after, or None."""
        ...

    def check_rest(self, account: Account, /) -> None:
        """Follow the chain to its end, and check what is stored beside it as of then; texts of payloads excepted."""
        ...


class ThreadedStore:
    """A :class:`orket.contracts.Store` over a :class:`Database`; a subclass says how to connect."""

    def __init__(self) -> None:
        self._database: Database | None = None
        self._writer: Writer | None = None
        self._progress = Progress()

    @property
    def location(self) -> Path | None:
        """The database file, or None."""
        return None

    def _connect(self) -> Database:
        """Return the open database. Called in a worker thread."""
        raise NotImplementedError

    async def open(self) -> None:
        """Open it, migrating older schemas.

        Raises:
            StoreVersionError: the database was written by a newer orket.
            StoreError: it cannot be opened, or is open already.
        """
        if self._database is not None:
            raise StoreError("the store is open already; one instance serves one orchestrator")
        self._readers = CapacityLimiter(READERS)
        self._progress = Progress()
        await to_thread.run_sync(self._start, _wake(anyio.lowlevel.current_token().native_token))

    def _start(self, wake: Wake) -> None:
        database = self._connect()
        try:
            self._progress.seq = database.last_seq()
        except BaseException:
            database.close()
            raise
        self._writer = self._start_writer(database, wake)
        self._database = database

    def _start_writer(self, database: Database, wake: Wake) -> Writer:
        """Return what writes, already at work."""
        return Writer(database, wake=wake, answered=self._answered)

    def _answered(self, answers: Sequence[Answer]) -> None:
        self._progress.advance(max([answer.last_seq for answer in answers if isinstance(answer, Receipt)], default=0))

    async def aclose(self) -> None:
        """Finish every commit that was begun, and close. Safe to call twice."""
        writer = self._writer
        if writer is None:
            return
        writer.stop()
        with anyio.CancelScope(shield=True):
            # Its own limiter: worker threads that other work holds must not keep a store from closing.
            await to_thread.run_sync(writer.join, limiter=CapacityLimiter(1))
        self._progress.close()
        if self._writer is writer:  # whoever closed at the same time may have opened it again
            self._database = self._writer = None

    async def commit(self, batch: Batch, /) -> Receipt:
        """Apply *batch* whole or not at all; return when it is durable. See :class:`orket.contracts.Store`."""
        if self._writer is None:
            raise _not_open()
        group, place = self._writer.submit(prepare(batch))
        await group.done.wait()
        answer = group.answers[place]
        if isinstance(answer, Receipt):
            return answer
        raise answer

    async def load_board(self, build: str, /) -> tuple[CardRow, ...]:
        """Return all cards of a build, in the order they joined."""
        return await self._read(self._open().board, build)

    async def load_run(self, run: str, /) -> RunRow | None:
        """Return a run, or None."""
        found = await self._read(self._open().runs, run, None)
        return found[0] if found else None

    async def runs(self, build: str | None = None, /) -> tuple[RunRow, ...]:
        """Return the runs of a build (None: of all), oldest first."""
        return await self._read(self._open().runs, None, build)

    async def last_seq(self) -> int:
        """Return the ``seq`` of the last stored entry, whichever instance committed it; 0 without any."""
        return await self._read(self._open().last_seq)

    async def events(
        self, since: int = 0, /, *, run: str | None = None, build: str | None = None, card: str | None = None
    ) -> AsyncIterator[JournalEntry]:
        """Iterate over the stored entries with ``seq`` > *since* that match, in order, to the present end."""
        wanted = Selection(run=run, build=build, card=card)
        end = await self.last_seq()
        while since < end:
            page, since = await self._read(self._open().page, since, end, wanted)
            for entry in page:
                yield entry

    async def wait(self, since: int, /) -> None:
        """Return as soon as an entry with ``seq`` > *since* is stored.

        Sees what was there when the store was opened and what this instance commits, not what others do.
        """
        self._open()
        await self._progress.wait(since)

    async def payload(self, digest: Digest, /) -> str | None:
        """Return a payload's text, or None."""
        return await self._read(self._open().payload, payload_key(digest))

    async def find(self, kind: str, /, *, prefix: str = "") -> tuple[Document, ...]:
        """Return the documents of a kind whose key begins with *prefix*, in the order of their keys."""
        return await self._read(self._open().find, kind, prefix)

    async def verify(self) -> JournalProof:
        """Check the whole hash chain, every payload's digest, every row of every other table, and the file's structure.

        Raises:
            JournalError: naming the first entry that does not hold; ``seq`` is 0 for what is no entry.
        """
        database = self._open()
        account = Account()
        while await self._read(database.check_journal, account):
            pass
        place: int | None = 0
        while place is not None:
            place = await self._read(database.check_payloads, place)
        await self._read(database.check_rest, account)
        return JournalProof(records=account.link.seq, head=account.link.head)

    async def _read(self, function: Callable[[*Ts], T], *args: *Ts) -> T:
        return await to_thread.run_sync(function, *args, limiter=self._readers)

    def _open(self) -> Database:
        if self._database is None:
            raise _not_open()
        return self._database


def _not_open() -> StoreError:
    return StoreError("the store is not open; await store.open() first")


def _wake(native: Any) -> Wake:
    """Return what runs a function soon on this event loop: trio's token and asyncio's loop name it differently."""
    soon: Wake | None = getattr(native, "run_sync_soon", None)
    return native.call_soon_threadsafe if soon is None else soon
