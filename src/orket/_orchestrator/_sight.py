"""One look at all that is a card: assets and record, joined."""

import anyio.to_thread
from attrs import define

from orket._orchestrator._engine import Engine
from orket._orchestrator._structure import Structure
from orket._orchestrator._surveying import Surveyor, recorded_builds
from orket.cards import CardStatus
from orket.portfolio._found import RecordedBuild, Survey
from orket.portfolio._tree import Tree, grow


@define(kw_only=True, repr=False, eq=False)
class Sight:
    """All that was seen in one look at assets and record."""

    structure: Structure
    survey: Survey
    builds: list[RecordedBuild]
    tree: Tree


async def look(engine: Engine) -> Sight:
    """Look at all assets and all boards, in worker threads.

    Raises:
        StoreError: the record cannot be read.
        ConfigError: a folder of assets cannot be listed.
    """
    house, reviews, now = engine.house, review_statuses(engine), engine.clock.now()
    builds, structure = await _read(engine)
    surveyor = Surveyor(loader=house.loader, structure=structure, organization=house.organization)

    def see() -> Sight:
        found = [surveyor.files_of(build) for build in builds]
        survey = surveyor.survey(found)
        tree = grow(survey, found, reviews=reviews, now=now)
        return Sight(structure=structure, survey=survey, builds=found, tree=tree)

    return await anyio.to_thread.run_sync(see)


async def _read(engine: Engine) -> tuple[list[RecordedBuild], Structure]:
    """Return builds and adoptions that belong together: what somebody takes in meanwhile must not seem an orphan."""
    structure = await engine.structure()
    while True:
        builds, before = await recorded_builds(engine.store), structure.adoptions
        structure = await engine.structure()
        if structure.adoptions == before:
            return builds, structure


def review_statuses(engine: Engine) -> frozenset[CardStatus]:
    """Return the statuses in which an issue takes a review turn, as the loop policy says."""
    return frozenset([status for status in CardStatus if engine.is_review(status)])
