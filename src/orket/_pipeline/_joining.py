"""How an epic's issues join the board of a build, and how a run learns what others did to it, before or meanwhile."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from attrs import evolve, frozen

from orket._board import Board
from orket._flow import RunContext
from orket._value import Value
from orket.cards import Epic, Issue
from orket.contracts import Batch, CardChange, CardRow
from orket.errors import StoreConflictError
from orket.events import CardAdded

_CHUNK: Final = 100  # issues that join in one commit: small enough not to keep the event loop


@frozen(kw_only=True, repr=False, eq=False)
class JoinedBuild(Value):
    """The issues of a build as stored; which unfinished ones were worked on before; which others hold, until when."""

    issues: tuple[Issue, ...]
    worked: tuple[str, ...]
    held: Mapping[str, float]


async def join_build(context: RunContext, epic: Epic) -> JoinedBuild:
    """Return the build's board, after adding the issues of *epic* that it does not have yet.

    What the record holds wins over the asset: a later run continues. Joining is repeatable: a run that died half way is
    completed by the next, and what another run adds at the same time counts as added.

    Raises:
        StoreError: the record could not be read or written.
    """
    rows = await context.store.load_board(context.build)
    while (added := await _add_missing(context, epic, rows)) is None:
        rows = await context.store.load_board(context.build)
    now = context.clock.now()
    held = {row.issue.id: row.until for row in rows if row.owner not in (None, context.owner) and row.until > now}
    worked = tuple(row.issue.id for row in rows if row.token > 0 and not row.issue.status.is_terminal)
    return JoinedBuild(issues=(*(row.issue for row in rows), *added), worked=worked, held=held)


async def take_over(context: RunContext, board: Board, *, lost: str = "") -> None:
    """Take over on *board* what other orchestrators did to the build, and hold the issues that they work on.

    Args:
        context: of the run.
        board: the run's own.
        lost: an issue that this run could not get or keep; it is held for a second at least.

    Raises:
        StoreError: the record could not be read.
    """
    rows = await context.store.load_board(context.build)
    now = context.clock.now()
    board.release_held(math.inf)
    for row in rows:
        known = board.get(row.issue.id)
        if known is None:
            board.add(row.issue)
        elif row.issue.version > known.version:
            board.put(row.issue)
        until = row.until if row.owner not in (None, context.owner) else now
        if row.issue.id == lost:
            until = max(until, now + 1.0)
        if until > now:
            board.hold(row.issue.id, until)


async def _add_missing(context: RunContext, epic: Epic, rows: Sequence[CardRow]) -> list[Issue] | None:
    """Add what *rows* lack of the epic, and return it; None: somebody else has added some of it meanwhile."""
    known = {row.issue.id for row in rows}
    added: list[Issue] = []
    try:
        for chunk in _chunks([issue for issue in epic.issues if issue.id not in known]):
            added.extend(await _add(context, epic, chunk))
    except StoreConflictError:
        return None
    return added


def _chunks(issues: Sequence[Issue]) -> Iterator[Sequence[Issue]]:
    for start in range(0, len(issues), _CHUNK):
        yield issues[start : start + _CHUNK]


async def _add(context: RunContext, epic: Epic, issues: Sequence[Issue]) -> list[Issue]:
    now = context.clock.now()
    new = [
        evolve(issue, build=context.build, parent=epic.id, created_at=issue.created_at or now, version=1)
        for issue in issues
    ]
    await context.store.commit(
        Batch(
            op_id=f"{context.run}::join:{issues[0].id}",
            run=context.run,
            build=context.build,
            at=now,
            records=tuple([CardAdded(issue=issue, by="config") for issue in new]),
            changes=tuple([CardChange(issue=issue, expected=0) for issue in new]),
        )
    )
    return new
