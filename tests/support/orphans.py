"""Rocks, epics and issues on disk that nobody owns, and how a reconciliation of them is told."""

from pathlib import Path

from small_world import issue, write_json

from orket.portfolio import Reconciliation


def epic(root: Path, name: str, *issues: dict[str, object], department: str = "core", **fields: object) -> None:
    """Write an epic."""
    content = {"name": name, "team": "crew", "environment": "standard", "issues": list(issues), **fields}
    write_json(root / "model" / department / "epics" / f"{name}.json", content)


def rock(root: Path, name: str, *epics: str) -> None:
    """Write a rock."""
    write_json(
        root / "model" / "core" / "rocks" / f"{name}.json", {"name": name, "epics": [{"epic": one} for one in epics]}
    )


def alone(root: Path, name: str, *needs: str, department: str = "core", **fields: object) -> None:
    """Write an issue with a file of its own."""
    write_json(root / "model" / department / "issues" / f"{name}.json", issue(name, *needs, **fields))


def told(done: Reconciliation) -> list[tuple[str, str, str]]:
    """Return what was taken in, by what."""
    return [(one.type.value, one.name, one.into) for one in done.adopted]


def why(done: Reconciliation) -> dict[str, str]:
    """Return why what was left was left."""
    return {one.name: one.why for one in done.left}


def files(root: Path) -> dict[Path, bytes]:
    """Return all assets as they are."""
    return {path: path.read_bytes() for path in (root / "model").rglob("*.json")}
