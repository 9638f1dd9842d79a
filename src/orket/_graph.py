"""Which issue waits for which, and which of the free ones comes first.

A board may hold a million issues, so nothing here walks the board: a finished issue touches only its dependents, and a
window of candidates costs its own length. Nothing recurses either: a chain may be as long as the board.

An issue may wait for one that is not there (yet); it is not ready before that one has joined and finished. Only
:meth:`DependencyGraph.finish` satisfies a dependency, so a canceled one never does.
"""

import heapq
from bisect import bisect_left, insort
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, TypeAlias

from orket.cards import CardStatus, Issue
from orket.errors import DependencyCycleError, UnknownCardError

_STEP: Final = 250  # issues between two pauses of whoever fills a graph
Edges: TypeAlias = Mapping[str, Sequence[str]]  # an issue's id -> the ids it depends on


def find_cycle(edges: Edges) -> tuple[str, ...] | None:
    """Return issues that wait for each other, each followed by one it depends on, the first repeated at the end.

    Returns:
        None when there is no cycle. Dependencies that *edges* does not define are passed over.
    """
    done: set[str] = set()
    for root in edges:
        path: dict[str, Iterator[str]] = {}  # in order; what is left to look at of each
        following: str | None = None if root in done else root
        while following is not None or path:
            if following is None:
                done.add(path.popitem()[0])
            elif following in path:
                walked = list(path)
                return (*walked[walked.index(following) :], following)
            else:
                path[following] = iter(edges[following])
            following = _next_open(path, edges, done)
    return None


def _next_open(path: dict[str, Iterator[str]], edges: Edges, done: set[str]) -> str | None:
    """Return the next dependency to walk into from the end of the path, or None when the end is finished."""
    if not path:
        return None
    last = next(reversed(path.values()))
    return next((name for name in last if name in edges and name not in done), None)


