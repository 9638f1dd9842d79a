"""The board of one build against a naive model that looks at every issue for every answer."""

from typing import Any

import pytest
from attrs import evolve
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from orket._board import Board
from orket.cards import BoardCounts, CardStatus, Issue, WaitReason
from orket.contracts import Backlog

REVIEW = frozenset({CardStatus.CODE_REVIEW, CardStatus.READY_FOR_TESTING})
WORK = frozenset({CardStatus.READY, CardStatus.IN_PROGRESS})
CANCELED = frozenset({CardStatus.CANCELED, CardStatus.ARCHIVED})
WAITING = frozenset({CardStatus.BLOCKED, CardStatus.WAITING_FOR_DEVELOPER})
IDS = tuple("abcdefgh")


def make(name: str, *depends_on: str, **fields: Any) -> Issue:
    return Issue(id=name, name=name, seat="s", depends_on=depends_on, **fields)


def board_of(*issues: Issue, target: str | None = None) -> Board:
    return Board(issues, is_review=REVIEW.__contains__, target=target)


class Naive:
    """The same board, without any index."""

    def __init__(self, issues: list[Issue], target: str | None) -> None:
        self.issues = {issue.id: issue for issue in issues}
        self.target = target
        self.running: set[str] = set()
        self.held: dict[str, float] = {}

    def unmet(self, issue: Issue) -> list[str]:
        found = [self.issues.get(name) for name in issue.depends_on]
        return [
            name
            for name, other in zip(issue.depends_on, found, strict=True)
            if other is None or other.status is not CardStatus.DONE
        ]

    def free(self, issue: Issue) -> bool:
        return (
            issue.id not in self.running
            and issue.id not in self.held
            and (self.target is None or issue.id == self.target)
        )

    def review(self) -> set[str]:
        return {issue.id for issue in self.issues.values() if self.free(issue) and issue.status in REVIEW}

    def ready(self) -> set[str]:
        return {
            issue.id
            for issue in self.issues.values()
            if self.free(issue) and issue.status in WORK and not self.unmet(issue)
        }

    def weight(self, name: str) -> int:
        """Return the longest chain of issues that wait for *name*."""
        waiting = [issue.id for issue in self.issues.values() if name in issue.depends_on]
        return max((self.weight(one) + 1 for one in waiting), default=0)

    def counts(self) -> BoardCounts:
        statuses = [issue.status for issue in self.issues.values()]
        done, canceled = statuses.count(CardStatus.DONE), sum(status in CANCELED for status in statuses)
        finished = sum(self.issues[name].status.is_terminal for name in self.running)
        ready, review, running = len(self.ready()), len(self.review()), len(self.running) - finished
        waiting = len(statuses) - done - canceled - ready - review - running
        return BoardCounts(
            total=len(statuses),
            done=done,
            canceled=canceled,
            ready=ready,
            running=running,
            review=review,
            waiting=waiting,
        )


names = st.sampled_from(IDS)
statuses = st.sampled_from(CardStatus)


class BoardMachine(RuleBasedStateMachine):
    """Random graphs and random moves; after each, the board answers as the naive model does."""

    @initialize(data=st.data(), count=st.integers(0, 6), only=st.one_of(st.none(), st.none(), names))
    def begin(self, data: st.DataObject, count: int, only: str | None) -> None:
        issues = [self.draw(data, name, list(IDS[:number])) for number, name in enumerate(IDS[:count])]
        self.board, self.model = board_of(*issues, target=only), Naive(issues, only)
        self.joined = count

    def draw(self, data: st.DataObject, name: str, before: list[str]) -> Issue:
        needs = data.draw(st.lists(st.sampled_from([*before, "absent"]), max_size=3, unique=True))
        status = data.draw(st.one_of(st.just(CardStatus.READY), statuses))
        return self.waiting(make(name, *needs, status=status, priority=float(data.draw(st.integers(1, 3)))))

    def waiting(self, issue: Issue) -> Issue:
        """Return the issue with the wait reason that the law demands of its status."""
        if issue.status in WAITING:
            return evolve(issue, wait_reason=WaitReason.INPUT, wait_detail="say which")
        return evolve(issue, wait_reason=None, wait_detail="")

    @precondition(lambda self: self.joined < len(IDS))
    @rule(data=st.data())
    def add(self, data: st.DataObject) -> None:
        issue = self.draw(data, IDS[self.joined], list(self.model.issues))
        self.joined += 1
        self.board.add(issue)
        self.model.issues[issue.id] = issue

    @rule(name=names, status=statuses)
    def put(self, name: str, status: CardStatus) -> None:
        if (before := self.model.issues.get(name)) is None:
            return
        issue = self.waiting(evolve(before, status=status, version=before.version + 1))
        self.board.put(issue)
        self.model.issues[name] = issue

    @rule(pick=st.integers(0, 7))
    def start(self, pick: int) -> None:
        candidates = sorted(self.model.review() | self.model.ready())
        if candidates:
            name = candidates[pick % len(candidates)]
            self.board.start(self.model.issues[name])
            self.model.running.add(name)

    @rule(pick=st.integers(0, 7))
    def stop(self, pick: int) -> None:
        if self.model.running:
            name = sorted(self.model.running)[pick % len(self.model.running)]
            self.board.stop(name)
            self.model.running.discard(name)

    @rule(name=names, until=st.floats(0, 10))
    def hold(self, name: str, until: float) -> None:
        if name in self.model.issues and name not in self.model.running:
            self.board.hold(name, until)
            self.model.held[name] = until

    @rule(now=st.floats(0, 10))
    def release(self, now: float) -> None:
        self.board.release_held(now)
        self.model.held = {name: until for name, until in self.model.held.items() if until > now}

    @invariant()
    def answers_alike(self) -> None:
        board, model = self.board, self.model
        review, ready = board.window(len(IDS))
        assert {issue.id for issue in review} == model.review()
        assert {issue.id for issue in ready} == model.ready()
        assert all(issue == model.issues[issue.id] for issue in (*review, *ready))
        free = model.review() | model.ready()
        assert all(board.candidate(name) == (model.issues[name] if name in free else None) for name in IDS)
        assert board.candidates == len(review) + len(ready)
        assert board.counts == model.counts()
        assert len(board) == len(model.issues)
        assert {issue.id: issue for issue in board} == model.issues
        for window in (review, ready):
            assert board.window(1) == (review[:1], ready[:1])
            urgencies = [issue.priority + model.weight(issue.id) for issue in window]
            assert urgencies == sorted(urgencies, reverse=True)

    @invariant()
    def every_issue_that_waits_has_one_reason(self) -> None:
        for name, issue in self.model.issues.items():
            wait = self.board.wait_of(issue)
            resting = issue.status.is_terminal or name in self.model.running
            assert (wait is None) == resting
            if wait is not None:
                assert isinstance(wait[0], WaitReason)
                assert wait[1]
                if issue.status in WORK and name not in self.model.held and self.model.unmet(issue):
                    assert wait[0] is WaitReason.DEPENDENCY
                    assert all(need in wait[1] for need in self.model.unmet(issue))

    @invariant()
    def foreign_claims_are_waited_for_where_they_matter(self) -> None:
        model = self.model
        mattering = [
            until
            for name, until in model.held.items()
            if not model.issues[name].status.is_terminal and model.target in (None, name)
        ]
        assert self.board.held_until == min(mattering, default=None)


