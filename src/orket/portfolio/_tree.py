"""Assets and record, joined: each card at its place, and each of them once. Pure: nothing is read here."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, TypeAlias

from attrs import frozen

from orket._board import is_running
from orket._value import Value
from orket.cards import CardStatus, EpicReference, Issue, WaitReason
from orket.errors import DependencyCycleError
from orket.portfolio._boards import board_of
from orket.portfolio._found import EpicAsset, IssueAsset, RecordedBuild, RockAsset, Survey
from orket.portfolio._views import EpicView, IssueView, Portfolio, Progress, RockView, progress_of, progress_of_all

_Wait: TypeAlias = tuple[WaitReason, str]
_AT_REST: Final = frozenset({CardStatus.READY})


@frozen(kw_only=True, repr=False, eq=False)
class Tree(Value):
    """Everything at its place, without alerts; ``knots`` are the builds whose issues wait for each other."""

    portfolio: Portfolio
    knots: Mapping[str, DependencyCycleError]


def grow(survey: Survey, builds: Iterable[RecordedBuild], *, reviews: Collection[CardStatus], now: float) -> Tree:
    """Join assets and record.

    What the record holds of an issue wins over the asset. An epic that several rocks list stands below the first.

    Args:
        survey: the assets.
        builds: the record, the oldest build first.
        reviews: statuses in which an issue takes a review turn.
        now: seconds since the epoch.
    """
    knots: dict[str, DependencyCycleError] = {}
    sprints = {asset.file: asset.epic.sprint for asset in survey.epics if asset.epic is not None}
    leaves: dict[str, list[IssueView]] = {asset.file: [] for asset in survey.epics}
    orphans: list[IssueView] = []
    for build in builds:
        for file, leaf in _leaves(build, sprints, knots, reviews, now):
            leaves.get(file, orphans).append(leaf)
    adopted = frozenset(file for rock in survey.rocks for file in rock.adopted)
    epics = {asset.file: _epic(asset, leaves[asset.file], is_adopted=asset.file in adopted) for asset in survey.epics}
    loose = dict(epics)
    rocks = tuple([_rock(asset, epics, loose) for asset in survey.rocks])
    alone = [IssueView(issue=one, sprint=one.sprint) for it in standing_alone(survey) if (one := it.issue) is not None]
    portfolio = Portfolio(rocks=rocks, orphan_epics=tuple(loose.values()), orphan_issues=(*orphans, *alone))
    return Tree(portfolio=portfolio, knots=knots)


def _leaves(
    build: RecordedBuild,
    sprints: Mapping[str, str | None],
    knots: dict[str, DependencyCycleError],
    reviews: Collection[CardStatus],
    now: float,
) -> Iterable[tuple[str, IssueView]]:
    """Yield the cards of a build, each with the file of its epic; "" where that is gone."""
    wait_of: Callable[[Issue], _Wait | None]
    try:
        wait_of = board_of(build, reviews, now).wait_of
    except DependencyCycleError as error:
        knots[build.build] = error
        wait_of = _tied(error)
    for row in build.cards:
        issue, file = row.issue, build.files.get(row.issue.parent or "", "")
        runs = is_running(row, now)
        yield (
            file,
            IssueView(
                issue=issue,
                build=build.build,
                wait=None if runs else wait_of(issue),
                is_running=runs and not issue.status.is_terminal,
                sprint=issue.sprint or sprints.get(file),
            ),
        )


def _tied(error: DependencyCycleError) -> Callable[[Issue], _Wait | None]:
    """Return why issues wait on a board that no run can take up."""
    return lambda issue: None if issue.status.is_terminal else (WaitReason.SYSTEM, error.message)


def _epic(asset: EpicAsset, leaves: Sequence[IssueView], *, is_adopted: bool) -> EpicView:
    epic, known = asset.epic, {one.issue.id for one in leaves}
    sprint = epic.sprint if epic else None
    planned = [one for one in epic.issues if one.id not in known] if epic else []
    issues = (*leaves, *(IssueView(issue=one, sprint=one.sprint or sprint) for one in planned))
    said = epic.status if epic else None
    return EpicView(
        name=asset.name,
        department=asset.department,
        file=asset.file,
        epic=epic,
        status=_status([one.issue.status for one in issues], said),
        issues=issues,
        builds=tuple(dict.fromkeys([one.build for one in leaves if one.build is not None])),
        progress=progress_of(issues),
        adopted=is_adopted,
        error=asset.error,
    )


def _rock(asset: RockAsset, epics: Mapping[str, EpicView], loose: dict[str, EpicView]) -> RockView:
    """Return a rock with those of its epics that no earlier rock has taken out of *loose*."""
    own: list[EpicView] = []
    shared: list[EpicReference] = []
    missing: list[EpicReference] = []
    for reference, file in asset.files.items():
        if file not in epics:
            missing.append(reference)
        elif (epic := loose.pop(file, None)) is not None:
            own.append(epic)
        else:
            shared.append(reference)
    listed = [epics[file] for file in asset.files.values() if file in epics]
    statuses = [epic.status for epic in listed if epic.status is not None]
    return RockView(
        name=asset.name,
        department=asset.department,
        file=asset.file,
        rock=asset.rock,
        status=_status(statuses, asset.rock.status if asset.rock else None),
        epics=tuple(own),
        shared=tuple(shared),
        missing=tuple(missing),
        progress=progress_of_all(listed) if listed else Progress(),
        error=asset.error,
    )


def _status(below: Collection[CardStatus], said: CardStatus | None) -> CardStatus | None:
    """Return where a card stands whose work is done below it; what its asset says counts where there is none."""
    if not below:
        return said
    if all(status.is_terminal for status in below):
        return CardStatus.DONE if CardStatus.DONE in below else CardStatus.CANCELED
    if not _AT_REST.issuperset(below):
        return CardStatus.IN_PROGRESS
    return said if said is not None and not said.is_terminal else CardStatus.READY


def standing_alone(survey: Survey) -> list[IssueAsset]:
    """Return the issues with a file of their own that no epic has, by its asset or by reconciliation."""
    linked = {issue.id for asset in survey.epics if asset.epic for issue in asset.epic.issues}
    return [
        asset
        for asset in survey.issues
        if asset.issue is not None and asset.file not in survey.adopted and asset.issue.id not in linked
    ]