class DependencyGraph:
    """Who waits for whom on one board, kept up to date as issues join and finish.

    What there is to say of an issue stands in dictionaries by its id. An object for each issue would be one more that
    every full collection of Python's garbage collector has to walk to.

    Args:
        issues: in the order they joined; those that are done count as finished.

    Raises:
        DependencyCycleError: issues wait for each other.
    """

    def __init__(self, issues: Iterable[Issue] = ()) -> None:
        self._positions: dict[str, int] = {}  # of all that have joined; below, only where there is something to say
        self._finished: dict[str, bool] = {}
        self._needs: dict[str, tuple[str, ...]] = {}
        self._unmet: dict[str, int] = {}  # how many dependencies have not finished
        self._dependents: dict[str, list[str]] = {}  # also of issues that are awaited and have not joined
        self._weights: dict[str, int] = {}  # likewise
        for _ in self.fill(issues):
            pass

    def __len__(self) -> int:
        return len(self._positions)

    def __contains__(self, issue_id: object) -> bool:
        return issue_id in self._positions

    def fill(self, issues: Iterable[Issue]) -> Iterator[None]:
        """Let all issues of a board join that has none yet; yields now and then: a board may be large.

        Raises:
            DependencyCycleError: issues wait for each other.
            ValueError: two issues have one id.
        """
        for count, issue in enumerate(issues):
            self._join(issue)
            if not count % _STEP:
                yield
        for count, name in enumerate(self._needs):
            self._count_unmet(name)
            if not count % _STEP:
                yield
        yield from self._weigh()

    def add(self, issue: Issue) -> tuple[str, ...]:
        """Let a new issue join.

        Returns:
            Unfinished issues whose weight has grown, because the new one waits for them, directly or not.

        Raises:
            DependencyCycleError: it would wait for itself; the graph is as before.
            ValueError: an issue of that id has joined already.
        """
        self._refuse_cycle(issue)
        self._join(issue)
        self._count_unmet(issue.id)
        for dependent in self._dependents.get(issue.id, ()):
            self._unmet[dependent] -= issue.id in self._finished
            self._weights[issue.id] = max(self._weights.get(issue.id, 0), self._weights.get(dependent, 0) + 1)
        return self._raise_weights(issue.id)

    def finish(self, issue_id: str) -> tuple[str, ...]:
        """Count an issue as done; return the unfinished dependents that are ready because of it.

        Raises:
            UnknownCardError: no such issue has joined.
        """
        self._check(issue_id)
        if issue_id in self._finished:
            return ()
        self._finished[issue_id] = True
        ready = []
        for dependent in self._dependents.get(issue_id, ()):
            self._unmet[dependent] -= 1
            if not self._unmet[dependent] and dependent not in self._finished:
                ready.append(dependent)
        return tuple(ready)

    def reopen(self, issue_id: str) -> tuple[str, ...]:
        """Take back :meth:`finish`; return the unfinished dependents that are no longer ready because of it.

        Raises:
            UnknownCardError: no such issue has joined.
        """
        self._check(issue_id)
        if issue_id not in self._finished:
            return ()
        del self._finished[issue_id]
        stopped = []
        for dependent in self._dependents.get(issue_id, ()):
            if not self._unmet[dependent] and dependent not in self._finished:
                stopped.append(dependent)
            self._unmet[dependent] += 1
        return tuple(stopped)

    def is_ready(self, issue_id: str) -> bool:
        """Return whether an issue has joined, is unfinished, and all its dependencies are finished."""
        return issue_id in self._positions and not self._unmet.get(issue_id) and issue_id not in self._finished

    def dependents(self, issue_id: str) -> tuple[str, ...]:
        """Return the ids of the issues that wait for *issue_id*, in the order they joined."""
        return tuple(self._dependents.get(issue_id, ()))

    def weight(self, issue_id: str) -> int:
        """Return the length of the longest chain of issues that wait for this one; 0 when none does.

        Raises:
            UnknownCardError: no such issue has joined.
        """
        self._check(issue_id)
        return self._weights.get(issue_id, 0)

    def position(self, issue_id: str) -> int:
        """Return how many issues had joined before this one.

        Raises:
            UnknownCardError: no such issue has joined.
        """
        self._check(issue_id)
        return self._positions[issue_id]

    def _check(self, issue_id: str) -> None:
        if issue_id not in self._positions:
            raise UnknownCardError(f"no issue {issue_id!r:.100} has joined this board", card=issue_id)

    def _join(self, issue: Issue) -> None:
        name, needs = issue.id, issue.depends_on
        if name in self._positions:
            raise ValueError(f"issue {name!r} has joined already")
        self._positions[name] = len(self._positions)
        if issue.status is CardStatus.DONE:
            self._finished[name] = True
        if needs:
            self._needs[name] = tuple(dict.fromkeys(needs))
            for need in self._needs[name]:
                self._dependents.setdefault(need, []).append(name)

    def _count_unmet(self, name: str) -> None:
        if needs := self._needs.get(name):
            self._unmet[name] = sum(need not in self._finished for need in needs)

    def _weigh(self) -> Iterator[None]:
        """Give each issue its weight, dependents before what they depend on: linear, and it finds cycles by the way."""
        needs, weights = self._needs, self._weights
        waiting = {name: len(found) for name, found in self._dependents.items() if name in self._positions}
        free = [name for name in needs if name not in waiting]
        for count, name in enumerate(free):  # grows on the way
            for need in needs[name]:
                weights[need] = max(weights.get(need, 0), weights.get(name, 0) + 1)
                if need in waiting:
                    waiting[need] -= 1
                    if not waiting[need] and need in needs:
                        free.append(need)
            if not count % _STEP:
                yield
        if len(free) < len(needs):
            cycle = find_cycle(needs) or ()
            raise DependencyCycleError(f"issues wait for each other: {' -> '.join(cycle)}", cycle=cycle)

    def _refuse_cycle(self, issue: Issue) -> None:
        if issue.id not in self._dependents and issue.id not in issue.depends_on:
            return  # nobody waits for it yet: the common case costs nothing
        reach: dict[str, Sequence[str]] = {issue.id: issue.depends_on}
        pending = list(issue.depends_on)
        while pending:
            name = pending.pop()
            if name not in reach and name in self._positions:
                reach[name] = self._needs.get(name, ())
                pending.extend(reach[name])
        if cycle := find_cycle(reach):
            raise DependencyCycleError(f"issue {issue.id!r} would wait for itself: {' -> '.join(cycle)}", cycle=cycle)

    def _raise_weights(self, start: str) -> tuple[str, ...]:
        """Pass a new weight on to what *start* depends on, in the order of old weights: each is looked at once."""
        weights = self._weights
        raised: dict[str, None] = {}
        pending = [(weights.get(start, 0), start)]
        while pending:
            name = heapq.heappop(pending)[1]
            weight = weights.get(name, 0) + 1
            for need in self._needs.get(name, ()):
                if weights.get(need, 0) < weight:
                    if need not in raised:
                        raised[need] = None
                        heapq.heappush(pending, (weights.get(need, 0), need))
                    weights[need] = weight
        # Finished issues pass it on, too: a board that is read from the record again has the same weights.
        return tuple([name for name in raised if name in self._positions and name not in self._finished])


