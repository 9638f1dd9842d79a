"""Whether there is a department of a name: all that one does not define it shares, so a wrong name would run core's."""

from collections.abc import Collection
from contextlib import suppress
from typing import Final

from orket._config import ConfigLoader
from orket._orchestrator._arguments import suggest
from orket.errors import AssetNotFoundError
from orket.organization import Organization
from orket.portfolio._adoptions import CORE

_CATEGORIES: Final = ("rocks", "epics", "issues", "teams", "roles", "environments", "dialects")


def declared_departments(organization: Organization) -> tuple[str, ...]:
    """Return the departments that an organization has whether or not they have files."""
    return (CORE, *[department.name for department in organization.departments])


def check_department(loader: ConfigLoader, declared: Collection[str], name: str, where: str = "") -> None:
    """Let a department pass that a file describes or that has an asset of its own (blocking I/O).

    Args:
        loader: of the organization's assets.
        declared: those that pass anyway; the message names them.
        name: what the host, or a rock, calls it.
        where: what the message begins with.

    Raises:
        AssetNotFoundError: there is none of this name.
    """
    with suppress(AssetNotFoundError):
        loader.load_department(name)
        return
    if not any(_has_own(loader, category, name) for category in _CATEGORIES):
        raise AssetNotFoundError(
            f"{where}no department {name!r}; {suggest(name, declared)}declared are: {', '.join(declared)};"
            " others need a file that describes them, or an asset of their own",
            category="departments",
            name=name,
            searched=(),
        )


def _has_own(loader: ConfigLoader, category: str, department: str) -> bool:
    names = loader.assets(category, department)
    return any(loader.file_of(category, one, department) != loader.file_of(category, one) for one in names)
