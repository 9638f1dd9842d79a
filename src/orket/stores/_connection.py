"""Connections to an SQLite file, with every setting read back."""

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeAlias

from orket.errors import StoreError
from orket.stores._faults import opening_error, refuse_orphan
from orket.stores._migrate import migrate, migrations

OLDEST: Final = (3, 37, 0)  # STRICT tables
_PAUSE: Final = 0.01  # seconds

Dial: TypeAlias = Callable[..., sqlite3.Connection]  # what sqlite3.connect is: tests look at the disk from another one


def connect(path: Path, *, synchronous: bool, busy_timeout: float, dial: Dial = sqlite3.connect) -> sqlite3.Connection:
    """Return the connection that writes, on the present schema.

    Args:
        path: The file; made when missing.
        synchronous: Whether a commit waits for the disk.
        busy_timeout: Seconds to wait for another process that writes.
        dial: What connects.

    Raises:
        StoreVersionError: a newer orket wrote the file.
        StoreError: the file cannot be opened, or is not a store.
    """
    if sqlite3.sqlite_version_info < OLDEST:
        raise StoreError(
            f"SQLite {sqlite3.sqlite_version} is too old: the record needs 3.37 or newer, as in Python 3.11's builds"
        )
    connection = None
    refuse_orphan(path)
    try:
        connection = dial(path, isolation_level=None, timeout=busy_timeout, check_same_thread=False)
        # Where a sync leaves data in the disk's own cache (macOS), ask for more: now, the first transaction comes next.
        _set(connection, path, fullfsync=1)
        migrate(connection, path, migrations())
        _turn_to_wal(connection, path, busy_timeout)
        _settle(connection, path, synchronous)
    except (sqlite3.Error, UnicodeDecodeError) as error:  # a damaged schema may be no text at all
        _close(connection)
        raise opening_error(path, error) from error
    except BaseException:
        _close(connection)
        raise
    return connection


def connect_reader(path: Path, *, busy_timeout: float, dial: Dial = sqlite3.connect) -> sqlite3.Connection:
    """Return a connection that can only read, and never makes a file."""
    return dial(
        f"{path.as_uri()}?mode=ro", uri=True, isolation_level=None, timeout=busy_timeout, check_same_thread=False
    )


def connect_guard(path: Path, *, busy_timeout: float, dial: Dial = sqlite3.connect) -> sqlite3.Connection:
    """Return a connection for a transaction that writes nothing, to keep others from writing; it never makes a file."""
    return dial(
        f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=busy_timeout, check_same_thread=False
    )


def _turn_to_wal(connection: sqlite3.Connection, path: Path, patience: float) -> None:
    # SQLite does not wait by itself here, where another process opens the same new file at this moment.
    end = time.monotonic() + patience
    while True:
        try:
            return _set(connection, path, journal_mode="wal")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= end:
                raise
        time.sleep(_PAUSE)


def _settle(connection: sqlite3.Connection, path: Path, synchronous: bool) -> None:
    _set(
        connection,
        path,
        synchronous=2 if synchronous else 1,  # FULL, NORMAL
        foreign_keys=1,
        wal_autocheckpoint=0,  # inside a commit it would stall it; the database tidies between commits
    )
    # Open the WAL now: a connection that never did would leave the files of one that a reader opened.
    connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()


def _set(connection: sqlite3.Connection, path: Path, **settings: object) -> None:
    for name, wanted in settings.items():
        connection.execute(f"PRAGMA {name} = {wanted}").fetchall()
        (found,) = connection.execute(f"PRAGMA {name}").fetchone()
        if found != wanted:
            raise StoreError(
                f"{path}: SQLite leaves {name} at {found!r} instead of {wanted!r}; the file must lie on a local disk",
                path=path,
                found=found,
            )


def _close(connection: sqlite3.Connection | None) -> None:
    if connection is not None:
        connection.close()
