"""The clock that is moved by hand, or by nobody having anything else to do."""

import time

import anyio
import pytest

from orket.contracts import Clock
from orket.testing.fakes import SimulatedClock

pytestmark = pytest.mark.anyio


def test_is_a_clock() -> None:
    """It satisfies the port, outside of any event loop too."""
    assert isinstance(SimulatedClock(), Clock)
    assert SimulatedClock(5.0).now() == 5.0


async def test_stands_still_until_it_is_advanced() -> None:
    """A sleeper wakes when the clock was moved far enough, and not before."""
    clock, woken = SimulatedClock(), anyio.Event()

    async def sleeper() -> None:
        await clock.sleep(10)
        woken.set()

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(sleeper)
            await clock.wait_for_sleepers()
            assert clock.sleepers == 1
            clock.advance(9)
            await anyio.wait_all_tasks_blocked()
            assert not woken.is_set()
            clock.advance(1)
            await woken.wait()
    assert clock.now() == 1_000_010.0
    assert clock.sleepers == 0


async def test_no_seconds_are_a_checkpoint() -> None:
    """Sleeping for no time lets others run, and returns without moving anything."""
    clock = SimulatedClock()
    with anyio.fail_after(60):
        await clock.sleep(0)
        await clock.sleep(-1)
    assert clock.now() == 1_000_000.0


async def test_never_goes_back() -> None:
    """A negative advance is refused."""
    with pytest.raises(ValueError, match="a clock moves forward"):
        SimulatedClock().advance(-1)


async def test_advances_by_itself_in_the_order_of_the_sleepers() -> None:
    """Sleepers wake in the order of their times, each at its own, in no real time."""
    clock, woken = SimulatedClock(0.0, auto=True), []

    async def sleeper(seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((seconds, clock.now()))
        await clock.sleep(seconds)
        woken.append((2 * seconds, clock.now()))

    begun = time.perf_counter()
    async with anyio.create_task_group() as group:
        for seconds in (300.0, 7.0, 5000.0):
            group.start_soon(sleeper, seconds)
    assert woken == [(it, it) for it in (7.0, 14.0, 300.0, 600.0, 5000.0, 10_000.0)]
    assert time.perf_counter() - begun < 60


async def test_does_not_advance_while_somebody_works() -> None:
    """As long as a task has something to do, the simulated time stands still."""
    clock = SimulatedClock(0.0, auto=True)
    seen: list[float] = []

    async def worker() -> None:
        for _ in range(200):
            await anyio.lowlevel.checkpoint()
            seen.append(clock.now())

    async with anyio.create_task_group() as group:
        group.start_soon(clock.sleep, 60.0)
        group.start_soon(worker)
    assert set(seen) == {0.0}
    assert clock.now() == 60.0


async def test_a_cancelled_sleeper_hands_the_driving_on() -> None:
    """When the task that moves the clock is cancelled, the next sleeper moves it."""
    clock = SimulatedClock(0.0, auto=True)
    scope = anyio.CancelScope()

    async def first() -> None:
        with scope:
            await clock.sleep(10)

    async def second() -> None:
        await clock.sleep(20)

    with anyio.fail_after(60):
        async with anyio.create_task_group() as group:
            group.start_soon(first)
            group.start_soon(second)
            await clock.wait_for_sleepers(2)
            scope.cancel()
    assert scope.cancelled_caught
    assert clock.now() == 20.0
