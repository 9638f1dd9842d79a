"""Loaders that are wrong in one way each."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from mutants import Mutant
from mutants.answers import foreign, unstorable
from mutants.nodes import universal
from orket.contracts import Organization
from orket.nodes.loader_strategy import DefaultLoaderStrategyNode
from orket.testing import LoaderStrategyContract


class Confined(DefaultLoaderStrategyNode):
    """A loader that keeps all rules: names that lead elsewhere have no paths."""

    def department_paths(self, root: Path, department: str, /) -> tuple[Path, ...]:
        return self._paths(super().department_paths, root, department)

    def asset_paths(self, root: Path, department: str, category: str, name: str, /) -> tuple[Path, ...]:
        return self._paths(super().asset_paths, root, department, category, name)

    def search_folders(self, root: Path, department: str, category: str, /) -> tuple[Path, ...]:
        return self._paths(super().search_folders, root, department, category)

    def _paths(self, method: Any, *args: Any) -> tuple[Path, ...]:
        try:
            return method(*args)
        except ValueError:
            return ()


def other(answer: Any, salt: str) -> Any:
    if isinstance(answer, tuple) and answer:
        return (*answer, answer[0].with_name(salt))
    return answer


class Resolves(Confined):
    def organization_paths(self, root: Path, /) -> tuple[Path, ...]:
        return tuple(path.absolute() for path in super().organization_paths(root))


class GoesUp(Confined):
    def department_paths(self, root: Path, department: str, /) -> tuple[Path, ...]:
        found = super().department_paths(root, department)
        return tuple(path.parent / ".." / path.parent.name / path.name for path in found)


class Trusting(Confined):
    """Builds paths of whatever names it is given."""

    def search_folders(self, root: Path, department: str, category: str, /) -> tuple[Path, ...]:
        return (root / "config" / category, root / "model" / department / category)


class Looks(Confined):
    def _paths(self, method: Any, *args: Any) -> tuple[Path, ...]:
        found = super()._paths(method, *args)
        return tuple([path for path in found if "\0" not in str(path) and path.is_file()]) or found


class Renames(Confined):
    def override_organization(self, organization: Organization, environ: Mapping[str, str], /) -> Organization:
        vision = environ.get("ORKET_ORG_VISION") or organization.vision or "To ship."
        return attrs.evolve(organization, vision=vision)


MUTANTS = (
    *universal(LoaderStrategyContract, Confined, other=other, unstorable=unstorable, foreign=foreign),
    Mutant(rule="loader-strategy-20", make=Resolves, how="makes relative roots absolute"),
    Mutant(rule="loader-strategy-21", make=GoesUp, how="goes up, and down again"),
    Mutant(rule="loader-strategy-22", make=Trusting, how="joins names to paths, whatever they are"),
    Mutant(rule="loader-strategy-23", make=Looks, how="leaves out files that do not exist"),
    Mutant(rule="loader-strategy-24", make=Renames, how="has a vision for those who have none"),
)
