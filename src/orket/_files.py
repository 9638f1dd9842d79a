"""Files below a folder, reached by descriptors only.

A check of a path followed by an ``open`` of the same path can be raced: between the two, a folder becomes a symbolic
link. So no path is ever handed to the system here. Each component is opened from the descriptor of the one before with
``O_NOFOLLOW``, and what is checked is the very object that was opened.

One more trap: closing *any* descriptor of a file drops all POSIX locks that this process holds on it, SQLite's too. So
a file is pinned with ``O_PATH`` first (which touches no locks), judged by device and inode, and only then opened.
"""

import errno
import heapq
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Final, TypeAlias

Identity: TypeAlias = tuple[int, int]  # device and inode

MAX_DEPTH: Final = 32  # components of a path
MAX_NAME: Final = 255  # bytes of a component
_O_PATH: Final[int] = getattr(os, "O_PATH", 0)  # Linux
_FOLDER: Final[int] = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
_NO_FOLLOW: Final[int] = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0)
_DEVICES: Final = frozenset(
    {"CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"}
    | {f"{port}{digit}" for port in ("COM", "LPT") for digit in "123456789¹²³"}
)
_REASONS: Final = MappingProxyType(
    {
        errno.ENOENT: "does not exist",
        errno.ELOOP: "is a symbolic link, which is never followed",
        errno.ENOTDIR: "is not a folder, or is a symbolic link, which is never followed",
        errno.EISDIR: "is a folder",
        errno.EACCES: "may not be accessed",
        errno.EPERM: "may not be accessed",
    }
)


class PathRefusedError(Exception):
    """A path, or what it leads to, is refused. Callers turn it into an error of their own kind."""


def supported() -> bool:
    """Return whether this platform can open files relative to descriptors."""
    functions = {os.open, os.mkdir, os.stat, os.rename, os.unlink}
    return functions <= os.supports_dir_fd and os.scandir in os.supports_fd and hasattr(os, "O_NOFOLLOW")


def split_path(path: str) -> tuple[str, ...]:
    """Return the components of a relative path, without looking at any file; () is the folder itself.

    Raises:
        PathRefusedError: it is absolute, climbs with ``..``, or has a component that is special on some platform.
    """
    if path.startswith("/"):
        raise PathRefusedError(f"{path!r:.200} is absolute; valid: paths relative to the workspace")
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    if len(parts) > MAX_DEPTH:
        raise PathRefusedError(f"a path of {len(parts)} components is too deep; valid: up to {MAX_DEPTH}")
    for part in parts:
        if reason := _fault(part):
            raise PathRefusedError(f"{path!r:.200} is refused: {part!r:.100} {reason}")
    return parts


def _fault(part: str) -> str:
    if part == "..":
        return "leads upwards"
    if any(character < " " or character in "\\:\x7f" for character in part):
        return "has a backslash, a colon or a control character"
    if part != part.rstrip(". "):
        return "ends with a dot or a space"
    if part.split(".")[0].rstrip(" ").upper() in _DEVICES:
        return "is the name of a device on Windows"
    try:
        return "is too long" if len(part.encode()) > MAX_NAME else ""
    except UnicodeEncodeError:
        return "is not valid Unicode"


@contextmanager
def refusals(name: str) -> Iterator[None]:
    """Turn what the system refuses within the block into a PathRefusedError that names *name*."""
    try:
        yield
    except OSError as error:
        reason = _REASONS.get(error.errno or 0) or f"cannot be used: {error.strerror}"
        raise PathRefusedError(f"{name!r} {reason}") from error


@contextmanager
def folder(root: Path, parts: tuple[str, ...], *, create: bool = False) -> Iterator[int]:
    """Open the folder *parts* below *root* and yield its descriptor.

    Args:
        root: the host's own path: symbolic links in it are followed.
        parts: from :func:`split_path`; none of them may be a symbolic link.
        create: make the folders that are missing.

    Raises:
        PathRefusedError: naming the component that is missing, a link, or no folder.
    """
    with refusals(str(root)):
        current = os.open(root, _FOLDER)
    try:
        for number, part in enumerate(parts, 1):
            with refusals("/".join(parts[:number])):
                following = _step(current, part, create=create)
            os.close(current)
            current = following
        yield current
    finally:
        os.close(current)


def _step(current: int, part: str, *, create: bool) -> int:
    try:
        return os.open(part, _FOLDER | _NO_FOLLOW, dir_fd=current)
    except FileNotFoundError:
        if not create:
            raise
    with suppress(FileExistsError):
        os.mkdir(part, dir_fd=current)
    os.fsync(current)  # a file in it would be as lost as its folder
    return os.open(part, _FOLDER | _NO_FOLLOW, dir_fd=current)


