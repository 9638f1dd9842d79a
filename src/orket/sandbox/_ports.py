"""Which ports of this machine a sandbox gets.

A port is given when nobody listens on it and nobody else is about to: whoever is about to holds the lock of its file in
a folder that all processes of the machine share. The lock is held until the engine has bound the port, from when on the
port itself says that it is taken; it ends with the process that holds it. What no lock can keep away, a program that
knows nothing of them, shows when the engine binds: then the sandbox gets other ports.
"""

import os
import socket
import stat
import tempfile
from collections.abc import Collection, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Final

from attrs import define, field, frozen

from orket._value import Value
from orket.contracts import SandboxPorts, TechStack
from orket.errors import SandboxError
from orket.sandbox._folder import flock, told

_LOOPBACK: Final = "127.0.0.1"
_SHARED: Final = 0o1777  # as the temporary folder's own: whoever runs orket here shares it


@frozen(kw_only=True, repr=False, eq=False)
class PortRanges(Value):
    """From where ports are taken, the lowest first. ``mongo`` takes the place of ``database`` for stacks with MongoDB.

    Two ranges may overlap; no port is given twice.
    """

    api: range = range(8001, 8081)
    frontend: range = range(3001, 4000)
    database: range = range(5433, 6000)
    mongo: range = range(27018, 28000)
    admin: range = range(8081, 9000)


@define(eq=False)
class Reservation:
    """Ports that nobody else takes until they are released, or this process ends."""

    _locks: list[int] = field(init=False, factory=list)
    _released: bool = field(init=False, default=False)

    def hold(self, lock: int) -> None:
        """Take a lock over; where all was released meanwhile, because who waited was cancelled, let it go."""
        self._locks.append(lock)
        if self._released:
            self.release()

    def release(self) -> None:
        """Let the ports go: the engine has bound them, or nobody wants them any more."""
        self._released = True
        while self._locks:
            os.close(self._locks.pop())


def lock_folder() -> Path:
    """Return the folder of the ports' locks: one for all processes that share a temporary folder."""
    return Path(tempfile.gettempdir()) / "orket-ports"


def reserve(
    reservation: Reservation,
    ranges: PortRanges,
    stack: TechStack,
    avoid: Collection[int],
    prefer: SandboxPorts | None,
) -> SandboxPorts:
    """Find a free port in each range, and keep others from taking it (blocking I/O).

    Args:
        reservation: what keeps them.
        ranges: from where.
        stack: whose database it is.
        avoid: ports that are not to be given.
        prefer: what the sandbox had before, if it is free.

    Raises:
        SandboxError: no port of a range is free, or the locks have no place.
    """
    folder, given = lock_folder(), dict[str, int]()
    with told(folder):
        _make_shared(folder)
    spans = {
        "api": ranges.api,
        "frontend": ranges.frontend,
        "database": ranges.mongo if stack is TechStack.FASTAPI_VUE_MONGO else ranges.database,
        "admin": ranges.admin,
    }
    for name, span in spans.items():
        before: int | None = getattr(prefer, name, None)
        asked = chain((before,) if before is not None and before in span else (), span)
        port, lock = _take(folder, (it for it in asked if it not in avoid and it not in given.values()), name, span)
        reservation.hold(lock)
        given[name] = port
    return SandboxPorts(**given)


def _take(folder: Path, ports: Iterator[int], name: str, span: range) -> tuple[int, int]:
    for port in ports:
        with told(folder):
            lock = _lock(folder / str(port))
        if lock is None:
            continue
        if is_free(port):
            return port, lock
        os.close(lock)
    raise SandboxError(
        f"no port for {name} is free from {span.start} to {span.stop - 1}; delete sandboxes, or give other PortRanges"
    )


def is_free(port: int) -> bool:
    """Return whether nobody listens on a port of the loopback address."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        if os.name == "posix":  # elsewhere it would let two programs share a port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_LOOPBACK, port))
            probe.listen(1)
        except OSError:
            return False
    return True


def _make_shared(folder: Path) -> None:
    with suppress(FileExistsError):
        folder.mkdir()
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode):
        raise SandboxError(f"{folder} is no folder: the locks of ports have no place; remove it")
    if stat.S_IMODE(status.st_mode) != _SHARED and status.st_uid == os.geteuid():  # new, or left so by who was killed
        folder.chmod(_SHARED)


def _lock(path: Path) -> int | None:
    """Lock a file for this process; None where somebody else has."""
    descriptor = None
    while descriptor is None:
        with suppress(FileNotFoundError):  # opened without making it first: a file of another user may be locked, too
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            break
        with suppress(FileExistsError):
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_CREAT | os.O_EXCL, 0o644)
            os.fchmod(descriptor, 0o644)  # whatever the umask takes: other users lock it, too
    return descriptor if flock(descriptor) else None