def urgency(issue: Issue, weight: float) -> float:
    """Return how urgent an issue is: candidates with more of it come first."""
    return issue.priority + weight


_FRONT: Final = 64  # issues that are kept sorted at least
_Rank: TypeAlias = tuple[float, float, str]


class Frontier:
    """Issues in domain order: priority plus weight, larger first, then age, older first.

    The first ones lie sorted in a short front, all others in a heap behind it, so that adding and discarding cost the
    logarithm of the size and a window costs its own length. A discarded issue stays in the heap until it comes up or
    the heap holds more of its kind than others.

    Args:
        weight: an issue's critical-path weight by its id; read when the issue is added.
        position: where an issue stands in order of age; by default the order in which issues are first added here.
    """

    def __init__(
        self, weight: Callable[[str], float] = lambda _: 0.0, position: Callable[[str], float] | None = None
    ) -> None:
        self._weight = weight
        self._position = position or self._first_seen
        self._seen: dict[str, int] = {}  # kept when an issue leaves, since it may come back
        self._kept = _FRONT
        self._issues: dict[str, Issue] = {}
        self._ranks: dict[str, _Rank] = {}
        self._front: list[_Rank] = []
        self._heap: list[_Rank] = []  # never less than the end of the front

    def __len__(self) -> int:
        return len(self._ranks)

    def __contains__(self, issue_id: object) -> bool:
        return issue_id in self._ranks

    def get(self, issue_id: str) -> Issue | None:
        """Return the issue as it was added, or None."""
        return self._issues.get(issue_id)

    def add(self, issue: Issue) -> None:
        """Take an issue in, in place of one of the same id; it keeps its age."""
        self.discard(issue.id)
        rank = (-urgency(issue, self._weight(issue.id)), self._position(issue.id), issue.id)
        self._ranks[issue.id], self._issues[issue.id] = rank, issue
        if not self._front or rank > self._front[-1]:
            heapq.heappush(self._heap, rank)
            return
        insort(self._front, rank)
        if len(self._front) > 2 * self._kept:
            for item in self._front[self._kept :]:
                heapq.heappush(self._heap, item)
            del self._front[self._kept :]

    def discard(self, issue_id: str) -> None:
        """Take an issue out; no error when it is not in."""
        rank = self._ranks.pop(issue_id, None)
        if rank is None:
            return
        del self._issues[issue_id]
        if self._front and rank <= self._front[-1]:
            del self._front[bisect_left(self._front, rank)]
        elif len(self._heap) > 2 * len(self._ranks) + _FRONT:
            self._heap = [item for item in self._heap if self._is_live(item)]
            heapq.heapify(self._heap)

    def window(self, size: int) -> tuple[Issue, ...]:
        """Return the first *size* issues in order; fewer when there are fewer."""
        self._kept = max(size, _FRONT)
        while len(self._front) < size and self._heap:
            rank = heapq.heappop(self._heap)
            if self._is_live(rank):
                self._front.append(rank)
        return tuple([self._issues[rank[2]] for rank in self._front[: max(size, 0)]])

    def _first_seen(self, issue_id: str) -> int:
        return self._seen.setdefault(issue_id, len(self._seen))

    def _is_live(self, rank: _Rank) -> bool:
        return self._ranks.get(rank[2]) is rank
