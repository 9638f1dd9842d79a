"""Gives up privileges, closes the cage around itself and becomes the command. Run as the text of a process of its own.

``python -I -S -c TEXT CAGE ARGV…``: CAGE is JSON::

    {"landlock": version or 0, "rights": {path: rights}, "seccomp": bool, "families": [], "guards": []}

What cannot be done ends the process with code 125: nothing ever runs in half a cage.
"""

import json
import os
import sys
from typing import Any

from orket.verification._landlock import restrict
from orket.verification._privileges import give_up_privileges
from orket.verification._seccomp import install, make_filter

NO_CAGE = 125


def main() -> None:
    """Close the cage and become the command."""
    cage, argv = json.loads(sys.argv[1]), sys.argv[2:]
    try:
        close(cage)
        os.execvp(argv[0], argv)  # noqa: S606 - no shell is the point
    except OSError as error:
        os.write(2, f"the cage cannot be closed: {error}\n".encode())
        os._exit(NO_CAGE)


def close(cage: dict[str, Any]) -> None:
    """Apply each part of the cage to this process.

    Raises:
        OSError: the kernel refused one.
    """
    give_up_privileges()
    if cage["landlock"]:
        restrict(cage["landlock"], cage["rights"], network=bool(cage["families"]))
    if cage["seccomp"]:
        families, guards, machine = cage["families"], cage["guards"], os.uname().machine
        install(make_filter(machine, families=families, guards=guards, own_pid=os.getpid()))


if __name__ == "__main__":
    main()
