"""Routers that fit their protocol and answer wrongly: the core refuses what they say."""

import sys
from collections.abc import Awaitable, Iterator
from typing import Any

import anyio

from orket.contracts import Route, RouteQuestion
from orket.nodes.api_runtime import DefaultApiRuntimeStrategyNode
from orket.nodes.router import DefaultRouterNode


class Wrong:
    """Does not say what is wrong with it."""

    def route(self, question: RouteQuestion, /) -> Any:
        """Route as the stock router does; the subclasses do not."""
        return DefaultRouterNode().route(question)


class AnswersText(Wrong):
    """Answers with the key alone."""

    def route(self, question: RouteQuestion, /) -> Any:
        """Return a text."""
        return question.issue.seat


class AnswersNothing(Wrong):
    """Forgets the return."""

    def route(self, question: RouteQuestion, /) -> Any:
        """Return nothing."""
        super().route(question)


class OwnRoute(Route):
    """A route of its own kind."""


class AnswersSubclass(Wrong):
    """Answers with a subclass of the answer."""

    def route(self, question: RouteQuestion, /) -> Any:
        """Return it."""
        return OwnRoute(seat=super().route(question).seat, reason="my own")


class AnswersGenerator(Wrong):
    """Yields where it should return."""

    def route(self, question: RouteQuestion, /) -> Iterator[Any]:
        """Yield the route."""
        yield super().route(question)


class AnswersAwaitable(Wrong):
    """Answers, once awaited, with something else to await."""

    async def route(self, question: RouteQuestion, /) -> Any:
        """Return a coroutine of itself."""
        return self.route(question)


class UnknownSeat(Wrong):
    """Names a seat that the team does not have."""

    def route(self, question: RouteQuestion, /) -> Any:
        """Invent somebody."""
        return Route(seat="nobody", reason="a friend of mine")


class ReasonIsNoText(Wrong):
    """Gives its reason as data."""

    def route(self, question: RouteQuestion, /) -> Any:
        """Return a mapping as reason."""
        reason: Any = {"score": 0.9}
        return Route(seat=super().route(question).seat, reason=reason)


class Raises(Wrong):
    """Raises what any code may raise."""

    def route(self, question: RouteQuestion, /) -> Any:
        """Look for a key that is not there."""
        return {}[question.issue.id]


class MuteError(Exception):
    """Raises when it is asked what happened."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


class RaisesUnreadable(Wrong):
    """Raises an error whose text cannot be read."""

    def route(self, question: RouteQuestion, /) -> Any:
        """Raise it."""
        raise MuteError


class RaisesInATask(Wrong):
    """Raises in a task of its own."""

    async def route(self, question: RouteQuestion, /) -> Any:
        """Raise a group of errors."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._fail)

    async def _fail(self) -> None:
        raise ValueError("in a task")


class Exits(Wrong):
    """Ends the process."""

    def route(self, question: RouteQuestion, /) -> Any:
        """Exit."""
        sys.exit(1)


class Catastrophe(BaseException):
    """Is no Exception."""


class RaisesBaseException(Wrong):
    """Raises what ``except Exception`` does not catch."""

    def route(self, question: RouteQuestion, /) -> Any:
        """Raise it."""
        raise Catastrophe("while routing")


class EndlessRecursion(Wrong):
    """Asks itself."""

    def route(self, question: RouteQuestion, /) -> Any:
        """Recurse."""
        return self.route(question)


class Hangs(Wrong):
    """Never answers."""

    async def route(self, question: RouteQuestion, /) -> Any:
        """Wait for nothing."""
        await anyio.sleep_forever()


class SecretlyAsync(DefaultApiRuntimeStrategyNode):
    """Looks plain, and answers with something to await."""

    def create_session_id(self, token: str, /) -> Any:
        """Return a coroutine."""
        return self._create(token)

    def _create(self, token: str) -> Awaitable[str]:
        async def create() -> str:
            return token

        return create()
