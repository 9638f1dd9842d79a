"""How a bug-fix phase begins: a rock's run is done, and whoever comes next sees to it.

The commit that ends the run leaves a document that says so; it is taken away when the phase has begun. So a crash
between the two loses nothing, and beginning twice begins once.
"""

from typing import Final

from orket._codec import codec
from orket._orchestrator._services import Services
from orket._pipeline import RunResult
from orket.bugfix._record import PLACE
from orket.contracts import Batch, BugFixManager, BugFixPhase, Clock, Document, FinishedRock, RunRow, Store
from orket.errors import BugFixError
from orket.events import RunOutcome

FINISHED: Final = "finished_rock"  # documents of rocks whose phase is to begin


def manager_of(services: Services) -> BugFixManager:
    """Return what keeps the phases.

    Raises:
        BugFixError: the pipeline wiring has made nothing that does.
    """
    if (manager := _manager_of(services)) is not None:
        return manager
    raise BugFixError(
        "there is no bug-fix manager here: create_bug_fix_manager of the pipeline wiring gave "
        f"{services.bug_fixes!r:.80}; valid: an orket.contracts.BugFixManager"
    )


def _manager_of(services: Services) -> BugFixManager | None:
    service: object = services.bug_fixes
    return service if isinstance(service, BugFixManager) else None


def finished_documents(services: Services, result: RunResult, row: RunRow) -> tuple[Document, ...]:
    """Return what a run of a rock leaves when it is done, where rocks have bug-fix phases."""
    if result.outcome is not RunOutcome.DONE or _manager_of(services) is None:
        return ()
    finished = FinishedRock(
        rock=result.card,
        department=row.department,
        run=result.run,
        at=row.finished_at or row.started_at,
        worked=result.turns > 0,
    )
    return (Document(kind=FINISHED, key=_key(finished), body=codec().dump(finished)),)


async def see_to_phases(services: Services, store: Store, clock: Clock) -> tuple[BugFixPhase, ...]:
    """Begin the phases of all rocks that are done, and extend or end those whose time is up.

    Returns:
        Those that were extended or have ended, as they are now.

    Raises:
        StoreError: the record could not be read or written.
    """
    if (manager := _manager_of(services)) is None:
        return ()
    await begin_phases(manager, store, clock)
    return await manager.advance()


async def begin_phases(manager: BugFixManager, store: Store, clock: Clock) -> None:
    """Begin the phases of all rocks that are done.

    Raises:
        StoreError: the record could not be read or written.
    """
    for document in await store.find(FINISHED):
        finished = codec().load(document.body, FinishedRock)
        await manager.begin(finished)
        gone = Document(kind=FINISHED, key=_key(finished), body=None)
        op_id = f"{PLACE}:begun:{finished.run}"
        await store.commit(Batch(op_id=op_id, run=PLACE, build=PLACE, at=clock.now(), documents=(gone,)))


def _key(finished: FinishedRock) -> str:
    return f"{finished.department}/{finished.rock}/{finished.run}"
