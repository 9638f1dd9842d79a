"""The folder that a fixture may litter, and how it goes away whatever was put there."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

_FOLDER = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)


def make_scratch() -> Path:
    """Return a new folder that is its owner's alone."""
    return Path(os.path.realpath(tempfile.mkdtemp(prefix="orket-fixture-")))


def remove_scratch(folder: Path) -> None:
    """Remove a folder with all that is in it; what cannot be removed stays.

    What lies deeper is moved up before it is removed, so folders that are nested deeper than any path, descriptor table
    or stack can hold are no trouble, and no link is ever followed.
    """
    numbers = count()
    with suppress(OSError):
        with _opened(folder.name, os.open(folder.parent, _FOLDER)) as top:
            while names := os.listdir(top):  # noqa: PTH208 - a descriptor
                gone = [name for name in names if _remove(top, name, numbers)]
                if not gone:
                    break
        folder.rmdir()


def _remove(top: int, name: str, numbers: Iterator[int]) -> bool:
    """Remove an entry; what a folder holds takes its place. Return whether anything was done."""
    with suppress(OSError):
        os.unlink(name, dir_fd=top)
        return True
    with suppress(OSError):
        os.chmod(name, 0o700, dir_fd=top)
        with _opened(name, os.dup(top)) as inner:
            for entry in os.listdir(inner):  # noqa: PTH208 - a descriptor
                with suppress(OSError):
                    os.unlink(entry, dir_fd=inner)
                    continue
                os.chmod(entry, 0o700, dir_fd=inner)
                os.rename(entry, f".removed-{next(numbers)}", src_dir_fd=inner, dst_dir_fd=top)
        os.rmdir(name, dir_fd=top)
        return True
    return False


@contextmanager
def _opened(name: str, parent: int) -> Iterator[int]:
    """Open a folder in another one, whose descriptor is closed."""
    try:
        descriptor = os.open(name, _FOLDER, dir_fd=parent)
    finally:
        os.close(parent)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
