"""What a name means that a host gives: a rock, else an epic, else an issue."""

import anyio.to_thread

from orket._config import ConfigLoader
from orket._orchestrator._arguments import check, suggest
from orket._orchestrator._engine import Card, Engine
from orket._orchestrator._phasing import see_to_phases
from orket._orchestrator._structure import Structure
from orket.bugfix import is_sequel_name
from orket.cards import CardType
from orket.errors import UnknownCardError
from orket.portfolio._adoptions import CORE


async def named(engine: Engine, name: str, department: str) -> Card:
    """Return what *name* means: a rock, else an epic, else an issue of an epic's asset or of a stored board.

    Raises:
        AssetNotFoundError: there is no such department.
        UnknownCardError: nothing is called that.
    """
    check("card", name, is_valid=isinstance(name, str), valid="the name of a rock, an epic or an issue")
    if is_sequel_name(name):
        await see_to_phases(engine.services, engine.store, engine.clock)
    await engine.check_department(department)
    loader, structure = engine.house.loader, await engine.structure()
    if (card := await anyio.to_thread.run_sync(_defined, loader, structure, name, department)) is not None:
        return card
    known: set[str] = set()
    for row in await engine.store.runs():
        ids = {held.issue.id for held in await engine.store.load_board(row.build)}
        if name in ids:
            return Card(type=CardType.ISSUE, name=name, epic=row.card, department=department, build=row.build)
        known |= ids
    raise await anyio.to_thread.run_sync(_unknown, loader, name, department, known)


def _defined(loader: ConfigLoader, structure: Structure, name: str, department: str) -> Card | None:
    """Return the asset that *name* means, or what was taken in (blocking I/O)."""
    for kind, category in ((CardType.ROCK, "rocks"), (CardType.EPIC, "epics")):
        if loader.has(category, name, department) or structure.has_made(kind, name, department):
            return Card(type=kind, name=name, department=department)
    epic, department = loader.find_issue(name) or (structure.home_of(name), CORE)
    return Card(type=CardType.ISSUE, name=name, epic=epic, department=department) if epic else None


def _unknown(loader: ConfigLoader, name: str, department: str, on_boards: set[str]) -> UnknownCardError:
    """Return the error for a card that nothing is called (blocking I/O)."""
    rocks, epics = loader.assets("rocks", department), loader.assets("epics", department)
    known = (*rocks, *epics, *sorted({*loader.issue_ids(), *on_boards}))
    listed = f"rocks: {', '.join(rocks) or 'none'}; epics: {', '.join(epics) or 'none'}"
    return UnknownCardError(f"no rock, epic or issue {name!r}; {suggest(name, known)}{listed}", card=name)
