"""What a host reads back: boards, and why a card stands where it stands."""

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Final, TypeAlias

import anyio.lowlevel
from attrs import frozen

from orket._board import Board, is_running
from orket._orchestrator._arguments import suggest
from orket._orchestrator._causes import Explanation, explain_card
from orket._value import Value
from orket.cards import CardStatus, Issue, WaitReason
from orket.contracts import RunRow, Store
from orket.errors import RunError, UnknownCardError

IsReview: TypeAlias = Callable[[CardStatus], bool]  # the loop policy's word
_PAUSE_EVERY: Final = 500  # issues looked at between two checkpoints


@frozen(kw_only=True, repr=False, eq=False)
class BuildView(Value):
    """One build: its issues in the order they joined, and why each waiting one waits."""

    build: str
    card: str
    issues: tuple[Issue, ...]
    waits: Mapping[str, tuple[WaitReason, str]]


@frozen(kw_only=True, repr=False, eq=False)
class BoardView(Value):
    """The boards of a store, the oldest build first."""

    builds: tuple[BuildView, ...]


async def view_board(store: Store, build: str | None, now: float, is_review: IsReview) -> BoardView:
    """Return the board of one build, or of all.

    Raises:
        UnknownCardError: no run has worked on this build.
    """
    builds = await _builds(store)
    if build is not None and build not in builds:
        raise unknown_build(build, builds)
    wanted = builds if build is None else {build: builds[build]}
    return BoardView(builds=tuple([await _view(store, name, row, now, is_review) for name, row in wanted.items()]))


def unknown_build(build: str, known: Iterable[str]) -> UnknownCardError:
    """Return the error for a build that no run has worked on."""
    return UnknownCardError(f"no build {build!r}; known: {', '.join(known) or 'none'}", card=build)


def unknown_run(run: object, known: Iterable[RunRow]) -> RunError:
    """Return the error for a run that is not on record."""
    ids = [row.id for row in known]
    listed = ", ".join(ids[-20:]) or "none"
    return RunError(f"the record has no run {run!r}; {suggest(run, ids)}it has: {listed}", run=run)


async def explain(store: Store, card: str, build: str | None, now: float, is_review: IsReview) -> Explanation:
    """Return why a card stands where it stands.

    Raises:
        UnknownCardError: no build has such a card.
        RunError: several builds have one.
    """
    views = (await view_board(store, build, now, is_review)).builds
    found = [(view, issue) for view in views for issue in view.issues if issue.id == card]
    if not found:
        raise _unknown_card(card, build, dict.fromkeys(issue.id for view in views for issue in view.issues))
    if len(found) > 1:
        raise ambiguous(card, [view.build for view, _ in found])
    ((view, issue),) = found
    return await explain_card(store, view.build, issue, {one.id: one for one in view.issues}, view.waits.get(card))


def ambiguous(card: str, builds: Iterable[str]) -> RunError:
    """Return the error for a card that several boards have."""
    return RunError(f"several boards have a card {card!r}; name one of them as build: {', '.join(builds)}", card=card)


def _unknown_card(card: str, build: str | None, known: Iterable[str]) -> UnknownCardError:
    listed = f"some that are: {', '.join(islice(known, 20)) or 'none'}"
    where = "on any board" if build is None else f"on the board {build}"
    return UnknownCardError(f"no card {card!r} {where}; {suggest(card, known)}{listed}", card=card)


async def _builds(store: Store) -> dict[str, RunRow]:
    found: dict[str, RunRow] = {}
    for row in await store.runs():
        found.setdefault(row.build, row)
    return found


async def _view(store: Store, build: str, row: RunRow, now: float, is_review: IsReview) -> BuildView:
    rows = await store.load_board(build)
    issues = tuple([held.issue for held in rows])
    board = Board((), is_review=is_review)
    for _ in board.fill(issues):
        await anyio.lowlevel.checkpoint()
    for held in rows:
        if is_running(held, now):
            board.start(held.issue)
    waits = {}
    for count, issue in enumerate(issues):
        if (wait := board.wait_of(issue)) is not None:
            waits[issue.id] = wait
        if count % _PAUSE_EVERY == 0:
            await anyio.lowlevel.checkpoint()
    return BuildView(build=build, card=row.card, issues=issues, waits=waits)
