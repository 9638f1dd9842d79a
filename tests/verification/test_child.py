"""The program that runs a fixture's scenarios, called in this process."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from orket.verification import _child


@pytest.fixture(autouse=True)
def _restored_modules() -> Iterator[None]:
    """Give ``sys.path`` and ``sys.modules`` back as they were."""
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def told(source: str, *scenarios: tuple[str, Any], paths: tuple[str, ...] = ()) -> list[tuple[Any, ...]]:
    facts: list[tuple[Any, ...]] = []
    job = {
        "source": dedent(source),
        "filename": "/w/verification/check.py",
        "paths": list(paths),
        "scenarios": [{"id": name, "input": value} for name, value in scenarios],
    }
    _child.run(job, lambda *fact: facts.append(fact))
    return facts


def test_scenarios() -> None:
    """Each scenario calls its own function where there is one, else ``verify``, with its input."""
    source = """
        def verify(value): return ["any", value]
        def verify_a_b_1(value): return {"own": value}
    """
    assert told(source, ("a-b.1", 1), ("other", [2])) == [
        ("loaded",),
        ("returned", 0, {"own": 1}),
        ("returned", 1, ["any", [2]]),
        ("end",),
    ]


def test_without_scenarios() -> None:
    """A fixture without scenarios is called once, without input."""
    assert told("def verify(): return True") == [("loaded",), ("returned", 0, True), ("end",)]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("raise ValueError('no')", "ValueError: no (check.py line 2)"),
        ("assert 1 == 2", "AssertionError (check.py line 2)"),
        ("raise SystemExit(0)", "SystemExit: 0 (check.py line 2)"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt (check.py line 2)"),
        ("raise ValueError('\\ud800')", "ValueError: \\ud800 (check.py line 2)"),
        (
            "raise type('Bad', (Exception,), {'__str__': lambda s: 1/0})",
            "Bad: (its message cannot be read) (check.py line 2)",
        ),
        ("import json; json.loads('{')", "JSONDecodeError: Expecting property name"),
        ("yield 1", "verify must be a plain function"),
        ("import asyncio; return asyncio.sleep(0)", "verify must be a plain function"),
    ],
)
@pytest.mark.filterwarnings("ignore:coroutine 'sleep' was never awaited")
def test_what_fails(body: str, why: str) -> None:
    """Whatever a function raises is told in one line that names the line of the fixture."""
    loaded, (verb, number, detail), end = told(f"def verify():\n  {body}")
    assert (loaded, verb, number, end) == (("loaded",), "raised", 0, ("end",))
    assert detail.startswith(why)
    assert "\n" not in detail


def test_a_fixture_without_its_function() -> None:
    """A scenario that finds no function is told so."""
    assert told("verify = 3", ("a", 1))[1] == ("raised", 0, "the fixture has no function verify_a or verify")


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("def verify(:\n  pass", "SyntaxError: invalid syntax"),
        ("import nowhere_at_all", "ModuleNotFoundError: No module named 'nowhere_at_all' (check.py line 1)"),
        ("import sys\nsys.exit()", "SystemExit (check.py line 2)"),
        ("x = 1\0", "source code string cannot contain null bytes"),
    ],
)
def test_broken_fixtures(source: str, why: str) -> None:
    """A fixture that cannot be loaded is told as broken, and nothing of it is called."""
    ((verb, detail),) = told(source, ("a", 1))
    assert verb == "broken"
    assert why in detail


@pytest.mark.parametrize(
    ("expression", "fact"),
    [
        ("{1, 2}", (None, "returned a set, which JSON cannot spell")),
        ("float('nan')", (None, "returned a float, which JSON cannot spell")),
        ("'x' * 100_000", (None, "returned more than 65536 characters of JSON")),
        ("(1, 2)", ((1, 2),)),
        ("{1: 2}", ({1: 2},)),
    ],
)
def test_returned_values(expression: str, fact: tuple[Any, ...]) -> None:
    """A value that JSON cannot spell is told as none, with the reason."""
    assert told(f"def verify(): return {expression}")[1] == ("returned", 0, *fact)


def test_what_the_fixture_sees(tmp_path: Path) -> None:
    """The product can be imported, before anything else of its name."""
    (tmp_path / "product_under_test.py").write_text("answer = 42")
    source = "from product_under_test import answer\ndef verify(): return [answer, __file__]"
    assert told(source, paths=(str(tmp_path),))[1] == ("returned", 0, [42, "/w/verification/check.py"])


def test_streams_that_the_fixture_broke(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fixture may put anything in the place of its output, and is still told to its end."""
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert told("import sys\nsys.stdout = None\ndef verify(): pass")[-1] == ("end",)


def test_program() -> None:
    """Run as a program, it reads the job, takes its input away, and leads each fact by the nonce."""
    source = "import sys\ndef verify(value):\n    print(sys.stdin.read())\n    return value"
    job = {"nonce": "n", "source": source, "filename": "f.py", "paths": [], "scenarios": [{"id": "a", "input": "ä"}]}
    results, sink = os.pipe()
    with os.fdopen(results, encoding="utf-8") as lines:
        done = subprocess.run(
            [sys.executable, "-I", "-c", Path(_child.__file__).read_text(encoding="utf-8"), str(sink)],
            input=json.dumps(job).encode(),
            pass_fds=(sink,),
            stdout=subprocess.PIPE,
            check=True,
        )
        os.close(sink)
        assert lines.read() == 'n["loaded"]\nn["returned", 0, "\\u00e4"]\nn["end"]\n'
    assert done.stdout == b"\n"


def test_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """The job is taken whole from standard input, and results go to the descriptor it was given."""
    results, sink = os.pipe()
    job = {"nonce": "n", "source": "def verify(): pass", "filename": "f.py", "paths": [], "scenarios": []}
    kept = os.dup(0)
    try:
        monkeypatch.setattr(sys, "argv", ["-c", str(sink)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(json.dumps(job).encode())))
        _child.main()
        assert os.read(results, 1000) == b'n["loaded"]\nn["returned", 0, null]\nn["end"]\n'
        assert os.read(0, 1) == b""
    finally:
        os.dup2(kept, 0)
        for descriptor in (kept, results, sink):
            os.close(descriptor)
