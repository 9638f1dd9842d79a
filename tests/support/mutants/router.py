"""Routers that are wrong in one way each."""

import attrs

from mutants import Mutant
from mutants.nodes import reasoned, subclassed, universal, unreadable
from orket.contracts import Route, RouteQuestion, TurnKind
from orket.nodes.router import DefaultRouterNode
from orket.testing import RouterContract


class Invents(DefaultRouterNode):
    def route(self, question: RouteQuestion, /) -> Route:
        return attrs.evolve(super().route(question), seat=question.issue.seat)


class Silent(DefaultRouterNode):
    def route(self, question: RouteQuestion, /) -> Route:
        return attrs.evolve(super().route(question), reason=" ")


class OwnReviewer(DefaultRouterNode):
    def route(self, question: RouteQuestion, /) -> Route:
        return super().route(attrs.evolve(question, kind=TurnKind.WORK))


class Idle(DefaultRouterNode):
    def route(self, question: RouteQuestion, /) -> Route:
        route = super().route(question)
        return attrs.evolve(route, seat=None) if route.seat in question.busy else route


MUTANTS = (
    *universal(RouterContract, DefaultRouterNode, other=reasoned, unstorable=unreadable, foreign=subclassed, also={}),
    Mutant(
        rule="router-20", make=Invents, how="repeats what the issue says, seat or not", also=("router-11", "router-22")
    ),
    Mutant(rule="router-21", make=Silent, how="gives a blank for a reason"),
    Mutant(rule="router-22", make=OwnReviewer, how="lets the author review"),
    Mutant(rule="router-23", make=Idle, how="sends work nowhere while its seat is busy", also=("router-22",)),
)
