"""Look at all assets that are cards, and at the record: what the portfolio is made of."""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import partial
from typing import TypeVar

from attrs import define, evolve, field

from orket._config import ConfigLoader
from orket._orchestrator._departments import check_department, declared_departments
from orket._orchestrator._structure import Structure
from orket._pipeline import seats_in_use
from orket.cards import Epic, EpicReference
from orket.contracts import RunRow, Store
from orket.errors import AssetNotFoundError, OrketError
from orket.governance import check_complexity
from orket.organization import Organization, Team
from orket.portfolio._found import EpicAsset, IssueAsset, RecordedBuild, RockAsset, Survey

T = TypeVar("T")


@define(kw_only=True, repr=False, eq=False)
class Surveyor:
    """Reads assets (blocking I/O); each department, team and environment once."""

    loader: ConfigLoader
    structure: Structure
    organization: Organization
    _departments: dict[str, OrketError | None] = field(factory=dict)
    _teams: dict[tuple[str, str], Team | OrketError] = field(factory=dict)
    _venues: dict[tuple[str, str], OrketError | None] = field(factory=dict)

    def survey(self, builds: Iterable[RecordedBuild]) -> Survey:
        """Return all rocks, epics and issues with a file of their own; what cannot be read comes with its error.

        An epic is looked at, too, that only a rock or a recorded build knows of: its department is none of the
        organization's.

        Args:
            builds: with the files of their epics.
        """
        rocks = [self._rock(file, *home) for file, home in self.structure.rocks().items()]
        homes = dict(self.structure.epics())
        for rock in rocks:
            for one, file in rock.files.items():
                homes.setdefault(file, (one.epic, one.department))
        for build in builds:
            for name, file in build.files.items():
                homes.setdefault(file, (name, build.department_of(name)))
        return Survey(
            rocks=tuple(rocks),
            epics=tuple([self._epic(file, *home) for file, home in homes.items() if file]),
            issues=tuple([self._issue(file, *home) for file, home in self.loader.homes("issues").items()]),
            adopted=frozenset(self.structure.adopted_issues()),
        )

    def files_of(self, build: RecordedBuild) -> RecordedBuild:
        """Return a build with the files of the epics that its cards belong to; what is no name is no epic."""
        parents = dict.fromkeys([row.issue.parent for row in build.cards if row.issue.parent])
        found = {
            name: _tried(partial(self.structure.epic_file, name, build.department_of(name)))[0] for name in parents
        }
        return evolve(build, files={name: file for name, file in found.items() if file})

    def _rock(self, file: str, name: str, department: str) -> RockAsset:
        rock, error = _tried(lambda: self.structure.rock(name, department))
        asset = RockAsset(file=file, name=name, department=department, rock=rock, error=error)
        if rock is None:
            return asset
        files = {one: self.structure.epic_file(one.epic, one.department) for one in rock.epics}
        taken_in = [files[one] for one in self.structure.adopted_epics(name, file)]
        errors = {one: self._missing(one) for one, found in files.items() if not found}
        refusals = [error for one in files if (error := self._department(one.department)) is not None]
        refused = next(iter(refusals), None)
        return evolve(asset, error=refused, files=files, adopted=frozenset(taken_in), errors=errors)

    def _department(self, name: str) -> OrketError | None:
        declared = declared_departments(self.organization)
        if name not in self._departments and name not in declared:
            self._departments[name] = _tried(lambda: check_department(self.loader, declared, name))[1]
        return self._departments.get(name)

    def _missing(self, reference: EpicReference) -> OrketError:
        _, error = _tried(lambda: self.loader.load_epic(reference.epic, reference.department))
        return error or AssetNotFoundError(f"no epic {reference.epic!r}", category="epics", name=reference.epic)

    def _epic(self, file: str, name: str, department: str) -> EpicAsset:
        epic, error = _tried(lambda: self.structure.epic(name, department))
        asset = EpicAsset(file=file, name=name, department=department, epic=epic, error=error)
        if epic is None:
            return asset
        team = self._team(epic.team, department)
        if isinstance(team, OrketError):
            return evolve(asset, error=team)
        return evolve(asset, team=team, error=self._refusal(epic, team, department))

    def _team(self, name: str, department: str) -> Team | OrketError:
        key = (name, department)
        if key not in self._teams:
            try:
                self._teams[key] = self.loader.load_team(name, department)
            except OrketError as error:
                self._teams[key] = error
        return self._teams[key]

    def _refusal(self, epic: Epic, team: Team, department: str) -> OrketError | None:
        """Return what a run of the epic would be refused with before its first turn."""
        _, error = _tried(lambda: check_complexity(epic, self.organization))
        _, lacking = _tried(lambda: self.loader.require_roles(team, seats_in_use(epic, team), department))
        return error or lacking or self._venue(epic.environment, department)

    def _venue(self, name: str, department: str) -> OrketError | None:
        key = (name, department)
        if key not in self._venues:
            self._venues[key] = _tried(lambda: self.loader.load_environment(name, department))[1]
        return self._venues[key]

    def _issue(self, file: str, name: str, department: str) -> IssueAsset:
        issue, error = _tried(lambda: self.loader.load_issue(name, department))
        return IssueAsset(file=file, name=name, department=department, issue=issue, error=error)


def _tried(load: Callable[[], T]) -> tuple[T | None, OrketError | None]:
    """Return what *load* returns and None, or None and its error."""
    try:
        return load(), None
    except OrketError as error:
        return None, error


async def recorded_builds(store: Store, only: Collection[str] | None = None) -> list[RecordedBuild]:
    """Return the builds of the record that have cards or runs, the oldest first.

    Args:
        store: the record.
        only: of these builds; None for all.

    Raises:
        StoreError: the record cannot be read.
    """
    runs = _by_build(await store.runs())
    wanted: Iterable[str] = runs if only is None else only
    return [
        RecordedBuild(build=one, cards=await store.load_board(one), runs=tuple(runs.get(one, ()))) for one in wanted
    ]


def _by_build(rows: Iterable[RunRow]) -> Mapping[str, list[RunRow]]:
    found: dict[str, list[RunRow]] = {}
    for row in rows:
        found.setdefault(row.build, []).append(row)
    return found
