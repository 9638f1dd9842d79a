"""SQLite's own access to files, with a log of what it does to them, and faults where one is wanted."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw

from power.disk import Cut, Disk, FolderSynced, Synced, Written

SYNCS_FOLDER = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL | apsw.SQLITE_OPEN_WAL
Fault = Callable[[str, str], BaseException | None]  # of an operation and a file's name: what it fails with


def sound(operation: str, name: str) -> None:
    """Let nothing fail."""


class RecordingVFS(apsw.VFS):
    """The system's VFS, which writes down what becomes of files: of a database, its journal and its write-ahead log.

    Shared memory is not written down: SQLite makes it anew from the log when it opens a file that nobody has open.

    Args:
        disk: The log.
        fault: Asked before each write, sync, truncation and deletion.
    """

    def __init__(self, disk: Disk, fault: Fault = sound) -> None:
        self.disk, self.fault = disk, fault
        self.called = f"recording-{id(self)}"
        super().__init__(self.called, "")

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 - SQLite's name
        if name is None:
            return apsw.VFSFile("", name, flags)
        return _RecordedFile(self, name, flags)

    def xDelete(self, name: str, sync_folder: bool) -> None:  # noqa: N802 - SQLite's name
        self.fail("delete", Path(name).name)
        super().xDelete(name, sync_folder)
        self.disk.delete(Path(name).name)
        if sync_folder:
            self.disk.add(FolderSynced())

    def synced(self, flags: int) -> None:
        """Hear how thoroughly a file was synced."""

    def fail(self, operation: str, name: str) -> None:
        """Raise what an operation fails with, if it does."""
        if (error := self.fault(operation, name)) is not None:
            raise error


class _RecordedFile(apsw.VFSFile):
    def __init__(self, vfs: RecordingVFS, name: Any, flags: list[int]) -> None:
        super().__init__("", name, flags)
        self._vfs = vfs
        self._name = Path(name if isinstance(name, str) else name.filename()).name
        self._file = vfs.disk.file(self._name)
        # As SQLite's VFS for Unix does: the first sync of a journal that may be new makes its name durable, too.
        self._folder = bool(flags[0] & apsw.SQLITE_OPEN_CREATE and flags[0] & SYNCS_FOLDER)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
        self._vfs.fail("write", self._name)
        super().xWrite(data, offset)
        self._vfs.disk.add(Written(self._file, offset, bytes(data)))

    def xTruncate(self, size: int) -> None:  # noqa: N802 - SQLite's name
        self._vfs.fail("truncate", self._name)
        super().xTruncate(size)
        self._vfs.disk.add(Cut(self._file, size))

    def xSync(self, flags: int) -> None:  # noqa: N802 - SQLite's name
        self._vfs.fail("sync", self._name)
        super().xSync(flags)
        self._vfs.synced(flags)
        self._vfs.disk.add(Synced(self._file))
        if self._folder:
            self._folder = False
            self._vfs.disk.add(FolderSynced())
