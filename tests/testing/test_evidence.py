"""How fire tests report what they have shown, and the page that is made of it."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from evidence import LINES

ROOT = Path(__file__).parents[2]
TESTS = """
import pytest

@pytest.mark.fire("power cuts")
@pytest.mark.parametrize("found", [0, 2])
def test_says_how_often(evidence, found):
    evidence(runs=500, failures=found, note=f"lost {found}")
    assert not found

@pytest.mark.fire("simulation")
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_is_one_run(seed):
    assert seed != 3

@pytest.mark.fire("store faults")
def test_cannot_run():
    pytest.skip("there is no disk")

def test_is_no_evidence():
    pass
"""


def run(folder: Path, tests: str, *args: str) -> subprocess.CompletedProcess[str]:
    """Run tests with the plugin, in a folder of their own."""
    (folder / "test_fire.py").write_text(tests, "utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = fire\naddopts = -p no:cacheprovider -p evidence\n", "utf-8")
    path = os.pathsep.join([str(ROOT / "tests" / "support"), *sys.path])
    return subprocess.run(
        [sys.executable, "-m", "pytest", "--evidence", "shown.json", *args],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def page_of(shown: dict[str, Any]) -> str:
    """Return the page that docs/write_evidence.py makes."""
    spec = importlib.util.spec_from_file_location("write_evidence", ROOT / "docs" / "write_evidence.py")
    writer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(writer)
    return writer.page(shown)


@pytest.mark.parametrize("processes", [(), ("-p", "xdist", "-n", "2")], ids=["one", "two"])
def test_what_tests_show_adds_up(tmp_path: Path, processes: tuple[str, ...]) -> None:
    """Runs and failures of a line are the sums of its tests; a test that says nothing is one run."""
    done = run(tmp_path, TESTS, *processes)
    assert "2 failed, 4 passed, 1 skipped" in done.stdout, done.stdout
    shown = json.loads((tmp_path / "shown.json").read_text("utf-8"))
    told = {name: tuple(line[key] for key in ("runs", "failures", "skipped")) for name, line in shown["lines"].items()}
    silent = dict.fromkeys(LINES, (0, 0, 0))
    assert told == {**silent, "power cuts": (1000, 2, 0), "simulation": (3, 1, 0), "store faults": (0, 0, 1)}
    assert sorted(shown["lines"]["power cuts"]["notes"]) == ["lost 0", "lost 2"]
    rows = [line for line in page_of(shown).splitlines() if line.startswith("| ")][1:]
    assert len(rows) == len(LINES)
    assert [row for row in rows if "1,000 | 2 |  |" in row]
    assert sum("not run" in row for row in rows) == len(LINES) - 3


def test_the_bound_is_three_in_n(tmp_path: Path) -> None:
    """Of cases that were drawn by chance the page says 3/N, of others that they are enumerated."""
    tests = (
        TESTS.replace("[0, 2]", "[0]").replace('"store faults"', '"store calls"').replace('pytest.skip("', 'print("')
    )
    assert "1 failed" in run(tmp_path, tests).stdout
    page = page_of(json.loads((tmp_path / "shown.json").read_text("utf-8")))
    assert "| 500 | 0 | 0.6 % |" in page
    assert "| 1 | 0 | enumerated |" in page


def test_another_line_is_refused(tmp_path: Path) -> None:
    """A mark that names no line of the page ends the session and says which lines there are."""
    done = run(tmp_path, TESTS.replace("simulation", "stimulation"))
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "power cuts" in done.stderr


def test_evidence_needs_a_line(tmp_path: Path) -> None:
    """A test without a mark has nothing to say."""
    done = run(tmp_path, "def test_says(evidence):\n    evidence(runs=1)\n")
    assert "the mark fire" in done.stdout
