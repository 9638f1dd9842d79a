"""Reads an organization's assets: JSON files -> checked, frozen values.

Assets are written by people, so spelling is lenient where only one meaning is possible (aliases, ``In Progress``,
``"High"``) and strict everywhere else. All problems of a file come in one error, each with file, JSON path, what was
found and what is valid. What looks wrong but can be used is collected in :attr:`ConfigLoader.warnings`.
"""

from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import attrs

from orket._config._files import AssetFiles, Place
from orket._config._issues import read_issue
from orket._config._names import VALID_ID, is_asset_name, is_issue_id
from orket._config._reading import Reading
from orket._config._shapes import read_role
from orket._decide import settle
from orket._wiring import HOST, Binding
from orket.cards import EMPTY, Epic, Issue, JsonValue, Rock
from orket.contracts import LoaderStrategyNode
from orket.errors import AssetNotFoundError, ConfigError
from orket.organization import Department, Dialect, Environment, Organization, Role, Team

__all__ = ["VALID_ID", "ConfigLoader", "is_issue_id"]


class ConfigLoader:
    """Load the assets below *root*.

    Every method reads the files anew and synchronously; call it from a worker thread. Every method may raise
    :class:`~orket.errors.NodeError`, when the loader breaks its contract.

    Args:
        root: The folder that holds ``config/`` and ``model/``.
        loader: Decides where assets are looked for: a node, or one that a registry has bound.
        environ: What the loader may override the organization with.
        strict: Refuse what is otherwise a warning: unknown keys, issues without a summary, roles that exist nowhere …
    """

    def __init__(
        self,
        root: Path,
        *,
        loader: LoaderStrategyNode | Binding,
        environ: Mapping[str, str] = EMPTY,
        strict: bool = False,
    ) -> None:
        self._loader = loader if isinstance(loader, Binding) else _brought(loader)
        self._environ = environ
        self._root = Path(root)
        self._strict = strict
        self._files = AssetFiles(self._root, self._ask, strict=strict)
        self._warnings: dict[str, None] = {}

    @property
    def warnings(self) -> tuple[str, ...]:
        """What looked wrong in the files read so far, each once: file, JSON path, what."""
        return tuple(self._warnings)

    def load_organization(self) -> Organization:
        """Return the organization, with what the environment says instead.

        Raises:
            AssetNotFoundError: no file defines it.
            ConfigError: a file cannot be read or is wrong.
        """
        merged = self._files.paths("organization_paths")
        fallback = self._files.paths("organization_fallback_paths")
        first = self._files.read(merged[0], "organization") if merged else None
        if first is not None:
            more = [self._files.read(path, "organization") for path in merged[1:]]
            opened = [first, *[found for found in more if found is not None]]
        else:
            opened = [found] if (found := self._files.first(fallback, "organization")) else []
        if not opened:
            searched = tuple(self._files.label(path) for path in (*merged[:1], *fallback))
            root = self._root.absolute()
            where = f"in {root}" if root.is_dir() else f"because there is no folder {root}"
            message = f"no file defines the organization {where}; searched: {', '.join(searched)}"
            raise AssetNotFoundError(message, category="organization", name="organization", searched=searched)
        organization: Organization = self._ask("override_organization", self._merge(opened), self._environ)
        return organization

    def load_department(self, name: str) -> Department:
        """Return a department that a file of its own describes.

        Raises:
            AssetNotFoundError: no file describes it.
            ConfigError: the file cannot be read or is wrong.
        """
        paths = self._files.paths("department_paths", name)
        opened = self._files.first(paths, name)
        if opened is None:
            searched = tuple(self._files.label(path) for path in paths)
            message = f'no file describes the department "{name}"; searched: {", ".join(searched)}'
            raise AssetNotFoundError(message, category="departments", name=name, searched=searched)
        reading, data = opened
        reading.fields(data, Department)
        self._finish(reading)
        return Department(name=name)

    def load_epic(self, name: str, department: str = "core") -> Epic:
        """Return an epic with its issues.

        Its id is *name*, its department the one asked for. Issues without an id get stable ones: ``<STEM>-<position>``.

        Raises:
            AssetNotFoundError: no file defines it.
            DependencyCycleError: issues wait for each other.
            ConfigError: the file cannot be read or is wrong.
        """
        fields = self._load("epics", name, department, Epic)
        return Epic(**{"name": name, **fields, "id": name, "department": department})

    def load_rock(self, name: str, department: str = "core") -> Rock:
        """Return a rock; its id is *name*. An epic that it lists without a department is looked up in ``core``.

        Raises:
            AssetNotFoundError: no file defines it.
            ConfigError: the file cannot be read or is wrong.
        """
        fields = self._load("rocks", name, department, Rock)
        return Rock(**{"name": name, **fields, "id": name})

    def load_issue(self, name: str, department: str = "core") -> Issue:
        """Return an issue that has a file of its own, and no epic; its id is *name* where the file gives none.

        Raises:
            AssetNotFoundError: no file defines it.
            ConfigError: the file cannot be read or is wrong.
        """
        reading, data = self._open(Place(category="issues", name=name, department=department))
        fields = read_issue(reading, data)
        self._finish(reading)
        return Issue(**{"id": name, **fields})

    def load_team(self, name: str, department: str = "core") -> Team:
        """Return a team with the definitions of its seats' roles, from the team itself or from role assets.

        A role that exists nowhere is only a warning, because its seat may never be used; see :meth:`require_roles`.

        Raises:
            AssetNotFoundError: no file defines it.
            ConfigError: the file, or that of a role, cannot be read or is wrong.
        """
        reading, data = self._open(Place(category="teams", name=name, department=department))
        fields = reading.fields(data, Team)
        reading.refuse()
        team = Team(**{"name": name, **fields})
        roles = dict(team.roles)
        for seat in team.seats.values():
            for position, role in enumerate(seat.roles):
                found = roles.get(role) or self._find_role(role, department)
                if found is not None:
                    roles[role] = found
                    continue
                with reading.at("seats"), reading.at(seat.id), reading.at("roles"), reading.at(position):
                    reading.warn(f'no role "{role}" in this team or among the role assets')
        self._finish(reading)
        return attrs.evolve(team, roles=roles)

    def require_roles(self, team: Team, seats: Iterable[str], department: str = "core") -> None:
        """Check that every role of the named seats is defined; seats that the team lacks are not looked at.

        Raises:
            AssetNotFoundError: a role exists nowhere; ``problems`` lists all such roles.
        """
        found = [seat for name in dict.fromkeys(seats) if (seat := team.find_seat(name)) is not None]
        missing = [(seat.id, role) for seat in found for role in seat.roles if role not in team.roles]
        if missing:
            problems = [
                f'the seat "{seat}" of the team "{team.name}" holds the role "{role}"' for seat, role in missing
            ]
            raise self._files.missing(Place(category="roles", name=missing[0][1], department=department), problems)

    def check_seats(self, epic: Epic, team: Team) -> None:
        """Warn of unfinished issues whose seat the team does not have; with ``strict`` refuse them.

        Raises:
            ConfigError: ``strict``, and there are such issues.
        """
        odd = [
            f'epics/{epic.id}: issue "{issue.id}": the team "{team.name}" has no seat "{issue.seat}"; it has:'
            f" {', '.join(team.seats) or 'none'}"
            for issue in epic.issues
            if not issue.status.is_terminal and team.find_seat(issue.seat) is None
        ]
        self._warn(f"issues of {epic.id!r} have no seat", odd)

    def check_tools(self, team: Team, names: Collection[str]) -> None:
        """Warn of roles that list a tool which is not among *names*; with ``strict`` refuse them.

        Raises:
            ConfigError: ``strict``, and there are such roles.
        """
        from difflib import get_close_matches  # only needed when something is wrong

        odd = []
        for role in team.roles.values():
            for tool in role.tools:
                if tool not in names:
                    close = get_close_matches(tool, names, n=1)
                    hint = f'did you mean "{close[0]}"?' if close else f"there is: {', '.join(sorted(names))}"
                    odd.append(f'teams/{team.name}: role "{role.name}" lists "{tool}", which is no tool here; {hint}')
        self._warn(f"roles of {team.name!r} list tools that there are not", odd)

    def check_fixtures(self, epic: Epic, folder: Path) -> None:
        """Warn of unfinished issues whose fixture is no file below *folder*; with ``strict`` refuse them.

        Raises:
            ConfigError: ``strict``, and there are such issues.
        """
        odd = []
        for issue in epic.issues:
            fixture = issue.verification.fixture if issue.verification else None
            if fixture and not issue.status.is_terminal:
                path = folder / fixture.removeprefix(f"{folder.name}/")
                where = f'epics/{epic.id}: issue "{issue.id}"'
                odd += [] if path.is_file() else [f'{where}: its fixture "{fixture}" is no file; expected {path}']
        self._warn(f"issues of {epic.id!r} have fixtures that there are not", odd)

    def _warn(self, message: str, odd: list[str]) -> None:
        if odd and self._strict:
            raise ConfigError(message, problems=odd)
        self._warnings.update(dict.fromkeys(odd))

    def load_role(self, name: str, department: str = "core") -> Role:
        """Return a role.

        Raises:
            AssetNotFoundError: no file defines it.
            ConfigError: the file cannot be read or is wrong.
        """
        if (role := self._find_role(name, department)) is None:
            raise self._files.missing(Place(category="roles", name=name, department=department))
        return role

    def load_environment(self, name: str, department: str = "core") -> Environment:
        """Return an environment.

        Raises:
            AssetNotFoundError: no file defines it.
            ConfigError: the file cannot be read or is wrong.
        """
        return Environment(**{"name": name, **self._load("environments", name, department, Environment)})

    def load_dialect(self, family: str, department: str = "core") -> Dialect | None:
        """Return the dialect of a model family, or None when no asset defines one.

        Raises:
            ConfigError: the file cannot be read or is wrong.
        """
        opened = self._files.find(Place(category="dialects", name=family, department=department))
        if opened is None:
            return None
        return Dialect(**{"model_family": family, **self._fields(*opened, Dialect)})

    def dialect_families(self, department: str = "core") -> tuple[str, ...]:
        """Return the model families that have a dialect asset, without reading any."""
        return self.assets("dialects", department)

    def assets(self, category: str, department: str = "core") -> tuple[str, ...]:
        """Return the names of the assets of a category that a department can use, sorted."""
        return self._files.names(category, department)

    def issue_ids(self) -> tuple[str, ...]:
        """Return the ids of all issues of all epics that can be used, sorted."""
        found: set[str] = set()
        for name, department in self.homes("epics").values():
            with suppress(ConfigError):
                found.update(issue.id for issue in self.load_epic(name, department).issues)
        return tuple(sorted(found))

    def find_issue(self, issue_id: str) -> tuple[str, str] | None:
        """Return the epic and the department that an issue belongs to, or None.

        All epics are read; those that cannot be used are passed over, with a warning.

        Raises:
            ConfigError: several epics have an issue of that id.
        """
        homes = self.homes("epics").items()
        found = {file: home for file, home in homes if self._has_issue(*home, issue_id)}
        if len(found) > 1:
            problems = [f'{file}: has an issue "{issue_id}"' for file in found]
            raise ConfigError(f'"{issue_id}" is not the id of one issue only', problems=problems)
        return next(iter(found.values()), None)

    def homes(self, category: str) -> Mapping[str, tuple[str, str]]:
        """Return all assets of a category by file, each with its name and the first department that can use it.

        Departments share what they do not define themselves, so a file is what tells assets apart.
        """
        homes: dict[str, tuple[str, str]] = {}
        for department in self._departments():
            for name in self.assets(category, department):
                homes.setdefault(self.file_of(category, name, department), (name, department))
        return homes

    def has(self, category: str, name: str, department: str = "core") -> bool:
        """Return whether a department can use an asset of this name; what is no name is none."""
        return is_asset_name(name) and bool(self.file_of(category, name, department))

    def file_of(self, category: str, name: str, department: str = "core") -> str:
        """Return the file that is an asset, as messages call it; "" where there is none."""
        return self._files.existing(Place(category=category, name=name, department=department))

    def _ask(self, method: str, *arguments: Any) -> Any:
        return settle(self._loader, method, *arguments)

    def _open(self, place: Place) -> tuple[Reading, JsonValue]:
        opened = self._files.find(place)
        if opened is None:
            raise self._files.missing(place)
        return opened

    def _load(self, category: str, name: str, department: str, kind: type) -> dict[str, Any]:
        opened = self._open(Place(category=category, name=name, department=department))
        return self._fields(*opened, kind)

    def _fields(self, reading: Reading, data: JsonValue, kind: type) -> dict[str, Any]:
        fields = reading.fields(data, kind)
        self._finish(reading)
        return fields

    def _finish(self, reading: Reading) -> None:
        reading.refuse()
        self._warnings.update(dict.fromkeys(reading.warnings))

    def _find_role(self, name: str, department: str) -> Role | None:
        opened = self._files.find(Place(category="roles", name=name, department=department))
        if opened is None:
            return None
        reading, data = opened
        role = read_role(reading, data, name)
        self._finish(reading)
        return role

    def _merge(self, opened: list[tuple[Reading, JsonValue]]) -> Organization:
        merged: dict[str, Any] = {}
        problems: list[str] = []
        for reading, data in opened:
            fields = reading.fields(data, Organization, complete=False)
            for name in sorted(fields.keys() & merged.keys()):
                if fields[name] != merged[name]:
                    reading.warn(f'"{name}" replaces what an earlier file says')
            merged |= fields
            problems += reading.problems
            self._warnings.update(dict.fromkeys(reading.warnings))
        if "name" not in merged and not problems:
            problems.append(f'{" + ".join(reading.file for reading, _ in opened)}: $: "name" is missing')
        if problems:
            raise ConfigError("the organization cannot be used", problems=problems)
        return Organization(**merged)

    def _departments(self) -> tuple[str, ...]:
        try:
            organization = self.load_organization()
        except AssetNotFoundError:
            return ("core",)
        return tuple(dict.fromkeys(("core", *(department.name for department in organization.departments))))

    def _has_issue(self, name: str, department: str, issue_id: str) -> bool:
        try:
            epic = self.load_epic(name, department)
        except ConfigError as error:
            self._warnings.update(dict.fromkeys(error.problems or (error.message,)))
            return False
        return any(issue.id == issue_id for issue in epic.issues)


def _brought(node: LoaderStrategyNode) -> Binding:
    return Binding(
        kind="loader_strategy", name=type(node).__name__, node=node, distribution=HOST, version="", source=HOST
    )
