"""The documentation is true: its code runs, its links lead somewhere, its lists are complete."""

import sys
from pathlib import Path

import pytest
from pages import PAGES, ROOT, blocks, broken_links, name_of, prepare, write_files


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an organization, as the current one, and an environment that says nothing to orket."""
    for name in [name for name in __import__("os").environ if name.startswith("ORKET_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "crew", raising=False)
    prepare(tmp_path)
    return tmp_path


RUN = [page for page in PAGES if any(block.language == "python" for block in blocks(page))]


@pytest.mark.parametrize("page", RUN, ids=name_of)
def test_code_runs_and_prints_what_it_says(page: Path, desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every complete Python block of a page runs, in order, and prints just the lines that it says."""
    write_files(blocks(page), desk)
    names = {"__name__": "page"}
    for block in blocks(page):
        if block.language == "python":
            code = block.compile()
            if block.is_run:
                exec(code, names)
                assert capsys.readouterr().out.splitlines() == block.printed, f"{name_of(page)}:{block.line}"
