"""The command runner, and the supervisor under which everything runs."""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from orket.contracts import CommandResult, CommandRunner
from orket.verification import LocalCommandRunner
from orket.verification import _process as process

pytestmark = pytest.mark.anyio
FD = Path("/proc/self/fd")
FAMILY = """
import os, sys, time
def note():
    with open(sys.argv[1], "a") as file:
        file.write(f"{os.getpid()}\\n")
note()
reader, writer = os.pipe()
if os.fork() == 0:
    note()
    os.setsid()
    if os.fork() == 0:
        note()
        os.write(writer, b"noted")
        time.sleep(600)
    os._exit(0)
os.wait()
os.read(reader, 5)
if sys.argv[2] == "stay":
    print("ready", flush=True)
    time.sleep(600)
"""


async def run(*argv: str, cwd: Path, seconds: float = 20, **options: object) -> CommandResult:
    runner = LocalCommandRunner(**options)  # type: ignore[arg-type]
    assert isinstance(runner, CommandRunner)
    return await runner.run(argv, cwd=cwd, timeout=seconds)


def family(tmp_path: Path, how: str) -> list[str]:
    return [sys.executable, "-I", "-c", FAMILY, str(tmp_path / "pids"), how]


def members(tmp_path: Path) -> list[int]:
    return [int(line) for line in (tmp_path / "pids").read_text().splitlines()]


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:  # it was waited for meanwhile
        return False
    return state not in "ZX"


async def test_what_a_command_gives(tmp_path: Path) -> None:
    """Code, both streams apart, working directory, empty standard input and the given environment."""
    script = (
        "import os, sys; print(os.getcwd(), os.environ, sys.stdin.read()); print('no', file=sys.stderr); sys.exit(3)"
    )
    result = await run(sys.executable, "-c", script, cwd=tmp_path, environ={"A": "1"})
    assert (result.returncode, result.stderr, result.timed_out) == (3, "no\n", False)
    assert result.stdout.startswith(f"{tmp_path} environ({{'A': '1'")


async def test_the_environment_is_inherited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an environment of its own, a command gets this process's."""
    monkeypatch.setenv("ORKET_TEST", "here")
    assert (await run("sh", "-c", "echo $ORKET_TEST", cwd=tmp_path)).stdout == "here\n"


async def test_killed_by_a_signal(tmp_path: Path) -> None:
    """A command that a signal ended has that signal's negative number as its code."""
    assert (await run("sh", "-c", "kill -TERM $$", cwd=tmp_path)).returncode == -signal.SIGTERM


@pytest.mark.parametrize(
    ("argv", "folder", "reason"),
    [
        (("orket-no-such-command",), ".", "orket-no-such-command: No such file or directory"),
        (("/",), ".", "/: Permission denied"),
        (("true",), "nowhere", "No such file or directory"),
        (("a\0b",), ".", "null"),
        (("",), ".", "cannot be empty"),
    ],
)
async def test_what_cannot_be_started(argv: tuple[str, ...], folder: str, reason: str, tmp_path: Path) -> None:
    """A command that cannot be started is a result with code 127 and the reason."""
    result = await run(*argv, cwd=tmp_path / folder, environ={"PATH": os.defpath})
    assert result.returncode == 127
    assert result.stderr.startswith("cannot be started: ")
    assert reason in result.stderr


async def test_output_is_capped(tmp_path: Path) -> None:
    """Of an endless flood the first bytes are kept, and the command runs on until its time is up."""
    for seconds in (0.3, 3, 30):  # it may begin late
        result = await run("sh", "-c", "yes; echo never", cwd=tmp_path, seconds=seconds, output=1000)
        if result.stdout:
            break
    assert result.timed_out
    assert result.returncode == -signal.SIGKILL
    assert result.stdout == "y\n" * 500 + "\n… (only the first 1000 bytes were kept)"


async def test_output_beyond_the_cap_does_not_block(tmp_path: Path) -> None:
    """A command that writes more than is kept, and more than a pipe holds, still ends well."""
    result = await run(sys.executable, "-c", "print('x' * 300_000)", cwd=tmp_path, output=10)
    assert (result.returncode, result.timed_out) == (0, False)
    assert result.stdout.startswith("xxxxxxxxxx\n…")


