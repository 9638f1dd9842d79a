"""Memories that are wrong in one way each."""

from typing import Any

import attrs

from mutants import Mutant
from orket.contracts import MemoryQuery, Remembered
from orket.memory import FullTextMemory as Honest


class Deaf:
    """Cannot be told anything."""

    def search(self, query: MemoryQuery, /) -> tuple[Remembered, ...]:
        return ()

    async def aclose(self) -> None:
        return None


class Listing(Honest):
    def search(self, query: MemoryQuery, /) -> Any:
        return list(super().search(query))


class MakingUp(Honest):
    def search(self, query: MemoryQuery, /) -> tuple[Remembered, ...]:
        return tuple([attrs.evolve(one, text=one.text.strip()) for one in super().search(query)])


class Renewing(Honest):
    """Takes what it is told again for news."""

    def __init__(self) -> None:
        super().__init__()
        self.news: set[str] = set()

    def add(self, remembered: tuple[Remembered, ...], /) -> None:
        self.news = {one.key for one in remembered}
        super().add(remembered)

    def search(self, query: MemoryQuery, /) -> tuple[Remembered, ...]:
        found = super().search(query)
        if len(self.news) > 1:
            return found
        return tuple([one for one in found if one.key not in self.news])


class Moody(Honest):
    """Answers its first query, and no other."""

    asked = 0

    def search(self, query: MemoryQuery, /) -> tuple[Remembered, ...]:
        self.asked += 1
        return super().search(query) if self.asked == 1 else ()


class Newest(Honest):
    """Looks at the date only."""

    def search(self, query: MemoryQuery, /) -> tuple[Remembered, ...]:
        return super().search(attrs.evolve(query, text="", build=query.build or "build-launch"))


class Fragile(Honest):
    closed = False

    async def aclose(self) -> None:
        if self.closed:
            raise ValueError("closed already")
        self.closed = True
        await super().aclose()


def mutant(number: str, make: Any, how: str, *also: str) -> Mutant:
    return Mutant(rule=f"memory-{number}", make=make, how=how, also=tuple([f"memory-{it}" for it in also]))


MUTANTS = (
    mutant("20", Deaf, "cannot be told anything", *[str(number) for number in range(21, 27)]),
    mutant("21", Listing, "answers with a list", "25"),
    mutant("22", MakingUp, "takes the blanks around a decision away"),
    mutant("23", Renewing, "forgets a decision that it is told again", "25"),
    mutant("24", Moody, "answers its first query, and no other", "23"),
    mutant("25", Newest, "looks at nothing but when a decision was made"),
    mutant("26", Fragile, "raises when it is closed again"),
)
