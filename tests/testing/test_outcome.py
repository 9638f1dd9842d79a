"""What suites of ports see of a call: its outcome, and how it takes a cancellation."""

import asyncio
from collections.abc import Awaitable, Callable

import anyio
import pytest
import trio

from orket.testing._outcome import check_cancelling, outcome, quickest
from orket.testing._watch import Steps

pytestmark = pytest.mark.anyio


async def twice() -> str:
    await anyio.lowlevel.checkpoint()
    await anyio.lowlevel.checkpoint()
    return "done"


@pytest.mark.parametrize("error", [ValueError, SystemExit, KeyboardInterrupt, GeneratorExit])
async def test_an_outcome_is_an_answer_or_an_error(error: type[BaseException]) -> None:
    """Whatever a call raises is an outcome, and so is what it returns, awaited where it can be."""

    def fail() -> None:
        raise error("no")

    found = await outcome(fail)
    assert isinstance(found.error, error)
    assert found.words == f"raises {found.error!r}"
    assert (await outcome(lambda: 7)).answer == 7
    assert (await outcome(twice)).words == "answers 'done'"


@pytest.mark.parametrize("after", range(4))
async def test_a_call_that_ends_with_its_cancellation_is_fine(after: int) -> None:
    """Nothing is said of a call that passes its cancellation on, or that is over before it comes."""
    await check_cancelling(twice, after=after)
    await check_cancelling(anyio.sleep_forever, seconds=0.01)


async def test_a_swallowed_cancellation_is_seen() -> None:
    """A call that answers in spite of its cancellation is caught."""

    async def swallow() -> str:
        try:
            await anyio.sleep_forever()
        except anyio.get_cancelled_exc_class():
            return "never mind"

    with pytest.raises(AssertionError, match="swallows its cancellation"):
        await check_cancelling(swallow, seconds=0.01)


async def test_a_task_left_behind_is_seen(anyio_backend_name: str) -> None:
    """A call that leaves a task running in the event loop is caught."""
    left: list[Callable[[], Awaitable[None]]] = []
    stop = anyio.Event()

    async def leave() -> None:
        if anyio_backend_name == "trio":
            trio.lowlevel.spawn_system_task(stop.wait)
        else:
            left.append(asyncio.ensure_future(stop.wait()))  # type: ignore[arg-type]
        await anyio.sleep_forever()

    with pytest.raises(AssertionError, match="leaves 1 tasks behind"):
        await check_cancelling(leave, seconds=0.01)
    stop.set()
    await anyio.wait_all_tasks_blocked()


async def test_the_quickest_of_five_counts() -> None:
    """One slow attempt does not count, five do, and a quick one is enough."""
    taken = [0.5, 0.01, 0.02]

    async def attempt(steps: Steps) -> None:
        steps.longest = taken.pop(0)

    assert await quickest(attempt, 0.1) == 0.01
    assert taken == [0.02]
    taken[:] = [0.5, 0.3, 0.4, 0.6, 0.5]
    assert await quickest(attempt, 0.1) == 0.3
