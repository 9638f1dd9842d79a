"""What a router owes."""

from collections.abc import Mapping
from typing import Any, ClassVar

import attrs
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from orket.contracts import INTEGRITY_GUARD, Issue, Role, Route, RouteQuestion, RouterNode, Seat, Team, TurnKind
from orket.testing._nodes import TurnNodeContract
from orket.testing._suite import rule
from orket.testing.strategies import alone, route_questions

_TEAM = Team(
    name="core",
    seats={
        "coder": Seat(id="coder", name="Coder", roles=("coder",)),
        "qa": Seat(id="qa", name="QA", roles=(INTEGRITY_GUARD,)),
    },
    roles={"coder": Role(name="coder"), INTEGRITY_GUARD: Role(name=INTEGRITY_GUARD)},
)


class RouterContract(TurnNodeContract[RouterNode]):
    """The rules of routers.

    Attributes:
        routes_reviews_to_guards: Whether review turns go to a seat that holds ``integrity_guard`` where the team has
            one. Where a router declares False, the seat that it names reviews in the guard's role.
    """

    kind: ClassVar[str] = "router"
    prefix: ClassVar[str] = "router"
    routes_reviews_to_guards: ClassVar[bool] = True

    @classmethod
    def questions(cls) -> Mapping[str, SearchStrategy[tuple[Any, ...]]]:
        """Return by method what generates its arguments."""
        return {"route": alone(route_questions())}

    @classmethod
    def ordinary(cls) -> Mapping[str, tuple[Any, ...]]:
        """Return by method the arguments of a question that every node must answer."""
        issue = Issue(id="I", name="Write it", seat="coder")
        return {"route": (RouteQuestion(issue=issue, team=_TEAM, kind=TurnKind.WORK),)}

    @classmethod
    def large_questions(cls) -> Mapping[str, SearchStrategy[tuple[Any, ...]]]:
        """Return questions about a team of a thousand seats."""
        seats = {f"s{index}": Seat(id=f"s{index}", name=f"Seat {index}", roles=("coder",)) for index in range(1000)}
        team = Team(name="many", seats=seats, roles={"coder": Role(name="coder")})
        wanted = st.sampled_from(("s999", "Seat 500", "nobody"))
        issue = st.builds(Issue, id=st.just("I"), name=st.just("I"), seat=wanted)
        question = st.builds(RouteQuestion, issue=issue, team=st.just(team), kind=st.sampled_from(TurnKind))
        return {"route": alone(question)}

    async def route(self, question: RouteQuestion) -> Route:
        """Return the route that a new node gives."""
        return await self.valid("route", question, answer=Route)

    @rule("20", question=route_questions())
    async def names_a_seat_of_the_team(self, question: RouteQuestion) -> None:
        """A route names a seat of the question's team by its key, or none."""
        route = await self.route(question)
        assert route.seat is None or route.seat in question.team.seats

    @rule("21", question=route_questions())
    async def gives_a_reason(self, question: RouteQuestion) -> None:
        """A route says why, in words."""
        route = await self.route(question)
        assume(isinstance(route.reason, str))
        assert route.reason.strip()

    @rule("22", needs="routes_reviews_to_guards", question=route_questions())
    async def sends_reviews_to_a_guard(self, question: RouteQuestion) -> None:
        """A review turn goes to a seat that holds integrity_guard, where the team has one."""
        review = attrs.evolve(question, kind=TurnKind.REVIEW)
        guards = {seat.id for seat in review.team.seats_holding(INTEGRITY_GUARD)}
        assume(guards)
        route = await self.route(review)
        assert route.seat in guards

    @rule("23", question=route_questions())
    async def finds_a_seat_for_work(self, question: RouteQuestion) -> None:
        """A work turn whose issue names a seat of the team by its key gets a seat."""
        seats = question.team.seats
        assume(seats)
        wanted = question.issue.seat if question.issue.seat in seats else next(iter(seats))
        issue = attrs.evolve(question.issue, seat=wanted)
        route = await self.route(attrs.evolve(question, issue=issue, kind=TurnKind.WORK))
        assert route.seat is not None
