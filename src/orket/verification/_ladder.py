"""Which isolation this machine has: every level is tried, from within, before one is believed."""

import json
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import anyio
import attrs
from anyio import to_thread

from orket.contracts import Isolation
from orket.errors import VerificationError
from orket.verification import _landlock
from orket.verification._confine import Confinement, links_to, visible
from orket.verification._process import Command, Finished, run_command
from orket.verification._programs import SUPERVISOR, program_text
from orket.verification._selfcheck import when_began

PATIENCE: Final = 30.0  # seconds for one attempt, on a machine that is busy
_ASK: Final = """\
import json, sys
print(json.dumps([sys.prefix, sys.base_prefix, sys.exec_prefix, sys.base_exec_prefix, *sys.path]))
"""


@attrs.frozen(kw_only=True)
class Machine:
    """What this machine offers: the strongest level that held, and why each stronger one did not."""

    level: Isolation
    missing: Mapping[Isolation, str] = MappingProxyType({})
    confinement: Confinement = attrs.field(repr=False)

    @property
    def explanation(self) -> str:
        """Why there is no stronger level, in one line; "" where there is none."""
        return "; ".join([f"{level}: {why}" for level, why in self.missing.items()])


@attrs.frozen(kw_only=True)
class Wanted:
    """What is looked for: levels, the strongest first, and what commands at any of them may read and use."""

    levels: tuple[Isolation, ...]
    python: str
    readable: tuple[str, ...]
    scratch_size: int
    limits: Mapping[str, int]


async def probe(wanted: Wanted) -> Machine:
    """Try the levels one after the other and return the first that holds.

    Raises:
        VerificationError: the interpreter cannot be started, or no level holds.
    """
    supervisor = program_text(*SUPERVISOR)
    abi = _landlock.find_abi() if sys.platform == "linux" else 0
    bwrap: str | None = await to_thread.run_sync(lambda: shutil.which("bwrap"))
    confinement = Confinement(
        python=wanted.python,
        bwrap=bwrap or "",
        abi=abi,
        readable=(*await _find_readable(wanted.python, supervisor), *wanted.readable),
        scratch_size=wanted.scratch_size,
    )
    missing: dict[Isolation, str] = {}
    for level in wanted.levels:
        if not (why := _lacks(level, confinement) or await _attempt(level, confinement, wanted, supervisor)):
            return Machine(level=level, missing=missing, confinement=confinement)
        missing[level] = why
    tried = "; ".join(f"{level}: {why}" for level, why in missing.items())
    raise VerificationError(f"no isolation that was asked for holds on this machine: {tried}", found=tried)


async def _find_readable(python: str, supervisor: str) -> tuple[str, ...]:
    """Return the folders that the interpreter itself needs."""
    ask = Command(
        argv=[python, "-I", "-c", _ASK],
        cwd=Path(os.sep),
        timeout=PATIENCE,
        cap=65536,
        python=python,
        supervisor=supervisor,
    )
    try:
        finished = await run_command(ask)
        paths = json.loads(finished.stdout) if finished.returncode == 0 else None
    except (OSError, ValueError) as error:
        raise VerificationError(f"the interpreter cannot be started: {error}", found=python) from error
    if paths is None:
        why = finished.failed or finished.stderr or f"exit code {finished.returncode}"
        raise VerificationError(f"the interpreter cannot be started: {why}", found=python)
    program = shutil.which(python) or python
    return visible([*paths, *links_to(program)])


def _lacks(level: Isolation, confinement: Confinement) -> str:
    """Return why *level* need not even be tried."""
    if level is not Isolation.RLIMITS and sys.platform != "linux":
        return "there is such a thing on Linux only"
    if level is Isolation.BUBBLEWRAP and not confinement.bwrap:
        return "bwrap is not installed"
    if level is Isolation.LANDLOCK and not confinement.abi:
        return "the kernel has no Landlock, or it is switched off"
    return ""


async def _attempt(level: Isolation, confinement: Confinement, wanted: Wanted, supervisor: str) -> str:
    """Return what is wrong with *level*; "" where it holds."""
    if level is Isolation.RLIMITS:
        return ""
    async with _bait() as (folder, port):
        workspace, scratch = folder / "workspace", folder / "scratch"
        asked: dict[str, Any] = {
            "secret": str(folder / "secret"),
            "port": port,
            "pid": os.getpid(),
            "began": when_began(os.getpid()),
            "workspace": str(workspace),
            "scratch": str(scratch),
        }
        check = [wanted.python, "-I", "-S", "-c", program_text("_selfcheck.py"), json.dumps(asked)]
        command = Command(
            argv=confinement.wrap(level, check, workspace=workspace, scratch=scratch),
            cwd=scratch,
            timeout=PATIENCE,
            cap=65536,
            python=wanted.python,
            supervisor=supervisor,
            limits=wanted.limits,
            environ={"PATH": os.defpath},
        )
        return _verdict(await run_command(command))


def _verdict(finished: Finished) -> str:
    try:
        findings: Sequence[str] = json.loads(finished.stdout)
    except ValueError:
        said = finished.failed or finished.stderr.strip().rpartition("\n")[2]
        return said or f"it ended with code {finished.returncode}"
    return ", ".join(findings)


@asynccontextmanager
async def _bait() -> AsyncIterator[tuple[Path, int]]:
    """Make a folder with a secret, a workspace and a scratch folder, and a port of this machine that listens."""
    folder = Path(await to_thread.run_sync(partial(tempfile.mkdtemp, prefix="orket-probe-")))
    try:
        await to_thread.run_sync(_fill, folder)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            yield folder, listener.getsockname()[1]
    finally:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(partial(shutil.rmtree, folder, ignore_errors=True))


def _fill(folder: Path) -> None:
    (folder / "secret").write_text("secret", encoding="utf-8")
    for name in ("workspace", "scratch"):
        (folder / name).mkdir()
