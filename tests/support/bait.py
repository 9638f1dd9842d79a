"""What hostile fixtures are after: files, sockets and processes outside, and how to see that they got at them."""

import ctypes
import os
import resource
import secrets
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from attrs import frozen

LEFT_BEHIND = Path("/dev/shm")
SHM_RDONLY = 0o10000


@frozen(kw_only=True)
class Bait:
    """Things outside a fixture's reach. ``asked`` is what the fixture is told of them."""

    folder: Path
    token: str
    victim: "subprocess.Popen[bytes]"
    listeners: tuple[socket.socket, ...]
    asked: dict[str, Any]

    def look(self) -> object:
        """Return how the folder and the victim are, to compare with later."""
        files = {
            str(path): (path.lstat().st_size, path.lstat().st_mode, path.lstat().st_mtime, path.lstat().st_nlink)
            for path in sorted(self.folder.rglob("*"))
        }
        return files, self._victim(), os.getpriority(os.PRIO_PROCESS, os.getpid()), _shared(self.asked["segment"])

    def _victim(self) -> object:
        pid = self.victim.pid
        limit = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        status = dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
        pending = int(status["SigPnd"], 16) | int(status["ShdPnd"], 16)  # a signal that it has not noticed yet
        return limit, os.getpriority(os.PRIO_PROCESS, pid), status["State"][0] not in "TtZX" and not pending

    def escapes(self, before: object, said: str, workspace: Path) -> set[str]:
        """Return what a fixture got at, by names."""
        found = {"secret"} if self.token in said else set()
        found |= {"said"} if "ESCAPED" in said else set()
        found |= {"outside"} if self.look() != before else set()
        found |= {"network"} if any(map(_was_reached, self.listeners)) else set()
        found |= {"shm"} if (LEFT_BEHIND / self.asked["name"]).exists() else set()
        return found | ({"survivors"} if survivors(workspace) else set())


def survivors(workspace: Path) -> list[int]:
    """Return the processes that a fixture of this workspace left: all have the workspace in their environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if os.fsencode(workspace) in (process / "environ").read_bytes():
                found.append(int(process.name))
    return found


def _was_reached(listener: socket.socket) -> bool:
    with suppress(BlockingIOError):
        if listener.type == socket.SOCK_DGRAM:
            listener.recv(1)
        else:
            listener.accept()[0].close()
        return True
    return False


def _shared(segment: int) -> bytes | None:
    """Return what a segment of shared memory begins with; None: it was removed."""
    libc = ctypes.CDLL(None)
    libc.shmat.restype, libc.shmdt.argtypes = ctypes.c_ssize_t, [ctypes.c_ssize_t]
    if (address := libc.shmat(segment, None, SHM_RDONLY)) == -1:
        return None
    found = ctypes.string_at(address, 16)
    libc.shmdt(address)
    return found


@contextmanager
def _segment(content: bytes) -> Iterator[int]:
    """Make a segment of shared memory, which processes know by its number, and remove it."""
    libc = ctypes.CDLL(None)
    libc.shmat.restype, libc.shmdt.argtypes = ctypes.c_ssize_t, [ctypes.c_ssize_t]
    segment = libc.shmget(0, 4096, 0o600)
    address = libc.shmat(segment, None, 0)
    ctypes.memmove(address, content, len(content))
    libc.shmdt(address)
    try:
        yield segment
    finally:
        libc.shmctl(segment, 0, None)


@contextmanager
def bait(folder: Path) -> Iterator[Bait]:
    """Lay out bait below *folder*, which must have a short path, and take it away again."""
    token = secrets.token_hex(8)
    with ExitStack() as stack:
        (folder / "secret").write_text(token)
        (folder / "secret").chmod(0o600)
        (folder / "filled").mkdir()
        (folder / "filled" / "file").write_text("kept")
        listeners = [
            stack.enter_context(_listener(socket.AF_INET, ("127.0.0.1", 0))),
            stack.enter_context(_listener(socket.AF_INET, ("127.0.0.1", 0), socket.SOCK_DGRAM)),
            stack.enter_context(_listener(socket.AF_UNIX, f"\0orket-{token}")),
            stack.enter_context(_listener(socket.AF_UNIX, str(folder / "socket"))),
            stack.enter_context(_listener(socket.AF_UNIX, str(folder / "datagrams"), socket.SOCK_DGRAM)),
        ]
        victim = stack.enter_context(subprocess.Popen(["sleep", "600"], start_new_session=True))
        stack.callback(victim.kill)
        stack.callback((LEFT_BEHIND / token[::-1]).unlink, missing_ok=True)
        asked = {
            "secret": str(folder / "secret"),
            "outside": str(folder),
            "tcp": listeners[0].getsockname()[1],
            "udp": listeners[1].getsockname()[1],
            "abstract": f"\0orket-{token}",
            "path": str(folder / "socket"),
            "datagrams": str(folder / "datagrams"),
            "victim": victim.pid,
            "host": os.getpid(),
            "name": token[::-1],
            "segment": stack.enter_context(_segment(token.encode())),
        }
        yield Bait(folder=folder, token=token, victim=victim, listeners=tuple(listeners), asked=asked)


def _listener(family: int, address: Any, kind: int = socket.SOCK_STREAM) -> socket.socket:
    listener = socket.socket(family, kind)
    listener.bind(address)
    if kind == socket.SOCK_STREAM:
        listener.listen()
    listener.setblocking(False)
    return listener