async def test_output_that_is_no_text(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 are replaced."""
    assert (await run("printf", r"a\377b", cwd=tmp_path)).stdout == "a�b"


async def test_no_descendant_outlives_the_command(tmp_path: Path) -> None:
    """When a command ends, also those of its descendants are dead that made a session of their own."""
    result = await run(*family(tmp_path, "leave"), cwd=tmp_path)
    assert (result.returncode, result.timed_out) == (0, False)
    assert len(members(tmp_path)) == 3
    assert not any(map(is_alive, members(tmp_path)))


async def test_no_descendant_outlives_the_time_limit(tmp_path: Path) -> None:
    """When the time is up, the whole family is dead, and what was said until then is kept."""
    for seconds in (1, 5, 30):  # it may begin late
        (tmp_path / "pids").unlink(missing_ok=True)
        result = await run(*family(tmp_path, "stay"), cwd=tmp_path, seconds=seconds)
        if result.stdout:
            break
    assert (result.returncode, result.timed_out, result.stdout) == (-signal.SIGKILL, True, "ready\n")
    assert len(members(tmp_path)) == 3
    assert not any(map(is_alive, members(tmp_path)))


async def wait_for(condition: Callable[[], bool]) -> None:
    with anyio.fail_after(60):
        while not condition():  # noqa: ASYNC110 - other processes decide
            await anyio.sleep(0.005)


async def test_no_descendant_outlives_cancellation(tmp_path: Path) -> None:
    """When the caller is cancelled, the whole family is dead before the cancellation goes on."""
    pids = tmp_path / "pids"
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: run(*family(tmp_path, "stay"), cwd=tmp_path))
        await wait_for(lambda: pids.exists() and len(members(tmp_path)) == 3)
        group.cancel_scope.cancel()
    assert not any(map(is_alive, members(tmp_path)))


async def test_a_killed_supervisor(tmp_path: Path) -> None:
    """A command that kills its supervisor is killed with its group all the same."""
    script = "echo $$ > pids; kill -9 $PPID; sleep 600"
    result = await run("sh", "-c", script, cwd=tmp_path)
    assert result.returncode == -signal.SIGKILL
    await wait_for(lambda: not any(map(is_alive, members(tmp_path))))


async def test_a_stopped_supervisor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that stops its supervisor is killed with it when the time to clear up is over."""
    monkeypatch.setattr(process, "GRACE", 0.05)
    script = "echo $$ > pids; kill -STOP $PPID; sleep 600"
    for seconds in (0.5, 5, 30):  # it may begin late
        result = await run("sh", "-c", script, cwd=tmp_path, seconds=seconds)
        assert result.timed_out
        if (tmp_path / "pids").exists():
            break
    await wait_for(lambda: not any(map(is_alive, members(tmp_path))))


async def test_a_supervisor_report_that_was_forged(tmp_path: Path) -> None:
    """A command that writes into its supervisor's report is not believed."""
    script = "for pipe in /proc/$PPID/fd/*; do echo '{{' > $pipe; done"
    result = await run("sh", "-c", script, cwd=tmp_path)
    assert result.returncode == -signal.SIGKILL
    assert "(the command killed its supervisor, or forged its report" in result.stderr


async def test_pipes_that_stay_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that escaped with the command's output in its hands does not keep the runner waiting."""
    monkeypatch.setattr(process, "DRAIN", 0.05)
    script = f"kill -9 $PPID; setsid {sys.executable} -c 'import time; time.sleep(1)' & sleep 0.2"
    started = time.monotonic()
    result = await run("sh", "-c", script, cwd=tmp_path)
    assert result.returncode == -signal.SIGKILL
    assert time.monotonic() - started < 20


async def test_many_at_once_leave_no_descriptor(tmp_path: Path) -> None:
    """Commands run side by side, and give every descriptor back."""
    results: list[CommandResult] = []

    async def one(number: int) -> None:
        results.append(await run("echo", str(number), cwd=tmp_path))

    await run("true", cwd=tmp_path)
    before = len(list(FD.iterdir()))  # noqa: ASYNC240 - it is no disk
    async with anyio.create_task_group() as group:
        for number in range(5):
            group.start_soon(one, number)
    assert sorted(result.stdout for result in results) == [f"{number}\n" for number in range(5)]
    assert len(list(FD.iterdir())) == before  # noqa: ASYNC240 - it is no disk


async def test_the_loop_is_not_blocked(tmp_path: Path) -> None:
    """While a command floods its output, other tasks get their turn."""
    gaps: list[float] = []

    async def watch() -> None:
        while True:
            before = time.perf_counter()
            await anyio.lowlevel.checkpoint()
            gaps.append(time.perf_counter() - before)

    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        await run("yes", cwd=tmp_path, seconds=0.3)
        group.cancel_scope.cancel()
    assert len(gaps) > 100
