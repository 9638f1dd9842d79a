"""The critical-path planner keeps its contract, and finds the longest path at a bounded cost."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import settings
from orket_critical_path_planner import CriticalPathPlanner, EstimateError

from orket.contracts import CardStatus, Issue, Plan
from orket.testing import PlannerContract
from orket.testing.strategies import Backlog, large_board, plan_question


class TestCriticalPathPlanner(PlannerContract):
    """Without options, as an environment variable chooses it."""

    errors = (EstimateError,)

    def make_node(self) -> CriticalPathPlanner:
        """Return it without limits."""
        return CriticalPathPlanner()


class TestCriticalPathPlannerWithLimits(PlannerContract):
    """With the options of an organization; the rest has been tried above."""

    errors = (EstimateError,)
    settings = settings(max_examples=25)

    def make_node(self) -> CriticalPathPlanner:
        """Return it with limits and a short horizon."""
        return CriticalPathPlanner(limits={"coder": 1}, default_limit=2, horizon=5)


def issue(name: str, *depends_on: str, **fields: Any) -> Issue:
    """Return an issue of the seat coder."""
    return Issue(id=name, name=name, depends_on=depends_on, **{"seat": "coder", **fields})


def plan(
    *board: Issue, slots: int = 1, running: tuple[str, ...] = (), target: str | None = None, **options: Any
) -> Plan:
    """Ask a planner with these options about a board."""
    question = plan_question(board, running=running, slots=slots, target=target)
    return CriticalPathPlanner(**options).plan(question)


CHAIN = (issue("a"), issue("b", "a"), issue("c", "b"))  # a path of three


def test_the_longest_remaining_path_goes_first() -> None:
    """What more of the work waits for is started first, whatever its priority."""
    answer = plan(issue("urgent", priority=3), *CHAIN, slots=2)
    assert answer.issue_ids == ("a", "urgent")
    assert answer.reason == "longest remaining path first: a (3), urgent (1)"


def test_estimates_weigh_a_path() -> None:
    """One large issue outweighs a chain of small ones."""
    assert plan(*CHAIN, issue("large", params={"estimate": 8})).issue_ids == ("large",)
    with pytest.raises(EstimateError, match="issue 'b' has the estimate 'long'; valid: a number greater than 0"):
        plan(issue("a"), issue("b", "a", params={"estimate": "long"}))


def test_what_is_finished_lengthens_no_path() -> None:
    """Canceled issues, and what waits for nothing but them, do not count."""
    board = (issue("a"), issue("b", "a", status=CardStatus.CANCELED), issue("c", "b"), issue("d"), issue("e", "d"))
    assert plan(*board).reason == "longest remaining path first: d (2)"


def test_a_review_goes_before_work_of_equal_length() -> None:
    """Of equal paths the review is taken first; a longer path of work goes before it."""
    review = issue("r", status=CardStatus.CODE_REVIEW)
    assert plan(issue("w"), review, slots=2).issue_ids == ("r", "w")
    assert plan(*CHAIN, review, slots=2).issue_ids == ("a", "r")


def test_a_seat_has_no_more_in_progress_than_its_limit() -> None:
    """What runs and what is chosen counts; other seats go on."""
    board = (issue("x"), issue("y", seat="Coder"), issue("z", seat="qa"))
    answer = plan(*board, slots=3, limits={"coder": 1})
    assert answer.issue_ids == ("x", "z")
    assert answer.reason.endswith("; 1 held back, at the limit: Coder")
    assert plan(*board, running=("x",), slots=3, limits={"Coder": 1}).issue_ids == ("z",)
    assert plan(*board, running=("x", "z"), slots=3, default_limit=1) == Plan(
        issue_ids=(), reason="1 held back, at the limit: Coder"
    )


def test_reviews_count_against_nobody() -> None:
    """Guards take reviews, so neither a running one nor a chosen one uses up the limit of the issue's seat."""
    board = (issue("r", status=CardStatus.CODE_REVIEW), issue("s", status=CardStatus.CODE_REVIEW), issue("w"))
    assert plan(*board, running=("r",), slots=2, limits={"coder": 1}).issue_ids == ("s", "w")


def test_a_target_goes_first_whatever_the_limits() -> None:
    """A target is planned where it may take a turn, and explained where it may not."""
    assert plan(*CHAIN, target="a", default_limit=1).issue_ids == ("a",)
    assert plan(*CHAIN, target="c") == Plan(issue_ids=(), reason="target c waits for b")


class Counted(Backlog):
    """A backlog that counts what it is asked, and is never walked as a whole."""

    asked = 0

    def get(self, issue_id: str, /) -> Issue | None:
        """Count, and answer."""
        self.asked += 1
        return super().get(issue_id)

    def __iter__(self) -> Iterator[Issue]:
        """Refuse."""
        raise AssertionError("the whole board is walked")


@pytest.mark.parametrize("shape", ["chain", "diamond", "wide", "deep"])
def test_a_plan_costs_the_same_on_every_board(shape: Any) -> None:
    """Of a board of 10,000 issues no more than the horizon is looked at, and the reason says that paths are cut."""
    board = large_board(10_000, shape=shape)
    shown = plan_question(board, slots=2)
    backlog = Counted(board)
    question = type(shown)(review=shown.review, ready=shown.ready, running=(), slots=2, backlog=backlog)
    answer = CriticalPathPlanner(horizon=500).plan(question)
    assert 0 < backlog.asked <= 500
    assert answer.reason.endswith("; paths are cut at the horizon")
    assert answer.issue_ids


def test_a_chain_as_long_as_the_board_is_walked() -> None:
    """Length exhausts no stack: a chain of 5,000 is measured whole where the horizon allows it."""
    assert plan(*large_board(5000, shape="chain"), horizon=5000).reason == "longest remaining path first: I-0 (5000)"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"limits": {"coder": 0}}, "the limit of 'coder' is 0; valid: a number, 1 or more"),
        ({"limits": 3}, "option 'limits' is 3; valid: an object"),
        ({"default_limit": True}, "option 'default_limit' is True"),
        ({"horizon": 0}, "option 'horizon' is 0"),
    ],
)
def test_wrong_options_are_refused_at_once(options: dict[str, Any], complaint: str) -> None:
    """What cannot be read is refused when the node is made, and says what is valid."""
    with pytest.raises((TypeError, ValueError), match=complaint):
        CriticalPathPlanner(**options)
