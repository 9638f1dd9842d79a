"""Which orphans are taken in, by which rock and epic, and which are left, and why. Pure and deterministic."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from attrs import evolve, field, frozen

from orket._graph import find_cycle
from orket._value import Value
from orket.cards import CardType, Epic, Issue, Rock
from orket.portfolio._adoptions import CORE, Adoption, Shelters, goes_on_as
from orket.portfolio._alerts import first_line
from orket.portfolio._found import EpicAsset, RecordedBuild, RockAsset, Survey
from orket.portfolio._tree import standing_alone
from orket.portfolio._views import IssueView, Portfolio


@frozen(kw_only=True, repr=False, eq=False)
class Stray(Value):
    """An orphan that was not taken in, and why."""

    type: CardType
    name: str
    why: str
    build: str | None = None


@frozen(kw_only=True, repr=False, eq=False)
class Reconciliation(Value):
    """What a reconciliation has done: the orphans that it took in, and those that it left."""

    adopted: tuple[Adoption, ...] = ()
    left: tuple[Stray, ...] = ()


@frozen(kw_only=True, repr=False, eq=False)
class Venue(Value):
    """The team and the environment that an epic is made with."""

    team: str
    environment: str


@frozen(kw_only=True, repr=False, eq=False)
class Ward(Value):
    """What there is to decide with.

    ``rock`` and ``epic`` are the assets that take orphans in, None where there are none; ``known`` the adoptions by
    key. ``unsettled`` are cards, by build and id, with an effect that may have happened. ``room`` is how many issues
    the epic may have, None where nothing limits them. ``venue`` is what an epic would be made with, None where it
    cannot be.
    """

    survey: Survey
    portfolio: Portfolio
    builds: Sequence[RecordedBuild]
    shelters: Shelters
    rock: RockAsset | None
    epic: EpicAsset | None
    known: Mapping[str, Adoption] = field(factory=dict)
    unsettled: frozenset[tuple[str, str]] = frozenset()
    room: int | None = None
    venue: Venue | None = None


def plan(ward: Ward, *, by: str, reason: str, at: float) -> Reconciliation:
    """Return who is to be taken in, in the order in which it is to be done, and who is left.

    Args:
        ward: what there is to decide with.
        by: the name of the person who wants it.
        reason: why, for the record.
        at: seconds since the epoch.
    """
    left: list[Stray] = []
    issues = _issues(ward, left)
    epics = _epics(ward, left)
    if ward.epic is None and (issues or _is_awaited(ward, CardType.ISSUE, ward.shelters.epic)):
        if ward.venue is None:
            why = f"there is no epic {ward.shelters.epic!r}, and no team and environment to make it with"
            left.extend([_stray(one, why) for one in issues])
            issues = []
        else:
            epics.append(_made_epic(ward.shelters, ward.venue))
    rocks = []
    if ward.rock is None and (epics or _is_awaited(ward, CardType.EPIC, ward.shelters.rock)):
        rocks.append(_made_rock(ward.shelters))
    found = [evolve(one, by=by, reason=reason, at=at) for one in (*rocks, *epics, *issues)]
    new = [evolve(one, version=ward.known[one.key].version + 1) if one.key in ward.known else one for one in found]
    return Reconciliation(adopted=tuple(new), left=tuple(left))


def _is_awaited(ward: Ward, kind: CardType, into: str) -> bool:
    """Return whether something was taken in by a rock or an epic that is gone since."""
    return any(one.type is kind and one.into == into for one in ward.known.values())


def _stray(adoption: Adoption, why: str) -> Stray:
    return Stray(type=adoption.type, name=adoption.name, build=adoption.build, why=why)


def _adoption(kind: CardType, name: str, into: str, department: str = CORE) -> Adoption:
    return Adoption(type=kind, name=name, into=into, department=department, by="", at=0.0)


def _made_rock(shelters: Shelters) -> Adoption:
    rock = Rock(id=shelters.rock, name=shelters.rock, description="Takes in the epics that no other rock lists.")
    return evolve(_adoption(CardType.ROCK, shelters.rock, ""), rock=rock)


def _made_epic(shelters: Shelters, venue: Venue) -> Adoption:
    epic = Epic(
        id=shelters.epic,
        name=shelters.epic,
        team=venue.team,
        environment=venue.environment,
        description="Takes in the issues that no other epic has.",
    )
    return evolve(_adoption(CardType.EPIC, shelters.epic, shelters.rock), epic=epic)


def _epics(ward: Ward, left: list[Stray]) -> list[Adoption]:
    """Return the epics to take in: what a run of the rock would be refused with is left outside."""
    into, unread = ward.shelters.rock, [rock.name for rock in ward.survey.rocks if rock.rock is None]
    found = []
    for epic in sorted(ward.portfolio.orphan_epics, key=lambda one: (one.department, one.name)):
        adoption = _adoption(CardType.EPIC, epic.name, into, epic.department)
        before = ward.known.get(adoption.key)
        if unread:
            left.append(_stray(adoption, f"the rock {unread[0]!r} cannot be read: it may list it"))
        elif epic.error is not None:
            left.append(_stray(adoption, f"it cannot run: {first_line(epic.error)}"))
        elif before is None or before.into != into:
            found.append(evolve(adoption, epic=before.epic if before else None))
    return found


def _issues(ward: Ward, left: list[Stray]) -> list[Adoption]:
    """Return the issues to take in: those with a file of their own, then cards of boards whose epic is gone."""
    candidates = [*_alone(ward, left), *_cards(ward, left)]
    if ward.epic is not None and ward.epic.error is not None:
        why = f"the epic {ward.epic.name!r} cannot run: {first_line(ward.epic.error)}"
        left.extend([_stray(one, why) for one, _ in candidates])
        return []
    inside = ward.epic.epic.issues if ward.epic is not None and ward.epic.epic is not None else ()
    untied = _untied(candidates, inside, left)
    count = len(untied) if ward.room is None else max(0, ward.room - len(inside))
    why = f"the epic {ward.shelters.epic!r} declares idesign: false and may not have more issues"
    left.extend([_stray(one, why) for one, _ in untied[count:]])
    return [one for one, _ in untied[:count]]


def _alone(ward: Ward, left: list[Stray]) -> Iterator[tuple[Adoption, Issue]]:
    """Yield the issues with a file of their own, each with what it goes on as."""
    unread = [epic.name for epic in ward.survey.epics if epic.epic is None]
    taken = {asset.issue.id for asset in ward.survey.issues if asset.issue and asset.file in ward.survey.adopted}
    for asset in sorted(standing_alone(ward.survey), key=lambda one: (one.department, one.name)):
        adoption = _adoption(CardType.ISSUE, asset.name, ward.shelters.epic, asset.department)
        issue, before = asset.issue, ward.known.get(adoption.key)
        if issue is None or issue.status.is_terminal or (before is not None and before.into == ward.shelters.epic):
            continue
        if unread:
            left.append(_stray(adoption, f"the epic {unread[0]!r} cannot be read: it may have it"))
        elif issue.id in taken:
            left.append(_stray(adoption, f"another issue has the id {issue.id!r}"))
        else:
            taken.add(issue.id)
            yield adoption, issue


def _cards(ward: Ward, left: list[Stray]) -> Iterator[tuple[Adoption, Issue]]:
    """Yield the unfinished cards of boards whose epic is gone, each with what it goes on as."""
    boards = {build.build: {row.issue.id: row.issue for row in build.cards} for build in ward.builds}
    for one in ward.portfolio.orphan_issues:
        if one.build is None or one.issue.status.is_terminal:
            continue
        adoption = evolve(_adoption(CardType.ISSUE, one.issue.id, ward.shelters.epic), build=one.build)
        if why := _holds_back(one, adoption, ward):
            left.append(_stray(adoption, why))
            continue
        issue = goes_on_as(one.issue, boards[one.build])
        yield evolve(adoption, issue=issue), issue


def _holds_back(one: IssueView, adoption: Adoption, ward: Ward) -> str:
    """Return why a card is left on its board, or ""."""
    if one.is_running:
        return "somebody works on it"
    if (one.build, one.issue.id) in ward.unsettled:
        return "whether an effect of it ran is not known; settle it first"
    before = ward.known.get(adoption.key)
    if before is not None and before.issue is not None:
        return f"it was taken in before, and goes on as {before.issue.id}; cancel it here"
    return ""


def _untied(
    candidates: Iterable[tuple[Adoption, Issue]], inside: Collection[Issue], left: list[Stray]
) -> list[tuple[Adoption, Issue]]:
    """Return the candidates that do not wait for each other in a circle."""
    kept = {issue.id: (adoption, issue) for adoption, issue in candidates}
    edges = {issue.id: issue.depends_on for issue in (*inside, *(issue for _, issue in kept.values()))}
    while cycle := find_cycle(edges):
        for name in dict.fromkeys(cycle):
            edges.pop(name, None)
            if (found := kept.pop(name, None)) is not None:
                left.append(_stray(found[0], f"issues wait for each other: {' -> '.join(cycle)}"))
    return list(kept.values())
