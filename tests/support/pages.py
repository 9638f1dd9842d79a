"""The pages of the documentation: their fenced blocks, tables and links, and how their Python is run.

A block right below a line that holds nothing but a path in backticks is a file: it is written, not run. All other
Python blocks of a page are run in order, in one namespace. What a block prints stands in it, in lines that begin with
``# > ``. A block whose first line begins with ``# Not run here`` is only compiled.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import frozen
from small_world import issue, organization

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", *sorted(DOCS.rglob("*.md")))
NOT_RUN = "# Not run here"
_PRINTED = "# >"

_FENCE = re.compile(r"^ *```(?P<language>\w*)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"^`(?P<path>[\w./-]+)`:?$")
_LINK = re.compile(r"\]\((?!https?:)(?P<path>[^)#\s]*)(?:#(?P<anchor>[^)\s]*))?\)")
_CODE = re.compile(r"`([^`\n]+)`")


@frozen(kw_only=True)
class Block:
    """A fenced block; ``file`` is the path it is to be written to, or ""."""

    page: Path
    line: int
    language: str
    text: str
    file: str = ""

    @property
    def is_run(self) -> bool:
        """Whether it is Python that can be run as it stands."""
        return self.language == "python" and not self.file and not self.text.startswith(NOT_RUN)

    @property
    def printed(self) -> list[str]:
        """What it says that it prints."""
        lines = [line.strip() for line in self.text.splitlines()]
        return [line.removeprefix(_PRINTED).removeprefix(" ") for line in lines if line.startswith(_PRINTED)]

    def compile(self) -> Any:
        """Return its code; tracebacks lead to the line of the page."""
        return compile("\n" * self.line + self.text, str(self.page), "exec")


def name_of(page: Path) -> str:
    """Return a page's path below the project."""
    return page.relative_to(ROOT).as_posix()


def read(page: Path) -> str:
    """Return a page's text."""
    return page.read_text(encoding="utf-8")


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page, in order."""
    text = read(page)
    for found in _FENCE.finditer(text):
        above = text[: found.start()].rstrip().rpartition("\n")[2].strip()
        file = _FILE.match(above)
        yield Block(
            page=page,
            line=text.count("\n", 0, found.start()) + 1,
            language=found["language"],
            text=found["text"],
            file=file["path"] if file else "",
        )


def prose(page: Path) -> str:
    """Return a page without its fenced blocks."""
    return _FENCE.sub("", read(page))


def words(text: str) -> set[str]:
    """Return everything that stands in backticks."""
    return set(_CODE.findall(text))


def section(page: Path, heading: str) -> str:
    """Return the prose below a heading, up to the next one of its level or above."""
    text = prose(page)
    level = re.search(rf"^(#+) {re.escape(heading)}$", text, re.MULTILINE)
    assert level, f"{name_of(page)} has no heading {heading!r}"
    rest = text[level.end() :]
    return re.split(rf"^#{{1,{len(level[1])}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(page: Path) -> Iterator[str]:
    """Yield the relative links of a page that lead nowhere."""
    for found in _LINK.finditer(prose(page)):
        target = (page.parent / found["path"]).resolve() if found["path"] else page
        if not target.exists():
            yield f"{name_of(page)}: {found['path']} does not exist"
        elif found["anchor"] and found["anchor"] not in anchors(target):
            yield f"{name_of(page)}: {target.name} has no heading #{found['anchor']}"


def write_files(found: Iterator[Block], folder: Path) -> None:
    """Write the blocks that are files."""
    for block in found:
        if block.file:
            path = folder / block.file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")


def prepare(folder: Path) -> None:
    """Make what every page takes for granted: ``organization/`` with the epic ``launch``, and ``crew.py``."""
    issues = (issue("plan"), issue("build", "plan"), issue("announce", "build"))
    organization(folder / "organization", issues)
    crew = (block for block in blocks(DOCS / "howto" / "host.md") if block.file == "crew.py")
    write_files(crew, folder)
