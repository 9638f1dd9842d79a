"""The folder of a store's sandboxes: compose files, which are secrets, and locks that end with who holds them."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from attrs import frozen

from orket.errors import SandboxError

_FILE: Final = "compose.json"
SECRET: Final = "x-orket"  # noqa: S105 - where a compose file says which text in it is secret


def flock(descriptor: int) -> bool:
    """Lock a file without waiting; where somebody else has locked it, close it and return False."""
    import fcntl  # POSIX only: not at the import of orket

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return False
    return True


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Raise what the system says of a path as our own error.

    Raises:
        SandboxError: it cannot be made, written or locked.
    """
    try:
        yield
    except OSError as error:
        raise SandboxError(f"{path} cannot be made, written or locked: {error.strerror or error}") from error


@frozen(kw_only=True)
class SandboxFolder:
    """A folder outside the workspace, for the eyes of its owner only (blocking I/O)."""

    root: Path

    def path(self, sandbox: str) -> Path:
        """Return a sandbox's own folder."""
        return self.root / sandbox

    def file(self, sandbox: str) -> Path:
        """Return the path of a sandbox's compose file."""
        return self.path(sandbox) / _FILE

    def prepare(self) -> None:
        """Make the folder where it is missing.

        Raises:
            SandboxError: it cannot be made.
        """
        with told(self.root):
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)

    def write(self, sandbox: str, text: str) -> None:
        """Write a compose file whole, readable by its owner only.

        Raises:
            SandboxError: it cannot be written.
        """
        self.prepare()
        folder = self.path(sandbox)
        temporary = folder / f"{_FILE}.new"
        with told(folder):
            folder.mkdir(mode=0o700, exist_ok=True)
            with suppress(FileNotFoundError):
                temporary.unlink()
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with open(descriptor, "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor, not a path
                file.write(text)
            temporary.replace(self.file(sandbox))

    def secret(self, sandbox: str) -> str | None:
        """Return the password that a sandbox's compose file holds; None where there is no such file any more."""
        try:
            said = json.loads(self.file(sandbox).read_text("utf-8"))[SECRET]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return said if isinstance(said, str) else None

    def remove(self, sandbox: str) -> None:
        """Remove what is there of a sandbox."""
        shutil.rmtree(self.path(sandbox), ignore_errors=True)

    def names(self) -> list[str]:
        """Return the sandboxes that have a folder."""
        if not self.root.is_dir():
            return []
        return sorted(entry.name for entry in self.root.iterdir() if entry.is_dir() and not entry.is_symlink())

    def lock(self, sandbox: str) -> int | None:
        """Take the right to act on a sandbox, for this process; None where somebody else has it.

        Returns:
            A descriptor; closing it gives the right back.

        Raises:
            SandboxError: there is no place for the lock.
        """
        self.prepare()
        path = self.root / f"{sandbox}.lock"
        with told(path):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            return descriptor if flock(descriptor) else None
