"""A copy of an SQLite file while it is in use: one moment of it, whole, in a file of its own."""

import os
import sqlite3
import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

from orket.errors import StorageFault, StoreError
from orket.stores._checks import snapshot
from orket.stores._faults import advice_on, fault_of

_PAGES: Final = 1024  # that are copied between two looks whether to stop
_ENDING: Final = ".part"


class StoppedError(Exception):
    """Nobody waits for the copy any more."""


def part_of(path: Path) -> Path:
    """Return where the copy is made that shall be called *path*; what a backup that was cut off has left is removed.

    Raises:
        StoreError: there is something of that name, or no folder for it.
    """
    target = path.absolute()
    if target.exists():
        raise StoreError(f"{target} exists; a backup is a new file", path=target)
    if not target.parent.is_dir():
        advice = advice_on(StorageFault.MISSING, target)
        text = f"{target} cannot be written; {advice}"
        raise StoreError(text, path=target, fault=StorageFault.MISSING, advice=advice)
    part = target.with_name(f"{target.name}{_ENDING}")
    remove(part)
    return part


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


def put(part: Path) -> None:
    """Give a copy its name, for good.

    Raises:
        StoreError: the folder does not let it.
    """
    target = part.with_name(part.name.removesuffix(_ENDING))
    try:
        part.rename(target)
        with suppress(PermissionError):  # the folder may not be read; on Windows none may, and none need be synced
            folder = os.open(target.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
    except OSError as error:
        raise StoreError(f"{part} could not be renamed to {target}: {error.strerror}", path=target) from error


def remove(part: Path) -> None:
    """Remove what there is of a copy that is not wanted."""
    for ending in ("", "-journal", "-wal", "-shm"):
        with suppress(OSError):
            part.with_name(f"{part.name}{ending}").unlink()
