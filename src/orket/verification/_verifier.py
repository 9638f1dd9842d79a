"""The verifier that runs a fixture in a process of its own, under resource limits."""

import json
import os
import secrets
import shutil
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
from orket.contracts import Verification, VerificationResult
from orket.errors import VerificationError
from orket.verification._judge import judge
from orket.verification._process import Command, Finished, default_python, program_text, run_command

FOLDER: Final = "verification"  # where fixtures live, below the workspace; read-only to agents
PRODUCT: Final = "agent_output"  # where agents write what fixtures check
MAX_FIXTURE: Final = 1024 * 1024  # bytes of a fixture
ISOLATION: Final = "rlimits"


@attrs.frozen(kw_only=True)
class Limits:
    """What a fixture may use. Times are seconds, sizes are bytes.

    ``processes`` comes on top of what its user runs already; the system does not hold root to it.
    """

    wall_time: float = 60.0
    cpu_time: int = 30
    memory: int = 2 * 1024**3
    file_size: int = 64 * 1024**2
    open_files: int = 256
    processes: int = 128
    output: int = 64 * 1024

    @property
    def resources(self) -> Mapping[str, int]:
        """The limits that the system enforces, by the name of their ``RLIMIT_*``."""
        return {
            "core": 0,
            "cpu": self.cpu_time,
            "as": self.memory,
            "fsize": self.file_size,
            "nofile": self.open_files,
            "nproc": self.processes,
        }


@attrs.frozen(kw_only=True)
class _Job:
    """What one run needs: the folder it may litter, and the job it reads from standard input."""

    scratch: Path
    stdin: IO[Any]
    nonce: str


@attrs.frozen(kw_only=True)
class SubprocessVerifier:
    """Runs fixtures in an isolated child of the same Python.

    The fixture is a file below ``<workspace>/verification/``. For each scenario ``verify_<id>(input)`` is called
    where the fixture has it (characters that no name may have become ``_``), else ``verify(input)``; what it returns
    must equal the scenario's ``expected``. The comparison is made here: the child never learns what is expected.
    Where ``expected`` is None, and for ``verify()`` of a fixture without scenarios, anything but an exception and
    False passes.

    The child sees ``agent_output/``, the workspace and ``verification/`` on ``sys.path``, the workspace's path in
    ``ORKET_WORKSPACE``, nothing else of this process's environment, and an empty folder as its working directory.

    The isolation is ``"rlimits"``: it stops loops, floods and leaks, kills descendants, and keeps prints from being
    taken for results. It does not keep code of the same user from reading its files, and code within the fixture's
    own process could still lie for it.

    Args:
        limits: what a fixture may use.
        python: the interpreter that runs it.

    Raises:
        VerificationError: there is no interpreter, or the platform has no resource limits.

    """

    limits: Limits = Limits()
    python: str = attrs.field(factory=default_python)
    _child: str = attrs.field(init=False, repr=False, factory=partial(program_text, "_child.py"))
    _supervisor: str = attrs.field(init=False, repr=False, factory=partial(program_text, "_supervisor.py"))

    def __attrs_post_init__(self) -> None:
        if not self.python:
            raise VerificationError("no interpreter to run fixtures with; pass python=…", found=self.python)
        if os.name != "posix" or not _files.supported():
            raise VerificationError("fixtures need a platform with resource limits (Linux, macOS, BSD)", found=os.name)

    async def verify(self, verification: Verification, workspace: Path, /) -> VerificationResult:
        """Run the fixture with all its scenarios.

        Raises:
            VerificationError: there is no fixture, it is not a regular file below ``verification/``, or the interpreter
                cannot be started.

        """
        root = await to_thread.run_sync(os.path.realpath, workspace)
        source = await to_thread.run_sync(_read_fixture, verification.fixture, Path(root))
        async with self._job(verification, source, Path(root)) as job:
            finished = await self._run(job, Path(root))
        if finished.failed:
            raise VerificationError(f"the interpreter cannot be started: {finished.failed}", found=self.python)
        isolation = " without ".join([part for part in (ISOLATION, ", ".join(finished.unset)) if part])
        return judge(verification, finished, nonce=job.nonce, isolation=isolation)

    async def _run(self, job: _Job, workspace: Path) -> Finished:
        home = str(job.scratch)
        command = Command(
            argv=[self.python, "-I", "-B", "-X", "utf8", "-c", self._child, "{results}"],
            cwd=job.scratch,
            timeout=self.limits.wall_time,
            cap=self.limits.output,
            python=self.python,
            supervisor=self._supervisor,
            limits=self.limits.resources,
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
            return await run_command(command)
        except OSError as error:
            raise VerificationError(f"the interpreter cannot be started: {error}", found=self.python) from error

    @asynccontextmanager
    async def _job(self, verification: Verification, source: str, workspace: Path) -> AsyncIterator[_Job]:
        scenarios = [{"id": scenario.id, "input": scenario.input} for scenario in verification.scenarios]
        nonce = secrets.token_hex(16)
        text = json.dumps(
            {
                "nonce": nonce,
                "source": source,
                "filename": str(workspace / FOLDER / _parts(verification.fixture)[-1]),
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


def _parts(fixture: str | None) -> tuple[str, ...]:
    """Return the fixture's path below ``verification/``; it may, but need not, be spelled with that folder."""
    try:
        parts = _files.split_path(fixture or "")
    except _files.PathRefusedError as error:
        raise VerificationError(f"fixture {error}; valid: a file below {FOLDER}/", found=fixture) from error
    parts = parts[1:] if parts[:1] == (FOLDER,) else parts
    if not parts:
        raise VerificationError(f"no fixture: found {fixture!r}, valid: a file below {FOLDER}/", found=fixture)
    return parts


def _read_fixture(fixture: str | None, workspace: Path) -> str:
    """Return the fixture's text: what is checked here is what runs, whatever happens to the file meanwhile."""
    *parents, name = _parts(fixture)
    try:
        with _files.folder(workspace, (FOLDER, *parents)) as directory:
            return _files.read_file(directory, name, limit=MAX_FIXTURE).decode("utf-8-sig")
    except _files.PathRefusedError as error:
        raise VerificationError(f"fixture {fixture!r} cannot be run: {error}", found=fixture) from error
    except UnicodeDecodeError as error:
        raise VerificationError(f"fixture {fixture!r} is not UTF-8 text: {error}", found=fixture) from error


def _prepare(text: str, nonce: str) -> _Job:
    stdin = tempfile.TemporaryFile()  # noqa: SIM115 - closed in _clear
    stdin.write(text.encode())
    stdin.seek(0)
    return _Job(scratch=Path(tempfile.mkdtemp(prefix="orket-fixture-")), stdin=stdin, nonce=nonce)


def _clear(job: _Job) -> None:
    job.stdin.close()
    shutil.rmtree(job.scratch, ignore_errors=True)  # what a fixture made unremovable stays in the temporary folder
