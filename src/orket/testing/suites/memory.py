"""What a memory owes."""

import abc
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import ClassVar

from attrs import evolve
from hypothesis import assume
from hypothesis import strategies as st

from orket._answers import wrong_recollection
from orket._fit import misfits
from orket.contracts import Memory, MemoryQuery, Remembered
from orket.testing._suite import ContractSuite, rule
from orket.testing.strategies import memory_queries, remembered

_RARE = "zanzibar"


class MemoryContract(ContractSuite, abc.ABC):
    """The rules of memories. A subclass defines :meth:`make_memory`."""

    prefix: ClassVar[str] = "memory"
    subject: ClassVar[str] = "make_memory"

    @abc.abstractmethod
    def make_memory(self) -> Memory:
        """Return a new memory that was told nothing; called again and again."""

    @asynccontextmanager
    async def memory(self, told: tuple[Remembered, ...] = ()) -> AsyncIterator[Memory]:
        """Make a memory, tell it, and close it in the end."""
        memory = self.make_memory()
        try:
            if told:
                await _tell(memory, told)
            yield memory
        finally:
            await memory.aclose()

    @rule("20")
    async def fits_its_port(self) -> None:
        """A memory has the methods of its protocol."""
        memory = self.make_memory()
        assert not list(misfits(memory, Memory))
        await memory.aclose()

    @rule("21", told=remembered(), query=memory_queries())
    async def answers_soundly(self, told: tuple[Remembered, ...], query: MemoryQuery) -> None:
        """A memory answers any text with a tuple of decisions: not too many, not too long, and none twice."""
        async with self.memory(told) as memory:
            assert wrong_recollection(await _ask(memory, query), query.limit) is None

    @rule("22", told=remembered(), query=memory_queries())
    async def knows_what_it_was_told(self, told: tuple[Remembered, ...], query: MemoryQuery) -> None:
        """A memory finds only what it was told, as it was told it."""
        async with self.memory(told) as memory:
            assert set(await _ask(memory, query)) <= set(told)

    @rule("23", told=remembered(), query=memory_queries(), again=st.integers(0, 7))
    async def takes_a_key_again(self, told: tuple[Remembered, ...], query: MemoryQuery, again: int) -> None:
        """To tell a memory of a decision that it knows changes no answer."""
        assume(told)
        async with self.memory(told) as memory:
            before = await _ask(memory, query)
            await _tell(memory, (told[again % len(told)],))
            assert await _ask(memory, query) == before

    @rule("24", told=remembered(), query=memory_queries(), other=memory_queries())
    async def answers_alike(self, told: tuple[Remembered, ...], query: MemoryQuery, other: MemoryQuery) -> None:
        """The same query is answered alike as long as nothing is added, whatever else is asked."""
        async with self.memory(told) as memory:
            before = await _ask(memory, query)
            await _ask(memory, other)
            assert await _ask(memory, query) == before

    @rule("25", told=remembered(), place=st.integers(0, 7), build=st.sampled_from((None, "build-launch")))
    async def puts_the_relevant_first(self, told: tuple[Remembered, ...], place: int, build: str | None) -> None:
        """A decision in which alone a rare word of the query stands is the first that is found."""
        assume(len(told) > 3)
        place %= len(told)
        own = evolve(told[place], text=f"Ship it from {_RARE}.")
        rest = tuple([evolve(one, text="Use tabs.") for one in told])
        async with self.memory((*rest[:place], own, *rest[place + 1 :])) as memory:
            query = MemoryQuery(text=f"What about {_RARE.title()}?", limit=3, build=build)
            assert (await _ask(memory, query))[:1] == (own,)

    @rule("26", told=remembered())
    async def closes_twice(self, told: tuple[Remembered, ...]) -> None:
        """A memory may be closed again."""
        async with self.memory(told) as memory:
            await memory.aclose()


async def _tell(memory: Memory, told: tuple[Remembered, ...]) -> None:
    answer = memory.add(told)
    if isinstance(answer, Awaitable):
        await answer


async def _ask(memory: Memory, query: MemoryQuery) -> tuple[Remembered, ...]:
    answer = memory.search(query)
    return await answer if isinstance(answer, Awaitable) else answer
