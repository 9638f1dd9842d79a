"""The board as plain text."""

from typing import Final

from orket._orchestrator import BoardView, BuildView

_NAME_WIDTH: Final = 48
_WHY_WIDTH: Final = 120
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
    marks = dict(_MARKS)
    width = max((len(issue.id) for issue in build.issues), default=0)
    lines = [f"{build.card} ({build.build}): {len(build.issues)} issues"]
    for issue in build.issues:
        wait = build.waits.get(issue.id)
        why = f"  <- {wait[0].value}: {_cut(wait[1], _WHY_WIDTH)}" if wait else ""
        row = f"{issue.id:<{width}}  {issue.status.value:<12} {_cut(issue.seat, _NAME_WIDTH):<16}"
        lines.append(f"  {marks.get(issue.status.value, '[ ]')} {row} {_cut(issue.name, _NAME_WIDTH)}{why}")
    return "\n".join(lines)


def _cut(text: str, width: int) -> str:
    line = "".join([character if character.isprintable() else "�" for character in " ".join(text.split())])
    return line if len(line) <= width else line[: width - 1] + "…"
