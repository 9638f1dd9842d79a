"""The board as plain text."""

from typing import Final

from orket._orchestrator import BoardView, BuildView

_NAME_WIDTH: Final = 48
_MARKS: Final = (
    ("done", "[x]"),
    ("canceled", "[-]"),
    ("archived", "[-]"),
    ("blocked", "[!]"),
    ("waiting_for_developer", "[?]"),
)


def render_board(view: BoardView) -> str:
    """Return the board as text, one line an issue: mark, id, status, seat, name, and why it waits."""
    return "\n\n".join(_build(build) for build in view.builds) or "no builds yet"


def _build(build: BuildView) -> str:
    marks = dict(_MARKS)
    width = max((len(issue.id) for issue in build.issues), default=0)
    lines = [f"{build.card} ({build.build}): {len(build.issues)} issues"]
    for issue in build.issues:
        wait = build.waits.get(issue.id)
        why = f"  <- {wait[0].value}: {wait[1]}" if wait else ""
        name = issue.name if len(issue.name) <= _NAME_WIDTH else issue.name[: _NAME_WIDTH - 1] + "…"
        mark = marks.get(issue.status.value, "[ ]")
        lines.append(f"  {mark} {issue.id:<{width}}  {issue.status.value:<12} {issue.seat:<16} {name}{why}")
    return "\n".join(lines)
