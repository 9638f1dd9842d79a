"""Tries, from within an isolation, what the isolation must deny. Run as the text of a process of its own.

``python -I -S -c TEXT JSON``: JSON names a file outside that holds a secret, a port of this machine that listens, the
process that asks, the workspace and the scratch folder. Prints one line of JSON: what could be done that must not be,
and what must be possible and is not.
"""

import contextlib
import ctypes
import json
import os
import socket
import sys
from collections.abc import Callable

PR_GET_NO_NEW_PRIVS = 39
CLONE_NEWUSER = 0x10000000
SETTING = "/proc/sys/kernel/core_pattern"


def main() -> None:
    """Try everything and say what was found."""
    asked = json.loads(sys.argv[1])
    libc = ctypes.CDLL(None)
    secret = asked["secret"]
    attempts: dict[str, Callable[[], object]] = {
        "read a file outside": lambda: open(secret, "rb").close(),  # noqa: PTH123
        "write a file outside": lambda: open(f"{secret}.new", "wb").close(),  # noqa: PTH123
        "change the mode of a file outside": lambda: os.chmod(secret, 0o600),  # noqa: PTH101
        "write to the workspace": lambda: open(f"{asked['workspace']}/new", "wb").close(),  # noqa: PTH123
        "reach this machine's network": lambda: socket.create_connection(("127.0.0.1", asked["port"]), 1),
        "signal a process outside": lambda: _signal(asked["pid"], asked["began"]),
        "change a setting of the kernel": lambda: os.close(os.open(SETTING, os.O_WRONLY)),
        "make a namespace": lambda: _zero(libc.unshare(CLONE_NEWUSER)),
        "gain privileges": lambda: _zero(libc.prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)),
    }
    found = [f"it can {what}" for what, attempt in attempts.items() if succeeds(attempt)]
    needs: dict[str, Callable[[], object]] = {
        "read the workspace": lambda: os.listdir(asked["workspace"]),  # noqa: PTH208
        "write to the scratch folder": lambda: open(f"{asked['scratch']}/new", "wb").close(),  # noqa: PTH123
    }
    found += [f"it cannot {what}" for what, attempt in needs.items() if not succeeds(attempt)]
    print(json.dumps(found))  # noqa: T201 - what it is for


def succeeds(attempt: Callable[[], object]) -> bool:
    """Return whether *attempt* does not raise OSError."""
    with contextlib.suppress(OSError):
        attempt()
        return True
    return False


def _signal(pid: int, began: str) -> None:
    """Signal the process that asks, which began then; in a container another one may have its small number here."""
    if (here := when_began(pid)) and began not in ("", here):
        raise ProcessLookupError
    os.kill(pid, 0)


def when_began(pid: int) -> str:
    """Return when a process began, as the system counts; "" where it does not say."""
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
        return stat.read().rpartition(")")[2].split()[19]
    return ""


def _zero(result: int) -> None:
    if result != 0:
        raise OSError(result, "denied")


if __name__ == "__main__":
    main()
