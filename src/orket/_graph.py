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

from attrs import define

from orket.cards import CardStatus, Issue
from orket.errors import DependencyCycleError, UnknownCardError

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


def unknown_dependencies(edges: Edges) -> dict[str, tuple[str, ...]]:
    """Return, of each issue that depends on something *edges* does not define, what that is."""
    found = {
        issue: tuple([name for name in dict.fromkeys(names) if name not in edges]) for issue, names in edges.items()
    }
    return {issue: names for issue, names in found.items() if names}


@define(repr=False, eq=False)
class _Node:
    """An issue's place in the graph; ``position`` is -1 until it joins."""

    id: str
    position: int = -1
    finished: bool = False
    unmet: int = 0  # dependencies that have not finished
    weight: int = 0
    needs: tuple["_Node", ...] = ()
    dependents: list["_Node"] | tuple[()] = ()  # most issues have none, and a board may hold very many


class DependencyGraph:
    """Who waits for whom on one board, kept up to date as issues join and finish.

    Args:
        issues: in the order they joined; those that are done count as finished.

    Raises:
        DependencyCycleError: issues wait for each other.

    """

    def __init__(self, issues: Iterable[Issue] = ()) -> None:
        self._nodes: dict[str, _Node] = {}  # also those that are awaited and have not joined
        self._size = 0
        joined = [self._join(issue) for issue in issues]
        for node in joined:
            node.unmet = sum(not need.finished for need in node.needs)
        self._weigh(joined)

    def __len__(self) -> int:
        return self._size

    def __contains__(self, issue_id: object) -> bool:
        return isinstance(issue_id, str) and self._find(issue_id) is not None

    def add(self, issue: Issue) -> tuple[str, ...]:
        """Let a new issue join.

        Returns:
            Unfinished issues whose weight has grown, because the new one waits for them, directly or not.

        Raises:
            DependencyCycleError: it would wait for itself; the graph is as before.
            ValueError: an issue of that id has joined already.

        """
        self._refuse_cycle(issue)
        node = self._join(issue)
        node.unmet = sum(not need.finished for need in node.needs)
        for dependent in node.dependents:
            dependent.unmet -= node.finished
            node.weight = max(node.weight, dependent.weight + 1)
        return _raise_weights(node)

    def finish(self, issue_id: str) -> tuple[str, ...]:
        """Count an issue as done; return the unfinished dependents that are ready because of it.

        Raises:
            UnknownCardError: no such issue has joined.

        """
        node = self._get(issue_id)
        if node.finished:
            return ()
        node.finished = True
        ready = []
        for dependent in node.dependents:
            dependent.unmet -= 1
            if not dependent.unmet and not dependent.finished:
                ready.append(dependent.id)
        return tuple(ready)

    def reopen(self, issue_id: str) -> tuple[str, ...]:
        """Take back :meth:`finish`; return the unfinished dependents that are no longer ready because of it.

        Raises:
            UnknownCardError: no such issue has joined.

        """
        node = self._get(issue_id)
        if not node.finished:
            return ()
        node.finished = False
        stopped = []
        for dependent in node.dependents:
            if not dependent.unmet and not dependent.finished:
                stopped.append(dependent.id)
            dependent.unmet += 1
        return tuple(stopped)

    def is_ready(self, issue_id: str) -> bool:
        """Return whether an issue has joined, is unfinished, and all its dependencies are finished."""
        node = self._find(issue_id)
        return node is not None and not node.unmet and not node.finished

    def dependents(self, issue_id: str) -> tuple[str, ...]:
        """Return the ids of the issues that wait for *issue_id*, in the order they joined."""
        node = self._nodes.get(issue_id)
        return tuple([dependent.id for dependent in node.dependents]) if node else ()

    def weight(self, issue_id: str) -> int:
        """Return the length of the longest chain of issues that wait for this one; 0 when none does.

        Raises:
            UnknownCardError: no such issue has joined.

        """
        return self._get(issue_id).weight

    def position(self, issue_id: str) -> int:
        """Return how many issues had joined before this one.

        Raises:
            UnknownCardError: no such issue has joined.

        """
        return self._get(issue_id).position

    def _find(self, issue_id: str) -> _Node | None:
        node = self._nodes.get(issue_id)
        return node if node is not None and node.position >= 0 else None

    def _get(self, issue_id: str) -> _Node:
        if (node := self._find(issue_id)) is None:
            raise UnknownCardError(f"no issue {issue_id!r:.100} has joined this board", card=issue_id)
        return node

    def _node(self, issue_id: str) -> _Node:
        if (node := self._nodes.get(issue_id)) is None:
            node = self._nodes[issue_id] = _Node(issue_id)
        return node

    def _join(self, issue: Issue) -> _Node:
        node = self._node(issue.id)
        if node.position >= 0:
            raise ValueError(f"issue {issue.id!r} has joined already")
        node.position = self._size
        self._size += 1
        node.finished = issue.status is CardStatus.DONE
        node.needs = tuple([self._node(name) for name in dict.fromkeys(issue.depends_on)])
        for need in node.needs:
            if isinstance(need.dependents, list):
                need.dependents.append(node)
            else:
                need.dependents = [node]
        return node

    def _weigh(self, joined: Sequence[_Node]) -> None:
        """Give each issue its weight, dependents before what they depend on: linear, and it finds cycles by the way."""
        waiting = {node: len(node.dependents) for node in joined}
        free = [node for node in joined if not node.dependents]
        for node in free:  # grows on the way
            for need in node.needs:
                need.weight = max(need.weight, node.weight + 1)
                if need.position >= 0:
                    waiting[need] -= 1
                    if not waiting[need]:
                        free.append(need)
        if len(free) < len(joined):
            cycle = find_cycle({node.id: [need.id for need in node.needs] for node in joined}) or ()
            raise DependencyCycleError(f"issues wait for each other: {' -> '.join(cycle)}", cycle=cycle)

    def _refuse_cycle(self, issue: Issue) -> None:
        if issue.id not in self._nodes and issue.id not in issue.depends_on:
            return  # nobody waits for it yet: the common case costs nothing
        reach: dict[str, Sequence[str]] = {issue.id: issue.depends_on}
        pending = list(issue.depends_on)
        while pending:
            name = pending.pop()
            if name not in reach and (node := self._find(name)):
                reach[name] = [need.id for need in node.needs]
                pending.extend(reach[name])
        if cycle := find_cycle(reach):
            raise DependencyCycleError(f"issue {issue.id!r} would wait for itself: {' -> '.join(cycle)}", cycle=cycle)


