"""Rocks, epics and issues as runs and the portfolio see them: assets, and what the record says was taken in."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Final

import anyio.to_thread
from attrs import evolve

from orket._config import ConfigLoader
from orket.bugfix import Sequel, find_sequels
from orket.cards import CardType, Epic, EpicReference, Issue, Rock
from orket.contracts import Store
from orket.errors import AssetNotFoundError, ConfigError
from orket.portfolio._adoptions import ADOPTIONS, CORE, Adoption, read_adoptions, with_issues

_MADE: Final = "(record)"  # in front of what has no file


class Structure:
    """Reads cards (blocking I/O). Where an asset and the record define the same, the asset counts.

    Args:
        loader: of the assets.
        adoptions: what was taken in.
        sequels: the rocks that bug-fix phases have left. No asset may have the name of one.
    """

    def __init__(self, loader: ConfigLoader, adoptions: Sequence[Adoption], sequels: Sequence[Sequel] = ()) -> None:
        self._loader = loader
        self.adoptions = tuple(adoptions)
        self._sequel_rocks = {(one.name, one.department): one for one in sequels}
        self._sequel_epics = {(epic.epic, epic.department): one for one in sequels for epic in one.as_rock().epics}
        self._made_rocks = {one.name: one.rock for one in adoptions if one.rock is not None}
        self._made_epics = {one.name: one.epic for one in adoptions if one.epic is not None}
        self._linked: frozenset[str] | None = None

    def has_made(self, kind: CardType, name: str, department: str) -> bool:
        """Return whether the record defines a rock or an epic of this name."""
        is_rock = kind is CardType.ROCK
        left = self._sequel_rocks if is_rock else self._sequel_epics
        return name in (self._made_rocks if is_rock else self._made_epics) or (name, department) in left

    def rocks(self) -> Mapping[str, tuple[str, str]]:
        """Return all rocks by file, each with its name and department."""
        return self._with_made("rocks", self._made_rocks)

    def epics(self) -> Mapping[str, tuple[str, str]]:
        """Return all epics by file, each with its name and department."""
        return self._with_made("epics", self._made_epics)

    def _with_made(self, category: str, made: Mapping[str, Rock | Epic]) -> Mapping[str, tuple[str, str]]:
        homes = dict(self._loader.homes(category))
        for name in made:
            if not self._loader.file_of(category, name):
                homes[f"{_MADE} {category}/{name}"] = (name, CORE)
        for name, department in self._left(category):
            if not self._loader.file_of(category, name, department):
                homes[_left_file(category, name, department)] = (name, department)
        return homes

    def _left(self, category: str) -> Mapping[tuple[str, str], Sequel]:
        return self._sequel_rocks if category == "rocks" else self._sequel_epics

    def rock_file(self, name: str, department: str) -> str:
        """Return which rock a name means to a department; "" where there is none."""
        return self._file("rocks", name, department, self._made_rocks)

    def epic_file(self, name: str, department: str) -> str:
        """Return which epic a name means to a department; "" where there is none."""
        return self._file("epics", name, department, self._made_epics)

    def _file(self, category: str, name: str, department: str, made: Mapping[str, object]) -> str:
        file = self._loader.file_of(category, name, department)
        if file or name in made:
            return file or f"{_MADE} {category}/{name}"
        return _left_file(category, name, department) if (name, department) in self._left(category) else ""

    def rock(self, name: str, department: str) -> Rock:
        """Return a rock, with the epics that it has taken in and that no rock's asset lists.

        Raises:
            AssetNotFoundError: nothing defines it.
            ConfigError: its file cannot be read or is wrong.
        """
        if (sequel := self._sequel(name, department, "rocks")) is not None:
            return sequel.as_rock()
        file = self.rock_file(name, department)
        rock = self._made_rocks[name] if file.startswith(_MADE) else self._loader.load_rock(name, department)
        return evolve(rock, epics=(*rock.epics, *self.adopted_epics(name, file)))

    def adopted_epics(self, rock: str, file: str) -> tuple[EpicReference, ...]:
        """Return the epics that a rock has taken in and that no rock's asset lists, as long as they exist."""
        mine = [one for one in self.adoptions if one.type is CardType.EPIC and one.into == rock]
        if not mine or file != self.rock_file(rock, CORE):
            return ()
        files = {self.epic_file(one.name, one.department): one for one in mine}
        return tuple(
            [
                EpicReference(epic=one.name, department=one.department)
                for file, one in files.items()
                if file and file not in self.linked()
            ]
        )

    def linked(self) -> frozenset[str]:
        """Return the files of the epics that rocks' assets list; rocks that cannot be read list none."""
        if self._linked is None:
            found: set[str] = set()
            for name, department in self._loader.homes("rocks").values():
                with suppress(ConfigError):
                    rock = self._loader.load_rock(name, department)
                    found.update(self.epic_file(one.epic, one.department) for one in rock.epics)
            found.update(self.epic_file(*place) for place in self._sequel_epics)
            self._linked = frozenset(found)
        return self._linked

    def epic(self, name: str, department: str) -> Epic:
        """Return an epic, with the issues that it has taken in.

        Raises:
            AssetNotFoundError: nothing defines it.
            ConfigError: its file, or that of an issue, cannot be read or is wrong.
        """
        if (sequel := self._sequel(name, department, "epics")) is not None:
            source = sequel.source_of(name, department)
            return sequel.epic_of(self.epic(source.epic, source.department))
        file = self.epic_file(name, department)
        epic = self._made_epics[name] if file.startswith(_MADE) else self._loader.load_epic(name, department)
        mine = [one for one in self.adoptions if one.type is CardType.ISSUE and one.into == name]
        if not mine or file != self.epic_file(name, CORE):
            return epic
        return with_issues(epic, [issue for one in mine if (issue := self._issue(one)) is not None])

    def _sequel(self, name: str, department: str, category: str) -> Sequel | None:
        """Return the sequel that has a rock or an epic of this name, or None.

        Raises:
            ConfigError: there is an asset of this name, too.
        """
        sequel = self._left(category).get((name, department))
        if sequel is not None and (file := self._loader.file_of(category, name, department)):
            raise ConfigError(
                f"two of {category} are called {name!r}: {file}, and what the bug-fix phase of {sequel.rock} has left;"
                " rename the file",
                file=file,
            )
        return sequel

    def _issue(self, adoption: Adoption) -> Issue | None:
        """Return an issue that was taken in; None where its file is gone."""
        if adoption.issue is not None:
            return adoption.issue
        with suppress(AssetNotFoundError):
            return self._loader.load_issue(adoption.name, adoption.department)
        return None

    def adopted_issues(self) -> Mapping[str, str]:
        """Return the files of the issues that were taken in, each with the epic that has it."""
        found = {
            self._loader.file_of("issues", one.name, one.department): one.into
            for one in self.adoptions
            if one.type is CardType.ISSUE and one.build is None
        }
        return {file: epic for file, epic in found.items() if file and self.epic_file(epic, CORE)}

    def home_of(self, issue_id: str) -> str:
        """Return the epic that has taken in an issue of this id, or ""; files that cannot be read hold none."""
        for one in self.adoptions:
            if one.type is not CardType.ISSUE:
                continue
            with suppress(ConfigError):
                if (issue := self._issue(one)) is not None and issue.id == issue_id:
                    return one.into
        return ""


async def load_structure(loader: ConfigLoader, store: Store) -> Structure:
    """Return the structure as the record has it now.

    Raises:
        StoreError: the record cannot be read.
    """
    documents = await store.find(ADOPTIONS)
    adoptions = await anyio.to_thread.run_sync(read_adoptions, documents) if documents else ()
    return Structure(loader, adoptions, await find_sequels(store))


def _left_file(category: str, name: str, department: str) -> str:
    """Return what stands for the file of what a bug-fix phase has left."""
    return f"{_MADE} {category}/{department}/{name}"
