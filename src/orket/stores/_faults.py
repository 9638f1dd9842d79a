"""What storage does to a file that is open: which fault it is, what helps, and whether the file is still there.

Paths are looked at with ``os.path``, which says no where a folder may not be searched; ``Path`` raises there.
"""

import os
from pathlib import Path
from typing import Final

from orket.errors import StorageFault, StoreError

_FAULTS: Final = (  # by the beginning of SQLite's name of the error
    ("SQLITE_FULL", StorageFault.FULL),
    ("SQLITE_READONLY", StorageFault.READ_ONLY),
    ("SQLITE_PERM", StorageFault.READ_ONLY),
    ("SQLITE_AUTH", StorageFault.READ_ONLY),
    ("SQLITE_BUSY", StorageFault.LOCKED),
    ("SQLITE_LOCKED", StorageFault.LOCKED),
    ("SQLITE_CORRUPT", StorageFault.CORRUPT),
    ("SQLITE_NOTADB", StorageFault.CORRUPT),
    ("SQLITE_CANTOPEN", StorageFault.MISSING),
    ("SQLITE_IOERR", StorageFault.IO),
)


def fault_of(error: BaseException) -> StorageFault | None:
    """Return what is wrong with the storage, or None where something else is."""
    if isinstance(error, StoreError):
        return error.fault
    if isinstance(error, UnicodeDecodeError):
        return StorageFault.CORRUPT
    name = getattr(error, "sqlite_errorname", None) or ""
    return next((fault for begins, fault in _FAULTS if name.startswith(begins)), None)


def fault_at(path: Path, error: Exception) -> StorageFault | None:
    """Return what is wrong with the storage of a file that could not be opened or read.

    SQLite says of one that may not be written, or has no -shm and is in a folder that may not be written, that it
    cannot be opened, as of one that is not there.
    """
    fault, folder = fault_of(error), path.parent
    if fault is not StorageFault.MISSING or os.path.isdir(path) or not os.path.isdir(folder):
        return fault
    is_there = os.path.exists(path)
    if not os.access(folder, os.W_OK | os.X_OK) or (is_there and not os.access(path, os.W_OK)):
        return StorageFault.READ_ONLY
    return None if is_there else fault


def advice_on(fault: StorageFault | None, path: Path) -> str:
    """Return what helps against a fault."""
    match fault:
        case StorageFault.FULL:
            return f"free some space on the disk of {path}"
        case StorageFault.READ_ONLY:
            return f"let this user write {path} and its folder"
        case StorageFault.LOCKED:
            return "another process is writing to it; try again, or raise busy_timeout"
        case StorageFault.CORRUPT:
            return f"{path} is damaged, or no database: keep it as it is, restore a copy, and verify() that"
        case StorageFault.MISSING if not os.path.isdir(path.parent):
            return f"make the directory {path.parent} first"
        case StorageFault.MISSING if os.path.isdir(path):
            return f"{path} is a folder; name a file in it"
        case StorageFault.MISSING:
            return f"put {path} back, with the -wal file that belongs to it"
        case StorageFault.IO:
            return f"see to the disk of {path}: it does not read or write what it is asked to"
        case _:
            return (
                f"check that {path.parent} is a directory on a local disk that this user may write to, with space left"
            )


class Whereabouts:
    """Where an open file is: SQLite goes on with one that was moved or deleted, and nobody would find it again.

    Args:
        path: The file; it and its write-ahead log are open.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files = tuple([(name, self._find(name)) for name in (str(path), f"{path}-wal")])
        self._size = self._files[0][1][2]

    def check(self) -> None:
        """Pass, as long as nobody but SQLite has touched the files.

        Raises:
            StoreError: one is gone, or is another one; or the database was cut.
        """
        size = self._size  # read first: another thread may see it grow meanwhile
        for name, known in self._files:
            found = self._find(name)
            if found[:2] != known[:2]:
                raise self._error(f"{name} is not the file that was opened", StorageFault.MISSING)
            if name == self._files[0][0]:  # the log is emptied now and then, the database only grows
                if found[2] < size:
                    raise self._error(f"{name} was cut from {size} to {found[2]} bytes", StorageFault.CORRUPT)
                self._size = max(self._size, found[2])

    def _find(self, name: str) -> tuple[int, int, int]:
        try:
            status = os.stat(name)
        except OSError as error:
            raise self._error(f"{name} is gone ({error.strerror})", StorageFault.MISSING) from error
        return status.st_dev, status.st_ino, status.st_size

    def _error(self, what: str, fault: StorageFault) -> StoreError:
        advice = advice_on(fault, self._path)
        return StoreError(f"{what}; {advice}", path=self._path, fault=fault, advice=advice)


def refuse_orphan(path: Path) -> None:
    """Refuse to make a new database where a write-ahead log waits for the one that is gone: SQLite would delete it.

    Raises:
        StoreError: it does.
    """
    if (os.path.isfile(path) and os.path.getsize(path)) or os.path.isdir(path):
        return
    log = path.with_name(f"{path.name}-wal")
    if os.path.isfile(log) and os.path.getsize(log):
        advice = f"put {path} back, or move {log} away to begin a new record"
        text = f"{path} cannot be opened as a store: it is gone, and {log} holds commits of it; {advice}"
        raise StoreError(text, path=path, fault=StorageFault.MISSING, advice=advice)


def opening_error(path: Path, cause: Exception) -> StoreError:
    """Return the error for a file that cannot be opened."""
    fault = fault_at(path, cause)
    is_other = getattr(cause, "sqlite_errorname", "") == "SQLITE_NOTADB"
    advice = "it is no SQLite database; give another path" if is_other else advice_on(fault, path)
    text = f"{path} cannot be opened as a store: {cause}; {advice}"
    return StoreError(text, path=path, fault=fault, advice=advice)


def reading_error(path: Path, cause: Exception) -> StoreError:
    """Return the error for a file that cannot be read."""
    fault = fault_at(path, cause)
    advice = "verify() says whether it was changed" if fault is None else advice_on(fault, path)
    return StoreError(f"{path} cannot be read: {cause}; {advice}", path=path, fault=fault, advice=advice)
