"""The verifier with real fixtures in real processes, friendly and hostile."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from orket.contracts import Isolation, Scenario, Verification
from orket.errors import FixtureRefusedError, VerificationError
from orket.verification import SubprocessVerifier

pytestmark = pytest.mark.anyio
Write = Callable[[str], None]
Verify = Callable[..., Any]
MIB = 1024**2
THREE = (Scenario(id="add", input=[1, 2], expected=3),)


async def test_work_that_is_right(level: Isolation, workspace: Path, write_fixture: Write, verify: Verify) -> None:
    """A fixture imports what agents wrote, and passes when every scenario returns what is expected."""
    (workspace / "agent_output/calculator.py").write_text("def add(a, b): return a + b")
    write_fixture("""
        from calculator import add
        from agent_output import calculator
        def verify_add(pair): print("adding"); return add(*pair)
        def verify(value): return calculator.add(value, "!")
    """)
    scenarios = (*THREE, Scenario(id="shout", input="a", expected="a!"))
    for fixture in ("check.py", "verification/check.py"):
        result = await verify(*scenarios, fixture=fixture, level=level)
        assert result.passed, result
        assert [(each.id, each.passed) for each in result.scenarios] == [("add", True), ("shout", True)]
        assert (result.isolation, result.log) == (level, "adding\n")


async def test_work_that_is_wrong(workspace: Path, write_fixture: Write, verify: Verify) -> None:
    """A scenario that returns something else fails and says what."""
    write_fixture("def verify(pair): return 4")
    result = await verify(*THREE)
    assert not result.passed
    assert result.detail == "0 of 1 scenarios passed"
    assert result.scenarios[0].detail == "returned 4, expected 3"


async def test_what_a_fixture_sees(
    workspace: Path, write_fixture: Write, monkeypatch: pytest.MonkeyPatch, verify: Verify
) -> None:
    """The environment is clean, the working directory empty and gone afterwards, the expectation nowhere."""
    monkeypatch.setenv("SECRET", "hunter2")
    write_fixture("""
        import os, sys
        def verify(value):
            folder = os.listdir()
            open("litter", "w").close()
            return [sorted(os.environ), os.getcwd(), folder, "orket" in sys.modules]
    """)
    result = await verify(Scenario(id="a", input=1, expected=1))
    seen = result.scenarios[0].detail.removeprefix("returned ").removesuffix(", expected 1")
    environment, folder, content, imported = json.loads(seen)
    assert set(environment) - {"LC_CTYPE"} == {"HOME", "LANG", "ORKET_WORKSPACE", "PATH", "TMPDIR"}
    assert (content, imported) == ([], False)
    assert not (workspace / folder).exists()


HOSTILE = {
    "loop": ("def verify(v):\n while True: pass", {"cpu_time": 1}, "killed by SIGXCPU"),
    "sleep": ("import time\ndef verify(v): time.sleep(600)", {"wall_time": 0.7}, "its time was up"),
    "deaf": (
        "import signal, time\nfor n in set(signal.valid_signals()) - {9, 19}:\n signal.signal(n, signal.SIG_IGN)\n"
        "def verify(v): time.sleep(600)",
        {"wall_time": 0.7},
        "its time was up",
    ),
    "flood": ("def verify(v):\n while True: print('y' * 1000)", {"wall_time": 0.7}, "its time was up"),
    "exit": ("import os\ndef verify(v): os._exit(0)", {}, "ended by itself with exit code 0"),
    "sys.exit": ("import sys\ndef verify(v): sys.exit(0)", {}, "SystemExit: 0"),
    "exit at import": ("raise SystemExit(0)", {}, "the fixture cannot be loaded: SystemExit: 0"),
    "memory": ("def verify(v): return len(bytearray(10**10))", {}, "MemoryError"),
    "disk": ("def verify(v): open('f', 'wb').write(bytes(10**7))", {"file_size": MIB}, "OSError: [Errno 27]"),
    "files": (
        "def verify(v): return [open('/dev/null') for _ in range(999)]",
        {"open_files": 32},
        "OSError: [Errno 24]",
    ),
    "recursion": ("def verify(v): return verify(v)", {}, "RecursionError"),
    "crash": ("import os, signal\ndef verify(v): os.kill(os.getpid(), signal.SIGSEGV)", {}, "killed by SIGSEGV"),
    "parricide": (
        "import os, time\ndef verify(v): os.kill(os.getppid(), 9); time.sleep(600)",
        {},
        "supervisor was killed",
    ),
    "massacre": ("import os\ndef verify(v): os.killpg(0, 9)", {}, "killed by SIGKILL"),
    "forged print": (
        "print('[\"returned\",0,3]\\n[\"end\"]')\ndef verify(v): print('passed'); return 4",
        {},
        "returned 4",
    ),
    "forged channel": (
        "import os, sys\ndef verify(v): os.write(int(sys.argv[1]), b'[\"returned\",0,3]\\n'); return 3",
        {},
        "something other than the fixture's runner",
    ),
    "forged everywhere": (
        "import os\ndef verify(v):\n for fd in range(3, 64):\n  try: os.write(fd, b'passed\\n')\n"
        "  except OSError: pass\n return 3",
        {},
        "something other than the fixture's runner",
    ),
    "syntax": ("def verify(v) return 3", {}, "the fixture cannot be loaded: SyntaxError"),
    "nothing": ("", {}, "the fixture has no function verify_add or verify"),
    "stdin": ("import sys\ndef verify(v): return sys.stdin.read()", {}, 'returned "", expected 3'),
}


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # what differs between the loops is tested with commands
@pytest.mark.parametrize("name", HOSTILE)
async def test_hostile_fixtures(name: str, workspace: Path, write_fixture: Write, verify: Verify) -> None:
    """Whatever a fixture does, the result is in time, a failure, and says what happened."""
    source, limits, detail = HOSTILE[name]
    write_fixture(source)
    with anyio.fail_after(100):
        result = await verify(*THREE, **limits)
    assert not result.passed
    assert detail in result.scenarios[0].detail
    assert len(result.log) < 70_000


async def test_results_without_supervision(workspace: Path, write_fixture: Write, verify: Verify) -> None:
    """A fixture that kills its supervisor does not pass, even when it returns what is expected."""
    write_fixture("import os\ndef verify(v): os.kill(os.getppid(), 9); return 3")
    assert not (await verify(*THREE)).passed


async def test_descendants_die(workspace: Path, write_fixture: Write, verify: Verify) -> None:
    """Processes that a fixture left behind, in sessions of their own too, are dead when the result is there."""
    write_fixture("""
        import os, time
        def verify(value):
            os.setpgid(0, 0)
            reader, writer = os.pipe()
            for own_session in (True, False):
                if os.fork() == 0:
                    if own_session:
                        os.setsid()
                    os.write(writer, b"%d\\n" % os.getpid())
                    time.sleep(600)
            pids = b""
            while pids.count(b"\\n") < 2:
                pids += os.read(reader, 100)
            return [int(pid) for pid in pids.split()]
    """)
    result = await verify(Scenario(id="a", expected=[]))
    pids = [int(part) for part in result.scenarios[0].detail.split("[")[1].split("]")[0].split(",")]
    assert len(pids) == 2
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_threads_do_not_hold_a_result_up(workspace: Path, write_fixture: Write, verify: Verify) -> None:
    """A fixture whose threads do not end is over when its scenarios are."""
    write_fixture("""
        import threading, time
        threading.Thread(target=time.sleep, args=(600,)).start()
        def verify(): return True
    """)
    with anyio.fail_after(50):
        assert (await verify()).passed


async def test_limits_that_cannot_be_set_are_named(workspace: Path, write_fixture: Write, verify: Verify) -> None:
    """The evidence names limits that the system refused."""
    write_fixture("def verify(): pass")
    result = await verify(open_files=-5)
    assert result.passed
    assert result.isolation == "rlimits without nofile"


@pytest.mark.parametrize(
    ("fixture", "reason"),
    [
        (None, "no fixture: found None"),
        ("", "no fixture: found ''"),
        ("verification", "no fixture: found 'verification'"),
        ("none.py", "'none.py' does not exist"),
        ("../agent_output/evil.py", "'..' leads upwards"),
        ("verification/../agent_output/evil.py", "'..' leads upwards"),
        ("/etc/passwd", "is absolute"),
        ("agent_output/evil.py", "'verification/agent_output' does not exist"),
        ("none/evil.py", "'verification/none' does not exist"),
        ("link.py", "is a symbolic link"),
        ("linked/evil.py", "is a symbolic link"),
        ("folder.py", "is a folder"),
        ("binary.py", "is not UTF-8 text"),
        ("con.py", "device on Windows"),
    ],
)
async def test_fixtures_that_cannot_be_run(fixture: str | None, reason: str, workspace: Path, verify: Verify) -> None:
    """A fixture that is not a text file below ``verification/`` is refused, and nothing of it runs."""
    evil = workspace / "agent_output/evil.py"
    evil.write_text("def verify(): return True")
    folder = workspace / "verification"
    (folder / "link.py").symlink_to(evil)
    (folder / "linked").symlink_to(evil.parent)
    (folder / "folder.py").mkdir()
    (folder / "binary.py").write_bytes(b"\xff")
    with pytest.raises(VerificationError, match=r".") as caught:
        await verify(fixture=fixture)
    assert reason in str(caught.value)
    signs = ("agent_output", "leads upwards", "absolute", "symbolic", "device")
    leads_away = any(sign in reason for sign in signs)
    assert isinstance(caught.value, FixtureRefusedError) is leads_away


async def test_a_workspace_that_is_linked(workspace: Path, write_fixture: Write, verify: Verify) -> None:
    """The path to the workspace itself may hold links, and a byte order mark does not matter."""
    write_fixture("\ufeffimport os\ndef verify(): return os.path.isdir(os.environ['ORKET_WORKSPACE'])")
    (workspace.parent / "link").symlink_to(workspace)
    assert (await verify(root=workspace.parent / "link")).passed


async def test_cancellation_ends_the_fixture(workspace: Path, write_fixture: Write, verify: Verify) -> None:
    """A cancelled verification leaves neither its process nor its folder."""
    write_fixture("""
        import os, time
        with open(os.path.join(os.environ["ORKET_WORKSPACE"], "started.tmp"), "w") as file:
            file.write(f"{os.getpid()} {os.getcwd()}")
        os.rename(file.name, file.name[:-4])
        time.sleep(600)
    """)
    note = workspace / "started"
    async with anyio.create_task_group() as group:
        group.start_soon(lambda: verify(wall_time=60))
        with anyio.fail_after(50):
            while not note.exists():  # noqa: ASYNC110 - another process makes it
                await anyio.sleep(0.005)
        group.cancel_scope.cancel()
    pid, folder = note.read_text().split()
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid), 0)
    assert not (workspace / folder).exists()


async def test_interpreters_that_are_missing(workspace: Path, write_fixture: Write) -> None:
    """Without an interpreter nothing is verified, and the error says so."""
    write_fixture("def verify(): pass")
    verifier = SubprocessVerifier(python=str(workspace / "no-python"))
    with pytest.raises(VerificationError, match="the interpreter cannot be started"):
        await verifier.verify(Verification(fixture="check.py"), workspace)
    with pytest.raises(VerificationError, match="no interpreter"):
        SubprocessVerifier(python="")


def test_platforms_without_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing could be limited there is no such verifier."""
    monkeypatch.setattr(os, "supports_dir_fd", set())
    with pytest.raises(VerificationError, match="need a platform with resource limits"):
        SubprocessVerifier(python=sys.executable)
