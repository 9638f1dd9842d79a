"""The board as text."""

import pytest

from orket import BoardView, BuildView, CardStatus, Issue, WaitReason
from orket.reporting import render_board


def board(*issues: Issue, **waits: str) -> str:
    """Render one build."""
    why = {name: (WaitReason.INPUT, detail) for name, detail in waits.items()}
    return render_board(BoardView(builds=(BuildView(build="build-e", card="e", issues=issues, waits=why),)))


@pytest.mark.parametrize(
    ("status", "mark"),
    [("ready", "[ ]"), ("done", "[x]"), ("canceled", "[-]"), ("archived", "[-]"), ("blocked", "[!]")],
)
def test_an_issue_is_one_line(status: str, mark: str) -> None:
    """A line has the issue's mark, id, status, seat and name."""
    line = board(Issue(id="one", name="Do it", seat="coder", status=CardStatus(status))).splitlines()[1]
    assert line.split() == [*mark.split(), "one", status, "coder", "Do", "it"]


def test_a_waiting_issue_says_why() -> None:
    """Behind an issue that waits stands its reason; other issues have none."""
    first, second = board(
        Issue(id="one", name="n", seat="s"), Issue(id="two", name="n", seat="s"), one="say which"
    ).splitlines()[1:]
    assert first.endswith("  <- input: say which")
    assert "<-" not in second


@pytest.mark.parametrize("field", ["name", "seat", "why"])
def test_foreign_text_cannot_act_on_a_terminal(field: str) -> None:
    """Names and reasons of many lines, with control characters, stay one harmless line."""
    text = "a\x1b[2Jb\r\nc\u202ed" + "x" * 500
    issue = Issue(id="one", name=text if field == "name" else "n", seat=text if field == "seat" else "s")
    shown = board(issue, **({"one": text} if field == "why" else {}))
    assert len(shown.splitlines()) == 2
    assert shown.replace("\n", "").isprintable()
    assert len(shown.splitlines()[1]) < 200


def test_an_empty_record_says_so() -> None:
    """A store without builds gives a sentence instead of nothing."""
    assert render_board(BoardView(builds=())) == "no builds yet"
