"""The stock planner against the clauses of its contract."""

from collections.abc import Iterator
from typing import Any

import pytest
from attrs import field, frozen
from hypothesis import given
from hypothesis import strategies as st

from orket.contracts import CardStatus, Issue, Plan, PlannerNode, PlanQuestion
from orket.nodes.planner import DefaultPlannerNode

IDS = [f"I-{number}" for number in range(8)]


@frozen
class Board:
    """A backlog over a tuple of issues."""

    issues: tuple[Issue, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.issues)

    def __iter__(self) -> Iterator[Issue]:
        return iter(self.issues)

    def get(self, issue_id: str, /) -> Issue | None:
        return next((issue for issue in self.issues if issue.id == issue_id), None)

    def dependents(self, issue_id: str, /) -> tuple[str, ...]:
        return tuple(issue.id for issue in self.issues if issue_id in issue.depends_on)


def make_issue(name: str, status: CardStatus = CardStatus.READY, *depends_on: str) -> Issue:
    return Issue(id=name, name=name, seat="coder", status=status, depends_on=depends_on)


def ask(
    review: str = "",
    ready: str = "",
    running: str = "",
    slots: int = 3,
    target: str | None = None,
    board: tuple[Issue, ...] = (),
) -> Plan:
    question = PlanQuestion(
        review=tuple(make_issue(name, CardStatus.CODE_REVIEW) for name in review),
        ready=tuple(make_issue(name) for name in ready),
        running=tuple(make_issue(name, CardStatus.IN_PROGRESS) for name in running),
        slots=slots,
        target_issue_id=target,
        backlog=Board(board),
    )
    return DefaultPlannerNode().plan(question)


@st.composite
def questions(draw: st.DrawFn) -> PlanQuestion:
    """A board whose windows hold only what the core would put there; running issues may still stand in a window."""
    statuses = draw(st.lists(st.sampled_from(CardStatus), min_size=len(IDS), max_size=len(IDS)))
    needs = [draw(st.lists(st.sampled_from(IDS[:n]), max_size=2, unique=True)) if n else [] for n in range(len(IDS))]
    issues = tuple(make_issue(i, status, *needed) for i, status, needed in zip(IDS, statuses, needs, strict=True))
    done = {issue.id for issue in issues if issue.status is CardStatus.DONE}
    reviews = [issue for issue in issues if issue.status is CardStatus.CODE_REVIEW]
    ready = [issue for issue in issues if issue.status is CardStatus.READY and done.issuperset(issue.depends_on)]
    running = draw(st.lists(st.sampled_from(issues), max_size=3, unique_by=lambda issue: issue.id))
    return PlanQuestion(
        review=tuple(draw(st.permutations(reviews))[: draw(st.integers(0, 4))]),
        ready=tuple(draw(st.permutations(ready))[: draw(st.integers(0, 4))]),
        running=tuple(running),
        slots=draw(st.integers(1, 5)),
        target_issue_id=draw(st.none() | st.sampled_from([*IDS, "I-unknown"])),
        backlog=Board(issues),
    )


def may_take_a_turn(issue: Issue | None, board: Board) -> bool:
    """What the contract says of candidates, written down a second time."""
    if issue is None:
        return False
    met = all((needed := board.get(name)) and needed.status is CardStatus.DONE for name in issue.depends_on)
    return issue.status is CardStatus.CODE_REVIEW or (issue.status is CardStatus.READY and met)


def test_it_is_a_planner() -> None:
    """The stock planner satisfies the protocol."""
    assert isinstance(DefaultPlannerNode(), PlannerNode)


@given(questions())
def test_a_plan_keeps_the_contract(question: PlanQuestion) -> None:
    """Whatever the board, a plan names free candidates, none twice, no more than the slots, and only the target."""
    chosen = DefaultPlannerNode().plan(question).issue_ids
    assert len(set(chosen)) == len(chosen) <= question.slots
    assert not {issue.id for issue in question.running}.intersection(chosen)
    assert isinstance(question.backlog, Board)
    assert all(may_take_a_turn(question.backlog.get(name), question.backlog) for name in chosen)
    if question.target_issue_id is not None:
        assert set(chosen) <= {question.target_issue_id}


