"""A connection of apsw's SQLite, which can be given a VFS written in Python, in the clothes of sqlite3's."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import apsw

FLAGS = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_URI


@contextmanager
def errors() -> Iterator[None]:
    """Raise what sqlite3 raises."""
    try:
        yield
    except apsw.Error as error:
        code = getattr(error, "extendedresult", 0)
        kind = sqlite3.IntegrityError if code & 255 == apsw.SQLITE_CONSTRAINT else sqlite3.OperationalError
        told = kind(f"{type(error).__name__}: {error}")
        told.sqlite_errorcode = code
        told.sqlite_errorname = apsw.mapping_extended_result_codes.get(code) or apsw.mapping_result_codes.get(code, "")
        raise told from error


class Cursor:
    """What a statement returns."""

    def __init__(self, cursor: apsw.Cursor) -> None:
        self._cursor = cursor
        self.rowcount = -1

    def fetchone(self) -> Any:
        with errors():
            return self._cursor.fetchone()

    def fetchall(self) -> list[Any]:
        with errors():
            return self._cursor.fetchall()

    def __iter__(self) -> Iterator[Any]:
        while (row := self.fetchone()) is not None:
            yield row

    def close(self) -> None:
        self._cursor.close()


class Connection:
    """As much of :class:`sqlite3.Connection` as the store uses."""

    def __init__(self, path: Path | str, *, vfs: str, timeout: float) -> None:
        with errors():
            self._connection = apsw.Connection(str(path), flags=FLAGS, vfs=vfs)
            self._connection.set_busy_timeout(int(timeout * 1000))

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    @property
    def total_changes(self) -> int:
        return self._connection.total_changes()

    def execute(self, statement: str, values: Any = ()) -> Cursor:
        with errors():
            cursor = Cursor(self._connection.execute(statement, values))
            cursor.rowcount = self._connection.changes()
            return cursor

    def executemany(self, statement: str, rows: Iterable[Any]) -> None:
        with errors():
            self._connection.executemany(statement, rows)

    def close(self) -> None:
        with suppress(apsw.Error):  # it is closed all the same; sqlite3 does not even hear what a last checkpoint met
            self._connection.close(force=True)


def dial(vfs: str):
    """Return what stands in for ``sqlite3.connect``, on a VFS."""

    def connect(path: Path | str, *, timeout: float, **given: Any) -> Connection:
        assert given.keys() <= {"isolation_level", "check_same_thread", "uri"}  # as apsw does it anyhow
        return Connection(path, vfs=vfs, timeout=timeout)

    return connect
