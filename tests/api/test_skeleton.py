"""What a change of the public interface breaks is found, unless the changelog declares it."""

import importlib.util
from pathlib import Path

import griffe
import pytest

SPEC = importlib.util.spec_from_file_location("skeleton", Path(__file__).with_name("skeleton.py"))
assert SPEC is not None
assert SPEC.loader is not None
skeleton = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(skeleton)

BEFORE = """
from attrs import field, frozen
import enum

__all__ = ["Card", "Status", "move"]

class Status(enum.StrEnum):
    READY = "ready"
    DONE = "done"

@frozen(kw_only=True)
class Card:
    id: str
    note: str = ""
    labels: tuple[str, ...] = field(factory=tuple)

    def find(self, name: str, /) -> str: ...

def move(card: Card, status: Status, *, reason: str = "") -> Card: ...

def _private(): ...
"""
BREAKING = {
    "a name is gone": ('["Card", "Status", "move"]', '["Card", "Status"]', "pkg.move"),
    "a field is gone": ('    note: str = ""\n', "", "pkg.Card.note"),
    "a field must be given": ("    id: str\n", "    id: str\n    seat: str\n", "pkg.Card.__init__(seat)"),
    "a default is gone": ('note: str = ""', "note: str", "pkg.Card.__init__(note)"),
    "a parameter must be given": ("status: Status, *", "status: Status, actor: str, *", "pkg.move(actor)"),
    "a parameter is by keyword only": (
        "card: Card, status: Status, *,",
        "card: Card, *, status: Status,",
        "pkg.move(status)",
    ),
    "a method is gone": ("    def find(self, name: str, /) -> str: ...\n", "", "pkg.Card.find"),
    "a stored value is another": ('READY = "ready"', 'READY = "open"', "pkg.Status.READY"),
}
HARMLESS = {
    "a field has a default": ("    id: str\n", '    id: str\n    seat: str = ""\n'),
    "a parameter has a default": ('reason: str = "")', 'reason: str = "", actor: str = "")'),
    "a name is new": ('["Card", "Status", "move"]', '["Card", "Status", "move", "stop"]\ndef stop(): ...'),
    "a private name is gone": ("def _private(): ...", ""),
    "a member is new": ('DONE = "done"', 'DONE = "done"\n    LATER = "later"'),
}


def written(folder: Path, name: str, source: str) -> Path:
    """The stubs of a package of one module."""
    sources = folder / name / "source"
    sources.mkdir(parents=True)
    (sources / "pkg.py").write_text(source)
    skeleton.write(griffe.load("pkg", search_paths=[sources], allow_inspection=False), folder / name / "stubs")
    return folder / name / "stubs"


def broken(folder: Path, before: str, after: str) -> list[str]:
    stubs = written(folder, "before", before), written(folder, "after", after)
    return [path for path, _ in skeleton.breakages(*stubs, name="pkg")]


@pytest.mark.parametrize("case", BREAKING)
def test_a_breaking_change_is_found(case: str, tmp_path: Path) -> None:
    """What a user's code may rely on cannot go away unnoticed."""
    old, new, path = BREAKING[case]
    assert old in BEFORE
    assert path.partition("(")[0] in broken(tmp_path, BEFORE, BEFORE.replace(old, new))


@pytest.mark.parametrize("case", HARMLESS)
def test_a_harmless_change_is_let_through(case: str, tmp_path: Path) -> None:
    """What only adds breaks nothing."""
    old, new = HARMLESS[case]
    assert old in BEFORE
    assert broken(tmp_path, BEFORE, BEFORE.replace(old, new)) == []


def test_what_the_changelog_declares_is_known() -> None:
    """Paths count when they stand under "Breaking" of what is unreleased, and nowhere else."""
    changelog = (
        "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- `orket.one`\n\n"
        "### Breaking\n\n- `orket.two` is gone; use `orket.three`.\n"
        "\n## [0.1.0]\n\n### Breaking\n\n- `orket.four`\n"
    )
    assert skeleton.declared(changelog) == {"orket.two", "orket.three"}
    assert skeleton.declared("# Changelog\n") == set()


def test_the_baseline_is_whole() -> None:
    """The stubs of the last release are there: plugin authors' contracts and the kit among them."""
    stubs = {path.relative_to(skeleton.BASELINE).as_posix() for path in skeleton.BASELINE.rglob("*.pyi")}
    assert {
        "orket/__init__.pyi",
        "orket/contracts/__init__.pyi",
        "orket/errors.pyi",
        "orket/testing/__init__.pyi",
    } <= stubs
