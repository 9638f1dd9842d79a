"""One way to run a process: supervised, limited, its output capped while it is read, and never left behind.

The supervisor (``_supervisor.py``, run as text by an isolated Python of its own) is told to stop by closing a pipe.
That works from a cancelled task, needs no signal, and also happens when this process dies. Our own pipes are used
instead of the event loop's, because on asyncio waiting for a process can mean waiting for every descendant that holds
one of its pipes.

A stronger isolation is another ``argv`` to run here: a sandbox's launcher, in front of the same command.
"""

import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from subprocess import DEVNULL
from typing import IO, Any, Final

import anyio
import attrs
from anyio.abc import Process

CHUNK: Final = 65536  # bytes of one read
GRACE: Final = 5.0  # seconds that a supervisor has to clear up when it is told to stop
WAKE: Final = 0.1  # seconds between two calls to a supervisor that does not clear up
DRAIN: Final = 1.0  # seconds to read what is left in the pipes when the supervisor is gone
RESULTS: Final = 8 * 1024 * 1024  # bytes of results that are kept
THROTTLE: Final = 0.005  # seconds between two reads of output that is thrown away, so that a flood costs no processor


@attrs.frozen(kw_only=True)
class Command:
    """What to run. ``limits`` are ``RLIMIT_*`` names in lower case; ``cap`` is in bytes per stream.

    ``totals`` bound what all processes use together, as the program ``_watch`` says.

    ``environ`` None inherits this process's environment. ``results`` asks for a pipe of its own; the write end's number
    takes the place of ``{results}`` in ``argv``. ``python`` runs the supervisor.
    """

    argv: Sequence[str]
    cwd: Path
    timeout: float
    cap: int
    python: str
    supervisor: str
    limits: Mapping[str, int] = attrs.Factory(dict)
    totals: Mapping[str, int | str] = attrs.Factory(dict)
    environ: Mapping[str, str] | None = None
    stdin: IO[Any] | None = None
    results: bool = False
    merged: bool = False  # standard error goes where standard output goes


@attrs.frozen(kw_only=True)
class Finished:
    """What it came to. ``returncode`` is negative when a signal ended it, None when it could not be started.

    ``orphaned`` says that its supervisor was killed or its report forged: nobody can tell what else the command did.
    ``exceeded`` says which of the totals stopped it, ``cleared`` in how many seconds all its descendants were dead.
    """

    returncode: int | None
    stdout: str
    stderr: str
    results: bytes
    timed_out: bool
    unset: tuple[str, ...] = ()
    failed: str = ""
    orphaned: bool = False
    exceeded: str = ""
    cleared: float = 0.0


class _Capture:
    """Reads a pipe to its end and keeps the first *cap* bytes."""

    def __init__(self, cap: int) -> None:
        self._cap = cap
        self._kept = bytearray()
        self.cut = False
        self.source, self.sink = os.pipe()
        os.set_blocking(self.source, False)

    async def read(self) -> None:
        """Read to the end."""
        while True:
            await anyio.wait_readable(self.source)
            if (count := self.take()) == 0:
                return
            if self.cut and count:
                await anyio.sleep(THROTTLE)

    def take(self) -> int | None:
        """Read what is there; return how much: 0 at the end, None when nothing is there yet."""
        try:
            chunk = os.read(self.source, CHUNK)
        except BlockingIOError:
            return None
        room = self._cap - len(self._kept)
        self._kept += chunk[:room]
        self.cut = self.cut or len(chunk) > room
        return len(chunk)

    @property
    def content(self) -> bytes:
        return bytes(self._kept)

    @property
    def text(self) -> str:
        note = f"\n… (only the first {self._cap} bytes were kept)" if self.cut else ""
        return self._kept.decode(errors="replace") + note

    def close_sink(self) -> None:
        if self.sink >= 0:
            os.close(self.sink)
            self.sink = -1

    def close(self) -> None:
        self.close_sink()
        os.close(self.source)


@attrs.frozen
class _Pipes:
    stdout: _Capture
    stderr: _Capture
    results: _Capture
    report: _Capture

    def __iter__(self) -> Any:
        return iter((self.stdout, self.stderr, self.results, self.report))


