"""Whether an orchestrator that was closed leaves its record alone: nobody holds it, and nobody writes."""

import hashlib
import sqlite3
import threading
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Final

import anyio
import anyio.lowlevel
from attrs import frozen

from orket.testing.faults._leftovers import Surroundings

_TURNS: Final = 20  # of the event loop: whoever wants to write has had the chance
_PATIENCE: Final = 30.0  # seconds, for threads
_LOOKS: Final = 500  # at what is left, a millisecond apart: a thread that nobody waits for cannot be stopped


@frozen
class Footprint:
    """The files of a record as they are, by their contents; what is not there is not among them."""

    files: Mapping[Path, bytes]

    @classmethod
    def of(cls, record: Path | None, commits: Path) -> "Footprint":
        """Look at a record's file, those that SQLite keeps beside it, and the log of commits."""
        paths = [commits]
        if record is not None:
            paths += [record.with_name(record.name + suffix) for suffix in ("", "-wal", "-journal")]
        return cls({path: hashlib.sha256(path.read_bytes()).digest() for path in paths if path.exists()})

    def changes(self, earlier: "Footprint") -> tuple[str, ...]:
        """Return what was written, made or removed since."""
        names = sorted(self.files.keys() | earlier.files.keys())
        return tuple([f"{name.name} was written" for name in names if self.files.get(name) != earlier.files.get(name)])


async def rest(before: Surroundings) -> tuple[str, ...]:
    """Let the event loop turn, and threads that were left behind end; return what is still there after that."""
    for _ in range(_TURNS):
        await anyio.lowlevel.checkpoint()
    looks, end = 0, anyio.current_time() + _PATIENCE
    while True:
        now, busy = await Surroundings.now(), _busy()
        left = (*busy, *now.beyond(before))
        is_thread = bool(busy or now.threads - before.threads)  # one that was left behind may begin late
        if not left or (looks >= _LOOKS and not (is_thread and anyio.current_time() < end)):
            return left
        looks += 1
        await anyio.sleep(0.001)  # threads say nothing when they end


def _busy() -> list[str]:
    """Return the worker threads of anyio that have something to do; trio's have another name meanwhile."""
    queues = [getattr(thread, "queue", None) for thread in threading.enumerate()]
    return ["a worker thread is busy" for queue in queues if getattr(queue, "unfinished_tasks", 0)]


def held(record: Path | None) -> tuple[str, ...]:
    """Say whether somebody has left the file open, or a transaction on it: nobody else could write then."""
    if record is None or not record.exists():
        return ()
    is_open = record.with_name(f"{record.name}-wal").exists()  # asked first: who looks opens it, too
    try:
        with closing(sqlite3.connect(record, timeout=0, isolation_level=None)) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
    except sqlite3.OperationalError as error:
        return (f"a transaction is open: {error}",)
    return ("its write-ahead log was left behind: the file was not closed",) if is_open else ()
