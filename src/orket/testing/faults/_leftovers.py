"""What a process has beside its own code: threads, tasks, open files, children."""

import os
import threading
from collections import Counter
from pathlib import Path
from typing import Final

import anyio
import anyio.lowlevel
from attrs import frozen

_POOLED: Final = ("AnyIO worker thread", "Trio thread")  # kept idle by the event loops, for whoever needs one next


@frozen(kw_only=True)
class Surroundings:
    """What there was at a moment, counted by name.

    Take one before and one after, in the same task, and nothing may be left over::

        before = await Surroundings.now()
        ...
        assert (await Surroundings.now()).beyond(before) == ()

    Open files and children are read from ``/proc``; where there is none they do not count.
    """

    threads: Counter[str]
    tasks: Counter[str]
    files: Counter[str]
    children: Counter[str]

    @classmethod
    async def now(cls) -> "Surroundings":
        """Look around, from a task of an event loop."""
        for _ in range(3):  # tasks that have ended are still there until their loop has gone on
            await anyio.lowlevel.checkpoint()
        tasks = Counter(str(task.name) for task in anyio.get_running_tasks())
        return cls(threads=_threads(), tasks=tasks, files=_files(), children=_children())

    def beyond(self, earlier: "Surroundings") -> tuple[str, ...]:
        """Return what there is now and was not then."""
        found = []
        for kind in ("threads", "tasks", "files", "children"):
            more: Counter[str] = getattr(self, kind) - getattr(earlier, kind)
            found += [f"{count} of {kind} more: {name}" for name, count in sorted(more.items())]
        return tuple(found)


def _threads() -> Counter[str]:
    return Counter(thread.name for thread in threading.enumerate() if not thread.name.startswith(_POOLED))


def _files() -> Counter[str]:
    found: Counter[str] = Counter()
    folder = Path("/proc/self/fd")
    for handle in folder.iterdir() if folder.is_dir() else ():
        try:
            target = os.readlink(handle)  # noqa: PTH115 - no path, often
        except OSError:
            continue  # the one that lists the folder
        if target.startswith("/proc/sys/"):
            continue  # glibc looks at a setting as it gives memory back, in whichever thread
        found[target.partition(":[")[0]] += 1  # sockets and pipes by their kind
    return found


def _children() -> Counter[str]:
    found: Counter[str] = Counter()
    for path in Path("/proc/self/task").glob("*/children"):
        try:
            found.update(f"process {number}" for number in path.read_text("utf-8").split())
        except OSError:
            continue  # the thread has ended
    return found