def identity(directory: int, name: str) -> Identity | None:
    """Return device and inode of an entry, without following or opening it; None when there is none."""
    try:
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


def read_file(directory: int, name: str, *, limit: int, protected: frozenset[Identity] = frozenset()) -> bytes:
    """Return the content of a regular file.

    Raises:
        PathRefusedError: it is missing, no regular file, larger than *limit* bytes, or one of the *protected* files,
            which are not opened at all.
    """
    with refusals(name):
        descriptor = _open_checked(directory, name, protected)
    with open(descriptor, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
        content = file.read(limit + 1)
    if len(content) > limit:
        raise PathRefusedError(f"{name!r} is too large; valid: up to {limit} bytes")
    return content


def _open_checked(directory: int, name: str, protected: frozenset[Identity]) -> int:
    if not (_O_PATH and os.path.isdir("/proc/self/fd")):  # noqa: PTH112 - the descriptors' folder, no user's path
        return _open_compared(directory, name, protected)
    pin = os.open(name, _O_PATH | _NO_FOLLOW, dir_fd=directory)
    try:
        _require_readable(name, os.fstat(pin), protected)
        return os.open(f"/proc/self/fd/{pin}", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(pin)


def _open_compared(directory: int, name: str, protected: frozenset[Identity]) -> int:
    """Open where there is no ``O_PATH``: look first, open, and compare what was opened with what was seen."""
    seen = os.stat(name, dir_fd=directory, follow_symlinks=False)
    _require_readable(name, seen, protected)
    descriptor = os.open(name, os.O_RDONLY | _NO_FOLLOW, dir_fd=directory)
    if not os.path.samestat(seen, os.fstat(descriptor)):
        os.close(descriptor)
        raise PathRefusedError(f"{name!r} was exchanged while it was being opened")
    return descriptor


def _require_readable(name: str, status: os.stat_result, protected: frozenset[Identity]) -> None:
    if stat.S_ISLNK(status.st_mode):
        raise PathRefusedError(f"{name!r} is a symbolic link, which is never followed")
    if stat.S_ISDIR(status.st_mode):
        raise PathRefusedError(f"{name!r} is a folder")
    if not stat.S_ISREG(status.st_mode):
        raise PathRefusedError(f"{name!r} is not a regular file")
    if (status.st_dev, status.st_ino) in protected:
        raise PathRefusedError(f"{name!r} belongs to the record and is not for agents")


def replace_file(
    directory: int, name: str, content: bytes, *, temporary: str, protected: frozenset[Identity] = frozenset()
) -> None:
    """Write a file whole or not at all: into a new file beside it, which then takes its name. Durable on return.

    Args:
        directory: descriptor of the folder.
        name: the file; if it exists it must be a regular file without other links, and keeps its mode.
        content: all of it.
        temporary: the new file's name until it is complete; what a crash left under that name is removed.
        protected: files that may not be replaced.

    Raises:
        PathRefusedError: naming what stands there instead.
    """
    with refusals(name):
        mode = _replaceable_mode(directory, name, protected)
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=directory)
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _NO_FOLLOW, 0o666, dir_fd=directory)
        try:
            with open(descriptor, "wb") as file:  # noqa: PTH123 - a descriptor, not a path
                file.write(content)
                file.flush()
                if mode is not None:
                    os.fchmod(descriptor, mode)
                os.fsync(descriptor)
            os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
        except OSError:
            with suppress(OSError):
                os.unlink(temporary, dir_fd=directory)
            raise
        os.fsync(directory)


def _replaceable_mode(directory: int, name: str, protected: frozenset[Identity]) -> int | None:
    try:
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None
    _require_readable(name, status, protected)
    if status.st_nlink != 1:
        raise PathRefusedError(f"{name!r} has {status.st_nlink} hard links; valid: files with one name")
    return stat.S_IMODE(status.st_mode) & 0o777


def list_folder(directory: int, *, limit: int) -> tuple[list[tuple[str, os.stat_result]], int]:
    """Return the first *limit* entries by name with their status (links not followed), and how many there are."""
    total = 0

    def names() -> Iterator[str]:
        nonlocal total
        with os.scandir(directory) as entries:
            for entry in entries:
                total += 1
                yield entry.name

    found = []
    for name in heapq.nsmallest(limit, names()):
        with suppress(FileNotFoundError):  # gone since
            found.append((name, os.stat(name, dir_fd=directory, follow_symlinks=False)))
    return found, total
