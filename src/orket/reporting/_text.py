"""The board as plain text."""

from typing import Final

from orket._orchestrator import BoardView, BuildView
from orket.cards import Issue

_NAME_WIDTH: Final = 48
WHY_WIDTH: Final = 120
_MARKS: Final = (
    ("done", "[x]"),
    ("canceled", "[-]"),
    ("archived", "[-]"),
    ("blocked", "[!]"),
    ("waiting_for_developer", "[?]"),
)


def render_board(view: BoardView) -> str:
    """Return the board as text, one line an issue: mark, id, status, seat, name, and why it waits.

    Names and reasons may come from a model: they are cut to a line, and what a terminal would obey is replaced.
    """
    return "\n\n".join(_build(build) for build in view.builds) or "no builds yet"


def _build(build: BuildView) -> str:
    width = max((len(issue.id) for issue in build.issues), default=0)
    lines = [f"{build.card} ({build.build}): {len(build.issues)} issues"]
    for issue in build.issues:
        wait = build.waits.get(issue.id)
        why = f"  <- {wait[0].value}: {cut(wait[1], WHY_WIDTH)}" if wait else ""
        row = f"{issue.id:<{width}}  {issue.status.value:<12} {cut(issue.seat):<16}"
        lines.append(f"  {issue_mark(issue)} {row} {cut(issue.name)}{why}")
    return "\n".join(lines)


def issue_mark(issue: Issue) -> str:
    """Return the mark of where an issue stands."""
    return dict(_MARKS).get(issue.status.value, "[ ]")


def cut(text: str, width: int = _NAME_WIDTH) -> str:
    """Return *text* as one line of at most *width* characters, none of which a terminal obeys."""
    line = "".join([character if character.isprintable() else "�" for character in " ".join(text.split())])
    return line if len(line) <= width else line[: width - 1] + "…"
