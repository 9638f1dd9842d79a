"""What cannot be made into a router, or is none once it is made."""

import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any, Never

from orket.contracts import Route, RouteQuestion
from orket.nodes.router import DefaultRouterNode as Router


def make_with_seats(*, seats: tuple[str, ...]) -> Router:
    """Need an option that has no default."""
    if not seats:
        raise ValueError("no seats")
    return Router()


class NeedsArguments(Router):
    """Takes arguments that nobody passes."""

    def __init__(self, configuration: object) -> None:
        self.configuration = configuration


class RaisesWhenMade(Router):
    """Finds its environment wanting."""

    def __init__(self) -> None:
        raise ValueError("no API key")


class ExitsWhenMade(Router):
    """Gives up for everybody."""

    def __init__(self) -> None:
        sys.exit("no API key")


async def make_later() -> Router:
    """Want to be awaited."""
    return Router()


def make_one_by_one() -> Iterator[Router]:
    """Make a generator of routers instead of a router."""
    yield Router()


def make_nothing() -> None:
    """Forget the return."""
    Router()


def make_a_class() -> type[Router]:
    """Forget the call."""
    return Router


class WrongArity:
    """Has a method that takes no question."""

    def route(self) -> Route:
        """Answer without being asked."""
        return Route(seat=None, reason="whatever it was")


class NoMethod:
    """Has a method of a slightly wrong name."""

    def routes(self, question: RouteQuestion, /) -> Route:
        """Never be called."""
        return Router().route(question)


class MethodIsANumber:
    """Has something under the method's name that cannot be called."""

    route = 3


class HostileProperty:
    """Raises when somebody looks for its method."""

    @property
    def route(self) -> Never:
        """Raise."""
        raise RuntimeError("do not look at me")


class AsyncGenerator:
    """Yields where it should return."""

    async def route(self, question: RouteQuestion, /) -> AsyncIterator[Route]:
        """Yield the route."""
        yield Router().route(question)


class OtherContract(Router):
    """Was written for a contract that is not this one."""

    contract_version = 99


class Clashing(Router):
    """Has the name of another distribution's router."""


class AsyncPolicy:
    """Is async where only plain answers are taken."""

    def parse_allowed_origins(self, value: str, /) -> tuple[str, ...]:
        """Answer rightly."""
        return tuple(value.split(","))

    async def resolve_asset_id(self, question: Any, /) -> str | None:
        """Want to be awaited."""
        return None

    def create_session_id(self, token: str, /) -> str:
        """Answer rightly."""
        return token
