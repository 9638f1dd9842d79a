"""How an epic's issues join the board of a build, and how a run learns what others did to it, before or meanwhile."""

import math
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import Final

import anyio.lowlevel
from attrs import evolve, frozen

from orket._board import Board
from orket._flow import RunContext
from orket._value import Value
from orket.cards import Issue
from orket.contracts import Batch, CardChange, CardRow
from orket.errors import StoreConflictError, UnknownCardError
from orket.events import CardAdded

_CHUNK: Final = 100  # issues that join in one commit: small enough not to keep the event loop
_PAUSE_EVERY: Final = 500  # issues looked at between two checkpoints
_GLANCE: Final = 0.05  # seconds between two looks at what others have written, at first …
_SELDOM: Final = 1.0  # … and when nothing comes for long


@frozen(kw_only=True, repr=False, eq=False)
class JoinedBuild(Value):
    """The issues of a build as stored; which unfinished ones were worked on before; which others hold, until when."""

    issues: list[Issue]
    worked: tuple[str, ...]
    held: Mapping[str, float]


async def check_target(context: RunContext, issues: Collection[Issue], target: str) -> None:
    """Refuse a target that would not be on the board when an epic's *issues* have joined it.

    Raises:
        StoreError: the record could not be read.
        UnknownCardError: there is no such issue.
    """
    if any(issue.id == target for issue in issues):
        return
    rows = await context.store.load_board(context.build)
    known = dict.fromkeys([*[row.issue.id for row in rows], *[issue.id for issue in issues]])
    if target not in known:
        listed = ", ".join(islice(known, 20)) or "none"
        said = f"build {context.build} has no issue {target!r}; some that it has: {listed}"
        raise UnknownCardError(said, card=target)


async def join_build(context: RunContext, issues: deque[Issue]) -> JoinedBuild:
    """Return the build's board, after adding those of an epic's *issues* that it does not have yet; none is left there.

    What the record holds wins over the asset: a later run continues. Joining is repeatable: a run that died half way is
    completed by the next, and what another run adds at the same time counts as added.

    Raises:
        StoreError: the record could not be read or written.
    """
    rows = await context.store.load_board(context.build)
    while (added := await _add_missing(context, issues, rows)) is None:
        rows = await context.store.load_board(context.build)
    await context.notes.load(context.store, context.build)  # after the rows: with what led to them
    now, mine = context.clock.now(), (None, context.owner)
    joined, worked, held = [], [], {}
    for count, row in enumerate(rows):
        joined.append(row.issue)
        if row.token > 0 and not row.issue.status.is_terminal:
            worked.append(row.issue.id)
        if row.owner not in mine and row.until > now:
            held[row.issue.id] = row.until
        if count % _PAUSE_EVERY == 0:
            await anyio.lowlevel.checkpoint()
    return JoinedBuild(issues=[*joined, *added], worked=tuple(worked), held=held)


async def take_over(context: RunContext, board: Board, *, lost: str = "") -> list[str]:
    """Take over on *board* what others did to the build, hold the issues that they work on, and return which have news.

    Args:
        context: of the run.
        board: the run's own.
        lost: an issue that this run could not get or keep; where nothing of it has changed, it is held for a second.

    Raises:
        StoreError: the record could not be read.
    """
    rows = await context.store.load_board(context.build)
    await context.notes.load(context.store, context.build)  # after the rows: with what led to them
    now = context.clock.now()
    news = []
    for count, row in enumerate(rows):
        known = board.get(row.issue.id)
        if known is None or row.issue.version > known.version or row.owner is not None or row.issue.id == lost:
            news.append(row)
        if count % _PAUSE_EVERY == 0:
            await anyio.lowlevel.checkpoint()
    board.release_held(math.inf)
    touched = []
    for row in news:
        known = board.get(row.issue.id)
        if known is None or row.issue.version > known.version or row.owner not in (None, context.owner):
            touched.append(row.issue.id)
        if known is None:
            board.add(row.issue)
        elif row.issue.version > known.version:
            board.put(row.issue)
        until = row.until if row.owner not in (None, context.owner) else now
        if row.issue.id == lost and known is not None and row.issue.version <= known.version:
            until = max(until, now + 1.0)  # nothing has changed, and yet it was refused
        if until > now:
            board.hold(row.issue.id, until)
    return touched


async def await_others(context: RunContext, board: Board, since: int) -> tuple[list[str], int]:
    """Wait until others have written after *since* or a claim of theirs expires, and take over what they did.

    A claim may be given back without a word in the journal, so it is looked at now and then anyway.

    Args:
        context: of the run.
        board: the run's own; others hold issues of it.
        since: how far the journal reached when others were looked at last.

    Returns:
        Which issues have news, and how far the journal reaches now.

    Raises:
        StoreError: the record could not be read.
    """
    pause, is_new = _GLANCE, False
    until = min(board.held_until or math.inf, context.clock.now() + context.limits.lease / 3)
    while not is_new and (left := until - context.clock.now()) > 0:
        await context.clock.sleep(max(_GLANCE, min(pause, left)))
        pause = min(2 * pause, _SELDOM)
        is_new, since = await _read_on(context, since)
    return await take_over(context, board), since


async def _read_on(context: RunContext, since: int) -> tuple[bool, int]:
    """Read what was written after *since*; return whether others wrote of the build, and how far it goes now."""
    is_new = False
    async for entry in context.store.events(since, build=context.build):
        is_new, since = is_new or entry.run != context.run, entry.seq
    return is_new, since


async def _add_missing(context: RunContext, issues: deque[Issue], rows: Sequence[CardRow]) -> list[Issue] | None:
    """Add those of *issues* that *rows* lack, and return them; None: others have added some of them meanwhile."""
    known = {row.issue.id for row in rows}
    added: list[Issue] = []
    while issues:
        chunk = [issues.popleft() for _ in range(min(_CHUNK, len(issues)))]
        try:
            added.extend(await _add(context, [issue for issue in chunk if issue.id not in known]))
        except StoreConflictError:
            issues.extendleft(reversed(chunk))
            return None
        await anyio.lowlevel.checkpoint()
    return added


async def _add(context: RunContext, issues: Sequence[Issue]) -> list[Issue]:
    if not issues:
        return []
    now, build, parent = context.clock.now(), context.build, context.epic.id
    new = [evolve(issue, build=build, parent=parent, created_at=issue.created_at or now, version=1) for issue in issues]
    await anyio.lowlevel.checkpoint()  # encoding them takes as long again
    receipt = await context.store.commit(
        Batch(
            op_id=f"{context.run}::join:{issues[0].id}",
            run=context.run,
            build=context.build,
            at=now,
            records=tuple([CardAdded(issue=issue, by="config") for issue in new]),
            changes=tuple([CardChange(issue=issue, expected=0) for issue in new]),
        )
    )
    context.saw(receipt)
    return new
