"""Questions for planners are such as the core asks."""

from hypothesis import given
from hypothesis import strategies as st

from orket.contracts import CardStatus, Issue, PlanQuestion
from orket.testing.strategies import Backlog, edges_of, large_plan_questions, plan_question, plan_questions


def test_a_backlog_is_the_board() -> None:
    """A backlog has the board's issues in its order, finds each, and knows which wait for it."""
    board = [
        Issue(id=f"I{index}", name="Issue", seat="coder", depends_on=tuple(f"I{it}" for it in before))
        for index, before in enumerate(edges_of("diamond", 5))
    ]
    backlog = Backlog(board)
    assert len(backlog) == 5
    assert list(backlog) == board
    assert backlog.get("I3") is board[3]
    assert backlog.get("I9") is None
    assert backlog.dependents("I0") == ("I1", "I2")
    assert backlog.dependents("I9") == ()
    assert repr(backlog) == f"Backlog({board!r})"


def test_a_question_shows_candidates_by_priority() -> None:
    """Reviews and what is ready come by priority; what runs, what waits and what is behind the window are left out."""
    low, high, held, running, review = (Issue(id=name, name=name, seat="coder") for name in "abcde")
    board = [
        low,
        Issue(id="b", name="b", seat="coder", priority=high.priority + 1),
        Issue(id="c", name="c", seat="coder", depends_on=("a",)),
        running,
        Issue(id="e", name="e", seat="qa", status=CardStatus.CODE_REVIEW),
    ]
    question = plan_question(board, running=("d",), slots=2)
    assert [issue.id for issue in question.ready] == ["b", "a"]
    assert [issue.id for issue in question.review] == [review.id]
    assert [issue.id for issue in question.running] == ["d"]
    assert [issue.id for issue in plan_question(board, window=1).ready] == ["b"]
    assert [issue.id for issue in plan_question(board, target="a").ready] == ["a"]
    assert question.backlog.get(held.id) is board[2]


@given(plan_questions())
def test_windows_hold_what_may_take_a_turn(question: PlanQuestion) -> None:
    """What a question shows does not run, has all its dependencies done, and is the target where there is one."""
    running = {issue.id for issue in question.running}
    for issue in (*question.review, *question.ready):
        assert issue.id not in running
        assert question.target_issue_id in (None, issue.id)
    for issue in question.ready:
        before = [question.backlog.get(name) for name in issue.depends_on]
        assert all(it is not None and it.status is CardStatus.DONE for it in before)
    assert question.slots >= 1


@given(st.data())
def test_large_questions_are_about_ten_thousand(data: st.DataObject) -> None:
    """The largest questions are about a board of 10,000 issues."""
    assert len(data.draw(large_plan_questions()).backlog) == 10_000
