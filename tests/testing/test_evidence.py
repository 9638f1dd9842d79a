"""How fire tests report what they have shown, and the page that is made of it."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nightly
import pytest
from evidence import LINES
from nightly import share_in

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


def run(folder: Path, tests: str, *args: str, night: str = "") -> subprocess.CompletedProcess[str]:
    """Run tests with the plugin, in a folder of their own."""
    (folder / "test_fire.py").write_text(tests, "utf-8")
    (folder / "pytest.ini").write_text(
        "[pytest]\nmarkers = fire\n  no_cover\naddopts = -p no:cacheprovider -p evidence\n", "utf-8"
    )
    path = os.pathsep.join([str(ROOT / "tests" / "support"), *sys.path])
    return subprocess.run(
        [sys.executable, "-m", "pytest", "--evidence", "shown.json", *args],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "NIGHTLY": night},
        capture_output=True,
        text=True,
        check=False,
    )


def page_of(*shown: dict[str, Any]) -> str:
    """Return the page that docs/write_evidence.py makes."""
    spec = importlib.util.spec_from_file_location("write_evidence", ROOT / "docs" / "write_evidence.py")
    writer = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(writer)
    return writer.page(*shown)


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


def test_sessions_add_up(tmp_path: Path) -> None:
    """The page of several sessions has the sums, and says of each session when and where it was, and what it ran."""
    shares = []
    for night in ("1/3", "2/3", "3/3"):
        run(tmp_path, TESTS, night=night)
        shares.append(json.loads((tmp_path / "shown.json").read_text("utf-8")))
    page = page_of(*shares)
    assert "the counts of shares 1-3 of 3 of a night" in page
    assert "\n2. " not in page
    assert "test_fire.py` | 1 | 3,000 | 6 |  |" in page
    assert "test_fire.py` | 1 | 0 | 0 |  |" in page, "what is not split runs in the first share"
    assert "1 tests cannot run" in page
    page = page_of(shares[0], {**shares[2], "date": "2020-01-01"}, shares[2])
    assert "the counts of shares 1, 3 of 3 of a night" in page
    assert "\n2. 2020-01-01 · the counts of shares 3 of 3" in page
    assert "test_fire.py` | 1-2 | 3,000 | 6 |  |" in page


@pytest.mark.parametrize(
    ("text", "share"), [("", None), ("1", (1, 1)), ("3/10", (3, 10)), ("0/3", 0), ("4/3", 0), ("yes", 0)]
)
def test_a_share_of_a_night(text: str, share: object) -> None:
    """It is one of so many; anything else means nothing, and is refused."""
    if share == 0:
        with pytest.raises(ValueError, match="valid is 1, or a share"):
            share_in(text)
    else:
        assert share_in(text) == share


@pytest.mark.parametrize("of", [1, 3, 7])
def test_shares_are_the_whole_night(monkeypatch: pytest.MonkeyPatch, of: int) -> None:
    """All shares together draw as many cases, and try all points, each once; in CI it is the first few, and all."""
    assert (nightly.drawn(3, 40), nightly.dealt(range(9))) == (range(3), range(9)) or nightly.NIGHT
    cases: list[int] = []
    points: list[int] = []
    for number in range(1, of + 1):
        monkeypatch.setattr(nightly, "NIGHT", (number, of))
        cases += nightly.drawn(3, 40)
        points += nightly.dealt(range(100))
        assert nightly.scaled(3, 40) == 40
    assert cases == [*range(40)]
    assert sorted(points) == [*range(100)]
    monkeypatch.setattr(nightly, "NIGHT", (1, 41))
    with pytest.raises(ValueError, match="cannot be split"):
        nightly.drawn(3, 40)


def test_another_line_is_refused(tmp_path: Path) -> None:
    """A mark that names no line of the page ends the session and says which lines there are."""
    done = run(tmp_path, TESTS.replace("simulation", "stimulation"))
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "power cuts" in done.stderr


def test_evidence_needs_a_line(tmp_path: Path) -> None:
    """A test without a mark has nothing to say."""
    done = run(tmp_path, "def test_says(evidence):\n    evidence(runs=1)\n")
    assert "the mark fire" in done.stdout
