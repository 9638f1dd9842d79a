"""Runs one command with limits, and leaves nothing of it behind. The text of this file is run by a process of its own.

``python -I -S -c TEXT CONTROL REPORT BOUNDS ARGV…``: CONTROL is a descriptor that becomes readable (end of file) when
the command is to be stopped, also when whoever asked for it died. REPORT takes one line of JSON per fact: ``{"group":
id}``, the command's process group; ``{"unset": […]}``, the limits that could not be set; ``{"failed": text}``, the
command could not be started; ``{"exceeded": text}``, it was stopped because all its processes together used too much;
``{"exit": code, "cleared": seconds}``, how it ended, and how long it took until every descendant was dead.

BOUNDS is JSON: ``limits``, names of ``resource.RLIMIT_*`` (without the prefix, in lower case) and their values, and
``totals``, see ``_watch``.

On Linux this process adopts orphans (``PR_SET_CHILD_SUBREAPER``), so that also descendants that made a session of their
own are found and killed before it ends. Elsewhere only the process group is killed.
"""

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import sys
import time

from orket.verification._watch import Watch, descendants

PR_SET_CHILD_SUBREAPER = 36


def main() -> None:
    """Run the command to its end, or until told to stop."""
    control, report = int(sys.argv[1]), int(sys.argv[2])
    bounds, argv = json.loads(sys.argv[3]), sys.argv[4:]
    for descriptor in (control, report):
        os.set_inheritable(descriptor, False)
    adopts = sys.platform == "linux" and ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
    wakeup, alarm = os.pipe()
    for descriptor in (wakeup, alarm):
        os.set_blocking(descriptor, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(alarm, warn_on_full_buffer=False)
    child = os.fork()
    if child == 0:
        try:
            become(argv, bounds["limits"], report)
        finally:
            os._exit(127)
    with contextlib.suppress(OSError):  # the child does the same; whoever is first
        os.setpgid(child, child)
    hurry()
    watch = Watch(os.getpid(), bounds["totals"] if adopts else {})
    code = wait(child, (control, wakeup, report), watch)
    began = time.monotonic()
    kill_descendants(child, adopts=adopts)
    tell(report, {"exit": code, "cleared": time.monotonic() - began})


def hurry() -> None:
    """Be served before those that are watched: the system holds root to no number of processes, only this one does."""
    if hasattr(os, "SCHED_FIFO"):
        with contextlib.suppress(OSError):  # root may, others are held to their number
            os.sched_setscheduler(0, os.SCHED_FIFO | os.SCHED_RESET_ON_FORK, os.sched_param(1))


def become(argv: list[str], limits: dict[str, int], report: int) -> None:
    """Turn this forked process into the command; return only when that is impossible."""
    os.setpgid(0, 0)
    tell(report, {"group": os.getpid()})
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    if unset := [name for name, value in limits.items() if not set_limit(name, value)]:
        tell(report, {"unset": unset})
    try:
        os.execvp(argv[0], argv)  # noqa: S606 - no shell is the point
    except (OSError, ValueError) as error:
        tell(report, {"failed": f"{argv[0]}: {getattr(error, 'strerror', None) or error}"})


def set_limit(name: str, value: int) -> bool:
    """Set a limit for good; return whether the system did."""
    kind = getattr(resource, f"RLIMIT_{name.upper()}", None)
    if kind is None:
        return False
    if name == "nproc":
        value += tasks_of_user()
    try:
        ceiling = resource.getrlimit(kind)[1]
        value = value if ceiling == resource.RLIM_INFINITY else min(value, ceiling)
        hard = value + 1 if name == "cpu" and value != ceiling else value  # SIGXCPU says more than SIGKILL
        resource.setrlimit(kind, (value, hard))
    except (OSError, ValueError):
        return False
    return True


def tasks_of_user() -> int:
    """Count the threads that run for this user: the system counts them all against its limit of processes."""
    count = 0
    for name in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208 - pathlib takes long to import
        with contextlib.suppress(OSError):
            if os.stat(f"/proc/{name}").st_uid == os.getuid():  # noqa: PTH116
                count += len(os.listdir(f"/proc/{name}/task"))  # noqa: PTH208
    return count


def wait(child: int, descriptors: tuple[int, int, int], watch: Watch) -> int:
    """Wait for *child*, killing it when told to stop or when it uses too much; return its code (negative: signal).

    The descriptors become readable when it is told to stop, and when a child ends; the third takes facts.
    """
    control, wakeup, report = descriptors
    sources = [control, wakeup]
    while True:
        readable = select.select(sources, [], [], watch.rest())[0]
        if control in readable:
            sources.remove(control)
            os.killpg(child, signal.SIGKILL)
        if wakeup in readable:
            os.read(wakeup, 4096)
        if exceeded := watch.look():
            tell(report, {"exceeded": exceeded})
            os.killpg(child, signal.SIGKILL)
        while True:
            try:
                ended, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if ended == child:
                return os.waitstatus_to_exitcode(status)
            if ended == 0:
                break


def kill_descendants(group: int, *, adopts: bool) -> None:
    """Kill all descendants, until there are none: those of a killed process become children of this one.

    They are stopped first, all that can be found: a process that is killed has time to begin another one, and one that
    is stopped has not.
    """
    while True:
        with contextlib.suppress(OSError):
            os.killpg(group, signal.SIGKILL)
        family = descendants(os.getpid()) if adopts else []
        for deadly in (signal.SIGSTOP, signal.SIGKILL):
            for pid in family:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, deadly)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.001)


def tell(report: int, fact: dict[str, object]) -> None:
    """Write one fact."""
    os.write(report, json.dumps(fact).encode() + b"\n")


if __name__ == "__main__":
    main()