TestBoardMachine = BoardMachine.TestCase
TestBoardMachine.settings = settings(max_examples=150, stateful_step_count=25)


WAITS: list[tuple[Issue, WaitReason, str]] = [
    (
        make("x", status=CardStatus.BLOCKED, wait_reason=WaitReason.SYSTEM, wait_detail="disk"),
        WaitReason.SYSTEM,
        "disk",
    ),
    (make("x", status=CardStatus.BLOCKED), WaitReason.SYSTEM, "nobody said what for"),
    (make("x", wait_reason=WaitReason.INPUT), WaitReason.RESOURCE, "waits for a free slot"),
    (make("x", status=CardStatus.CODE_REVIEW), WaitReason.REVIEW, "waits for a review turn"),
    (make("x", status=CardStatus.READY_FOR_TESTING), WaitReason.REVIEW, "waits for a review turn"),
    (make("x", "a", "gone"), WaitReason.DEPENDENCY, "a is ready; gone is unknown"),
    (make("x"), WaitReason.RESOURCE, "waits for a free slot"),
]


@pytest.mark.parametrize(("issue", "reason", "detail"), WAITS, ids=[reason.value for _, reason, _ in WAITS])
def test_the_reason_of_a_wait_is_told(issue: Issue, reason: WaitReason, detail: str) -> None:
    """An issue waits for what its law, its review, its dependencies or the slots say, in that order."""
    assert board_of(make("a"), issue).wait_of(issue) == (reason, detail)


def test_a_status_without_turns_is_told() -> None:
    """An issue whose status the loop policy gives no turns does not pretend to wait for a slot."""
    issue = make("x", status=CardStatus.READY_FOR_TESTING)
    board = Board([issue], is_review=lambda status: status is CardStatus.CODE_REVIEW)
    assert board.candidates == 0
    assert board.wait_of(issue) == (
        WaitReason.SYSTEM,
        "the loop policy gives issues that are ready_for_testing no turns",
    )


def test_a_dependency_that_was_canceled_is_never_met() -> None:
    """Only what is done frees its dependents; what waits for a canceled issue says so."""
    board = board_of(make("a"), make("b", "a"))
    board.put(make("a", status=CardStatus.CANCELED))
    assert board.window(9) == ((), ())
    assert board.wait_of(make("b", "a")) == (WaitReason.DEPENDENCY, "a is canceled")


def test_a_held_issue_says_that_somebody_else_works_on_it() -> None:
    """A foreign claim is the reason, until it is released."""
    board = board_of(make("a"))
    board.hold("a", 5.0)
    assert board.wait_of(make("a")) == (WaitReason.RESOURCE, "claimed by another orchestrator")
    board.release_held(5.0)
    assert board.wait_of(make("a")) == (WaitReason.RESOURCE, "waits for a free slot")


def test_the_board_is_the_backlog_that_planners_see() -> None:
    """It satisfies the contract's protocol, and an unknown id is None there, with no dependents."""
    board: Backlog = board_of(make("a"), make("b", "a"))
    assert board.get("a") == make("a")
    assert board.get("z") is None
    assert board.dependents("a") == ("b",)
    assert board.dependents("z") == ()


def test_a_target_is_the_only_candidate() -> None:
    """With a target nothing else comes into the windows, however free it is."""
    board = board_of(make("a"), make("b"), target="b")
    assert [issue.id for issue in board.window(9)[1]] == ["b"]
    board.put(make("b", status=CardStatus.DONE))
    assert board.candidates == 0
