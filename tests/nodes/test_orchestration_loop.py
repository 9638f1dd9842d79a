"""The stock loop policy against the clauses of its contract."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orket.contracts import (
    INTEGRITY_GUARD,
    BoardCounts,
    CardStatus,
    Issue,
    LoopQuestion,
    OrchestrationLoopPolicyNode,
    Organization,
    Rest,
    Seat,
    Team,
)
from orket.nodes.orchestration_loop import DefaultOrchestrationLoopPolicyNode

Policy = DefaultOrchestrationLoopPolicyNode
SETTINGS: list[tuple[str, Callable[[Policy, LoopQuestion], int], int]] = [
    ("concurrency", Policy.concurrency_limit, 3),
    ("context_window", Policy.context_window, 10),
    ("turn_budget", Policy.turn_budget, 30),
]
NONSENSE = [0, -1, 1.5, True, "0", "three", "-2", "1_000", "1e3", " ", "9" * 10, "9" * 5000, [], {}, 10**9]
counts = st.builds(
    lambda done, canceled, ready, running, review, waiting: BoardCounts(
        total=done + canceled + ready + running + review + waiting,
        done=done,
        canceled=canceled,
        ready=ready,
        running=running,
        review=review,
        waiting=waiting,
    ),
    *[st.integers(0, 3)] * 6,
)


def ask(rules: dict[str, Any] | None = None, environ: dict[str, str] | None = None, total: int = 0) -> LoopQuestion:
    organization = Organization(name="Acme", process_rules=rules or {})
    return LoopQuestion(organization=organization, environ=environ or {}, counts=BoardCounts(total=total))


def test_it_is_a_loop_policy() -> None:
    """The stock loop policy satisfies the protocol."""
    assert isinstance(Policy(), OrchestrationLoopPolicyNode)


@pytest.mark.parametrize(("name", "read", "stock"), SETTINGS)
def test_a_setting_comes_from_the_strongest_source(
    name: str, read: Callable[[Policy, LoopQuestion], int], stock: int
) -> None:
    """The environment wins over the process rules, these over the stock value; empty and null mean not said."""
    variable = f"ORKET_{name.upper()}"
    assert read(Policy(), ask()) == stock
    assert read(Policy(), ask({name: 7})) == 7
    assert read(Policy(), ask({name: "7"})) == 7
    assert read(Policy(), ask({name: 7}, {variable: " 8 "})) == 8
    assert read(Policy(), ask({name: None}, {variable: ""})) == stock


@pytest.mark.parametrize("value", NONSENSE)
@pytest.mark.parametrize(("name", "read", "stock"), SETTINGS)
def test_nonsense_in_a_process_rule_is_refused(
    name: str, read: Callable[[Policy, LoopQuestion], int], stock: int, value: object
) -> None:
    """A process rule that is no number from 1 on is an error that names rule, organization and what is valid."""
    with pytest.raises(
        ValueError, match=f"process rule '{name}' of organization 'Acme' is .*; valid is a whole number"
    ):
        read(Policy(), ask({name: value}))


@pytest.mark.parametrize("value", [value for value in NONSENSE if isinstance(value, str)])
@pytest.mark.parametrize(("name", "read", "stock"), SETTINGS)
def test_nonsense_in_the_environment_is_refused(
    name: str, read: Callable[[Policy, LoopQuestion], int], stock: int, value: str
) -> None:
    """A variable that is no number from 1 on is an error that names it, even where a process rule would do."""
    with pytest.raises(ValueError, match=f"environment variable ORKET_{name.upper()} is .*; valid is a whole number"):
        read(Policy(), ask({name: 5}, {f"ORKET_{name.upper()}": value}))


@given(st.integers(1, 999_999_999), st.booleans(), st.sampled_from(SETTINGS))
def test_every_valid_number_is_taken(value: int, as_text: bool, setting: Any) -> None:
    """Every whole number in the bounds is returned as it is."""
    name, read, _ = setting
    assert read(Policy(), ask({name: str(value) if as_text else value})) == value


@pytest.mark.parametrize("option", ["concurrency", "context_window", "turns_per_issue", "least_turns"])
def test_options_are_checked_when_the_policy_is_made(option: str) -> None:
    """A nonsense option is refused at once, by name."""
    with pytest.raises(ValueError, match=f"option '{option}' is 0"):
        Policy(**{option: 0})


def test_options_replace_the_stock_values() -> None:
    """Options are the values that hold when neither environment nor process rules say anything."""
    policy = Policy(concurrency=1, context_window=2, turns_per_issue=4, least_turns=5)
    assert policy.concurrency_limit(ask()) == 1
    assert policy.context_window(ask()) == 2
    assert [policy.turn_budget(ask(total=total)) for total in (0, 1, 2)] == [5, 5, 8]


@given(st.integers(0, 10_000), st.integers(0, 10_000))
def test_the_turn_budget_grows_with_the_board(one: int, other: int) -> None:
    """A larger board never has a smaller budget, and each issue has turns for all its stock retries."""
    small, large = sorted((one, other))
    budgets = [Policy().turn_budget(ask(total=total)) for total in (small, large)]
    assert budgets[0] <= budgets[1]
    assert budgets[0] >= max(30, 8 * small)


@pytest.mark.parametrize("status", CardStatus)
def test_finished_work_takes_review_turns(status: CardStatus) -> None:
    """An issue is judged in code review and when it is ready for testing, and worked on everywhere else."""
    reviewed = {CardStatus.CODE_REVIEW, CardStatus.READY_FOR_TESTING}
    assert Policy().is_review_turn(status) is (status in reviewed)


@given(st.lists(st.sampled_from(["coder", "architect", INTEGRITY_GUARD]), unique=True).map(tuple), st.booleans())
def test_role_order_keeps_the_contract(roles: tuple[str, ...], is_review: bool) -> None:
    """All roles stay, work turns add none, and on review turns the guard leads."""
    ordered = Policy().role_order(roles, is_review)
    if is_review:
        assert ordered[0] == INTEGRITY_GUARD
        assert sorted(ordered) == sorted({*roles, INTEGRITY_GUARD})
        assert [role for role in ordered[1:] if role in roles] == [role for role in roles if role != INTEGRITY_GUARD]
    else:
        assert ordered == roles


def test_a_missing_seat_cancels_with_a_reason() -> None:
    """An issue for a seat that the team lacks is canceled, and the reason names the seat and the team's seats."""
    issue = Issue(id="I", name="I", seat="pilot")
    team = Team(name="core", seats={"coder": Seat(id="coder", name="Coder"), "qa": Seat(id="qa", name="QA")})
    missing = Policy().missing_seat(issue, team)
    assert (missing.status, missing.wait_reason) == (CardStatus.CANCELED, None)
    assert missing.reason == "team 'core' has no seat 'pilot'; its seats: coder, qa"
    assert Policy().missing_seat(issue, Team(name="empty")).reason.endswith("its seats: none")


@given(counts)
def test_a_board_is_done_when_nothing_is_unfinished(board: BoardCounts) -> None:
    """A board is done exactly when every issue is done or canceled."""
    assert Policy().is_done(board) is (board.ready + board.running + board.review + board.waiting == 0)


def test_no_candidates_is_a_stall_that_counts() -> None:
    """A run without candidates stalls, and the reason says where the unfinished issues stand."""
    rest = Policy().no_candidates(BoardCounts(total=5, done=1, canceled=1, waiting=2, ready=1))
    assert rest.rest is Rest.STALLED
    assert rest.reason == (
        "none of the unfinished issues may take a turn: 3 of 5 unfinished (2 waiting, 1 ready, 0 in review, 0 running)"
    )


def test_exhaustion_is_a_failure_that_names_the_budget() -> None:
    """A run that used its budget fails, and the reason names the budget and what is left."""
    rest = Policy().exhausted(30, BoardCounts(total=3, done=1, review=1, running=1))
    assert rest.rest is Rest.FAILED
    assert rest.reason == (
        "the turn budget of 30 turns is used up: 2 of 3 unfinished (0 waiting, 0 ready, 1 in review, 1 running)"
    )
