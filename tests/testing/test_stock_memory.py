"""The stock memory keeps its contract, and so does one that must be awaited."""

from orket.contracts import MemoryQuery, Remembered
from orket.memory import FullTextMemory
from orket.testing import MemoryContract


class Remote:
    """A memory behind a network, as a host may bring one."""

    def __init__(self) -> None:
        self._inner = FullTextMemory()

    async def add(self, remembered: tuple[Remembered, ...], /) -> None:
        self._inner.add(remembered)

    async def search(self, query: MemoryQuery, /) -> tuple[Remembered, ...]:
        return self._inner.search(query)

    async def aclose(self) -> None:
        await self._inner.aclose()


class TestFullTextMemory(MemoryContract):
    def make_memory(self) -> FullTextMemory:
        return FullTextMemory()


class TestRemoteMemory(MemoryContract):
    def make_memory(self) -> Remote:
        return Remote()
