"""The record in an SQLite file."""

import os
from pathlib import Path
from typing import Literal, TypeAlias

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
    """

    def __init__(
        self, path: str | os.PathLike[str], *, durability: Durability = "full", busy_timeout: float = 10.0
    ) -> None:
        if durability not in ("full", "process"):
            raise StoreError(f"unknown durability {durability!r}; valid: 'full', 'process'", found=durability)
        super().__init__()
        self._path = Path(path).absolute()
        self._durability: Durability = durability
        self._busy_timeout = busy_timeout

    @property
    def location(self) -> Path:
        """The database file."""
        return self._path

    def _connect(self) -> Database:
        from orket.stores._database import (
            SQLiteDatabase,
        )  # sqlite3 is slow to import: only who opens a file pays for it

        return SQLiteDatabase(self._path, synchronous=self._durability == "full", busy_timeout=self._busy_timeout)
