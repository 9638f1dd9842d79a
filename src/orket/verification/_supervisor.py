"""Runs one command with limits, and leaves nothing of it behind. The text of this file is run by a process of its own.

``python -I -S -c TEXT CONTROL REPORT LIMITS ARGV…``: CONTROL is a descriptor that becomes readable (end of file) when
the command is to be stopped, also when whoever asked for it died. REPORT takes one line of JSON per fact: ``{"group":
id}``, the command's process group; ``{"unset": […]}``, the limits that could not be set; ``{"failed": text}``, the
command could not be started; ``{"exit": code}``. LIMITS is JSON: names of ``resource.RLIMIT_*`` (without the prefix,
in lower case) and their values.

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
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


def main() -> None:
    """Run the command to its end, or until told to stop."""
    control, report = int(sys.argv[1]), int(sys.argv[2])
    limits, argv = json.loads(sys.argv[3]), sys.argv[4:]
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
            become(argv, limits, report)
        finally:
            os._exit(127)
    with contextlib.suppress(OSError):  # the child does the same; whoever is first
        os.setpgid(child, child)
    code = wait(child, control, wakeup)
    kill_descendants(child, adopts=adopts)
    tell(report, {"exit": code})


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
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if process.stat().st_uid == os.getuid():
                count += len(list((process / "task").iterdir()))
        except OSError:
            continue
    return count


def wait(child: int, control: int, wakeup: int) -> int:
    """Wait for *child*, killing it when told to stop; return its code (negative: its signal)."""
    sources = [control, wakeup]
    while True:
        readable = select.select(sources, [], [])[0]
        if control in readable:
            sources.remove(control)
            os.kill(child, signal.SIGKILL)
        if wakeup in readable:
            os.read(wakeup, 4096)
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
    """Kill all descendants: those of a killed process become children of this one, until there are none."""
    while True:
        with contextlib.suppress(OSError):
            os.killpg(group, signal.SIGKILL)
        for pid in children() if adopts else ():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def children() -> list[int]:
    """Return the ids of the processes whose parent is this one."""
    found, own = [], str(os.getpid())
    for process in Path("/proc").glob("[0-9]*"):
        try:
            fields = (process / "stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if fields[1] == own:
            found.append(int(process.name))
    return found


def tell(report: int, fact: dict[str, object]) -> None:
    """Write one fact."""
    os.write(report, json.dumps(fact).encode() + b"\n")


if __name__ == "__main__":
    main()
