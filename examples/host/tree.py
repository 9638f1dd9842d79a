"""The portfolio as a page: every rock, epic and issue, and what a person should know."""

from collections.abc import Sequence
from itertools import groupby
from urllib.parse import quote

from pages import Html, badge, html
from telling import cut

from orket.portfolio import Alert, EpicView, IssueView, Portfolio, Progress, RockView


def portfolio(found: Portfolio) -> Html:
    """Return alerts, then rocks with their epics and issues, then what is in none."""
    loose = [_epic(one) for one in found.orphan_epics]
    orphans = [_issue(one) for one in found.orphan_issues]
    return html(
        "{alerts}{rocks}{loose}{orphans}",
        alerts=_alerts(found.alerts),
        rocks=[_rock(one) for one in found.rocks],
        loose=html('<section class="rock"><h2>Epics in no rock</h2>{it}</section>', it=loose) if loose else "",
        orphans=html('<section class="rock"><h2>Issues in no epic</h2>{it}</section>', it=_list(orphans))
        if orphans
        else "",
    )


def _alerts(alerts: Sequence[Alert]) -> Html | str:
    if not alerts:
        return ""
    lines = [
        html(
            '<li><span class="chip {severity}">{severity}</span><span>{subject}{detail}</span></li>',
            severity=one.severity.value,
            subject=f"{cut(one.subject)}: " if one.subject else "",
            detail=cut(one.detail),
        )
        for one in alerts
    ]
    return html('<section class="alerts"><h2>Alerts</h2><ul>{lines}</ul></section>', lines=lines)


def _rock(rock: RockView) -> Html:
    return html(
        '<section class="rock"><div class="top"><h2>{title}</h2><span class="id">{name}</span>{progress}</div>'
        "{epics}{missing}</section>",
        title=cut(rock.rock.name) if rock.rock else rock.name,
        name=rock.name,
        progress=_progress(rock.progress),
        epics=[_epic(one) for one in rock.epics],
        missing=[html("<p>{name} exists nowhere</p>", name=one.epic) for one in rock.missing],
    )


def _epic(epic: EpicView) -> Html:
    boards = groupby(epic.issues, key=lambda one: one.build)
    return html(
        '<details{open}><summary class="top"><b>{title}</b><span class="id">{name}</span>{progress}</summary>'
        "{boards}</details>",
        open=Html(" open") if epic.progress.running or epic.progress.waiting else "",
        title=cut(epic.epic.name) if epic.epic else epic.name,
        name=epic.name,
        progress=_progress(epic.progress),
        boards=[html("{name}{list}", name=_board(name), list=_list(map(_issue, some))) for name, some in boards],
    )


def _board(name: str | None) -> Html:
    return html('<p class="id">{name}</p>', name=name or "no run has worked on it yet")


def _list(lines: object) -> Html:
    return html('<ul class="issues">{lines}</ul>', lines=lines)


def _issue(one: IssueView) -> Html:
    wait = f"{one.wait[0].value}: {cut(one.wait[1])}" if one.wait else ""
    name = html("<b>{id}</b>", id=one.issue.id)
    if one.build is not None:
        path = {"path": quote(one.issue.id), "build": quote(one.build)}
        name = html('<a href="/cards/{path}?build={build}">{name}</a>', name=name, **path)
    return html(
        '<li>{badge}{name}<span>{summary}</span><span class="id">{wait}</span></li>',
        badge=badge(one.issue.status),
        name=name,
        summary=cut(one.issue.name),
        wait=wait,
    )


def _progress(progress: Progress) -> Html:
    return html(
        '<span class="count">{done} of {total} done</span><progress max="{most}" value="{done}"></progress>',
        done=progress.done,
        total=progress.total,
        most=max(1, progress.total),
    )
