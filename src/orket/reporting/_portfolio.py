"""The portfolio, the queue and the critical path as plain text."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from typing import Final

from orket.portfolio import (
    Alert,
    CriticalPath,
    EpicView,
    IssueView,
    Portfolio,
    Progress,
    QueuedIssue,
    RockView,
    Severity,
)
from orket.reporting._text import WHY_WIDTH, cut, issue_mark

_HEAD: Final = 58  # columns in front of a card's status
_BAR: Final = 10
_ID_WIDTH: Final = 32
_SEAT_WIDTH: Final = 20


def render_portfolio(portfolio: Portfolio, *, finished: bool = False) -> str:
    """Return the portfolio as text: alerts first, then rocks, their epics and issues, then what is in none.

    Names and reasons may come from a model: they are cut to a line, and what a terminal would obey is replaced.

    Args:
        portfolio: what an orchestrator sees, or a part of it.
        finished: show finished issues, too; without it they are only counted.
    """
    parts = [_summary(portfolio)]
    if portfolio.alerts:
        parts.append("\n".join(["Alerts", *[_alert(one) for one in portfolio.alerts]]))
    page = _Page(portfolio, finished=finished)
    parts += ["\n".join(page.rock(rock)) for rock in portfolio.rocks]
    if portfolio.orphan_epics:
        parts.append("\n".join(["Epics in no rock", *page.epics(portfolio.orphan_epics)]))
    if portfolio.orphan_issues:
        parts.append("\n".join(["Issues in no epic", *page.issues(portfolio.orphan_issues)]))
    return "\n\n".join(parts)


def render_queue(queue: Sequence[QueuedIssue]) -> str:
    """Return a queue as text, one line an issue: place, kind of turn, urgency, id, build, seat and name."""
    width = _width([one.issue.id for one in queue])
    builds = _width([one.build for one in queue])
    lines = [
        f"{place:>4}. {one.kind.value:<6} {one.urgency:>5.1f}  {cut(one.issue.id, _ID_WIDTH):<{width}}  "
        f"{cut(one.build, _ID_WIDTH):<{builds}}  {cut(one.issue.seat, _SEAT_WIDTH)}: {cut(one.issue.name)}"
        for place, one in enumerate(queue, start=1)
    ]
    return "\n".join(lines) or "nothing may take a turn now"


def render_critical_path(path: CriticalPath | None) -> str:
    """Return a critical path as text: its first issue, and below it the chain that waits for it."""
    if path is None:
        return "nothing is unfinished"
    steps = {0: "nothing waits", 1: "1 step waits"}.get(path.weight, f"{path.weight} steps wait")
    lines = [f"{cut(path.build, _ID_WIDTH)}: {steps} for the first"]
    for depth, issue in enumerate(path.issues):
        arrow = "" if not depth else "-> "
        lines.append(f"  {arrow}{cut(issue.id, _ID_WIDTH)}  {issue.status.value}  {cut(issue.name)}")
    return "\n".join(lines)


def _summary(portfolio: Portfolio) -> str:
    issues = list(portfolio.issues())
    over = sum(one.issue.status.is_terminal for one in issues)
    running = sum(one.is_running for one in issues)
    counts = [
        _counted(len(portfolio.rocks), "rock"),
        _counted(len(list(portfolio.epics())), "epic"),
        _counted(len(issues), "issue"),
    ]
    line = f"{', '.join(counts)}: {over} finished, {running} running, {len(issues) - over - running} to do"
    if portfolio.sprint is not None:
        sprint = portfolio.sprint
        line += f" | {sprint.label}, {sprint.starts} to {sprint.ends - timedelta(days=1)}"
    return line


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _alert(alert: Alert) -> str:
    level = alert.severity.value if alert.severity is Severity.NOTICE else alert.severity.value.upper()
    about = f"{cut(alert.subject)}: " if alert.subject else ""
    return f"  {level:<8}  {alert.kind.value.replace('_', ' '):<12}  {about}{cut(alert.detail, WHY_WIDTH)}"


class _Page:
    """Writes rocks, epics and issues, in columns that are as wide all over the page."""

    def __init__(self, portfolio: Portfolio, *, finished: bool) -> None:
        self._finished = finished
        self._homes = {epic.name: rock.name for rock in portfolio.rocks for epic in rock.epics}
        self._lame = {epic.name for epic in portfolio.epics() if epic.error is not None}
        self._ids = _width([one.issue.id for one in portfolio.issues() if self._is_shown(one)])

    def _is_shown(self, one: IssueView) -> bool:
        return self._finished or not one.issue.status.is_terminal

    def rock(self, rock: RockView) -> Iterator[str]:
        listed = [*(epic.name for epic in rock.epics), *(one.epic for one in rock.shared)]
        is_lame = bool(rock.missing) or not self._lame.isdisjoint(listed)
        yield _head(rock, "", rock.rock.name if rock.rock else "", is_lame=is_lame)
        yield from self.epics(rock.epics)
        for shared in rock.shared:
            yield f"  {shared.epic}: stands below {self._homes.get(shared.epic, 'another rock')}"
        for missing in rock.missing:
            yield f"  {missing.epic} of {missing.department}: exists nowhere"

    def epics(self, epics: Iterable[EpicView]) -> Iterator[str]:
        for epic in epics:
            name = epic.epic.name if epic.epic else ""
            yield _head(epic, "  ", name, is_lame=epic.error is not None) + ("  taken in" if epic.adopted else "")
            yield from self.issues(epic.issues)

    def issues(self, issues: Sequence[IssueView]) -> Iterator[str]:
        shown = [one for one in issues if self._is_shown(one)]
        for one in shown:
            yield self._issue(one)
        if (hidden := len(issues) - len(shown)) > 0:
            yield f"    [x] {hidden} finished"

    def _issue(self, one: IssueView) -> str:
        issue = one.issue
        why = f"  <- {one.wait[0].value}: {cut(one.wait[1], WHY_WIDTH)}" if one.wait else ""
        stands = "running" if one.is_running else "planned" if _is_planned(one) else issue.status.value
        sprint = f" ({cut(one.sprint, _SEAT_WIDTH)})" if one.sprint else ""
        return (
            f"    {issue_mark(issue)} {cut(issue.id, _ID_WIDTH):<{self._ids}}  {stands:<11} p{issue.priority:<4g} "
            f"{cut(issue.seat, _SEAT_WIDTH):<{_SEAT_WIDTH}} {cut(issue.name)}{sprint}{why}"
        )


def _is_planned(one: IssueView) -> bool:
    return one.build is None and not one.issue.status.is_terminal


def _head(card: RockView | EpicView, indent: str, name: str, *, is_lame: bool) -> str:
    title = f"{indent}{card.name}" if not name or name == card.name else f"{indent}{card.name} - {name}"
    status = card.status.value if card.status else "unreadable"
    refused = "  cannot run" if is_lame else ""
    title = indent + cut(title.strip(), _HEAD - len(indent))
    return f"{title:<{_HEAD}}  {status:<11} {_bar(card.progress)}{refused}"


def _bar(progress: Progress) -> str:
    if not progress.total:
        return "no issues"
    over = progress.done + progress.canceled
    full = over * _BAR // progress.total
    canceled = f", {progress.canceled} canceled" if progress.canceled else ""
    return f"[{'#' * full}{'.' * (_BAR - full)}] {over}/{progress.total}{canceled}"


def _width(names: Iterable[str]) -> int:
    return min(max((len(name) for name in names), default=0), _ID_WIDTH)
