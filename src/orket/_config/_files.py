"""Where assets lie: the loader node is asked, its answers are kept inside the root, files are found and opened."""

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from attrs import frozen

from orket._config._names import VALID_NAME, is_asset_name
from orket._config._read import read_object
from orket._config._reading import Reading
from orket._config._shapes import shapes
from orket._value import Value
from orket.cards import JsonValue
from orket.errors import AssetNotFoundError, ConfigError


@frozen(kw_only=True, repr=False, eq=False)
class Place(Value):
    """An asset of a category, as one department sees it."""

    category: str
    name: str
    department: str


class AssetFiles:
    """The files below *root*, found by asking the loader node through *ask* (method, arguments)."""

    def __init__(self, root: Path, ask: Callable[..., Any], *, strict: bool) -> None:
        self._root = root
        self._ask = ask
        self._strict = strict

    def paths(self, method: str, *names: str) -> tuple[Path, ...]:
        """Return the loader's answer: paths inside the root.

        Raises:
            ConfigError: a name is no name.
            NodeError: the node answers anything but paths inside the root.
        """
        for name in names:
            if not is_asset_name(name):
                raise ConfigError(f"{name!r:.140} is no name of an asset; valid: {VALID_NAME}")
        paths: tuple[Path, ...] = self._ask(method, self._root, *names)
        return paths

    def label(self, path: Path) -> str:
        """Return what messages call a file: its path below the root."""
        return _plain(path).relative_to(_plain(self._root)).as_posix()

    def read(self, path: Path, name: str) -> tuple[Reading, JsonValue] | None:
        """Open the file of the asset *name*; None when there is none."""
        file = self.label(path)
        data = read_object(path, file)
        return None if data is None else (Reading(file, name, shapes(), strict=self._strict), data)

    def first(self, paths: Iterable[Path], name: str) -> tuple[Reading, JsonValue] | None:
        """Open the first of *paths* that exists."""
        return next((found for path in paths if (found := self.read(path, name)) is not None), None)

    def asset_paths(self, place: Place) -> tuple[Path, ...]:
        """Return where an asset may lie, in order of precedence."""
        return self.paths("asset_paths", place.department, place.category, place.name)

    def find(self, place: Place) -> tuple[Reading, JsonValue] | None:
        """Open the file that is the asset; None when there is none."""
        return self.first(self.asset_paths(place), place.name)

    def existing(self, place: Place) -> str:
        """Return the label of the file that is the asset, or ""."""
        return next((self.label(path) for path in self.asset_paths(place) if path.is_file()), "")

    def names(self, category: str, department: str) -> tuple[str, ...]:
        """Return the names of the assets that a department can use, sorted."""
        folders = self.paths("search_folders", department, category)
        return tuple(sorted({name for folder in folders for name in _names_in(folder)}))

    def missing(self, place: Place, problems: Iterable[str] = ()) -> AssetNotFoundError:
        """Return the error that says where an asset was looked for, and what there is instead."""
        there = self.names(place.category, place.department)
        from difflib import get_close_matches  # only needed when something is wrong

        close = get_close_matches(place.name, there, n=3)
        hint = f"did you mean {' or '.join(close)}?" if close else f"there is: {', '.join(there) or 'nothing'}"
        searched = tuple(self.label(path) for path in self.asset_paths(place))
        return AssetNotFoundError(
            f'no asset "{place.name}" among the {place.category} of {place.department}; {hint}; '
            f"searched: {', '.join(searched)}",
            problems=problems,
            category=place.category,
            name=place.name,
            department=place.department,
            searched=searched,
            available=there,
        )


def _plain(path: Path) -> Path:
    """Return *path* without ``..``. Links are not followed: those below the root may lead anywhere."""
    return Path(os.path.normpath(path.absolute()))


def _names_in(folder: Path) -> Iterator[str]:
    try:
        files = [file for file in sorted(folder.iterdir()) if file.suffix == ".json" and file.is_file()]
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise ConfigError(f"{folder.name}: cannot be listed: {error.strerror}") from error
    for file in files:
        if is_asset_name(file.stem):
            yield file.stem
