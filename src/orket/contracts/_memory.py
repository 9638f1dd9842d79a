"""The memory port: what finds remembered decisions by their words."""

from collections.abc import Awaitable
from typing import Protocol, runtime_checkable

from attrs import frozen

from orket._value import Value


@frozen(kw_only=True, repr=False, eq=False)
class Remembered(Value):
    """A decision that was remembered: ``key`` names it in the record, ``at`` is seconds since the epoch (UTC).

    ``build`` and ``card`` say in whose turn it was made.
    """

    key: str
    text: str
    build: str
    card: str
    at: float


@frozen(kw_only=True, repr=False, eq=False)
class MemoryQuery(Value):
    """Ask which decisions go with ``text``, at most ``limit`` of them.

    Where fewer go with it, the newest ones of ``build`` fill up; None: nothing does.
    """

    text: str
    limit: int
    build: str | None = None


@runtime_checkable
class Memory(Protocol):
    """Finds remembered decisions. It owns no record: the core tells it all that the store has, and what comes later.

    ``add`` and ``search`` may be ``def`` or ``async def``; a ``def`` must not block. Each may take as long as a node.
    """

    def add(self, remembered: tuple[Remembered, ...], /) -> Awaitable[None] | None:
        """Take decisions in, in the order they were made.

        Must take the same key a second time without harm. May be called again with what an earlier call failed on.
        """
        ...

    def search(self, query: MemoryQuery, /) -> Awaitable[tuple[Remembered, ...]] | tuple[Remembered, ...]:
        """Return what goes with the query, the most relevant first; of equals the newest.

        Must return at most ``query.limit`` decisions, no key twice, none with more than 2000 characters. Must answer
        any text, and the same one alike as long as nothing is added.
        """
        ...

    async def aclose(self) -> None:
        """Release what it holds."""
        ...
