"""The tutorial, done as it says: the first version fails the two rules it names, the second passes all."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pages import DOCS, Block, blocks

PAGE = DOCS / "tutorial.md"
QUICK = """
from hypothesis import settings

settings.register_profile("quick", max_examples=25, derandomize=True)
settings.load_profile("quick")
"""


def write(block: Block, folder: Path) -> None:
    path = folder / block.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.text, encoding="utf-8")


def run(folder: Path, *args: str) -> str:
    """Run pytest in the folder, where the package is on the path with the metadata of its entry points."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *args],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{folder / 'src'}{os.pathsep}{folder / 'site'}"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.stdout + done.stderr


@pytest.mark.thorough
def test_the_tutorial_does_what_it_says(tmp_path: Path) -> None:
    """The kit catches the tutorial's mistakes by name, and lets its node pass, with and without code."""
    files = [block for block in blocks(PAGE) if block.file]
    project, first, proof, second = files
    assert first.file == second.file
    info = tmp_path / "site" / "orket_least_busy-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: orket-least-busy\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[orket.router]\nleast-busy = orket_least_busy:LeastBusyRouter\n")
    assert 'least-busy = "orket_least_busy:LeastBusyRouter"' in project.text
    (tmp_path / "conftest.py").write_text(QUICK)
    for block in (project, first, proof):
        write(block, tmp_path)
    failed = set(re.findall(r"^FAILED .*test_(router_\d\d)", run(tmp_path, "tests"), re.MULTILINE))
    assert failed == {"router_02", "router_22"}
    write(second, tmp_path)
    assert " failed" not in run(tmp_path, "tests")
    output = run(tmp_path, "--pyargs", "orket.testing.installed", "--orket-nodes", "router=least-busy")
    assert "router 'least-busy' (orket-least-busy 1.0, contract version 1): 16 of 16 rules passed" in output
