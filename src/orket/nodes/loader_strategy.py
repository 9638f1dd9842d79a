"""The stock loader: ``config/`` first, then the department's folder, then ``core``."""

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import attrs

from orket.contracts import Organization

CORE = "core"


class DefaultLoaderStrategyNode:
    """Look in ``config/<category>/``, ``model/<department>/<category>/``, ``model/core/<category>/``, in this order.

    A name that leads elsewhere (``../x``, ``/x``) is a ``ValueError``: no path outside the root is ever answered.
    """

    contract_version = 1
    # For names that lead out of the root.
    contract_powers: Mapping[str, object] = MappingProxyType({"errors": (ValueError,)})

    def organization_paths(self, root: Path, /) -> tuple[Path, ...]:
        """Return the two files that an organization is split into: who it is, and how it works."""
        return (root / "config" / "org_info.json", root / "config" / "architecture.json")

    def organization_fallback_paths(self, root: Path, /) -> tuple[Path, ...]:
        """Return the places of an organization in one file."""
        return (
            root / "config" / "organization.json",
            root / "organization.json",
            root / "model" / "organization.json",
        )

    def department_paths(self, root: Path, department: str, /) -> tuple[Path, ...]:
        """Return the places of a department's own description."""
        _check(department)
        return (root / "config" / "departments" / f"{department}.json", root / "model" / department / "department.json")

    def asset_paths(self, root: Path, department: str, category: str, name: str, /) -> tuple[Path, ...]:
        """Return ``<name>.json`` in each of the search folders."""
        _check(name)
        return tuple([folder / f"{name}.json" for folder in self.search_folders(root, department, category)])

    def search_folders(self, root: Path, department: str, category: str, /) -> tuple[Path, ...]:
        """Return the folders of a category, each once."""
        _check(department, category)
        folders = (
            root / "config" / category,
            root / "model" / department / category,
            root / "model" / CORE / category,
        )
        return tuple(dict.fromkeys(folders))

    def override_organization(self, organization: Organization, environ: Mapping[str, str], /) -> Organization:
        """Return the organization with name ``ORKET_ORG_NAME`` and vision ``ORKET_ORG_VISION``, unless blank."""
        name = environ.get("ORKET_ORG_NAME", "").strip() or organization.name
        vision = environ.get("ORKET_ORG_VISION", "").strip() or organization.vision
        return attrs.evolve(organization, name=name, vision=vision)


def _check(*names: str) -> None:
    """Raise ValueError for a name that is no plain part of a path."""
    for name in names:
        if name in ("", ".", "..") or re.search(r"[/\\:\0]", name):
            raise ValueError(f"{name!r:.140} is no name of an asset; valid: a name without / and \\, not '..'")
