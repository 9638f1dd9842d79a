"""Fixtures, and products below them, that want to pass without being right."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest

from orket.contracts import Isolation, Scenario

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"]), pytest.mark.thorough]

# Name: text before verify(v), and its body.
LIES = {
    "prints that it passed": ("print('passed'); print('[\"returned\",0,3]\\n[\"end\"]')", "return 4"),
    "writes to the channel": (
        "import os, sys",
        'os.write(int(sys.argv[1]), b\'["returned",0,3]\\n["end"]\\n\'); return 3',
    ),
    "writes to every descriptor": (
        "import os",
        "for fd in range(3, 64):\n  try: os.write(fd, b'passed\\n')\n  except OSError: pass\nreturn 3",
    ),
    "floods the channel": ("import os, sys", "while True: os.write(int(sys.argv[1]), bytes(65536))"),
    "closes every descriptor": ("import os", "os.closerange(0, 256); return 3"),
    "puts a file in the channel's place": ("import os, sys", "os.dup2(os.open('a', 66), int(sys.argv[1])); return 3"),
    "exits before the verdict": ("import os", "os._exit(0)"),
    "exits by sys.exit": ("import sys", "sys.exit(0)"),
    "exits while it is loaded": ("raise SystemExit(0)", "return 3"),
    "ends by a signal": ("import os", "os.kill(os.getpid(), 15)"),
    "becomes another program": ("import os", "os.execv('/bin/true', ['true'])"),
    "speaks at exit": ("import atexit, sys; atexit.register(print, 'passed')", "sys.exit(0)"),
    "is equal to everything": ("class Any(int):\n  def __eq__(self, other): return True", "return Any(4)"),
    "returns what JSON makes equal": ("", "return 3.5 - 0.25"),
    "returns true for one": ("", "return True"),
    "patches json": ("import json; json.dumps = lambda *a, **k: 'passed'", "return 3"),
    "patches modules": (
        "import sys, types; sys.modules['json'] = sys.modules['os'] = types.ModuleType('x')",
        "return 4",
    ),
    "patches builtins": (
        "import builtins\nfor n in ('isinstance', 'len', 'str'): setattr(builtins, n, None)",
        "return 3",
    ),
    "patches the writing": ("import os; os.write = lambda *a: len(a[1])", "return 3"),
    "takes the runner's module": ("import sys; sys.modules['__main__'].tell = print", "return 4"),
    "cannot be described": (
        "class Mute(type):\n  __name__ = property(lambda c: 1/0)\nclass Evil(Exception, metaclass=Mute): pass",
        "raise Evil",
    ),
    "describes itself without end": (
        "class Long(Exception):\n  def __str__(self):\n    while True: pass",
        "raise Long",
    ),
    "reads what is expected": ("import sys, gc", "return sys.stdin.read() or repr(gc.get_objects())"),
    "runs on in a thread": (
        "import threading, os, sys\n"
        "def late():\n  while True:\n    try: os.write(int(sys.argv[1]), b'x')\n    except OSError: pass",
        "threading.Thread(target=late, daemon=True).start(); return 4",
    ),
    "is a generator": ("", "yield 3"),
    "traces the runner": ("import sys; sys.settrace(lambda *a: 1/0); sys.setprofile(lambda *a: 1/0)", "return 4"),
}


@pytest.mark.parametrize("level", [Isolation.BUBBLEWRAP, Isolation.RLIMITS], indirect=True)  # launched, and not
@pytest.mark.parametrize("name", LIES)
async def test_no_lie_passes(
    name: str, level: Isolation, write_fixture: Callable[[str], None], verify: Callable[..., Any]
) -> None:
    """Nothing but a returned value that is right passes, told by the runner, in a run that came to its end."""
    before, body = LIES[name]
    write_fixture(f"{before}\ndef verify(v):\n{indent(dedent(body), '  ')}\n")
    result = await verify(Scenario(id="a", input=[1, 2], expected=3), level=level, wall_time=4.0, cpu_time=1)
    assert not result.passed, result


MODULES = ("random", "decimal", "statistics", "fractions", "unittest", "math", "json", "hashlib", "sitecustomize")


async def test_no_module_of_the_library_is_taken(
    level: Isolation, workspace: Path, write_fixture: Callable[[str], None], verify: Callable[..., Any]
) -> None:
    """What agents, or the folder of fixtures, name like a module of the standard library is not imported for it."""
    for name in MODULES:
        for folder in ("agent_output", ".", "verification"):
            (workspace / folder / f"{name}.py").write_text("print('hijacked')")
    (workspace / "agent_output" / "product.py").write_text("answer = 42")
    write_fixture(f"""
        import {", ".join(MODULES[:-1])}
        from product import answer
        def verify(): return unittest.__name__ == "unittest" and answer == 42
    """)
    result = await verify(level=level)
    assert result.passed, result
    assert "hijacked" not in result.log


@pytest.mark.parametrize(("guess", "passes"), [(3, True), (4, False)])
async def test_what_no_level_stops(
    level: Isolation,
    guess: int,
    passes: bool,
    workspace: Path,
    write_fixture: Callable[[str], None],
    verify: Callable[..., Any],
) -> None:
    """A product that takes over the fixture's process can answer for it, and passes if it guesses what is expected."""
    (workspace / "agent_output" / "product.py").write_text(
        "import os, sys\n"
        "def add(a, b):\n"
        "  frame = sys._getframe()\n"
        "  while 'tell' not in frame.f_locals: frame = frame.f_back\n"
        "  tell = frame.f_locals['tell']\n"
        f"  tell('returned', 0, {guess}); tell('end'); os._exit(0)\n"
    )
    write_fixture("from product import add\ndef verify(v): return add(*v)")
    result = await verify(Scenario(id="a", input=[1, 2], expected=3), level=level)
    assert result.passed is passes
