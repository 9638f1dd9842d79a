"""The cost-aware router keeps its contract, and compares prices."""

from typing import Any

import pytest
from hypothesis import settings
from orket_cost_router import CostAwareRouter, TariffError

from orket.contracts import INTEGRITY_GUARD, Issue, Role, Route, RouteQuestion, Seat, Team, TurnKind
from orket.testing import RouterContract


class TestCostAwareRouter(RouterContract):
    """Without options: what roles declare counts."""

    errors = (TariffError,)

    def make_node(self) -> CostAwareRouter:
        """Return it as an environment variable chooses it."""
        return CostAwareRouter()


class TestCostAwareRouterWithPrices(RouterContract):
    """With the options of an organization; the rest has been tried above."""

    errors = (TariffError,)
    settings = settings(max_examples=25)

    def make_node(self) -> CostAwareRouter:
        """Return it as process rules choose it."""
        return CostAwareRouter(prices={"coder": 0.2, "qa": 1}, skills={"coder": ["python"]}, busy_surcharge=0.5)


PRICES = {"junior": 0.2, "senior": 1.5}
SKILLS = {"junior": ["python"], "senior": ["python", "sql"]}


def crew(*roles: Role) -> Team:
    """Return a team of two who work and two who judge."""
    seats = [
        Seat(id="senior", name="Senior", roles=("senior",)),
        Seat(id="junior", name="Junior", roles=("junior",)),
        Seat(id="auditor", name="Auditor", roles=("auditor", INTEGRITY_GUARD)),
        Seat(id="guard", name="Guard", roles=(INTEGRITY_GUARD,)),
    ]
    return Team(name="crew", seats={seat.id: seat for seat in seats}, roles={role.name: role for role in roles})


def route(
    *labels: str,
    team: Team | None = None,
    seat: str = "senior",
    kind: TurnKind = TurnKind.WORK,
    busy: tuple[str, ...] = (),
    **options: Any,
) -> Route:
    """Ask a router with these options about an issue with these labels."""
    issue = Issue(id="I", name="Do it", seat=seat, labels=labels)
    return CostAwareRouter(**options).route(RouteQuestion(issue=issue, team=team or crew(), kind=kind, busy=busy))


def test_the_cheapest_seat_with_the_skill_works() -> None:
    """Of those who can, the cheapest works, and the reason compares."""
    chosen = route("skill:python", prices=PRICES, skills=SKILLS)
    assert (chosen.seat, chosen.reason) == (
        "junior",
        "junior costs 0.2, the cheapest of 2 with python (senior 1.5)",
    )


def test_all_skills_are_needed() -> None:
    """A cheaper seat that lacks one of the skills is not asked."""
    chosen = route("skill:python", "skill:sql", "urgent", seat="junior", prices=PRICES, skills=SKILLS)
    assert (chosen.seat, chosen.reason) == ("senior", "senior costs 1.5, the only one with python, sql")


def test_nobody_is_sent_who_cannot_do_it() -> None:
    """A skill that nobody has gets no seat, and says so."""
    assert route("skill:cobol", skills=SKILLS) == Route(seat=None, reason="no seat of team 'crew' has cobol")


def test_an_issue_without_skills_goes_where_it_says() -> None:
    """Prices play no part where no skill is asked for."""
    assert route(seat="Senior", prices=PRICES).seat == "senior"
    assert route(seat="nobody", prices=PRICES).seat is None


def test_a_busy_seat_costs_more() -> None:
    """The surcharge lets work spread once the cheap seat is busy."""
    given = {"prices": PRICES, "skills": SKILLS, "busy": ("junior",)}
    assert route("skill:python", **given, busy_surcharge=1).seat == "junior"
    assert route("skill:python", **given, busy_surcharge=2).seat == "senior"


def test_roles_declare_prices_and_skills() -> None:
    """Without options the policies of roles count; a declared price wins over them."""
    team = crew(
        Role(name="senior", policy={"price": 2, "skills": ["python", "sql"]}),
        Role(name="junior", policy={"price": 0.5, "skills": ["python"]}),
    )
    assert route("skill:python", team=team).reason == "junior costs 0.5, the cheapest of 2 with python (senior 2)"
    assert route("skill:python", team=team, prices={"junior": 3}).seat == "senior"


def test_an_unknown_price_comes_last() -> None:
    """A seat without a price is asked only where nobody with one can do it."""
    chosen = route("skill:python", seat="junior", prices={"senior": 100}, skills=SKILLS)
    assert chosen.reason == "senior costs 100, the cheapest of 2 with python (junior an unknown price)"


def test_reviews_go_to_the_cheapest_free_guard() -> None:
    """Guards review: the cheapest that is free and has not done the work itself."""
    prices = {"auditor": 3, "guard": 1}
    assert route(kind=TurnKind.REVIEW, prices=prices).seat == "guard"
    busy = route(kind=TurnKind.REVIEW, prices=prices, busy=("guard",))
    assert (busy.seat, busy.reason) == (
        "auditor",
        "reviews go to a guard: auditor costs 3, the best placed of 2 (guard 1)",
    )
    assert route(kind=TurnKind.REVIEW, prices=prices, seat="guard").seat == "auditor"


def test_a_large_team_is_not_listed_whole() -> None:
    """The reason names the three next best, and counts the others."""
    names = [f"s{index}" for index in range(50)]
    team = Team(name="many", seats={name: Seat(id=name, name=name) for name in names})
    given = {"prices": {name: index for index, name in enumerate(names)}, "skills": {name: ["x"] for name in names}}
    assert route("skill:x", team=team, **given).reason == (
        "s0 costs 0, the cheapest of 50 with x (s1 1, s2 2, s3 3, 46 more)"
    )


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"prices": {"junior": "cheap"}}, "the price of 'junior' is 'cheap'; valid: a number, 0 or more"),
        ({"prices": {"junior": True}}, "the price of 'junior' is True"),
        ({"prices": {"junior": float("nan")}}, "the price of 'junior' is nan"),
        ({"prices": [1]}, r"option 'prices' is \[1\]; valid: an object"),
        ({"skills": {"junior": "python"}}, "the skills of 'junior' is 'python'; valid: a list of names"),
        ({"busy_surcharge": -1}, "option 'busy_surcharge' is -1"),
        ({"label": ""}, "option 'label' is ''"),
    ],
)
def test_wrong_options_are_refused_at_once(options: dict[str, Any], complaint: str) -> None:
    """What cannot be read is refused when the node is made, and says what is valid."""
    with pytest.raises(TariffError, match=complaint):
        CostAwareRouter(**options)


def test_a_wrong_policy_fails_the_turn() -> None:
    """A role whose price is no number is told by name."""
    team = crew(Role(name="junior", policy={"price": "cheap", "skills": ["python"]}))
    with pytest.raises(TariffError, match=r"policy\.price of role 'junior' is 'cheap'"):
        route("skill:python", team=team)
