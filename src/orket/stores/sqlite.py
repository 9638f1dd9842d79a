"""The record in an SQLite file."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeAlias

import anyio
import anyio.lowlevel
from anyio import CapacityLimiter, to_thread

from orket.contracts import JournalProof
from orket.errors import StoreError
from orket.stores._threaded import Database, ThreadedStore

Durability: TypeAlias = Literal["full", "process"]


class SQLiteStore(ThreadedStore):
    """Keep the record in one SQLite file (and its ``-wal`` and ``-shm`` beside it while it is open).

    Args:
        path: The file; made when missing, in a directory that exists. It belongs outside the workspace: a tool that
            only opens and closes it in this process would drop SQLite's locks on it.
        durability: ``"full"``: a commit that returned survives a power failure. ``"process"``: it survives the death of
            the process, but the last ones may be lost with the machine; what is left is consistent.
        busy_timeout: Seconds to wait for another process that writes, before a commit fails.

    Raises:
        StoreError: an argument is of no use; ``":memory:"`` and addresses are no paths of files.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, durability: Durability = "full", busy_timeout: float = 10.0
    ) -> None:
        if durability not in ("full", "process"):
            raise StoreError(f"unknown durability {durability!r}; valid: 'full', 'process'", found=durability)
        super().__init__()
        self._path = file_path(path)
        self._durability: Durability = durability
        self._busy_timeout = _seconds(busy_timeout)

    @property
    def location(self) -> Path:
        """The database file."""
        return self._path

    async def backup(self, path: str | os.PathLike[str], /) -> JournalProof:
        """Copy the record into a new file, as it is at one moment, and verify the copy; commits go on meanwhile.

        The file has its name only when it is whole, verified and on disk. It is a store like the one it was made of.

        Args:
            path: A file that does not exist, in a folder that does.

        Returns:
            The proof of the copy, as :meth:`verify` returns it.

        Raises:
            JournalError: the record is damaged; there is no copy.
            StoreError: the one cannot be read, or the other cannot be written; there is a file of that name, or another
                backup makes it at this moment.
        """
        database: Any = self._open()  # the one that _connect made, which knows how
        from orket.stores._backup import Part

        alone = CapacityLimiter(1)  # worker threads that others hold do not matter here
        part = await to_thread.run_sync(Part.take, file_path(path), limiter=alone)
        try:
            await _copy(partial(database.copy, part.path), alone)
            proof = await _verify(part.path)
            await to_thread.run_sync(part.put, limiter=alone)
        finally:
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(part.give_back, limiter=alone)
        return proof

    def _connect(self) -> Database:
        from orket.stores._database import (
            SQLiteDatabase,
        )  # sqlite3 is slow to import: only who opens a file pays for it

        return SQLiteDatabase(self._path, synchronous=self._durability == "full", busy_timeout=self._busy_timeout)


def _seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
        raise StoreError(f"busy_timeout is {value!r:.80}; valid: seconds, 0 or more", found=value)
    return value


def file_path(path: object) -> Path:
    """Return the absolute path of a file that a record is kept in.

    Raises:
        StoreError: it is no path, or a text that elsewhere means something else than a file.
    """
    if not isinstance(path, str | os.PathLike) or not isinstance(text := os.fspath(path), str) or "\0" in text:
        raise StoreError(f"the path of a store is {path!r:.80}; valid: the path of a file", found=path)
    if path == ":memory:":  # a Path of that name is a file
        raise StoreError("':memory:' is no path of a file; orket.MemoryStore() keeps the record in memory", found=text)
    if isinstance(path, str) and ("://" in text or text.startswith("file:")):
        shown = text.partition(":")[0]  # an address may hold a password
        raise StoreError(f"the path of a store is an address ({shown}:…); valid: the path of a file", found=shown)
    return Path(text).absolute()


async def _copy(work: Callable[[threading.Event], None], alone: CapacityLimiter) -> None:
    """Copy in a worker thread, which a cancellation stops and waits for."""
    stopped = threading.Event()
    failed: list[StoreError] = []

    def copy() -> None:
        from orket.stores._backup import StoppedError

        with suppress(StoppedError):
            try:
                work(stopped)
            except StoreError as error:  # raised below, outside of the group
                failed.append(error)

    async def listen() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            stopped.set()

    async with anyio.create_task_group() as group:
        group.start_soon(listen)
        await to_thread.run_sync(copy, limiter=alone)
        group.cancel_scope.cancel()
    await anyio.lowlevel.checkpoint_if_cancelled()
    if failed:
        raise failed[0]


async def _verify(path: Path) -> JournalProof:
    store = SQLiteStore(path)
    await store.open()
    try:
        return await store.verify()
    finally:
        await store.aclose()
