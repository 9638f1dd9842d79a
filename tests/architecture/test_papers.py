"""What the papers around the code promise."""

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = r"(?<![\w.~])/(?:(?:home|Users|work)/[A-Za-z]|opt/(?:v|venv|python|pypi|wheels)\b)"
MACHINE_PATH = re.compile(FOLDERS + r"|(?<!\w)/root/\.?(?:pyenv|venv|cache|local)\b|\b[A-Z]:\\+Users\\")
SHELL_BLOCK = re.compile(r"^```(?:sh|shell|bash|console)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def tracked() -> list[Path]:
    """Return the files that git knows or would take, or everything that is not hidden where there is no git."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode:
        return [
            path
            for path in ROOT.rglob("*")
            if path.is_file() and not any(p[0] == "." for p in path.relative_to(ROOT).parts)
        ]
    return [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def machine_paths(path: Path) -> Iterator[str]:
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        if found := MACHINE_PATH.search(line):
            yield f"{path.relative_to(ROOT)}:{number}: {found.group()}"


def commands(text: str) -> list[str]:
    """Return the commands of all fenced shell blocks."""
    return [line for block in SHELL_BLOCK.findall(text) for line in block.splitlines() if line and line[0] != "#"]


def test_no_file_knows_the_machine_it_was_written_on() -> None:
    """No file of the project contains an absolute path of somebody's machine."""
    files = tracked()
    assert ROOT / "pyproject.toml" in files
    assert [hit for path in files for hit in machine_paths(path)] == []


@pytest.mark.parametrize("place", ["home/ann", "Users/ann", "work/project", "opt/python", "root/.cache"])
def test_machine_paths_are_found(place: str) -> None:
    """The search for machine paths knows homes, work folders and installations, and leaves relative paths alone."""
    assert MACHINE_PATH.search(f"see /{place}")
    assert not MACHINE_PATH.search(f"see docs/{place}")


def test_set_up_is_two_commands() -> None:
    """The README has exactly two shell commands: one runs the quickstart, one the tests, both from nothing but pip."""
    found = commands((ROOT / "README.md").read_text(encoding="utf-8"))
    assert [command.rpartition(" && ")[2] for command in found] == [
        ".venv/bin/nox -s quickstart",
        ".venv/bin/nox -s tests",
    ]
    assert len({command.rpartition(" && ")[0] for command in found}) == 1


def test_the_changelog_knows_the_version() -> None:
    """The changelog has a section for the version that would be released, or for what is not released yet."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] in {"Unreleased", version}


def test_links_between_documents_lead_somewhere() -> None:
    """Every relative link in a document of the project names a file that exists."""
    documents = [path for path in tracked() if path.suffix == ".md"]
    links = [
        (path, target)
        for path in documents
        for target in re.findall(r"\]\(([^)#:\s]+)(?:#[^)\s]*)?\)", path.read_text(encoding="utf-8"))
    ]
    assert [
        f"{path.relative_to(ROOT)}: {target}" for path, target in links if not (path.parent / target).exists()
    ] == []
