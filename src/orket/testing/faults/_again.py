"""The same crew once more: what it was made with, and a clock for its later lives."""

from typing import Any

import attrs

from orket._clock import SystemClock
from orket._orchestrator import Orchestrator
from orket._orchestrator._setup import as_store
from orket.contracts import Clock, Store


@attrs.frozen
class LaterClock:
    """A crew's clock, so much ahead that every claim of its lives before has expired."""

    ahead: float
    clock: Clock = attrs.field(factory=SystemClock)

    def now(self) -> float:
        """Return seconds since the epoch."""
        return self.clock.now() + self.ahead

    async def sleep(self, seconds: float, /) -> None:
        """Wait."""
        await self.clock.sleep(seconds)


def given(crew: Orchestrator) -> dict[str, Any]:
    """Return what a crew was made with."""
    return {field.name: getattr(crew, field.name) for field in attrs.fields(type(crew)) if field.init}


def store_of(crew: Orchestrator) -> Store:
    """Return a crew's store, not yet opened."""
    parts = given(crew)
    return as_store(parts["_store"], parts["_workspace"])


def clock_of(crew: Orchestrator, life: int) -> LaterClock:
    """Return the clock of one of a crew's lives; the first is 0."""
    parts = given(crew)
    return LaterClock(life * 2 * parts["_limits"].lease, parts["_clock"])
