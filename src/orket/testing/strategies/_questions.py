"""Questions that the core asks within a turn."""

from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from orket.contracts import Issue, RouteQuestion, Team, TurnKind
from orket.testing.strategies._cards import issues
from orket.testing.strategies._people import SEATS, teams

_WANTED: Final = st.sampled_from((*SEATS, "nobody", "", "Lead Architect"))
_KINDS: Final = st.sampled_from(TurnKind)
_BUSY: Final = st.sampled_from([()] + [(SEATS[i],) for i in range(6)] + [SEATS[:2], SEATS[2:5], SEATS])


def route_questions() -> SearchStrategy[RouteQuestion]:
    """Generate questions for routers: seats that the team has, spells otherwise, or lacks; some of them busy."""
    return st.builds(_route_question, issue=issues(seats=_WANTED), team=teams(), kind=_KINDS, busy=_BUSY)


def _route_question(*, issue: Issue, team: Team, kind: TurnKind, busy: tuple[str, ...]) -> RouteQuestion:
    return RouteQuestion(issue=issue, team=team, kind=kind, busy=tuple(seat for seat in busy if seat in team.seats))


def alone(question: SearchStrategy[Any]) -> SearchStrategy[tuple[Any, ...]]:
    """Return the arguments of a method that takes one question."""
    return st.tuples(question)
