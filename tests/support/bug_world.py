"""A rock of two epics, and bugs."""

from pathlib import Path
from typing import Any

from small_world import issue, organization, write_json

from orket.contracts import DAY, Bug, BugSeverity, FinishedRock, Store
from orket.events import (
    BugFixPhaseEnded,
    BugFixPhaseExtended,
    BugFixPhaseStarted,
    BugReported,
    BugResolved,
    Record,
)

ROCK = "mountain"
KINDS = (BugFixPhaseStarted, BugReported, BugResolved, BugFixPhaseExtended, BugFixPhaseEnded)


def rocky(root: Path, **options: Any) -> Path:
    """Return an organization with a rock of two epics."""
    organization(root, [issue("a"), issue("a2", "a")], epic="first", **options)
    organization(root, [issue("b")], epic="second", **options)
    epics = [{"epic": "first"}, {"epic": "second"}]
    write_json(root / "model" / "core" / "rocks" / f"{ROCK}.json", {"name": ROCK, "epics": epics})
    return root


def bug(name: str, *, days: float = 0.0, severity: BugSeverity = BugSeverity.LOW, **fields: Any) -> Bug:
    """Return a bug that was found so many days after the rock was done, at 0."""
    return Bug(
        id=name, title=f"{name} is wrong", severity=severity, by="ann", found_at=days * DAY, epic="first", **fields
    )


def finished(run: str = "run-1", *, days: float = 0.0, worked: bool = True) -> FinishedRock:
    """Return a rock that was done then."""
    return FinishedRock(rock=ROCK, department="core", run=run, at=days * DAY, worked=worked)


async def told(store: Store) -> list[Record]:
    """Return what is on record of phases."""
    return [entry.record async for entry in store.events() if isinstance(entry.record, KINDS)]


def names(records: list[Record]) -> list[str]:
    """Return the types of records."""
    return [type(record).__name__ for record in records]
