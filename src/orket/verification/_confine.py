"""The command lines of the isolation ladder: in front of any command, what keeps it from the rest of the machine."""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import attrs

from orket.contracts import Isolation
from orket.verification import _landlock
from orket.verification._programs import CAGE, program_text

# What programs need of a Linux system. Not all of /etc: it holds secrets too.
SYSTEM: Final = (
    *("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/gnu/store"),
    *("/etc/ld.so.cache", "/etc/alternatives", "/etc/localtime", "/etc/passwd", "/etc/group", "/etc/nsswitch.conf"),
)
DEVICES: Final = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")
# AF_INET, AF_INET6: there is nobody else to reach. A socket of AF_UNIX would reach who listens in the workspace.
PRIVATE_NETWORK: Final = (2, 10)


@attrs.frozen(kw_only=True)
class Cage:
    """What the program ``_cage`` closes around a command; its defaults take privileges away and nothing else."""

    landlock: int = 0
    rights: Mapping[str, int] = attrs.field(factory=dict)
    seccomp: bool = False
    families: tuple[int, ...] = ()
    guards: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The cage as JSON."""
        return json.dumps(attrs.asdict(self))


@attrs.frozen(kw_only=True)
class Confinement:
    """How commands are confined on this machine.

    ``readable`` are paths that every command may read beside the system's; ``abi`` is the version of Landlock.
    """

    python: str
    bwrap: str = ""
    abi: int = 0
    readable: tuple[str, ...] = ()
    scratch_size: int
    _cage: str = attrs.field(init=False, repr=False, factory=partial(program_text, *CAGE))

    def wrap(self, level: Isolation, argv: Sequence[str], *, workspace: Path, scratch: Path) -> list[str]:
        """Return the command line that runs *argv* at *level*, able to read *workspace* and to write *scratch*."""
        if level is Isolation.BUBBLEWRAP:
            return [*self._bubble(workspace, scratch), *self._caged(self._within_bubble(scratch), argv)]
        if level is Isolation.LANDLOCK:
            return self._caged(self._landlock(workspace, scratch), argv)
        return self._caged(Cage(), argv) if sys.platform == "linux" else list(argv)

    def _caged(self, cage: Cage, argv: Sequence[str]) -> list[str]:
        return [self.python, "-I", "-S", "-c", self._cage, cage.text, *argv]

    def _landlock(self, workspace: Path, scratch: Path) -> Cage:
        guards = ["metadata", "groups", "names", "room"]
        guards += ["signals"] if self.abi < _landlock.SCOPES_SINCE else []
        guards += ["truncate"] if self.abi < _landlock.TRUNCATE_SINCE else []
        rights = dict.fromkeys((*SYSTEM, *self.readable, str(workspace)), _landlock.READ)
        rights |= dict.fromkeys(DEVICES, _landlock.DEVICE)
        rights[str(scratch)] = _landlock.WRITE
        return Cage(landlock=self.abi, rights=rights, seccomp=True, guards=tuple(guards))

    def _within_bubble(self, scratch: Path) -> Cage:
        """Return the cage within the namespaces: what is bound to be read is not written, not even a pipe in it.

        Who writes to a pipe changes no file system, so it may be one that is read-only.
        """
        rights = {os.sep: _landlock.READ, "/dev": _landlock.DEVICES, str(scratch): _landlock.WRITE}
        abi = self.abi if self.abi >= _landlock.REFER_SINCE else 0
        return Cage(landlock=abi, rights=rights, seccomp=True, families=PRIVATE_NETWORK)

    def _bubble(self, workspace: Path, scratch: Path) -> list[str]:
        """Return bubblewrap with new namespaces of every kind, and a root that holds nothing but what is bound.

        Settings of the kernel lie below /proc, and root may write them without any capability.
        """
        paths = [*sorted({*SYSTEM, *self.readable}), str(workspace)]
        bound = [part for path in paths for part in ("--ro-bind-try", path, path)]
        return [
            *(self.bwrap, "--unshare-all", "--die-with-parent", "--cap-drop", "ALL", "--hostname", "fixture"),
            *("--proc", "/proc", "--dev", "/dev", *bound),
            *("--size", str(self.scratch_size), "--tmpfs", str(scratch)),
            *("--remount-ro", "/proc", "--remount-ro", "/dev", "--remount-ro", "/", "--chdir", str(scratch), "--"),
        ]


def visible(paths: Sequence[str]) -> tuple[str, ...]:
    """Return the folders among *paths*, as they are spelled and as they really are; none that holds a home."""
    home = os.path.realpath(Path.home())
    found = {spelling for path in paths if path for spelling in (path, os.path.realpath(path))}
    return tuple(sorted(path for path in found if os.path.isdir(path) and not _holds(path, home)))  # noqa: PTH112


def _holds(path: str, home: str) -> bool:
    return home == path or home.startswith(path.rstrip("/") + "/")


def links_to(program: str) -> tuple[str, ...]:
    """Return the folders of every link on the way from a program's path to its file."""
    folders, seen = [], 0
    while seen < 40:  # as many as the system follows
        folders.append(os.path.dirname(program))  # noqa: PTH120 - not resolved is the point
        if not os.path.islink(program):  # noqa: PTH114
            break
        program = os.path.join(folders[-1], os.readlink(program))  # noqa: PTH115, PTH118
        seen += 1
    return tuple(folders)
