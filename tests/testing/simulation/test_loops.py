"""Event loops on which chance schedules, and whose time costs nothing."""

import time
from random import Random

import anyio
import anyio.abc
import anyio.lowlevel
import anyio.to_thread
import pytest

from orket.testing.simulation._chance import Chance, Weather
from orket.testing.simulation._loops import BACKENDS, Backend, Steps, run
from orket.testing.simulation._threads import MACHINE, simulated_threads

pytestmark = pytest.mark.parametrize("backend", BACKENDS)


def order_of(backend: Backend, seed: int) -> str:
    """Return in which order ten tasks take three steps each."""
    said: list[str] = []

    async def walk(name: str) -> None:
        for _ in range(3):
            said.append(name)
            await anyio.lowlevel.checkpoint()

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for name in "abcdefghij":
                group.start_soon(walk, name)

    run(main, backend=backend, chance=Random(seed), steps=Steps(1000))
    return "".join(said)


def test_chance_chooses_among_tasks(backend: Backend) -> None:
    """The same seed gives the same order, and other seeds give others."""
    orders = [order_of(backend, seed) for seed in range(5)]
    assert orders == [order_of(backend, seed) for seed in range(5)]
    assert len(set(orders)) == 5
    assert {"".join(sorted(order)) for order in orders} == {"".join(sorted("abcdefghij" * 3))}


def test_time_passes_when_all_wait(backend: Backend) -> None:
    """Sleepers wake in the order of their times, and a week of it takes no time; time limits hold."""
    said: list[tuple[str, float]] = []

    async def sleep(name: str, seconds: float) -> None:
        await anyio.sleep(seconds)
        said.append((name, anyio.current_time()))

    async def main() -> bool:
        async with anyio.create_task_group() as group:
            group.start_soon(sleep, "late", 600_000.0)
            group.start_soon(sleep, "early", 1.5)
        with anyio.move_on_after(10) as scope:
            await anyio.sleep_forever()
        said.append(("limit", anyio.current_time()))
        return scope.cancelled_caught

    begun = time.monotonic()
    assert run(main, backend=backend, chance=Random(0), steps=Steps(1000))
    assert time.monotonic() - begun < 60
    assert said == [("early", 1.5), ("late", 600_000.0), ("limit", 600_010.0)]


def test_steps_are_counted(backend: Backend) -> None:
    """Tasks that never come to rest are noticed at the limit, once."""
    steps = Steps(500)

    async def main() -> bool:
        with anyio.CancelScope() as scope:
            steps.exceeded = scope.cancel
            while True:
                await anyio.lowlevel.checkpoint()
        return scope.cancelled_caught

    assert run(main, backend=backend, chance=Random(0), steps=steps)
    assert 500 <= steps.taken < 600


class Desk:
    """A machine whose threads take two seconds to begin, and two to be heard of."""

    def __init__(self, group: anyio.abc.TaskGroup) -> None:
        self.group = group
        self.busy = 0
        self.is_dead = False

    def thread_delay(self) -> float:
        return 2.0


def on_a_desk(backend: Backend, work: object) -> object:
    """Run *work* with a desk on which its threads run."""

    async def main() -> object:
        async with anyio.create_task_group() as group:
            desk = Desk(group)
            MACHINE.set(desk)
            return await work(desk)

    with simulated_threads():
        return run(main, backend=backend, chance=Random(0), steps=Steps(1000))


def test_threads_are_simulated(backend: Backend) -> None:
    """A function runs whole, some time later, in this very thread; what it raises is its caller's."""

    async def work(desk: Desk) -> float:
        limiter = anyio.CapacityLimiter(1)
        assert await anyio.to_thread.run_sync(divmod, 7, 2, limiter=limiter) == (3, 1)
        with pytest.raises(ZeroDivisionError):
            await anyio.to_thread.run_sync(divmod, 1, 0)
        assert desk.busy == 0
        return anyio.current_time()

    assert on_a_desk(backend, work) == 8.0


@pytest.mark.parametrize("abandon", [False, True])
def test_a_cancelled_caller_waits_or_not(backend: Backend, abandon: bool) -> None:
    """As with threads: who may leave its function behind goes at once, and it runs all the same."""
    ran: list[float] = []

    async def work(desk: Desk) -> tuple[float, int]:
        with anyio.move_on_after(1.0):
            await anyio.to_thread.run_sync(lambda: ran.append(anyio.current_time()), abandon_on_cancel=abandon)
        return anyio.current_time(), desk.busy

    assert on_a_desk(backend, work) == ((1.0, 1) if abandon else (4.0, 0))
    assert ran == [2.0]


def test_the_dead_run_nothing(backend: Backend) -> None:
    """A function whose process dies before its turn never runs."""
    ran: list[int] = []

    async def work(desk: Desk) -> None:
        desk.is_dead = True
        with pytest.raises(RuntimeError, match="died before"):
            await anyio.to_thread.run_sync(ran.append, 1)

    on_a_desk(backend, work)
    assert ran == []


def test_streams_of_chance_are_independent(backend: Backend) -> None:
    """A stream says the same whatever others are asked; another seed or name is another stream."""
    assert Chance(1, "a").random() == Chance(1, "a").random()
    assert len({Chance(seed, name).random() for seed in (1, 2) for name in "ab"}) == 4
    assert not Chance(1).happens(0.0)
    weathers = [Weather.forecast(Chance(seed, "weather")) for seed in range(50)]
    assert {weather.crews for weather in weathers} == {1, 2, 3}
    assert 0 < sum(weather.crash == 0.0 for weather in weathers) < 40
