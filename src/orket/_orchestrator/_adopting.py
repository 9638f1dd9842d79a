"""Take orphans in: each by one commit, under the name of the person who wants it, and never twice."""

from collections.abc import Mapping, Sequence
from functools import partial

import anyio.to_thread
from attrs import evolve

from orket._config import ConfigLoader
from orket._decide import settle
from orket._flow import effects_of
from orket._orchestrator._engine import Engine
from orket._orchestrator._operator import check_person
from orket._orchestrator._sight import Sight, look
from orket.cards import CardStatus, CardType, Issue
from orket.contracts import Batch, CardChange
from orket.errors import ConfigError, StoreConflictError
from orket.events import CardAdopted, CardMoved
from orket.governance import Actor, move
from orket.portfolio import Adoption, Reconciliation, Stray
from orket.portfolio._adoptions import ADOPTIONS, CORE, Shelters, read_adoptions, shelters
from orket.portfolio._orphans import Venue, Ward, plan

_PREFERRED = "standard"  # the team and the environment that most organizations have


async def reconcile(engine: Engine, *, actor: str, reason: str) -> Reconciliation:
    """Take in all orphans that can be; otherwise as ``Orchestrator.reconcile``."""
    check_person(actor, reason)
    ward = await _ward(engine, shelters(engine.house.organization.process_rules))
    decide = partial(plan, ward, by=actor, reason=reason, at=engine.clock.now())
    wanted = await anyio.to_thread.run_sync(decide)
    cards = {(build.build, row.issue.id): row.issue for build in ward.builds for row in build.cards}
    taken: list[Adoption] = []
    left = list(wanted.left)
    for one in wanted.adopted:
        stamped = evolve(one, stamp=engine.token(8))
        try:
            await engine.store.commit(_batch(engine, ward.shelters, stamped, cards))
            taken.append(stamped)
        except StoreConflictError:
            why = "somebody works on it, or changed it meanwhile"
            left.append(Stray(type=one.type, name=one.name, build=one.build, why=why))
    return Reconciliation(adopted=await _own(engine, taken), left=tuple(left))


async def _own(engine: Engine, taken: Sequence[Adoption]) -> tuple[Adoption, ...]:
    """Return those adoptions that are the stored ones; of the others somebody else was faster.

    A store has no compare-and-set for documents, but applies a batch once for each ``op_id``: of two that would take in
    the same orphan the first is applied, and the stamp that is read back says whose it was.
    """
    if not taken:
        return ()
    stored = await anyio.to_thread.run_sync(read_adoptions, await engine.store.find(ADOPTIONS))
    stamps = {one.key: one.stamp for one in stored}
    return tuple([one for one in taken if stamps.get(one.key) == one.stamp])


async def _ward(engine: Engine, targets: Shelters) -> Ward:
    """Look at everything, and return what there is to decide with."""
    seen, loader = await look(engine), engine.house.loader
    unsettled = await _unsettled(engine, seen)
    threshold = engine.house.organization.architecture.idesign_threshold

    def gather() -> Ward:
        rock = seen.structure.rock_file(targets.rock, CORE)
        epic = seen.structure.epic_file(targets.epic, CORE)
        shelter = next((asset for asset in seen.survey.epics if asset.file == epic), None)
        is_small = shelter is not None and shelter.epic and shelter.epic.architecture_governance.idesign is False
        return Ward(
            survey=seen.survey,
            portfolio=seen.tree.portfolio,
            builds=seen.builds,
            shelters=targets,
            rock=next((asset for asset in seen.survey.rocks if asset.file == rock), None),
            epic=shelter,
            known={one.key: one for one in seen.structure.adoptions},
            unsettled=unsettled,
            room=threshold if is_small else None,
            venue=None if shelter else _venue(loader, seen),
        )

    return await anyio.to_thread.run_sync(gather)


async def _unsettled(engine: Engine, seen: Sight) -> frozenset[tuple[str, str]]:
    """Return the orphaned cards that have an effect which may have happened."""
    found = set()
    worked = {(build.build, row.issue.id) for build in seen.builds for row in build.cards if row.token}
    for one in seen.tree.portfolio.orphan_issues:
        card = (one.build or "", one.issue.id)
        if card in worked and not one.issue.status.is_terminal and (await effects_of(engine.store, *card)).unsettled:
            found.add(card)
    return frozenset(found)


def _venue(loader: ConfigLoader, seen: Sight) -> Venue | None:
    """Return the team that has most of the seats that orphans need, and an environment; None where there is none."""
    seats = [one.issue.seat for one in seen.tree.portfolio.orphan_issues if not one.issue.status.is_terminal]
    covered: dict[str, int] = {}
    for name in _ordered(loader.assets("teams")):
        try:
            team = loader.load_team(name)
        except ConfigError:
            continue
        covered[name] = sum(team.find_seat(seat) is not None for seat in seats)
    venues = _ordered(loader.assets("environments"))
    if not covered or not venues:
        return None
    return Venue(team=max(covered, key=covered.__getitem__), environment=venues[0])


def _ordered(names: tuple[str, ...]) -> list[str]:
    return sorted(names, key=lambda name: (name != _PREFERRED, name))


def _batch(engine: Engine, targets: Shelters, adoption: Adoption, cards: Mapping[tuple[str, str], Issue]) -> Batch:
    """Return the commit of an adoption; a card leaves the board that it stands on with it."""
    batch = Batch(
        op_id=f"reconcile:{adoption.key}:{adoption.version}",
        run="operator",
        build=adoption.build or _build_of(engine, targets, adoption),
        at=adoption.at,
        card=adoption.name,
        records=(_record(adoption),),
        documents=(adoption.document(),),
    )
    if adoption.build is None:
        return batch
    issue = cards[adoption.build, adoption.name]
    changed, moved = _off_the_board(adoption, issue)
    return evolve(batch, records=(moved, *batch.records), changes=(CardChange(issue=changed, expected=issue.version),))


def _build_of(engine: Engine, targets: Shelters, adoption: Adoption) -> str:
    """Return the build whose journal tells of what stood on no board."""
    select = partial(settle, engine.house.wiring["execution_runtime"])
    if adoption.type is CardType.ISSUE:
        return str(select("select_epic_build_id", None, targets.epic))
    return str(select("select_rock_build_id", None, targets.rock))


def _record(adoption: Adoption) -> CardAdopted:
    return CardAdopted(
        type=adoption.type,
        name=adoption.issue.id if adoption.issue is not None else adoption.name,
        into=adoption.into,
        by=adoption.by,
        reason=adoption.reason,
        department=adoption.department,
    )


def _off_the_board(adoption: Adoption, issue: Issue) -> tuple[Issue, CardMoved]:
    goes_on = adoption.issue.id if adoption.issue is not None else ""
    why = f"taken in by {adoption.into}, goes on as {goes_on}"
    return move(
        issue,
        CardStatus.CANCELED,
        actor=Actor.OPERATOR,
        by=adoption.by,
        role=Actor.OPERATOR.value,
        reason=f"{why}: {adoption.reason}" if adoption.reason else why,
    )
