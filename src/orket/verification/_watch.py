"""Adds up what a family of processes uses, for the bounds that the system sets to single processes only.

Stands alone: it runs within the supervisor. What it needs it reads from ``/proc`` of Linux, a few times a second; where
there is no such thing, nothing is added up.
"""

import contextlib
import os
import time

PAUSE = 0.05  # seconds between two looks
SHARE = 8  # counting files is followed by a pause of this many times as long
DEPTH = 100  # folders in each other; more count as too many files
SPARE = 8  # this part of what the machine had left at the beginning remains untouched
OWN_PROCESSES = 4  # the launchers of an isolation, which are no part of what is bounded
PAGE = os.sysconf("SC_PAGE_SIZE")
TICK = os.sysconf("SC_CLK_TCK")


class Watch:
    """Looks at the descendants of a process.

    Args:
        root: the process.
        totals: the bounds: ``processes``, ``memory``, ``cpu``, ``files``, ``size``; and the folder ``scratch`` whose
            files and size these are. Bounds that are not there are not looked at.
    """

    def __init__(self, root: int, totals: dict[str, object]) -> None:
        self._root = root
        self._scratch = str(totals.get("scratch", ""))
        self._bounds = {name: int(str(value)) for name, value in totals.items() if name != "scratch"}
        self._next = time.monotonic() + PAUSE
        self._count_next = 0.0
        self._spent = 0  # ticks of every process that was ever seen
        self._most_spent = 0
        self._seen: dict[tuple[int, str], int] = {}
        self._reaped = _reaped()
        self._spare = {name: left // SPARE for name, left in spare(self._scratch).items()} if self._bounds else {}

    def rest(self) -> float | None:
        """Return the seconds until the next look; None: never."""
        return max(0.0, self._next - time.monotonic()) if self._bounds else None

    def look(self) -> str:
        """Return which bound is exceeded, "" for none or when it is not yet time to look."""
        if self.rest() != 0.0:
            return ""
        found = self._exceeded()
        self._next = time.monotonic() + PAUSE
        return found

    def _exceeded(self) -> str:
        if scarce := self._scarce():
            return scarce
        most = self._bounds.get("processes", 0) + OWN_PROCESSES
        processes = descendants(self._root, most)
        if len(processes) > most:  # not a moment to lose: they may be doubling
            return over({"processes": len(processes) - OWN_PROCESSES}, self._bounds)
        used, times = {"processes": -OWN_PROCESSES, "memory": 0}, {}
        for pid in processes:
            with contextlib.suppress(OSError, ValueError, IndexError):  # it ended meanwhile
                fields = _fields(f"/proc/{pid}")
                used["processes"] += int(fields[17])  # threads: the system counts them too
                used["memory"] += int((_fields(_alive(pid)) if fields[0] == "Z" else fields)[21]) * PAGE
                times[pid, fields[19]] = [int(field) for field in fields[11:15]]
        used["cpu"] = self._spend(times)
        if used["memory"] > self._bounds.get("memory", used["memory"]):
            used["memory"] = sum(map(_own_memory, processes))  # without the programs' files
        if self._scratch and self._count_next <= time.monotonic() and not over(used, self._bounds):
            began = time.monotonic()
            used |= self._stored(processes)
            self._count_next = time.monotonic() + SHARE * (time.monotonic() - began)
        return over(used, self._bounds)

    def _scarce(self) -> str:
        """Return what the machine runs out of, "" for nothing: some of what a fixture holds counts for no process."""
        left = spare(self._scratch)
        return ", ".join(
            f"{name} of the machine: {left[name]} left, valid: {least} or more"
            for name, least in self._spare.items()
            if left.get(name, least) < least
        )

    def _spend(self, times: dict[tuple[int, str], list[int]]) -> int:
        """Return the seconds that were spent, by processes as they are now: their own, and those of their dead.

        The time of a dead process is its parent's, or the supervisor's, once somebody has waited for it; that of one
        for which nobody waits is lost. So what was ever seen of each is added up too, and the larger sum is told.
        """
        own = {process: sum(parts[:2]) for process, parts in times.items()}
        self._spent += sum(spent - self._seen.get(process, 0) for process, spent in own.items())
        self._seen = own
        known = sum(map(sum, times.values())) + _reaped() - self._reaped
        self._most_spent = max(self._most_spent, self._spent, known)
        return self._most_spent // TICK

    def _stored(self, processes: list[int]) -> dict[str, int]:
        """Count files and bytes of the scratch folder: of its own file system where it has one, else one by one."""
        with contextlib.suppress(OSError, IndexError):
            inside = f"/proc/{processes[-1]}/root{self._scratch}"
            if os.stat(inside).st_dev != os.stat(self._scratch).st_dev:  # noqa: PTH116
                seen = os.statvfs(inside)
                blocks = seen.f_blocks - seen.f_bfree
                return {"files": seen.f_files - seen.f_ffree, "size": blocks * seen.f_frsize - 1}
        files, size = count_files(self._scratch, self._bounds.get("files", 0))
        unlinked: dict[tuple[int, int], int] = {}
        for pid in processes:
            unlinked |= _unlinked(pid)
        return {"files": files, "size": size + sum(unlinked.values())}


def spare(folder: str) -> dict[str, int]:
    """Return what the machine has left, where it says so: 0 where others have more than their part.

    That is bytes of memory, of room where files of *folder* lie, and of what TCP may queue in all networks together
    without saving; and terminals.
    """
    left = {}
    with contextlib.suppress(OSError):
        for line in _read("/proc/meminfo").splitlines():
            if line.startswith("MemAvailable:"):
                left["memory"] = int(line.split()[1]) * 1024
    with contextlib.suppress(OSError):
        seen = os.statvfs(folder)
        left["room for files"] = seen.f_bavail * seen.f_frsize
    with contextlib.suppress(OSError, ValueError, IndexError):
        queued = _read("/proc/net/sockstat").partition("TCP:")[2].split()
        left["memory of TCP"] = (int(_read("/proc/sys/net/ipv4/tcp_mem").split()[1]) - int(queued[9])) * PAGE
    with contextlib.suppress(OSError, ValueError):
        most, reserved, used = (int(_read(f"/proc/sys/kernel/pty/{name}")) for name in ("max", "reserve", "nr"))
        left["terminals"] = most - reserved - used
    return {name: max(0, amount) for name, amount in left.items()}


def over(used: dict[str, int], bounds: dict[str, int]) -> str:
    """Return what is more than its bound."""
    return ", ".join(
        f"{name}: {used[name]}, valid: up to {bound}" for name, bound in bounds.items() if used.get(name, 0) > bound
    )


def descendants(root: int, most: int = 2**22) -> list[int]:
    """Return the ids of the descendants of a process, parents before their children; looking ends behind *most*."""
    found: list[int] = []
    waiting = [root]
    while waiting and len(found) <= most:
        for child in children(waiting.pop()):
            found.append(child)
            waiting.append(child)
    return found


def children(pid: int) -> list[int]:
    """Return the ids of the children of a process, whichever of its threads began them."""
    if not os.path.exists("/proc/thread-self/children"):  # noqa: PTH110 - a kernel that does not list them
        return _search_children(pid)
    found: list[int] = []
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208
            found += map(int, _read(f"/proc/{pid}/task/{thread}/children").split())
    return found


def _search_children(pid: int) -> list[int]:
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208
        with contextlib.suppress(OSError, IndexError):
            if int(_read(f"/proc/{name}/stat").rpartition(")")[2].split()[1]) == pid:
                found.append(int(name))
    return found


def count_files(folder: str, most: int) -> tuple[int, int]:
    """Return files and bytes below a folder; counting ends behind *most* files.

    What cannot be counted counts as too much: a folder that is closed, and what lies below DEPTH folders, as a look at
    it takes longer the longer its path is.
    """
    files, size, waiting = 0, 0, [(folder, 0)]
    while waiting and files <= most:
        path, depth = waiting.pop()
        if depth > DEPTH:
            return most + 1, size
        try:
            with os.scandir(path) as entries:
                for entry in entries:
                    status = entry.stat(follow_symlinks=False)
                    files, size = files + 1, size + status.st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append((entry.path, depth + 1))
                    if files > most:
                        break
        except PermissionError:
            return most + 1, size
        except OSError:
            continue  # it is gone
    return files, size


def _unlinked(pid: int) -> dict[tuple[int, int], int]:
    """Return the bytes of files that a process holds open and that have no name any more, by device and inode.

    Threads may have descriptors of their own, and go on where the first of them has ended.
    """
    found = {}
    with contextlib.suppress(OSError):
        for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208
            with contextlib.suppress(OSError):
                for number in os.listdir(f"/proc/{pid}/task/{thread}/fd"):  # noqa: PTH208
                    with contextlib.suppress(OSError):
                        status = os.stat(f"/proc/{pid}/task/{thread}/fd/{number}")  # noqa: PTH116
                        if not status.st_nlink:
                            found[status.st_dev, status.st_ino] = status.st_blocks * 512
    return found


def _reaped() -> int:
    """Return the ticks that children of this process spent for whom it has waited, and whom it had adopted."""
    times = os.times()
    return int((times.children_user + times.children_system) * TICK)


def _alive(pid: int) -> str:
    """Return where a thread of a process is told of that has not ended, as the first one may have: it has no memory."""
    for thread in os.listdir(f"/proc/{pid}/task"):  # noqa: PTH208
        with contextlib.suppress(OSError, IndexError):
            if _fields(place := f"/proc/{pid}/task/{thread}")[0] not in "ZX":
                return place
    return f"/proc/{pid}"


def _fields(place: str) -> list[str]:
    """Return what stat says of a process or a thread, from its state on."""
    return _read(f"{place}/stat").rpartition(")")[2].split()


def _own_memory(pid: int) -> int:
    """Return the bytes of a process that are no file's.

    ``smaps_rollup`` would also share out what processes have in common, but it waits for a lock that a process holds
    while it forks: a bomb would keep it waiting.
    """
    own = 0
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in _read(f"{_alive(pid)}/status").splitlines():
            if line.startswith(("RssAnon:", "RssShmem:")):
                own += int(line.split()[1]) * 1024
    return own


def _read(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - pathlib takes long to import
        return file.read()
