"""What a person should know of a portfolio: bottlenecks by the organization's thresholds, and what is wrong."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from orket.cards import CardStatus, WaitReason
from orket.errors import OrketError
from orket.events import RunOutcome
from orket.organization import BottleneckThresholds, Team
from orket.portfolio._found import EpicAsset, IssueAsset, RecordedBuild, RockAsset, Survey
from orket.portfolio._tree import Tree
from orket.portfolio._views import Alert, AlertKind, EpicView, IssueView, RockView, Severity

_WAITING: Final = frozenset({CardStatus.BLOCKED, CardStatus.WAITING_FOR_DEVELOPER})  # until a person acts
_STOPPED: Final = frozenset({RunOutcome.STALLED, RunOutcome.FAILED, RunOutcome.BLOCKED})
_SHOWN: Final = 5  # names that one line lists


def bottlenecks(issues: Iterable[IssueView], thresholds: BottleneckThresholds) -> Iterator[Alert]:
    """Yield the bottlenecks of what waits on boards.

    Up to ``resource_normal`` cards may wait for slots; up to ``resource_warning`` they are a notice, above it a
    warning, from ``resource_critical`` on they are critical. Cards that wait for others are a warning when they are
    more than ``dependency_warning_pct`` of all that wait, cards that wait for a person from
    ``human_attention_threshold`` on. Where nothing waits there is no bottleneck, whatever the thresholds say.
    """
    waiting = [one for one in issues if one.wait is not None]
    reasons = Counter([one.wait[0] for one in waiting if one.wait is not None])
    slots = reasons[WaitReason.RESOURCE]
    if (severity := _resource_level(slots, thresholds)) is not None:
        detail = f"{_cards(slots)} for a free slot; normal: up to {thresholds.resource_normal}"
        yield Alert(kind=AlertKind.RESOURCE, severity=severity, subject="", detail=detail)
    others = reasons[WaitReason.DEPENDENCY]
    if others > thresholds.dependency_warning_pct * len(waiting):
        share = f"{others / len(waiting):.0%} of {len(waiting)}"
        detail = f"{_cards(others)} for other cards, {share} that wait; warned above {_share(thresholds)}"
        yield Alert(kind=AlertKind.DEPENDENCY, severity=Severity.WARNING, subject="", detail=detail)
    people = [one for one in waiting if one.issue.status in _WAITING]
    if people and len(people) >= thresholds.human_attention_threshold:
        detail = f"{_cards(len(people))} for a person: {_listed([one.issue.id for one in people])}"
        yield Alert(kind=AlertKind.ATTENTION, severity=Severity.WARNING, subject="", detail=detail)


def _resource_level(waiting: int, thresholds: BottleneckThresholds) -> Severity | None:
    if not waiting:
        return None
    if waiting >= thresholds.resource_critical:
        return Severity.CRITICAL
    if waiting > max(thresholds.resource_normal, thresholds.resource_warning):
        return Severity.WARNING
    return Severity.NOTICE if waiting > thresholds.resource_normal else None


def _share(thresholds: BottleneckThresholds) -> str:
    return f"{thresholds.dependency_warning_pct:.0%}"


def _cards(count: int) -> str:
    return f"{count} card waits" if count == 1 else f"{count} cards wait"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def structure_alerts(tree: Tree, survey: Survey, builds: Sequence[RecordedBuild]) -> Iterator[Alert]:
    """Yield what is wrong with assets and boards: what is missing, broken, contradictory or stalled."""
    for asset in survey.rocks:
        for reference, error in asset.errors.items():
            detail = f"the rock lists the epic {reference.epic!r} of {reference.department}, which exists nowhere"
            yield _wrong(AlertKind.MISSING_EPIC, asset.name, detail, error)
    assets: list[RockAsset | EpicAsset | IssueAsset] = [*survey.rocks, *survey.epics, *survey.issues]
    for broken in assets:
        if broken.error is not None:
            yield _wrong(AlertKind.BROKEN_ASSET, broken.name, first_line(broken.error), broken.error)
    for build, knot in tree.knots.items():
        yield _wrong(AlertKind.BROKEN_ASSET, build, knot.message, knot)
    epics = list(tree.portfolio.epics())
    teams = {asset.file: asset.team for asset in survey.epics}
    for epic in epics:
        yield from _seats(epic, teams.get(epic.file))
    yield from _stalled(epics, builds)
    yield from _ambiguous(epics)
    cards: list[RockView | EpicView] = [*tree.portfolio.rocks, *epics]
    for card in cards:
        yield from _contradiction(card)


def _wrong(kind: AlertKind, subject: str, detail: str, error: OrketError | None = None) -> Alert:
    return Alert(kind=kind, severity=Severity.WARNING, subject=subject, detail=detail, error=error)


def first_line(error: OrketError) -> str:
    """Return an error in one line: its message, and the first of its problems."""
    problems = getattr(error, "problems", ())
    return "; ".join((error.message.splitlines()[0], *(problems[:1]))).replace("\n", " ")


def _seats(epic: EpicView, team: Team | None) -> Iterator[Alert]:
    if team is None:
        return
    lost = [one.issue for one in epic.issues if not one.issue.status.is_terminal and not team.find_seat(one.issue.seat)]
    if lost:
        seats = _listed(list(dict.fromkeys([issue.seat for issue in lost])))
        whose = _listed([issue.id for issue in lost])
        detail = f"the team {team.name} has no seat {seats}, which {whose} would need"
        yield _wrong(AlertKind.MISSING_SEAT, epic.name, detail)


def _stalled(epics: Iterable[EpicView], builds: Sequence[RecordedBuild]) -> Iterator[Alert]:
    last = {build.build: build.runs[-1] for build in builds if build.runs}
    for epic in epics:
        unfinished = Counter([one.build for one in epic.issues if not one.issue.status.is_terminal])
        for name in epic.builds:
            run = last.get(name)
            if run is not None and run.outcome in _STOPPED and unfinished[name]:
                detail = f"run {run.id} of {name} {run.outcome}: {run.reason}"
                yield _wrong(AlertKind.STALLED_EPIC, epic.name, detail)


def _ambiguous(epics: Iterable[EpicView]) -> Iterator[Alert]:
    homes: dict[str, dict[str, None]] = {}
    for epic in epics:
        for one in epic.issues:
            homes.setdefault(one.issue.id, {})[epic.name] = None
    for card, names in homes.items():
        if len(names) > 1:
            detail = f"the epics {_listed(list(names))} have an issue of this id; run_issue cannot tell them apart"
            yield _wrong(AlertKind.AMBIGUOUS_ID, card, detail)


def _contradiction(card: RockView | EpicView) -> Iterator[Alert]:
    said = _said(card)
    if said is not None and said.is_terminal and card.progress.unfinished:
        detail = f"the asset says {said.value}; {card.progress.unfinished} of {card.progress.total} issues are not"
        yield Alert(kind=AlertKind.STATUS, severity=Severity.NOTICE, subject=card.name, detail=detail)


def _said(card: RockView | EpicView) -> CardStatus | None:
    asset = card.rock if isinstance(card, RockView) else card.epic
    return asset.status if asset is not None else None
