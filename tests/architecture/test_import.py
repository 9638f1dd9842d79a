"""What importing orket does to a process: nothing but define names."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

SOURCES = Path(__file__).parents[2] / "src"

# Audit events that the import system itself raises are not listed; reading a module's file is told apart by its suffix.
PROBE = """
import json, os, signal, sys, sysconfig, threading, types, warnings
import importlib.machinery, logging

found = []
watching = False
suffixes = tuple(importlib.machinery.all_suffixes())
refused = ("socket.", "subprocess.", "os.", "sqlite3.", "shutil.", "tempfile.", "urllib.")
harmless = {"os.listdir", "os.scandir", "os.listxattr"}  # the import system looks into folders

def watch(event, arguments):
    if not watching:
        return
    if event == "open":
        path, mode, flags = arguments
        reads = not flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC)
        if not (reads and str(path).endswith(suffixes)):
            found.append(f"open {path}")
    elif event.startswith(refused) and event not in harmless:
        found.append(f"{event} {arguments!r}")

def start(thread):  # an audit event tells of threads only from Python 3.12 on
    found.append(f"thread {thread.name}")
    threading_start(thread)

threading_start, threading.Thread.start = threading.Thread.start, start

def state():
    loggers = [each for each in logging.Logger.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    return {
        "environment": dict(os.environ),
        "working directory": os.getcwd(),
        "signal handlers": [repr(signal.getsignal(number)) for number in signal.valid_signals()],
        "sys.path": list(sys.path),
        "sys.meta_path": [repr(finder) for finder in sys.meta_path],
        "hooks": [repr(hook) for hook in (sys.excepthook, sys.unraisablehook, threading.excepthook, sys.displayhook)],
        "warning filters": [repr(rule) for rule in warnings.filters],
        "threads": [thread.name for thread in threading.enumerate()],
        "root logging": [repr(logging.root.handlers), logging.root.level, logging.root.disabled],
        "loggers": [repr(each) for each in loggers if each.handlers or each.level],
        "recursion limit": sys.getrecursionlimit(),
    }

sys.addaudithook(watch)
before = state()
watching = True
exec(sys.argv[1])
watching = False
after = state()
found += [f"changed {what}: {before[what]} -> {after[what]}" for what in before if before[what] != after[what]]
print(json.dumps({"found": found, "modules": sorted(sys.modules)}))
"""

EXTRAS = {
    "httpx2",
    "psycopg",
    "ray",
    "distributed",
    "mcp",
    "opentelemetry",
    "jinja2",
    "pytest",
    "_pytest",
    "hypothesis",
}
HEAVY = {"asyncio", "trio", "sqlite3", "importlib_metadata", "importlib.metadata", "jsonschema", "multiprocessing"}


def probe(source: str, cwd: Path) -> tuple[list[str], set[str]]:
    """Run *source* in a fresh interpreter; return what it did to the process, and which modules are then imported."""
    command = [sys.executable, "-B", "-c", PROBE, textwrap.dedent(source)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    return answer["found"], set(answer["modules"])


@pytest.mark.parametrize("source", ["import orket", "from orket import *"])
def test_importing_orket_changes_nothing(source: str, tmp_path: Path) -> None:
    """Importing orket starts no thread or process, opens no socket or file, and leaves the interpreter as it was."""
    found, modules = probe(source, tmp_path)
    assert found == []
    assert "orket" in modules
    assert list(tmp_path.iterdir()) == []


def test_importing_orket_is_light(tmp_path: Path) -> None:
    """Importing all names of orket imports no extra, no event loop, no database driver and no package metadata."""
    _, modules = probe("from orket import *", tmp_path)
    _, without = probe("import attrs, cattrs, anyio", tmp_path)
    assert modules & (EXTRAS | HEAVY) - without == set()


def test_names_are_imported_when_they_are_asked_for(tmp_path: Path) -> None:
    """Importing orket imports no module of it and none of its dependencies; a name imports what it needs only."""
    _, bare = probe("import orket", tmp_path)
    _, values = probe("from orket import Issue", tmp_path)
    assert {name for name in bare if name.startswith(("orket.", "anyio", "attr", "cattrs"))} == set()
    assert {name for name in values if name.startswith("orket.")} == {"orket._value", "orket.cards"}


def test_the_orchestrator_brings_what_runs_need(tmp_path: Path) -> None:
    """Whoever has asked for Orchestrator waits for no further import of a name: a running event loop is not kept."""
    _, modules = probe("from orket import Orchestrator", tmp_path)
    _, everything = probe("from orket import *", tmp_path)
    assert everything - modules == set()


def test_every_module_imports_without_consequences(tmp_path: Path) -> None:
    """Importing every module that needs no extra changes nothing either."""
    extras = (
        "orket.testing",
        "orket.models._",
        "orket.models.openai_compatible",
        "orket.models.ollama",
        "orket.review.gitea",
    )
    files = (path.relative_to(SOURCES).with_suffix("") for path in (SOURCES / "orket").rglob("*.py"))
    names = sorted({".".join(path.parts).removesuffix(".__init__") for path in files})
    chosen = [name for name in names if not name.startswith(extras) and not name.endswith("__main__")]
    found, modules = probe("".join(f"import {name}\n" for name in chosen), tmp_path)
    assert found == []
    assert set(chosen) <= modules


@pytest.mark.parametrize(
    ("source", "trace"),
    [
        ("import threading; threading.Thread(target=int).start()", "thread "),
        ("import socket; socket.socket().close()", "socket."),
        ("open('left-behind', 'w').close()", "open left-behind"),
        ("open('/etc/hosts').close()", "open /etc/hosts"),
        ("import subprocess; subprocess.run(['true'])", "subprocess.Popen"),
        ("import os; os.environ['ORKET_HOME'] = 'x'", "os.putenv"),
        ("import os; os.environ.setdefault('ORKET_HOME', 'x')", "changed environment"),
        ("import os; os.chdir('/')", "changed working directory"),
        ("import os; os.mkdir('made')", "os.mkdir"),
        ("import sqlite3; sqlite3.connect(':memory:').close()", "sqlite3.connect"),
        ("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)", "changed signal handlers"),
        ("import sys; sys.path.append('elsewhere')", "changed sys.path"),
        ("import sys; sys.excepthook = print", "changed hooks"),
        ("import warnings; warnings.simplefilter('error')", "changed warning filters"),
        ("import logging; logging.basicConfig()", "changed root logging"),
        ("import logging; logging.getLogger('orket').addHandler(logging.NullHandler())", "changed loggers"),
    ],
)
def test_consequences_are_found(source: str, trace: str, tmp_path: Path) -> None:
    """The probe reports each kind of thing that an import must not do."""
    found, _ = probe(source, tmp_path)
    assert any(line.startswith(trace) for line in found), found