class _Stop:
    """The pipe whose end of file tells the supervisor to stop."""

    def __init__(self) -> None:
        self.source, self._sink = os.pipe()

    def __call__(self) -> None:
        if self._sink >= 0:
            os.close(self._sink)
            self._sink = -1

    def close(self) -> None:
        self()
        os.close(self.source)


async def run_command(command: Command) -> Finished:
    """Run *command* until it ends or its time is up; when this returns or is cancelled, its descendants are dead.

    Raises:
        OSError: the supervisor itself cannot be started.
    """
    pipes = _Pipes(*(_Capture(cap) for cap in (command.cap, command.cap, RESULTS, CHUNK)))
    stop = _Stop()
    try:
        timed_out = False
        async with _supervised(command, pipes, stop) as process, anyio.create_task_group() as readers:
            for pipe in pipes:
                readers.start_soon(pipe.read)
            with anyio.move_on_after(command.timeout) as scope:
                await process.wait()
            timed_out = scope.cancelled_caught
            await _end(process, stop, pipes.report)
            readers.cancel_scope.deadline = anyio.current_time() + DRAIN
        return _finished(pipes, timed_out=timed_out)
    finally:
        stop.close()
        for pipe in pipes:
            pipe.close()


@asynccontextmanager
async def _supervised(command: Command, pipes: _Pipes, stop: _Stop) -> AsyncIterator[Process]:
    """Start the supervisor; end it on every way out."""
    argv = (
        [part.replace("{results}", str(pipes.results.sink)) for part in command.argv]
        if command.results
        else command.argv
    )
    passed = (stop.source, pipes.report.sink, *((pipes.results.sink,) if command.results else ()))
    numbers = [str(descriptor) for descriptor in passed[:2]]
    bounds = json.dumps({"limits": dict(command.limits), "totals": dict(command.totals)})
    process = await anyio.open_process(
        [command.python, "-I", "-S", "-c", command.supervisor, *numbers, bounds, *argv],
        stdin=DEVNULL if command.stdin is None else command.stdin,
        stdout=pipes.stdout.sink,
        stderr=pipes.stdout.sink if command.merged else pipes.stderr.sink,
        cwd=command.cwd,
        env=command.environ,
        start_new_session=True,
        pass_fds=passed,
    )
    try:
        for pipe in pipes:
            pipe.close_sink()
        yield process
    finally:
        with anyio.CancelScope(shield=True):
            await _end(process, stop, pipes.report)
            await process.aclose()


async def _end(process: Process, stop: _Stop, report: _Capture) -> None:
    """Tell the supervisor to clear up; kill what is known of it when it does not, or was killed itself."""
    stop()
    with anyio.move_on_after(GRACE):
        while process.returncode is None:
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)  # what it watches may have stopped it
            with anyio.move_on_after(WAKE):
                await process.wait()
    if process.returncode != 0:
        report.take()  # its reader may not have had its turn yet
        group = _facts(report).get("group")
        for known in (process.pid, *((group,) if isinstance(group, int) and group > 1 else ())):
            with suppress(OSError):
                os.killpg(known, signal.SIGKILL)
        await process.wait()


def _facts(report: _Capture) -> dict[str, Any]:
    """Read the supervisor's report; one that cannot be read is none."""
    facts: dict[str, Any] = {}
    try:
        for line in report.content.splitlines():
            facts.update(json.loads(line))
    except (ValueError, TypeError, RecursionError):
        return {}
    return facts


def _finished(pipes: _Pipes, *, timed_out: bool) -> Finished:
    facts = _facts(pipes.report)
    failed = str(facts.get("failed", ""))
    return Finished(
        returncode=None if failed else facts.get("exit", -signal.SIGKILL),
        stdout=pipes.stdout.text,
        stderr=pipes.stderr.text,
        results=pipes.results.content,
        timed_out=timed_out,
        unset=tuple(facts.get("unset", ())),
        failed=failed,
        orphaned="exit" not in facts,
        exceeded=str(facts.get("exceeded", "")),
        cleared=float(facts.get("cleared", 0.0)),
    )


def default_python() -> str:
    """Return the interpreter this process runs in; "" where it is embedded and has none."""
    return sys.executable or ""
