"""Questions for planners, and the backlog that they ask of."""

import functools
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from orket.contracts import CardStatus, Issue, PlanQuestion
from orket.testing.strategies._cards import NAMES, SHAPES, Shape, edges_of, large_board
from orket.testing.strategies._sketch import WAITING, is_strange, pick, sketch_issue

MANY: Final = 10_000  # candidates of the largest questions
_REVIEWED: Final = (CardStatus.CODE_REVIEW, CardStatus.READY_FOR_TESTING)
_WORKED: Final = (CardStatus.READY, CardStatus.IN_PROGRESS)
# Ready and done are the states that boards are mostly made of.
_BUSY: Final = (CardStatus.READY, CardStatus.DONE, CardStatus.CODE_REVIEW)
_FREE: Final = (*_BUSY, CardStatus.READY, *_BUSY, CardStatus.READY, *_BUSY, *CardStatus)
_HELD: Final = (CardStatus.READY, CardStatus.READY, *WAITING, CardStatus.CANCELED)  # with dependencies that are open


class Backlog:
    """All issues of a build, as planners see them. It satisfies :class:`orket.contracts.Backlog`.

    Args:
        issues: The board, in the order the issues joined it.
    """

    def __init__(self, issues: Iterable[Issue] = ()) -> None:
        self._issues = {issue.id: issue for issue in issues}

    def __repr__(self) -> str:
        """Return the class with its issues."""
        return f"Backlog({list(self._issues.values())!r})"

    def __len__(self) -> int:
        """Return the number of issues."""
        return len(self._issues)

    def __iter__(self) -> Iterator[Issue]:
        """Iterate over the issues in the order they joined the board."""
        return iter(self._issues.values())

    def get(self, issue_id: str, /) -> Issue | None:
        """Return one issue, or None."""
        return self._issues.get(issue_id)

    def dependents(self, issue_id: str, /) -> tuple[str, ...]:
        """Return the ids of the issues that wait for *issue_id*."""
        return self._dependents.get(issue_id, ())

    @functools.cached_property
    def _dependents(self) -> dict[str, tuple[str, ...]]:
        found: dict[str, list[str]] = {}
        for issue in self._issues.values():
            for name in issue.depends_on:
                found.setdefault(name, []).append(issue.id)
        return {name: tuple(waiting) for name, waiting in found.items()}


def plan_question(
    board: Sequence[Issue],
    *,
    running: Iterable[str] = (),
    slots: int = 1,
    target: str | None = None,
    window: int = 16,
) -> PlanQuestion:
    """Return the question that a board leads to.

    Args:
        board: All issues, in the order they joined.
        running: Ids of the issues whose turns run.
        slots: How many turns may start now.
        target: The only issue that may take turns, or None.
        window: How many candidates of each kind are shown; the others are left to the backlog.
    """
    busy = frozenset(running)
    done = {issue.id for issue in board if issue.status is CardStatus.DONE}
    free = [issue for issue in board if issue.id not in busy and target in (None, issue.id)]
    free.sort(key=lambda issue: -issue.priority)
    return PlanQuestion(
        review=tuple([issue for issue in free if issue.status in _REVIEWED][:window]),
        ready=tuple(
            [issue for issue in free if issue.status in _WORKED and done.issuperset(issue.depends_on)][:window]
        ),
        running=tuple([issue for issue in board if issue.id in busy]),
        slots=slots,
        target_issue_id=target,
        backlog=Backlog(board),
    )


_SHAPES: Final = st.sampled_from(tuple(shape for shape in SHAPES if shape != "any"))
_SIZES: Final = st.sampled_from((2, 1, 3, 0, 5, 6, 8, 10, 12))
_SEEDS: Final = st.integers(0, 9999)
_SLOTS: Final = st.sampled_from((1, 2, 1, 3, 64))
_WINDOWS: Final = st.sampled_from((16, 1, 16, 2))
_TARGETS: Final = st.sampled_from((None, None, None, None, None, 0, 1))
_SOME_TARGETS: Final = st.sampled_from((0, 1, 2))


def plan_questions(*, targeted: bool = False) -> SearchStrategy[PlanQuestion]:
    """Generate questions for planners: boards of every shape and state, none of whose issues need be candidates.

    Few choices make a whole board: its shape, its size, and a number that all the rest follows from; 0 is plain.

    Args:
        targeted: Whether every board that is not empty has a target.
    """
    return st.builds(
        _plan_question,
        shape=_SHAPES,
        size=_SIZES,
        seed=_SEEDS,
        slots=_SLOTS,
        window=_WINDOWS,
        target=_SOME_TARGETS if targeted else _TARGETS,
    )


def _plan_question(*, shape: Shape, size: int, seed: int, slots: int, window: int, target: int | None) -> PlanQuestion:
    board = _board(shape, size, seed)
    wanted = None if target is None or not board else board[target % len(board)].id
    free = plan_question(board, target=wanted, window=size)
    running = [it.id for it in (*free.review, *free.ready) if pick((False,) * 4 + (True,), seed, it.id, "runs")]
    return plan_question(board, running=running, slots=slots, target=wanted, window=window)


def _board(shape: Shape, size: int, seed: int) -> tuple[Issue, ...]:
    first = pick(range(len(NAMES) if is_strange(seed) else len(NAMES) // 2), seed, "names")
    names = [NAMES[(first + index) % len(NAMES)] for index in range(size)]
    placed: dict[str, Issue] = {}
    for name, before in zip(names, edges_of(shape, size), strict=True):
        depends_on = tuple([names[index] for index in before])
        is_free = all(placed[it].status is CardStatus.DONE for it in depends_on)
        status = pick(_FREE if is_free else _HELD, seed, name)
        placed[name] = sketch_issue(name, seed, status=status, depends_on=depends_on)
    return tuple(placed.values())


def large_plan_questions() -> SearchStrategy[PlanQuestion]:
    """Generate questions about 10,000 candidates: some for review, most ready, all in the windows or nearly none."""
    return st.sampled_from(((1, 16, None), (16, MANY, None), (MANY, MANY, None), (1, 16, MANY - 1))).map(
        _large_question
    )


@functools.cache
def _large_question(form: tuple[int, int, int | None]) -> PlanQuestion:
    slots, window, target = form
    board = _large_board()
    return plan_question(board, slots=slots, window=window, target=None if target is None else board[target].id)


@functools.cache
def _large_board() -> tuple[Issue, ...]:
    reviewed = large_board(MANY // 10, status=CardStatus.CODE_REVIEW)
    return (*reviewed, *large_board(MANY)[len(reviewed) :])
