"""The verifier that runs a fixture in a process of its own, as isolated as the machine can."""

import json
import os
import secrets
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, Final

import anyio
import attrs
from anyio import to_thread

from orket import _files
from orket.contracts import Isolation, Verification, VerificationResult
from orket.errors import IsolationError, VerificationError
from orket.verification._fixture import FOLDER, fixture_parts, read_fixture
from orket.verification._judge import judge
from orket.verification._ladder import Machine, Wanted, probe
from orket.verification._process import Command, Finished, default_python, run_command
from orket.verification._programs import SUPERVISOR, program_text
from orket.verification._scratch import make_scratch, remove_scratch

PRODUCT: Final = "agent_output"  # where agents write what fixtures check


@attrs.frozen(kw_only=True)
class Limits:
    """What a fixture may use. Times are seconds, sizes are bytes.

    The system holds each process to ``cpu_time``, ``memory``, ``file_size`` and ``open_files``. What all of them use
    together is added up 20 times a second: ``cpu_time``, ``memory``, ``processes`` (threads count too), and in the
    scratch folder ``files`` and ``scratch_size``.
    """

    wall_time: float = 60.0
    cpu_time: int = 30
    memory: int = 2 * 1024**3
    file_size: int = 64 * 1024**2
    open_files: int = 256
    processes: int = 128
    output: int = 64 * 1024
    files: int = 10_000
    scratch_size: int = 256 * 1024**2

    @property
    def resources(self) -> Mapping[str, int]:
        """The limits that the system enforces, by the name of their ``RLIMIT_*``."""
        return {
            "core": 1,  # no file is as small, and at 1 no program that takes images of memory is called either
            "cpu": self.cpu_time,
            "as": self.memory,
            "fsize": self.file_size,
            "nofile": self.open_files,
            "nproc": self.processes,
            "sigpending": 1024,  # signals that wait, and timers: those of a user's other processes count too
        }

    def totals(self, scratch: Path) -> Mapping[str, int | str]:
        """Return the limits of all processes together, as ``_watch`` names them."""
        return {
            "processes": self.processes,
            "memory": self.memory,
            "cpu": self.cpu_time + 1,  # the system's own limit says more, where one process uses it up
            "files": self.files,
            "size": self.scratch_size,
            "scratch": str(scratch),
        }


@attrs.frozen(kw_only=True)
class _Job:
    """What one run needs: the folder it may litter, and the job it reads from standard input."""

    scratch: Path
    stdin: IO[Any]
    nonce: str


@attrs.define(eq=False)
class _Found:
    """What the machine offers, once it was tried."""

    machine: Machine | None = None
    lock: anyio.Lock = attrs.field(factory=anyio.Lock)


