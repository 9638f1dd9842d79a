"""What would be planned next, and the longest chain of unfinished issues; both in the order that planners see."""

import heapq
from collections.abc import Collection, Iterable, Iterator, Sequence

from attrs import frozen

from orket._graph import DependencyGraph, urgency
from orket._value import Value
from orket.cards import CardStatus, Issue
from orket.events import TurnKind
from orket.portfolio._boards import board_of
from orket.portfolio._found import RecordedBuild


@frozen(kw_only=True, repr=False, eq=False)
class QueuedIssue(Value):
    """An issue that may take a turn now. ``urgency`` is its priority plus the steps that wait for it."""

    build: str
    issue: Issue
    kind: TurnKind
    urgency: float


@frozen(kw_only=True, repr=False, eq=False)
class CriticalPath(Value):
    """The longest chain of unfinished issues of a build, each waiting for the one before.

    ``weight`` is how many steps wait for the first one.
    """

    build: str
    issues: tuple[Issue, ...]

    @property
    def weight(self) -> int:
        """How many steps wait for the first issue."""
        return len(self.issues) - 1


def queue_of(
    builds: Iterable[RecordedBuild], reviews: Collection[CardStatus], now: float, limit: int | None
) -> tuple[QueuedIssue, ...]:
    """Return the candidates of builds: all to be reviewed, then all that are ready, each in domain order.

    Candidates of one build stand in the very order in which a run shows them to its planner. Between builds the more
    urgent goes first, then the one that joined its board earlier.

    Args:
        builds: as recorded.
        reviews: statuses in which an issue takes a review turn.
        now: seconds since the epoch.
        limit: how many at most; None for all.

    Raises:
        DependencyCycleError: issues of a build wait for each other.
    """
    lanes: tuple[list[list[QueuedIssue]], list[list[QueuedIssue]]] = ([], [])
    for build in builds:
        board = board_of(build, reviews, now)
        size = len(board) if limit is None else min(limit, len(board))
        for lane, kind, window in zip(lanes, (TurnKind.REVIEW, TurnKind.WORK), board.window(size), strict=True):
            lane.append(
                [
                    QueuedIssue(build=build.build, issue=issue, kind=kind, urgency=board.urgency(issue))
                    for issue in window
                ]
            )
    merged = [one for lane in lanes for one in heapq.merge(*lane, key=lambda it: (-it.urgency, it.issue.created_at))]
    return tuple(merged if limit is None else merged[:limit])


def critical_path_of(builds: Iterable[RecordedBuild]) -> CriticalPath | None:
    """Return the longest of the builds' critical paths, the first of equals; None where nothing is unfinished.

    Raises:
        DependencyCycleError: issues of a build wait for each other.
    """
    paths = [
        CriticalPath(build=build.build, issues=chain)
        for build in builds
        if (chain := longest_chain([row.issue for row in build.cards]))
    ]
    return max(paths, key=lambda path: path.weight, default=None)


def longest_chain(issues: Iterable[Issue]) -> tuple[Issue, ...]:
    """Return the longest chain of unfinished issues, each waiting for the one before; of equals the more urgent.

    Raises:
        DependencyCycleError: issues wait for each other.
    """
    unfinished = {issue.id: issue for issue in issues if not issue.status.is_terminal}
    graph = DependencyGraph(unfinished.values())
    return tuple([unfinished[name] for name in _walk(graph, unfinished)])


def _walk(graph: DependencyGraph, issues: dict[str, Issue]) -> Iterator[str]:
    best = _first(graph, issues, tuple(issues))
    while best is not None:
        yield best
        weight = graph.weight(best) - 1
        best = _first(graph, issues, [name for name in graph.dependents(best) if graph.weight(name) == weight])


def _first(graph: DependencyGraph, issues: dict[str, Issue], names: Sequence[str]) -> str | None:
    """Return the heaviest of *names*; of equals the most urgent, then the one that joined first."""
    weights = [(graph.weight(name), urgency(issues[name], graph.weight(name)), -graph.position(name)) for name in names]
    return names[weights.index(max(weights))] if names else None
