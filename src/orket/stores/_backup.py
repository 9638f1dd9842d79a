"""A copy of an SQLite file while it is in use: one moment of it, whole, in a file of its own."""

import os
import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from attrs import field, frozen

from orket.errors import StorageFault, StoreError
from orket.stores._checks import snapshot
from orket.stores._faults import advice_on, fault_at, fault_of

_PAGES: Final = 1024  # that are copied between two looks whether to stop
_PART: Final = ".part"
_LOCK: Final = ".part.lock"


class StoppedError(Exception):
    """Nobody waits for the copy any more."""


@frozen(kw_only=True)
class Part:
    """The file that a copy is made in, and the right to: until it is given back nobody else makes *target*.

    The right is a transaction on a file of its own, so it ends with the process, as SQLite's locks do.
    """

    target: Path
    path: Path
    _lock: sqlite3.Connection = field(alias="lock")

    @classmethod
    def take(cls, path: Path) -> "Part":
        """Return where the copy is made that shall be called *path*; what a dead backup has left there is removed.

        Raises:
            StoreError: there is something of that name, no folder for it, or another backup that makes it.
        """
        target = path.absolute()
        _refuse_taken(target)
        if not target.parent.is_dir():
            advice = advice_on(StorageFault.MISSING, target)
            text = f"{target} cannot be written; {advice}"
            raise StoreError(text, path=target, fault=StorageFault.MISSING, advice=advice)
        part = cls(target=target, path=target.with_name(f"{target.name}{_PART}"), lock=_lock(target))
        part._clear()
        try:
            _refuse_taken(target)  # by whoever had the right until now
        except StoreError:
            part.give_back()
            raise
        return part

    def put(self) -> None:
        """Give the copy its name, for good.

        Raises:
            StoreError: something has that name by now, or the folder does not let it.
        """
        _refuse_taken(self.target)
        try:
            self.path.rename(self.target)
            with suppress(PermissionError):  # the folder may not be read; on Windows none may, and none need be synced
                folder = os.open(self.target.parent, os.O_RDONLY)
                try:
                    os.fsync(folder)
                finally:
                    os.close(folder)
        except OSError as error:
            text = f"{self.path} could not be renamed to {self.target}: {error.strerror}"
            raise StoreError(text, path=self.target) from error

    def give_back(self) -> None:
        """Remove what there is of a copy that is not wanted, and let others make it."""
        self._clear()
        with suppress(OSError):
            _lock_path(self.target).unlink()  # before it is free: who has opened it by then sees that it is gone
        self._lock.close()

    def _clear(self) -> None:
        for ending in ("", "-journal", "-wal", "-shm"):
            with suppress(OSError):
                self.path.with_name(f"{self.path.name}{ending}").unlink()


def _refuse_taken(target: Path) -> None:
    if os.path.exists(target):  # noqa: PTH110 - where the folder may not be searched, Path.exists raises
        raise StoreError(f"{target} exists; a backup is a new file", path=target)


def _lock_path(target: Path) -> Path:
    return target.with_name(f"{target.name}{_LOCK}")


def _lock(target: Path) -> sqlite3.Connection:
    """Take the right to make a file, without waiting.

    Raises:
        StoreError: somebody else has it, or there is no place for the lock.
    """
    path, lock = _lock_path(target), None
    try:
        lock = sqlite3.connect(path, isolation_level=None, timeout=0, check_same_thread=False)
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        if lock is not None:
            lock.close()
        is_held = fault_of(error) is StorageFault.LOCKED
        raise (_made_elsewhere(target) if is_held else _unlockable(target, error)) from error
    if path.exists():
        return lock
    lock.close()  # who had it has removed it meanwhile: it keeps nobody away any more
    raise _made_elsewhere(target)


def _made_elsewhere(target: Path) -> StoreError:
    advice = "wait for it, or give this one a name of its own"
    text = f"another backup makes {target} at this moment; {advice}"
    return StoreError(text, path=target, fault=StorageFault.LOCKED, advice=advice)


def _unlockable(target: Path, error: sqlite3.Error) -> StoreError:
    fault = fault_at(target, error)
    advice = advice_on(None if fault is StorageFault.MISSING else fault, target)
    return StoreError(f"{target} could not be copied to: {error}; {advice}", path=target, fault=fault, advice=advice)


def copy(source: sqlite3.Connection, path: Path, part: Path, stopped: threading.Event) -> None:
    """Copy what *source* sees at this moment into a new file, on disk when this returns.

    In one read transaction, so commits go on and never make it begin anew; what they write stays in the log meanwhile.

    Raises:
        StoreError: the one cannot be read, or the other cannot be written.
        StoppedError: *stopped* was set.
    """

    def look(_status: int, _remaining: int, _total: int) -> None:
        if stopped.is_set():
            raise StoppedError

    with suppress(OSError):  # SQLite tells the same, and better
        part.touch(mode=path.stat().st_mode & 0o777)  # nobody reads the copy who may not read the record
    try:
        with closing(sqlite3.connect(part, isolation_level=None)) as target:
            target.execute("PRAGMA fullfsync = 1").fetchall()
            target.execute("PRAGMA synchronous = 2").fetchall()
            with snapshot(source):
                source.execute("SELECT count(*) FROM sqlite_schema").fetchone()  # the moment
                source.backup(target, pages=_PAGES, progress=look, sleep=0)
    except sqlite3.Error as error:
        fault = fault_of(error)
        is_source = fault in (StorageFault.CORRUPT, StorageFault.LOCKED)
        advice = advice_on(None if fault is StorageFault.MISSING else fault, path if is_source else part)
        text = f"{path} could not be copied to {part}: {error}; {advice}"
        raise StoreError(text, path=part, fault=fault, advice=advice) from error