@given(questions())
def test_no_slot_stays_empty_beside_a_free_candidate(question: PlanQuestion) -> None:
    """Without a target, the plan fills the slots as far as the windows reach; with one, it takes it when it may."""
    running = {issue.id for issue in question.running}
    chosen = DefaultPlannerNode().plan(question).issue_ids
    if question.target_issue_id is None:
        free = {issue.id for issue in (*question.review, *question.ready)} - running
        assert len(chosen) == min(question.slots, len(free))
    else:
        target = question.backlog.get(question.target_issue_id)
        assert isinstance(question.backlog, Board)
        expected = may_take_a_turn(target, question.backlog) and question.target_issue_id not in running
        assert bool(chosen) is expected


def test_reviews_come_first_and_the_order_is_kept() -> None:
    """Review candidates precede ready ones, and both keep the order of their window."""
    assert ask(review="dc", ready="ba", slots=3).issue_ids == ("d", "c", "b")


def test_reviews_alone_may_fill_the_slots() -> None:
    """No ready issue starts while reviews take all slots."""
    assert ask(review="abc", ready="d", slots=3).issue_ids == ("a", "b", "c")


def test_an_issue_in_both_windows_is_planned_once() -> None:
    """A repeated candidate takes one slot."""
    assert ask(review="a", ready="ab").issue_ids == ("a", "b")


@pytest.mark.parametrize("windows", [{}, {"review": "a", "ready": "b", "running": "ab"}])
def test_nothing_free_is_an_empty_plan_with_a_reason(windows: dict[str, Any]) -> None:
    """Without a free candidate the plan is empty and says so."""
    assert ask(**windows) == Plan(issue_ids=(), reason="no candidate is free")


def test_the_reason_counts_what_was_chosen() -> None:
    """The reason tells reviews from ready issues."""
    assert ask(review="a", ready="bcd", slots=3).reason == "1 to review, 2 ready"


@pytest.mark.parametrize(
    ("status", "depends_on", "reason"),
    [
        (CardStatus.BLOCKED, (), "target T is blocked"),
        (CardStatus.DONE, (), "target T is done"),
        (CardStatus.READY, ("open", "gone", "closed"), "target T waits for open, gone"),
    ],
)
def test_a_target_that_may_not_take_a_turn_is_explained(
    status: CardStatus, depends_on: tuple[str, ...], reason: str
) -> None:
    """A target outside the windows is not planned unless the law allows it, and the plan says why."""
    board = (make_issue("T", status, *depends_on), make_issue("open"), make_issue("closed", CardStatus.DONE))
    assert ask(ready="a", target="T", board=board) == Plan(issue_ids=(), reason=reason)


def test_a_target_beyond_the_window_is_found_in_the_backlog() -> None:
    """A ready target whose dependencies are done is planned although the window does not reach it."""
    board = (make_issue("T", CardStatus.READY, "closed"), make_issue("closed", CardStatus.DONE))
    assert ask(ready="ab", target="T", board=board).issue_ids == ("T",)


def test_a_target_in_a_window_needs_no_backlog() -> None:
    """A target that is a candidate is planned alone."""
    assert ask(review="x", ready="ab", target="b").issue_ids == ("b",)


def test_a_running_target_is_not_planned_again() -> None:
    """A target that runs already is left alone."""
    assert ask(ready="a", running="a", target="a") == Plan(issue_ids=(), reason="target a runs already")


def test_an_unknown_target_is_named() -> None:
    """A target that is not on the board gives an empty plan that names it."""
    assert ask(ready="a", target="T") == Plan(issue_ids=(), reason="target T is not on the board")
