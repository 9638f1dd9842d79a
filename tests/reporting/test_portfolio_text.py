"""The portfolio as text."""

from datetime import date

import pytest
from attrs import evolve
from cards_at_hand import REVIEWS, card, epic_asset, recorded, rock_asset, survey

from orket.cards import CardStatus
from orket.errors import ConfigError
from orket.events import TurnKind
from orket.portfolio import Alert, AlertKind, CriticalPath, QueuedIssue, Severity, Sprint
from orket.portfolio._found import EpicAsset, RecordedBuild, RockAsset, Survey
from orket.portfolio._tree import grow
from orket.reporting import render_critical_path, render_portfolio, render_queue


def page(found: Survey, *builds: RecordedBuild, finished: bool = False, **fields: object) -> list[str]:
    whole = grow(found, builds, reviews=REVIEWS, now=5.0).portfolio
    return render_portfolio(evolve(whole, **fields), finished=finished).splitlines()


def test_a_page_reads_from_top_to_bottom() -> None:
    """Counts and sprint, alerts, rocks with their epics and issues in columns, then what is in none."""
    found = survey(
        rock_asset("goal", "launch", missing=["ghost"]),
        rock_asset("next", "launch"),
        evolve(epic_asset("launch", card("far-away", sprint="Q1 S6"), name="To the moon"), error=ConfigError("w")),
        epic_asset("loose"),
    )
    sprint = Sprint(label="Q1 S6", number=6, starts=date(2026, 2, 2), ends=date(2026, 2, 9))
    alert = Alert(kind=AlertKind.RESOURCE, severity=Severity.CRITICAL, subject="", detail="12 cards wait")
    builds = (
        recorded("b", card("a", status="done"), card("b", "x", priority=3.0), card("c"), running=["c"]),
        recorded("old", card("lost"), epic="gone", known=False),
    )
    lines = page(found, *builds, alerts=(alert, evolve(alert, subject="goal", severity=Severity.NOTICE)), sprint=sprint)
    assert lines == [
        "2 rocks, 2 epics, 5 issues: 1 finished, 1 running, 3 to do | Q1 S6, 2026-02-02 to 2026-02-08",
        "",
        "Alerts",
        "  CRITICAL  resource      12 cards wait",
        "  notice    resource      goal: 12 cards wait",
        "",
        "goal                                                        in_progress [##........] 1/4  cannot run",
        "  launch - To the moon                                      in_progress [##........] 1/4  cannot run",
        "    [ ] b         ready       p3    s                    b  <- dependency: x is unknown",
        "    [ ] c         running     p2    s                    c",
        "    [ ] far-away  planned     p2    s                    far-away (Q1 S6)",
        "    [x] 1 finished",
        "  ghost of core: exists nowhere",
        "",
        "next                                                        in_progress [##........] 1/4  cannot run",
        "  launch: stands below goal",
        "",
        "Epics in no rock",
        "  loose                                                     ready       no issues",
        "",
        "Issues in no epic",
        "    [ ] lost      ready       p2    s                    lost  <- resource: waits for a free slot",
    ]


def test_finished_issues_are_shown_on_request() -> None:
    """With finished=True each finished issue has its line and mark."""
    found = survey(rock_asset("goal", "launch"), epic_asset("launch"))
    build = recorded("b", card("a", status="done"), card("b", status="canceled"))
    lines = page(found, build, finished=True)
    assert lines[2:4] == [
        "goal                                                        done        [##########] 2/2, 1 canceled",
        "  launch                                                    done        [##########] 2/2, 1 canceled",
    ]
    assert [line.split()[:3] for line in lines[4:]] == [["[x]", "a", "done"], ["[-]", "b", "canceled"]]


def test_what_cannot_be_read_and_what_was_taken_in_say_so() -> None:
    """A rock and an epic without an asset are unreadable; an epic that a rock has taken in is marked."""
    lost = ConfigError("w")
    unread = RockAsset(file="rocks/r", name="r", department="core", rock=None, error=lost)
    broken = EpicAsset(file="epics/launch", name="launch", department="core", epic=None, error=lost)
    goal = evolve(rock_asset("goal", "launch"), adopted=frozenset({"epics/launch"}))
    lines = page(Survey(rocks=(unread, goal), epics=(broken,)))
    assert lines[2].split() == ["r", "unreadable", "no", "issues"]
    assert lines[5].split() == ["launch", "unreadable", "no", "issues", "cannot", "run", "taken", "in"]


@pytest.mark.parametrize("where", ["id", "seat", "name", "sprint", "epic", "alert"])
def test_foreign_text_cannot_act_on_a_terminal(where: str) -> None:
    """Whatever a card says, its line stays one harmless line of bounded length."""
    text = "a\x1b[2Jb\r\nc‮d" + "x" * 500
    one = card("i", **({where: text} if where in ("seat", "name", "sprint", "id") else {}))
    found = survey(rock_asset("goal", "launch"), epic_asset("launch", one, name=text if where == "epic" else "n"))
    alert = Alert(kind=AlertKind.STATUS, severity=Severity.NOTICE, subject=text, detail=text)
    lines = page(found, alerts=(alert,) if where == "alert" else ())
    assert all(line.isprintable() for line in lines)
    assert max(len(line) for line in lines) < 240
    assert len(lines) == (8 if where == "alert" else 5)


def test_a_queue_and_a_path_are_lists() -> None:
    """The queue has a line an issue, the path one for each step; both say so when there is nothing."""
    queue = (
        QueuedIssue(build="build-b", issue=card("long-id"), kind=TurnKind.REVIEW, urgency=2.0),
        QueuedIssue(build="b", issue=card("i"), kind=TurnKind.WORK, urgency=12.5),
    )
    assert render_queue(queue).splitlines() == [
        "   1. review   2.0  long-id  build-b  s: long-id",
        "   2. work    12.5  i        b        s: i",
    ]
    path = CriticalPath(build="b", issues=(card("i"), evolve(card("j"), status=CardStatus.BLOCKED)))
    assert render_critical_path(path).splitlines() == [
        "b: 1 step waits for the first",
        "  i  ready  i",
        "  -> j  blocked  j",
    ]
    assert (
        render_critical_path(evolve(path, issues=path.issues[:1])).splitlines()[0] == "b: nothing waits for the first"
    )
    assert render_critical_path(None) == "nothing is unfinished"
    assert render_queue(()) == "nothing may take a turn now"
