"""How much work still hangs on an issue."""

import math
from collections.abc import Iterator

from orket.contracts import Backlog, Issue


class EstimateError(ValueError):
    """An issue's estimate is no effort."""


def effort_of(issue: Issue) -> float:
    """Return the issue's ``"estimate"``, 1 without one.

    Raises:
        EstimateError: it is no number greater than 0.
    """
    estimate = issue.params.get("estimate", 1)
    if type(estimate) in (int, float) and 0 < estimate < math.inf:
        return float(estimate)
    raise EstimateError(f"issue {issue.id!r} has the estimate {estimate!r:.80}; valid: a number greater than 0")


class RemainingPaths:
    """The longest chains of unfinished issues, within one plan."""

    def __init__(self, backlog: Backlog) -> None:
        self._backlog = backlog
        self._left = 0
        self._lengths: dict[str, float] = {}
        self.is_cut = False  # whether something was left out

    def length(self, candidate: Issue, horizon: int) -> float:
        """Return the effort of the longest chain that begins with *candidate*; a chain may be as long as the board.

        Args:
            candidate: where the chain begins.
            horizon: how many issues are looked at, beside those that were looked at before.
        """
        self._left = horizon
        path: list[tuple[Issue, Iterator[str]]] = []
        self._enter(candidate, path)
        while path:
            issue, waiting = path[-1]
            following = next(waiting, None)
            if following is None:
                path.pop()
                if path:
                    self._extend(path[-1][0], issue.id)
            elif following in self._lengths:
                self._extend(issue, following)
            elif (found := self._look_at(following)) is not None:
                self._enter(found, path)
        return self._lengths[candidate.id]

    def _enter(self, issue: Issue, path: list[tuple[Issue, Iterator[str]]]) -> None:
        """Begin with an issue alone; what waits for it is walked next."""
        if issue.id not in self._lengths:
            self._lengths[issue.id] = effort_of(issue)
            path.append((issue, iter(self._backlog.dependents(issue.id))))

    def _extend(self, issue: Issue, following: str) -> None:
        through = effort_of(issue) + self._lengths[following]
        self._lengths[issue.id] = max(self._lengths[issue.id], through)

    def _look_at(self, name: str) -> Issue | None:
        """Return an unfinished issue, or None: it is finished, or lies beyond the horizon."""
        if not self._left:
            self.is_cut = True
            return None
        self._left -= 1
        issue = self._backlog.get(name)
        return None if issue is None or issue.status.is_terminal else issue
