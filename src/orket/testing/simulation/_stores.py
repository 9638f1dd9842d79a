"""Where processes find their store: one in memory that all share, or a file that each opens for itself."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, Literal, Protocol, TypeAlias

import anyio
import anyio.lowlevel

from orket.contracts import Store
from orket.stores import MemoryStore, SQLiteStore
from orket.stores._threaded import Database
from orket.stores._writer import Answer, Group, Wake, Writer
from orket.testing.simulation._threads import MACHINE, Machine

StoreKind: TypeAlias = Literal["memory", "sqlite"]


class Stores(Protocol):
    """How processes come to a store, and leave it."""

    is_shared: bool  # all processes have the very same one

    def connect(self) -> Store:
        """Return the store of a new process."""
        ...

    async def open(self, store: Store) -> None:
        """Open it, as the process sees it."""
        ...

    async def close(self, store: Store) -> None:
        """Close it, as the process sees it."""
        ...

    def abandon(self, store: Store) -> None:
        """Do to it what the end of its process does."""
        ...

    async def last(self) -> Store:
        """Return the store to be looked at when all processes are gone, open."""
        ...


class SharedMemory:
    """A store in memory, as behind a network: it outlives every process."""

    is_shared = True

    def __init__(self, _folder: Path) -> None:
        self._store = MemoryStore()
        self._is_open = False

    def connect(self) -> Store:
        """Return the one."""
        return self._store

    async def open(self, store: Store) -> None:
        """Open it once."""
        if not self._is_open:
            self._is_open = True
            await store.open()
        await anyio.lowlevel.checkpoint()

    async def close(self, store: Store) -> None:
        """Leave it open."""

    def abandon(self, store: Store) -> None:
        """Leave it open."""

    async def last(self) -> Store:
        """Return the one."""
        await self.open(self._store)
        return self._store


class SharedFile:
    """A file of SQLite, which each process opens with connections of its own."""

    is_shared = False

    def __init__(self, folder: Path) -> None:
        self._path = folder / "journal.db"

    def connect(self) -> Store:
        """Return a new way to the file."""
        return SimulatedSQLiteStore(self._path, durability="process")

    async def open(self, store: Store) -> None:
        """Open the file."""
        await store.open()

    async def close(self, store: Store) -> None:
        """Close the file."""
        await store.aclose()

    def abandon(self, store: Store) -> None:
        """Let go of the file, as the end of a process does."""
        assert isinstance(store, SimulatedSQLiteStore)
        store.abandon()

    async def last(self) -> Store:
        """Return a new way to the file."""
        store = self.connect()
        await store.open()
        return store


class SimulatedSQLiteStore(SQLiteStore):
    """A store whose writer is a task of the event loop, and no thread."""

    def _start_writer(self, database: Database, wake: Wake) -> Writer:  # noqa: ARG002 - of threads
        machine = MACHINE.get()

        def soon(function: Callable[[], None]) -> None:
            machine.group.start_soon(_call, function)

        return WriterTask(database, wake=soon, answered=self._answered)

    def abandon(self) -> None:
        """Write nothing more, and close every connection."""
        if isinstance(self._writer, WriterTask):
            self._writer.abandon()
            self._progress.close()
            self._database = self._writer = None


async def _call(function: Callable[[], None]) -> None:
    function()


class WriterTask(Writer):
    """What the writing thread does, in steps of a task."""

    _machine: Machine

    def _start(self) -> None:
        self._machine = MACHINE.get()
        self._arrived = anyio.Event()
        self._is_closed = False
        self._machine.group.start_soon(self._write_on)

    def _pass_on(self) -> None:
        super()._pass_on()
        self._arrived.set()

    def join(self) -> None:
        """Write what is left, and close everything."""
        while not self._is_closed:
            self._answer(*self._step())

    def abandon(self) -> None:
        """Close everything."""
        if not self._is_closed:
            self._stopped = self._is_closed = True
            self._arrived.set()
            self._books.close()

    async def _write_on(self) -> None:
        while not self._is_closed:
            await self._arrived.wait()
            self._arrived = anyio.Event()
            await anyio.sleep(self._machine.thread_delay())
            while self._has_more():
                step = self._step()
                await anyio.sleep(self._machine.thread_delay())
                self._answer(*step)

    def _has_more(self) -> bool:
        return not self._is_closed and not self._queue.empty()

    def _step(self) -> tuple[list[Group], list[Answer]]:
        groups, goes_on = self._gather()
        answers = self._write([batch for group in groups for batch in group.batches]) if groups else []
        self._books.tidy()
        if not goes_on:
            self._is_closed = True
            self._books.close()
        return groups, answers


STORES: Final[Mapping[StoreKind, Callable[[Path], Stores]]] = MappingProxyType(
    {"memory": SharedMemory, "sqlite": SharedFile}
)
