"""The board of one build in memory: where every issue stands, and which may take a turn now.

Each change of an issue touches that issue and its dependents only, so the cost of a turn does not grow with the board.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from orket._graph import DependencyGraph, Frontier, urgency
from orket.cards import BoardCounts, CardStatus, Issue, WaitReason
from orket.contracts import CardRow

_CANCELED = frozenset({CardStatus.CANCELED, CardStatus.ARCHIVED})
_STEP: Final = 100  # issues between two pauses of whoever fills a board
_WAITING = frozenset({CardStatus.BLOCKED, CardStatus.WAITING_FOR_DEVELOPER})
_WORKABLE = frozenset({CardStatus.READY, CardStatus.IN_PROGRESS})


class Board:
    """All issues of a build. It satisfies :class:`orket.contracts.Backlog`.

    Args:
        issues: in the order they joined the build.
        is_review: whether an issue in a status takes a review turn; the loop policy's word.
        target: the only issue that may take turns; None for all.
    """

    def __init__(
        self, issues: Iterable[Issue], *, is_review: Callable[[CardStatus], bool], target: str | None = None
    ) -> None:
        self._issues: dict[str, Issue] = {}
        self.review_statuses = frozenset(status for status in CardStatus if is_review(status))
        self._target = target
        self._graph = DependencyGraph()
        self._ready = Frontier(self._graph.weight, self._graph.position)
        self._review = Frontier(self._graph.weight, self._graph.position)
        self._statuses: Counter[CardStatus] = Counter()
        self._held: dict[str, float] = {}
        self.running: dict[str, Issue] = {}
        self.busy: dict[str, str] = {}  # running issue -> the seat that works on it
        self.claims: dict[str, int] = {}  # running issue -> the fencing token of its claim
        for _ in self.fill(issues):
            pass

    def __len__(self) -> int:
        return len(self._issues)

    def __iter__(self) -> Iterator[Issue]:
        return iter(self._issues.values())

    def get(self, issue_id: str, /) -> Issue | None:
        """Return one issue, or None."""
        return self._issues.get(issue_id)

    def dependents(self, issue_id: str, /) -> tuple[str, ...]:
        """Return the ids of the issues that wait for *issue_id*."""
        return self._graph.dependents(issue_id)

    def window(self, size: int) -> tuple[tuple[Issue, ...], tuple[Issue, ...]]:
        """Return the first *size* review candidates and the first *size* ready ones, both in domain order."""
        return self._review.window(size), self._ready.window(size)

    def urgency(self, issue: Issue) -> float:
        """Return what candidates are ordered by, the largest first: priority plus critical-path weight."""
        return urgency(issue, self._graph.weight(issue.id))

    @property
    def candidates(self) -> int:
        """How many issues may take a turn now."""
        return len(self._review) + len(self._ready)

    @property
    def counts(self) -> BoardCounts:
        """How many issues stand where."""
        count = self._statuses
        done, canceled = count[CardStatus.DONE], sum(count[status] for status in _CANCELED)
        ready, review = len(self._ready), len(self._review)
        running = sum(not issue.status.is_terminal for issue in self.running.values())
        return BoardCounts(
            total=len(self._issues),
            done=done,
            canceled=canceled,
            ready=ready,
            running=running,
            review=review,
            waiting=len(self._issues) - done - canceled - ready - review - running,
        )

    def fill(self, issues: Iterable[Issue]) -> Iterator[None]:
        """Let all issues of a build join a board that has none yet; yields now and then: a build may be large.

        Raises:
            DependencyCycleError: issues wait for each other.
        """
        self._issues = {issue.id: issue for issue in issues}
        yield from self._graph.fill(self._issues.values())
        for count, issue in enumerate(self._issues.values()):
            self._statuses[issue.status] += 1
            self._place(issue)
            if not count % _STEP:
                yield

    def add(self, issue: Issue) -> None:
        """Let a new issue join."""
        self._issues[issue.id] = issue
        self._statuses[issue.status] += 1
        for grown in self._graph.add(issue):
            self._place(self._issues[grown])
        self._place(issue)

    def put(self, issue: Issue) -> None:
        """Take over an issue's new state."""
        before = self._issues[issue.id]
        self._issues[issue.id] = issue
        self._statuses[before.status] -= 1
        self._statuses[issue.status] += 1
        note = self._graph.finish if issue.status is CardStatus.DONE else self._graph.reopen
        touched = note(issue.id)
        if issue.id in self.running:
            self.running[issue.id] = issue
        else:
            self._place(issue)
        for dependent in touched:
            self._place(self._issues[dependent])

    def candidate(self, issue_id: str) -> Issue | None:
        """Return an issue that may take a turn now, or None."""
        return self._review.get(issue_id) or self._ready.get(issue_id)

    def start(self, issue: Issue) -> None:
        """Take a candidate out of the windows: it takes a turn now."""
        self._ready.discard(issue.id)
        self._review.discard(issue.id)
        self.running[issue.id] = issue

    def stop(self, issue_id: str) -> None:
        """Put an issue back where its status says: its turn is over."""
        del self.running[issue_id]
        self.busy.pop(issue_id, None)
        self.claims.pop(issue_id, None)
        self._place(self._issues[issue_id])

    def hold(self, issue_id: str, until: float) -> None:
        """Keep an issue out of the windows: another orchestrator has claimed it until then (epoch seconds)."""
        self._held[issue_id] = until
        self._ready.discard(issue_id)
        self._review.discard(issue_id)

    def release_held(self, now: float) -> None:
        """Let issues whose foreign claim has expired be candidates again."""
        for issue_id in [held for held, until in self._held.items() if until <= now]:
            del self._held[issue_id]
            self._place(self._issues[issue_id])

    @property
    def held_until(self) -> float | None:
        """When the first foreign claim expires; None when there is none on an issue that could take a turn."""
        wanted = [until for held, until in self._held.items() if self._may_ever(self._issues[held])]
        return min(wanted, default=None)

    def wait_of(self, issue: Issue) -> tuple[WaitReason, str] | None:
        """Return why an issue waits; None when it is terminal or running. Exactly one reason for every other issue."""
        if issue.status.is_terminal or issue.id in self.running:
            return None
        if issue.status in _WAITING:
            return issue.wait_reason or WaitReason.SYSTEM, issue.wait_detail or "nobody said what for"
        if issue.id in self._held:
            return WaitReason.RESOURCE, "claimed by another orchestrator"
        is_outside = self._target not in (None, issue.id)
        outside = f"is no part of this run, which is only for {self._target}"
        if issue.status in self.review_statuses:
            return WaitReason.REVIEW, outside if is_outside else "waits for a review turn"
        if issue.status not in _WORKABLE:
            return WaitReason.SYSTEM, f"the loop policy gives issues that are {issue.status.value} no turns"
        if unmet := self._unmet(issue):
            return WaitReason.DEPENDENCY, "; ".join(unmet)
        return WaitReason.RESOURCE, outside if is_outside else "waits for a free slot"

    def _unmet(self, issue: Issue) -> list[str]:
        found = [(name, self._issues.get(name)) for name in issue.depends_on]
        return [
            f"{name} is {'unknown' if other is None else other.status.value}"
            for name, other in found
            if other is None or other.status is not CardStatus.DONE
        ]

    def _may_ever(self, issue: Issue) -> bool:
        """Return whether an issue may take a turn in this run, now or later."""
        return not issue.status.is_terminal and self._target in (None, issue.id)

    def _place(self, issue: Issue) -> None:
        self._ready.discard(issue.id)
        self._review.discard(issue.id)
        if issue.id in self._held or issue.id in self.running or not self._may_ever(issue):
            return
        if issue.status in self.review_statuses:
            self._review.add(issue)
        elif issue.status in _WORKABLE and self._graph.is_ready(issue.id):
            self._ready.add(issue)


def is_running(row: CardRow, now: float) -> bool:
    """Return whether somebody works on a card that is stored: its claim has not run out."""
    return row.owner is not None and row.until > now