@attrs.frozen(kw_only=True)
class SubprocessVerifier:
    """Runs fixtures in a child of the same Python, in the strongest isolation that the machine has.

    The fixture is a file below ``<workspace>/verification/``. For each scenario ``verify_<id>(input)`` is called
    where the fixture has it (characters that no name may have become ``_``), else ``verify(input)``; what it returns
    must equal the scenario's ``expected``. The comparison is made here: the child never learns what is expected.
    Where ``expected`` is None, and for ``verify()`` of a fixture without scenarios, anything but an exception and
    False passes.

    The child finds ``agent_output/``, the workspace and ``verification/`` on ``sys.path`` behind the standard library,
    the workspace's path in ``ORKET_WORKSPACE``, nothing else of this process's environment, and an empty folder as its
    working directory, the only one that it may write to.

    The first verification tries the levels of :class:`~orket.contracts.Isolation`, the strongest first, and the result
    names the one that held. What each guarantees, and what none does, is in the documentation.

    Args:
        limits: what a fixture may use.
        python: the interpreter that runs it.
        minimum: the weakest isolation that will do; on a weaker machine nothing runs.
        levels: the levels that are tried.
        readable: further folders that fixtures may read.

    Raises:
        VerificationError: there is no interpreter, or the platform has no resource limits.
    """

    limits: Limits = Limits()
    python: str = attrs.field(factory=default_python)
    minimum: Isolation = Isolation.RLIMITS
    levels: tuple[Isolation, ...] = tuple(Isolation)
    readable: tuple[Path, ...] = ()
    _child: str = attrs.field(init=False, repr=False, factory=partial(program_text, "_child.py"))
    _supervisor: str = attrs.field(init=False, repr=False, factory=partial(program_text, *SUPERVISOR))
    _found: _Found = attrs.field(init=False, repr=False, eq=False, factory=_Found)

    def __attrs_post_init__(self) -> None:
        if not self.python:
            raise VerificationError("no interpreter to run fixtures with; pass python=…", found=self.python)
        if os.name != "posix" or not _files.supported():
            raise VerificationError("fixtures need a platform with resource limits (Linux, macOS, BSD)", found=os.name)

    async def probe(self) -> Machine:
        """Return what this machine offers; it is tried once.

        Raises:
            VerificationError: the interpreter cannot be started, or none of the levels holds.
        """
        async with self._found.lock:
            if self._found.machine is None:
                wanted = Wanted(
                    levels=tuple(level for level in Isolation if level in self.levels),
                    python=self.python,
                    readable=tuple(str(path) for path in self.readable),
                    scratch_size=self.limits.scratch_size,
                    limits=self.limits.resources,
                )
                self._found.machine = await probe(wanted)
            return self._found.machine

    async def verify(self, verification: Verification, workspace: Path, /) -> VerificationResult:
        """Run the fixture with all its scenarios.

        Raises:
            FixtureRefusedError: the fixture lies outside ``verification/``, by its path or by a link.
            IsolationError: the machine is weaker than ``minimum``.
            VerificationError: there is no fixture, it is no text file, or the interpreter cannot be started.
        """
        root = Path(await to_thread.run_sync(os.path.realpath, workspace))
        source = await to_thread.run_sync(read_fixture, verification.fixture, root)
        machine = await self.probe()
        self._demand(machine)
        async with self._job(verification, source, root) as job:
            finished = await self._run(job, root, machine)
        if finished.failed:
            raise VerificationError(f"the interpreter cannot be started: {finished.failed}", found=self.python)
        isolation = " without ".join([part for part in (machine.level, ", ".join(finished.unset)) if part])
        return judge(verification, finished, nonce=job.nonce, isolation=isolation)

    def _demand(self, machine: Machine) -> None:
        if not machine.level.meets(self.minimum):
            raise IsolationError(
                f"fixtures need the isolation {self.minimum}, and this machine has {machine.level}: "
                f"{machine.explanation}",
                needed=self.minimum.value,
                found=machine.level.value,
                missing=machine.missing,
            )

    async def _run(self, job: _Job, workspace: Path, machine: Machine) -> Finished:
        home = str(job.scratch)
        argv = [self.python, "-I", "-B", "-X", "utf8", "-c", self._child, "{results}"]
        command = Command(
            argv=machine.confinement.wrap(machine.level, argv, workspace=workspace, scratch=job.scratch),
            cwd=job.scratch,
            timeout=self.limits.wall_time,
            cap=self.limits.output,
            python=self.python,
            supervisor=self._supervisor,
            limits=self.limits.resources,
            totals=self.limits.totals(job.scratch),
            environ={
                "PATH": os.defpath,
                "HOME": home,
                "TMPDIR": home,
                "LANG": "C.UTF-8",
                "ORKET_WORKSPACE": str(workspace),
            },
            stdin=job.stdin,
            results=True,
            merged=True,
        )
        try:
            finished = await run_command(command)
        except OSError as error:
            raise VerificationError(f"the interpreter cannot be started: {error}", found=self.python) from error
        return _unwrapped(finished) if machine.level is Isolation.BUBBLEWRAP else finished

    @asynccontextmanager
    async def _job(self, verification: Verification, source: str, workspace: Path) -> AsyncIterator[_Job]:
        scenarios = [{"id": scenario.id, "input": scenario.input} for scenario in verification.scenarios]
        nonce = secrets.token_hex(16)
        text = json.dumps(
            {
                "nonce": nonce,
                "source": source,
                "filename": str(workspace / FOLDER / fixture_parts(verification.fixture)[-1]),
                "paths": [str(workspace / PRODUCT), str(workspace), str(workspace / FOLDER)],
                "scenarios": scenarios,
            }
        )
        job = await to_thread.run_sync(_prepare, text, nonce)
        try:
            yield job
        finally:
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(_clear, job)


def _unwrapped(finished: Finished) -> Finished:
    """Return what became of the fixture's own process: the launcher tells of a signal as a shell does."""
    code = finished.returncode
    if code is None or not 128 < code < 128 + signal.NSIG:
        return finished
    return attrs.evolve(finished, returncode=128 - code)


def _prepare(text: str, nonce: str) -> _Job:
    stdin = _sealed(text.encode())
    return _Job(scratch=make_scratch(), stdin=stdin, nonce=nonce)


def _sealed(content: bytes) -> IO[Any]:
    """Return an open file that nobody writes to: below /proc, a fixture finds the standard input of its launcher."""
    if sys.platform != "linux":
        file: IO[Any] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in _clear
        file.write(content)
    else:
        import fcntl  # POSIX only

        file = os.fdopen(os.memfd_create("job", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING), "w+b")
        file.write(content)
        file.flush()
        fcntl.fcntl(file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK)
    file.seek(0)
    return file


def _clear(job: _Job) -> None:
    job.stdin.close()
    remove_scratch(job.scratch)
