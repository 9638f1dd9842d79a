"""Fixtures that use too much, that do not end, or that leave something behind."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bait import survivors

from orket.contracts import Isolation

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"]), pytest.mark.thorough]
MIB = 1024**2
TRIES = 3  # who looks at the clock may be kept from it for a second himself
FORKED = """
import os, signal, time
reader, writer = os.pipe()
def begin(*, session=False, deaf=False):
    if os.fork():
        os.read(reader, 1)
        return
    if session:
        try: os.setsid()
        except OSError: pass
    if os.fork():
        os._exit(0)
    if deaf:
        for number in set(signal.valid_signals()) - {9, 19}: signal.signal(number, signal.SIG_IGN)
    os.write(writer, b'.')
    time.sleep(600)
"""

# Name: body of verify(bait), limits, what the result says (a regular expression).
GREEDY = {
    "loops": ("while True: pass", {"cpu_time": 1, "wall_time": 60}, "killed by SIGXCPU|cpu: "),
    "loops in two processes": (
        "import os; os.fork()\nwhile True: pass",
        {"cpu_time": 1, "wall_time": 60},
        r"SIGXCPU|cpu: \d",
    ),
    "loops in children that nobody waits for": (
        "import os, signal, time\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nwhile True:\n  if not os.fork():\n"
        "    while time.process_time() < 0.2: pass\n    os._exit(0)\n  try: os.wait()\n  except OSError: pass",
        {"cpu_time": 1, "wall_time": 60},
        r"cpu: \d",
    ),
    "loops in orphans": (
        "import os, time\nwhile True:\n  r, w = os.pipe()\n  if not os.fork():\n    if os.fork(): os._exit(0)\n"
        "    while time.process_time() < 0.2: pass\n    os._exit(0)\n"
        "  os.close(w); os.wait(); os.read(r, 1); os.close(r)",
        {"cpu_time": 1, "wall_time": 60},
        r"cpu: \d",
    ),
    "sleeps": ("import time; time.sleep(600)", {"wall_time": 0.5}, "its time was up"),
    "is deaf to signals": (
        "import signal, time\nfor n in set(signal.valid_signals()) - {9, 19}: signal.signal(n, signal.SIG_IGN)\n"
        "time.sleep(600)",
        {"wall_time": 0.5},
        "its time was up",
    ),
    "waits for a pipe of its own": ("import os; os.mkfifo('a'); open('a').read()", {"wall_time": 0.5}, "time was up"),
    "floods its output": ("while True: print('y' * 1000)", {"wall_time": 0.5}, "its time was up"),
    "floods by another program": ("import subprocess; subprocess.run(['yes'])", {"wall_time": 0.5}, "time was up"),
    "floods without end of line": (
        "import os\nwhile True: os.write(2, bytes(65536))",
        {"wall_time": 0.5},
        "its time was up",
    ),
    "bombs by forks": (
        "import os\nwhile True:\n try: os.fork()\n except OSError: pass",
        {"wall_time": 3},
        "processes: |memory: |time was up",
    ),
    "bombs by threads": (
        "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(600,)).start()",
        {"processes": 40},
        "processes: |start new thread",
    ),
    "takes memory": ("return len(bytearray(10**10))", {}, "MemoryError"),
    "maps memory": ("import mmap; mmap.mmap(-1, 10**10)", {}, "Cannot allocate memory"),
    "takes memory in many processes": (
        "import os, time\nfor _ in range(3): os.fork()\na = b'x' * (200 * 2**20)\ntime.sleep(600)",
        {"wall_time": 60},
        "memory: ",
    ),
    "takes memory where the first thread has ended": (
        "import ctypes, os, threading, time\n"
        "def hold():\n  time.sleep(0.2)\n  a = b'x' * (200 * 2**20)\n  time.sleep(600)\n"
        "for _ in range(2): os.fork()\nthreading.Thread(target=hold).start()\n"
        "ctypes.CDLL(None).syscall({'x86_64': 60, 'aarch64': 93}[os.uname().machine], 0)",
        {"wall_time": 60},
        "memory: ",
    ),
    "makes a sparse file of 10 GB": ("open('a', 'wb').truncate(10 * 2**30)", {}, r"Errno 27"),
    "writes a large file": ("open('a', 'wb').write(bytes(2 * 2**20))", {"file_size": MIB}, r"Errno 27"),
    "fills the disk": (
        "import time\nfor n in range(99): open(str(n), 'wb').write(bytes(2**20))\ntime.sleep(600)",
        {"scratch_size": 8 * MIB},
        r"size: \d|No space left",
    ),
    "fills the disk with files that have no name": (
        "import os, time\nf = [open(str(n), 'wb') for n in range(60)]\n"
        "for n, file in enumerate(f): os.unlink(str(n)); file.write(bytes(2**20)); file.flush()\ntime.sleep(600)",
        {"scratch_size": 8 * MIB},
        r"size: \d|No space left",
    ),
    "exhausts inodes": (
        "import os, time\nfor n in range(3000): os.mknod(str(n))\ntime.sleep(600)",
        {"files": 500},
        r"files: \d",
    ),
    "nests folders": (
        "import os, time\nfor _ in range(3000): os.mkdir('a'); os.chdir('a')\ntime.sleep(600)",
        {"files": 500},
        r"files: \d",
    ),
    "exhausts descriptors": ("return [open('/dev/null') for _ in range(999)]", {"open_files": 32}, "Errno 24"),
    "unpacks a bomb": (
        "import zlib\nz = zlib.compressobj(9)\np = b''.join(z.compress(bytes(2**20)) for _ in range(150)) + z.flush()\n"
        "return len(zlib.decompress(p))",
        {"memory": 128 * MIB, "wall_time": 60},
        "MemoryError",
    ),
    "unpacks a bomb to disk": (
        "import io, zipfile\nb = io.BytesIO()\nwith zipfile.ZipFile(b, 'w', zipfile.ZIP_DEFLATED) as z:\n"
        "  with z.open('a', 'w') as f:\n    for _ in range(20): f.write(bytes(2**20))\nzipfile.ZipFile(b).extractall()",
        {"file_size": MIB},
        "Errno 27",
    ),
    "recurses": ("def f(): return f()\nreturn f()", {}, "RecursionError"),
    "recurses without end": (
        "import sys; sys.setrecursionlimit(10**9); f = lambda g: g(g); return repr(f(f))",
        {"cpu_time": 1},
        "SIGSEGV|SIGABRT|MemoryError|SIGXCPU|memory: |cpu: ",
    ),
    "counts to a giant number": ("return 10 ** 10 ** 9", {"cpu_time": 1}, "SIGXCPU|MemoryError|cpu: "),
    "returns a giant number": ("return 10 ** 5000", {}, "returned a int, which JSON cannot spell"),
    "returns a deep value": ("a = []\nfor _ in range(10**5): a = [a]\nreturn a", {}, "JSON cannot spell"),
    "returns a large value": ("return 'x' * 10**7", {}, "returned more than"),
    "raises a large message": ("raise ValueError('x' * 10**7)", {}, "ValueError: xxx"),
    "crashes": ("import ctypes; ctypes.string_at(0)", {}, "killed by SIGSEGV"),
}


@pytest.mark.parametrize("name", GREEDY)
async def test_what_is_greedy_is_stopped(
    name: str, level: Isolation, attack: Callable[..., Any], stopped: list[Any]
) -> None:
    """Whatever a fixture uses up, it is stopped and says why; all is dead within a second, and its folder is gone."""
    body, limits, says = GREEDY[name]
    for _ in range(TRIES):
        attempt = await attack(body, level=level, **limits)
        assert re.search(says, attempt.said), attempt.said[:1000]
        assert attempt.escapes == set()
        (finished, folder) = stopped
        assert not folder.exists()
        if finished.cleared < 1:
            break
    assert finished.cleared < 1


LEAVING = {
    "a child": "begin()",
    "a daemon": "begin(session=True)",
    "a deaf daemon": "begin(session=True, deaf=True)",
    "many deaf daemons": "for _ in range(20): begin(session=True, deaf=True)",
    "a stopped child": "if not os.fork(): os.write(writer, b'.'); os.kill(os.getpid(), 19)\nos.read(reader, 1)",
    "a child in another group": "if not os.fork():\n  try: os.setpgid(0, 0)\n  finally: time.sleep(600)",
    "another program": "import subprocess; subprocess.Popen(['sleep', '600'])",
    "a child and its own death": "begin(session=True); os.kill(os.getpid(), 9)",
    "a child and its group's death": "begin(session=True); os.killpg(0, 9)",
    "threads": "import threading; threading.Thread(target=time.sleep, args=(600,)).start()",
}


@pytest.mark.parametrize("name", LEAVING)
async def test_nothing_is_left_behind(
    name: str, level: Isolation, attack: Callable[..., Any], stopped: list[Any]
) -> None:
    """When the result is there, no process of the fixture is: in a session of its own, deaf, stopped or orphaned."""
    for _ in range(TRIES):
        attempt = await attack(FORKED + LEAVING[name], level=level)
        assert attempt.escapes == set()
        if stopped[0].cleared < 1:
            break
    assert stopped[0].cleared < 1


MURDEROUS = {
    "kills its supervisor": "os.kill(os.getppid(), 9); time.sleep(600)",
    "stops its supervisor": "os.kill(os.getppid(), 19); time.sleep(600)",
    "stops its supervisor for good": "while True: os.kill(os.getppid(), 19)",
}


@pytest.mark.parametrize("name", MURDEROUS)
async def test_no_supervisor_no_pass(name: str, level: Isolation, attack: Callable[..., Any]) -> None:
    """A fixture that turns on its supervisor does not outlive it, where it can do so at all."""
    attempt = await attack(FORKED + MURDEROUS[name], level=level, wall_time=1.0)
    assert attempt.escapes == set()


async def test_what_resource_limits_cannot_hold(level: Isolation, attack: Callable[..., Any], workspace: Path) -> None:
    """A daemon whose supervisor was killed outlives it with resource limits alone: nobody knows of it any more."""
    body = "begin(session=True)\nos.kill(os.getppid(), 9)\ntime.sleep(600)"
    attempt = await attack(FORKED.replace("600", "60") + body.replace("600", "3"), level=level)
    for pid in survivors(workspace):
        os.kill(pid, 9)
    assert attempt.escapes == ({"survivors"} if level is Isolation.RLIMITS else set())


async def test_what_runs_ahead_of_its_killer(level: Isolation, attack: Callable[..., Any]) -> None:
    """A process that goes on in ever new children, each in a session of its own, dies at the stronger levels."""
    body = """
        end = time.monotonic() + 3
        if not os.fork():
            while time.monotonic() < end:
                if os.fork(): os._exit(0)
                try: os.setsid()
                except OSError: pass
            os._exit(0)
    """
    attempt = await attack(FORKED + "\n".join(line[8:] for line in body.splitlines()), level=level)
    assert level is Isolation.RLIMITS or attempt.escapes == set()
