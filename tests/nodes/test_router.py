"""The stock router against the clauses of its contract."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orket.contracts import INTEGRITY_GUARD, Issue, Route, RouteQuestion, RouterNode, Seat, Team, TurnKind
from orket.nodes.router import DefaultRouterNode

KEYS = ["lead_architect", "coder", "qa", "second_qa"]


def make_team(**roles: str) -> Team:
    """A team whose seats hold the roles given, separated by spaces; display names are the keys in title case."""
    return Team(
        name="core",
        seats={
            key: Seat(id=key, name=key.replace("_", " ").title(), roles=tuple(held.split()))
            for key, held in roles.items()
        },
    )


def ask(team: Team, seat: str, kind: TurnKind = TurnKind.WORK, busy: tuple[str, ...] = ()) -> Route:
    question = RouteQuestion(issue=Issue(id="I", name="I", seat=seat), team=team, kind=kind, busy=busy)
    return DefaultRouterNode().route(question)


teams = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(["coder", INTEGRITY_GUARD, f"coder {INTEGRITY_GUARD}"]))
wanted = st.sampled_from([*KEYS, "Lead Architect", "QA", "nobody", ""])


def test_it_is_a_router() -> None:
    """The stock router satisfies the protocol."""
    assert isinstance(DefaultRouterNode(), RouterNode)


@given(teams, wanted, st.sampled_from(TurnKind), st.lists(st.sampled_from(KEYS)).map(tuple))
def test_a_route_keeps_the_contract(roles: dict[str, str], seat: str, kind: TurnKind, busy: tuple[str, ...]) -> None:
    """A route names a seat of the team, a guard on review turns if there is one, and None only without any seat."""
    team = make_team(**roles)
    route = ask(team, seat, kind, busy)
    guards = [guard.id for guard in team.seats_holding(INTEGRITY_GUARD)]
    assert route.seat is None or route.seat in team.seats
    assert route.reason
    if kind is TurnKind.REVIEW and guards:
        assert route.seat in guards
    else:
        own = team.find_seat(seat)
        assert route.seat == (own.id if own else None)


def test_work_goes_to_the_issues_seat() -> None:
    """A work turn is the issue's own seat's, although others hold the guard's role."""
    assert ask(make_team(qa=INTEGRITY_GUARD, coder="coder"), "coder").seat == "coder"


def test_a_display_name_finds_its_seat() -> None:
    """An issue may name a seat as people write it."""
    assert ask(make_team(lead_architect="architect"), "Lead Architect").seat == "lead_architect"


def test_a_review_prefers_another_seat_than_the_issues_own() -> None:
    """A guard does not review its own issue while there is another guard."""
    team = make_team(qa=INTEGRITY_GUARD, second_qa=INTEGRITY_GUARD)
    assert ask(team, "qa", TurnKind.REVIEW, busy=("second_qa",)).seat == "second_qa"


def test_the_only_guard_reviews_its_own_issue() -> None:
    """A team's only guard reviews even what its own seat worked on."""
    assert ask(make_team(coder="coder", qa=INTEGRITY_GUARD), "qa", TurnKind.REVIEW).seat == "qa"


def test_a_free_guard_is_preferred() -> None:
    """Of two guards the one that is not busy reviews; of two free ones the first in the team's order."""
    team = make_team(coder="coder", qa=INTEGRITY_GUARD, second_qa=INTEGRITY_GUARD)
    assert ask(team, "coder", TurnKind.REVIEW, busy=("qa",)).seat == "second_qa"
    assert ask(team, "coder", TurnKind.REVIEW).seat == "qa"


def test_without_a_guard_the_own_seat_reviews() -> None:
    """A team without a guard leaves the review to the issue's own seat."""
    assert ask(make_team(coder="coder"), "coder", TurnKind.REVIEW).seat == "coder"


@pytest.mark.parametrize("kind", TurnKind)
def test_a_missing_seat_is_explained(kind: TurnKind) -> None:
    """A seat that the team lacks gives no route, and the reason names it and the seats there are."""
    route = ask(make_team(coder="coder", lead_architect="architect"), "pilot", kind)
    assert route == Route(seat=None, reason="team 'core' has no seat 'pilot'; its seats: coder, lead_architect")


def test_a_team_without_seats_says_so() -> None:
    """A team without any seat is told as such."""
    assert ask(Team(name="empty"), "pilot").reason == "team 'empty' has no seat 'pilot'; its seats: none"
