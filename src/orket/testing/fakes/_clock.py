"""A clock that moves only when it is told to, or when there is nothing else to do."""

from typing import Final

import anyio
import anyio.lowlevel
from attrs import define, field

_SETTLING: Final = 20  # checkpoints in which chains of tasks that wake each other come to rest


@define(eq=False)
class _Sleeper:
    until: float
    nudge: anyio.Event = field(factory=anyio.Event)


class SimulatedClock:
    """A clock (the port :class:`~orket.contracts.Clock`) whose time is yours; for asyncio and trio, one thread.

    Args:
        start: What it shows at first, in seconds since the epoch.
        auto: Advance by itself to the next sleeper's time whenever all tasks wait. A task that waits for a worker
            thread, a socket or another process counts as waiting too: where such things are under way, move the clock
            by hand.
    """

    def __init__(self, start: float = 1_000_000.0, *, auto: bool = False) -> None:
        self._now = start
        self._auto = auto
        self._driven = False
        self._sleepers: list[_Sleeper] = []
        self._arrival = anyio.Event()

    def now(self) -> float:
        """Return the simulated seconds since the epoch."""
        return self._now

    @property
    def sleepers(self) -> int:
        """How many tasks sleep."""
        return len(self._sleepers)

    def advance(self, seconds: float) -> None:
        """Move the clock forward, and wake who has slept enough.

        Args:
            seconds: How far; not negative.
        """
        if not seconds >= 0:
            raise ValueError(f"a clock moves forward; found {seconds!r} seconds")
        self._move_to(self._now + seconds)

    async def wait_for_sleepers(self, count: int = 1) -> None:
        """Wait until at least *count* tasks sleep."""
        while len(self._sleepers) < count:
            await self._arrival.wait()

    async def sleep(self, seconds: float, /) -> None:
        """Wait until the clock has moved on by *seconds*."""
        if not seconds > 0:
            await anyio.lowlevel.checkpoint()
            return
        sleeper = _Sleeper(self._now + seconds)
        self._sleepers.append(sleeper)
        arrival, self._arrival = self._arrival, anyio.Event()
        arrival.set()
        try:
            while self._now < sleeper.until:
                if self._auto and not self._driven:
                    await self._drive(sleeper)
                else:
                    sleeper.nudge = anyio.Event()
                    await sleeper.nudge.wait()
        finally:
            self._sleepers.remove(sleeper)
            if self._auto and not self._driven and self._sleepers:
                self._sleepers[0].nudge.set()  # somebody else must drive

    async def _drive(self, sleeper: _Sleeper) -> None:
        """Advance whenever all tasks wait, until *sleeper* has slept enough; one task at a time does so."""
        self._driven = True
        try:
            while self._now < sleeper.until:
                for _ in range(_SETTLING):  # anyio polls ten times a second on asyncio; so ask when it is quiet
                    await anyio.lowlevel.checkpoint()
                await anyio.wait_all_tasks_blocked()
                if self._now < sleeper.until:
                    self._move_to(min([it.until for it in self._sleepers]))
        finally:
            self._driven = False

    def _move_to(self, moment: float) -> None:
        self._now = max(self._now, moment)
        for sleeper in self._sleepers:
            if sleeper.until <= self._now:
                sleeper.nudge.set()
