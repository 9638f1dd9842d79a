"""What the fire tests have shown: how often each guarantee was tried, and how often it did not hold.

A test contributes to a line of ``docs/evidence.md`` by a mark, and says by a fixture how many cases it tried::

    @pytest.mark.fire("power cuts")
    def test_a_power_cut_loses_nothing(evidence):
        problems = [...]
        evidence(runs=1000, failures=len(problems))  # before the assertion, so that failures count, too
        assert problems == []

Without a word from the test it was one run. A test that fails without saying how often failed once. ``--evidence=FILE``
writes what a session has shown, also one of several processes; ``nox -s evidence`` makes the page of it.
"""

import importlib.metadata
import json
import os
import platform
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

import pytest
from nightly import NIGHT

LINES: Final = {  # what is guaranteed where
    "kill points": "A process exits before or after any call of store, model or tools: 0 lost, 0 doubled",
    "kill -9": "A process is killed at any moment: 0 lost, 0 doubled, the same final board",
    "store calls": "A call of the store fails before, after or with unknown outcome: 0 inconsistent, 0 untyped errors",
    "store faults": "A disk is full, fails or is read-only; a file is locked, damaged or gone: blocked, and resumes",
    "disk errors": "A write, sync, truncation or deletion fails: 0 lost, 0 untyped errors, and the run resumes",
    "cancellation": "A run is cancelled at any step: 0 open transactions, 0 leaks, 0 writes after exit",
    "power cuts": "The power fails at any moment: nothing acknowledged is lost, the record is whole",
    "power cuts, process": 'The same with `durability="process"`: the record is whole; what it loses stands below',
    "processes": "Processes share a file; some stop, some die: 0 double finishes, all finish",
    "simulation": "Any board, latency, fault and clock: 0 stuck, 0 invariants broken, identical on re-run",
    "tampering": "A bit of the file flips, a row is deleted or moved: `verify()` finds it",
}
# What is drawn by chance; elsewhere all cases are tried.
DRAWN: Final = ("kill -9", "disk errors", "power cuts", "power cuts, process", "processes", "simulation", "tampering")
MEASURED: Final = ("store faults", "tampering")  # where coverage is measured
SPLIT: Final = (*DRAWN, "kill points")  # of which each share of a night has its own


class Evidence(Protocol):
    """What a fire test calls, as often as it likes: numbers add up."""

    def __call__(self, *, runs: int = 0, failures: int = 0, note: str = "") -> None:
        """Say how many cases were tried, in how many the guarantee did not hold, and what else was measured."""
        ...


@pytest.fixture
def evidence(request: pytest.FixtureRequest, record_property: Callable[[str, object], None]) -> Evidence:
    """Say what a fire test has shown."""
    assert request.node.get_closest_marker("fire"), "evidence comes from tests with the mark fire"

    def say(*, runs: int = 0, failures: int = 0, note: str = "") -> None:
        record_property("evidence", {"runs": runs, "failures": failures, "note": note})

    return say


class Collector:
    """The plugin that adds up what a session shows, by line, and writes it at the end."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: dict[str, dict[str, Any]] = {
            name: {"guarantee": told, "drawn": name in DRAWN, "runs": 0, "failures": 0, "skipped": 0}
            | {"tests": [], "notes": []}
            for name, told in LINES.items()
        }

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count a test; with several processes, this one hears of all."""
        name = next((value for key, value in report.user_properties if key == "fire"), None)
        if isinstance(name, str) and (report.when == "call" or not report.passed):
            self._add(name, report)

    def _add(self, name: str, report: pytest.TestReport) -> None:
        line = self._lines[name]
        said: list[Any] = [
            value for key, value in report.user_properties if key == "evidence" and report.when == "call"
        ]
        failures = max(sum([each["failures"] for each in said]), int(report.failed))
        line["runs"] += max(sum([each["runs"] for each in said]), failures, int(not report.skipped))
        line["failures"] += failures
        line["skipped"] += int(report.skipped)
        line["notes"] += [each["note"] for each in said if each["note"]]
        if (file := report.nodeid.partition("::")[0]) not in line["tests"]:
            line["tests"].append(file)

    def pytest_sessionfinish(self) -> None:
        """Write it."""
        self._path.write_text(json.dumps({**surroundings(), "lines": self._lines}, indent=1), "utf-8")


def surroundings() -> dict[str, Any]:
    """Return when and where a session takes place, and with what."""
    packages = {name: importlib.metadata.version(name) for name in ("orket", "anyio", "trio")}
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "counts": "CI"
        if NIGHT is None
        else "a night"
        if NIGHT == (1, 1)
        else f"share {NIGHT[0]}/{NIGHT[1]} of a night",
        "versions": {**packages, "Python": platform.python_version(), "SQLite": sqlite3.sqlite_version},
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
    }


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--evidence``."""
    parser.addoption("--evidence", type=Path, metavar="FILE", help="write what the fire tests have shown, as JSON")


def pytest_configure(config: pytest.Config) -> None:
    """Collect, where a file is wanted, in the process that hears of all tests."""
    if config.option.evidence is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Collector(config.option.evidence))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Let each fire test say which line it belongs to; refuse lines that the page does not have.

    A share of a night, other than the first, has the tests that can be split.
    """
    for item in items:
        for mark in item.iter_markers("fire"):
            if mark.args not in [(name,) for name in LINES]:
                raise pytest.UsageError(f"{item.nodeid}: {mark.args} is no line of the page; there are {[*LINES]}")
            item.user_properties.append(("fire", mark.args[0]))
            if mark.args[0] not in MEASURED:
                item.add_marker("no_cover")  # coverage more than doubles what they take; other tests come there, too
    if NIGHT is not None and NIGHT[0] > 1:
        rest = [item for item in items if all(mark.args[0] not in SPLIT for mark in item.iter_markers("fire"))]
        items[:] = [item for item in items if item not in rest]
        config.hook.pytest_deselected(items=rest)
