"""The stock loader: ``config/`` first, then the department's folder, then ``core``."""

from collections.abc import Mapping
from pathlib import Path

import attrs

from orket.contracts import Organization

CORE = "core"


class DefaultLoaderStrategyNode:
    """Look in ``config/<category>/``, ``model/<department>/<category>/``, ``model/core/<category>/``, in this order."""

    contract_version = 1

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
        return (root / "config" / "departments" / f"{department}.json", root / "model" / department / "department.json")

    def asset_paths(self, root: Path, department: str, category: str, name: str, /) -> tuple[Path, ...]:
        """Return ``<name>.json`` in each of the search folders."""
        return tuple([folder / f"{name}.json" for folder in self.search_folders(root, department, category)])

    def search_folders(self, root: Path, department: str, category: str, /) -> tuple[Path, ...]:
        """Return the folders of a category, each once."""
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