def _raise_weights(start: _Node) -> tuple[str, ...]:
    """Pass a new weight on to what *start* depends on, in the order of old weights: each is looked at once."""
    raised: dict[_Node, None] = {}
    pending = [(start.weight, start.id, start)]
    while pending:
        node = heapq.heappop(pending)[2]
        for need in node.needs:
            if not need.finished and need.weight <= node.weight:
                if need not in raised:
                    raised[need] = None
                    heapq.heappush(pending, (need.weight, need.id, need))
                need.weight = node.weight + 1
    return tuple([node.id for node in raised if node.position >= 0])


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
        self._entries: dict[str, tuple[_Rank, Issue]] = {}
        self._front: list[_Rank] = []
        self._heap: list[_Rank] = []  # never less than the end of the front

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, issue_id: object) -> bool:
        return issue_id in self._entries

    def get(self, issue_id: str) -> Issue | None:
        """Return the issue as it was added, or None."""
        entry = self._entries.get(issue_id)
        return entry[1] if entry else None

    def add(self, issue: Issue) -> None:
        """Take an issue in, in place of one of the same id; it keeps its age."""
        self.discard(issue.id)
        rank = (-(issue.priority + self._weight(issue.id)), self._position(issue.id), issue.id)
        self._entries[issue.id] = (rank, issue)
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
        entry = self._entries.pop(issue_id, None)
        if entry is None:
            return
        rank = entry[0]
        if self._front and rank <= self._front[-1]:
            del self._front[bisect_left(self._front, rank)]
        elif len(self._heap) > 2 * len(self._entries) + _FRONT:
            self._heap = [item for item in self._heap if self._is_live(item)]
            heapq.heapify(self._heap)

    def window(self, size: int) -> tuple[Issue, ...]:
        """Return the first *size* issues in order; fewer when there are fewer."""
        self._kept = max(size, _FRONT)
        while len(self._front) < size and self._heap:
            rank = heapq.heappop(self._heap)
            if self._is_live(rank):
                self._front.append(rank)
        return tuple([self._entries[rank[2]][1] for rank in self._front[: max(size, 0)]])

    def _first_seen(self, issue_id: str) -> int:
        return self._seen.setdefault(issue_id, len(self._seen))

    def _is_live(self, rank: _Rank) -> bool:
        entry = self._entries.get(rank[2])
        return entry is not None and entry[0] is rank
