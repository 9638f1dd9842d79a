"""Calling a port under test: what came of it, and whether it lets itself be cancelled."""

import math
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import anyio
import anyio.lowlevel
import attrs
from hypothesis import reject

from orket.testing._watch import Steps

LIMIT: Final = 10.0  # seconds after which a call that was cancelled counts as hanging
_PAUSES: Final = (0.0, 0.02, 0.05, 0.1, 0.2)  # seconds before each attempt to be quick enough


@attrs.frozen
class Outcome:
    """What a call gave: an answer, or what it raised."""

    answer: Any = None
    error: BaseException | None = None

    @property
    def words(self) -> str:
        """What was raised, or what was answered."""
        return f"answers {self.answer!r:.300}" if self.error is None else f"raises {self.error!r:.500}"


async def outcome(call: Callable[[], Any], steps: Steps | None = None) -> Outcome:
    """Make a call, await what it returns if that can be awaited, and return what came of it."""
    try:
        return Outcome(answer=await (steps or Steps()).watch(call))
    except (Exception, SystemExit, KeyboardInterrupt, GeneratorExit) as error:  # noqa: BLE001 - the seam that calls foreign code
        return Outcome(error=error)


def shown(error: BaseException | None) -> str:
    """Return all that an error shows: its own words and notes, and those of what it was raised from or beside."""
    if error is None:
        return ""
    return f"{error} {error!r} {vars(error)!r} {shown(error.__cause__)} {shown(error.__context__)}"


async def answered(call: Callable[[], Any]) -> Any:
    """Return the answer of a call; an example in which it raises does not count, so that one defect fails one rule."""
    found = await outcome(call)
    if found.error is not None:
        reject()
    return found.answer


async def check_cancelling(call: Callable[[], Any], *, after: int = 0, seconds: float | None = None) -> None:
    """Cancel a call, and see that it ends with the cancellation, at once, and leaves no task behind.

    Args:
        call: Makes the call.
        after: After how many suspensions it is cancelled; 0 is before the first.
        seconds: Cancel after a time instead.
    """
    scope = anyio.CancelScope()
    steps = Steps(scope=scope)
    if seconds is None:
        steps.on_suspend = lambda count: scope.cancel() if count > after else None
    tasks = len(anyio.get_running_tasks())
    with anyio.move_on_after(LIMIT) as limit, scope:
        if seconds is not None:
            scope.deadline = anyio.current_time() + seconds
        elif after == 0:
            scope.cancel()
        await outcome(call, steps)
    assert not limit.cancelled_caught, f"does not end within {LIMIT:g} s after it was cancelled"
    assert scope.cancelled_caught or not steps.thrown, "swallows its cancellation"
    await anyio.lowlevel.checkpoint()
    left = len(anyio.get_running_tasks()) - tasks
    assert left <= 0, f"leaves {left} tasks behind when it is cancelled"


async def quickest(call: Callable[[Steps], Any], budget: float) -> float:
    """Return how long the longest step of a call keeps the event loop, at best."""

    async def measure() -> float:
        steps = Steps()
        await call(steps)
        return steps.longest

    return await least(measure, budget)


async def least(measure: Callable[[], Awaitable[float]], limit: float) -> float:
    """Return the shortest time of some attempts, the first that is within the limit: the machine may be busy."""
    found = math.inf
    for pause in _PAUSES:
        time.sleep(pause)  # noqa: ASYNC251 - nothing else runs here; who has waited is served first
        found = min(found, await measure())
        if found <= limit:
            break
    return found
