"""The steps of an event loop, counted, and something that happens just before one of them.

A step is what a scheduler does at a time: on trio the resumption of a task, on asyncio a callback, most of which resume
a task, too. Neither event loop is imported: each is given, by anyio, an object that looks like its own.
"""

import gc
import time
from collections.abc import Awaitable, Callable, Iterator
from contextvars import Context, copy_context
from pathlib import Path
from types import FrameType
from typing import Any, Final, TypeAlias, TypeVar

import anyio
import anyio.lowlevel
from attrs import define, field

T = TypeVar("T")
Place: TypeAlias = tuple[str, int]  # a file of orket, from the package on, and a line in it
_PACKAGE: Final = f"{Path(__file__).parents[2]}/"
_SUSPENDED: Final = (("cr_frame", "cr_await"), ("gi_frame", "gi_yieldfrom"), ("ag_frame", "ag_await"))


@define(eq=False)
class Pulse:
    """Counts steps from :meth:`on` to :meth:`off`, and does something at chosen ones; without any it only looks.

    Attributes:
        chosen: The steps, from 1; past all of them nothing happens any more.
        passed: Steps so far.
        fired: How often it did something.
        awaits: Where orket's own code was suspended at any step, in whichever task; for who only looks.
    """

    chosen: tuple[int, ...] = ()
    passed: int = 0
    fired: int = 0
    awaits: set[Place] = field(factory=set)
    _do: Callable[[], object] | None = None
    _context: Context = field(factory=Context)  # of the host: between two tasks, anyio knows no event loop
    _ahead: float = 0.0

    def on(self, do: Callable[[], object]) -> None:
        """Count, and do this at the chosen steps."""
        self._do, self._context = do, copy_context()

    def off(self) -> None:
        """Count no further."""
        self._do = None

    def pass_time(self, seconds: float = 4.5) -> None:
        """Let time pass for the event loop: what was to happen until then is due.

        Let it be less than what orket itself waits for: a host's gate rules have five seconds, and would fail.
        """
        self._ahead += seconds

    def step(self) -> None:
        """Take note of a step that is about to be made."""
        if self._do is None:
            return
        self.passed += 1
        if self.passed in self.chosen:
            self.fired += 1
            self._context.copy().run(self._do)
        elif not self.chosen:
            self.awaits.update(self._context.copy().run(_awaits))

    def run(self, main: Callable[[], Awaitable[T]], backend: str) -> T:
        """Run *main* on an event loop that beats by this pulse."""
        if backend == "trio":
            return anyio.run(main, backend=backend, backend_options={"instruments": [_Instrument(self)], "clock": self})

        async def on_asyncio() -> T:
            self._take(anyio.lowlevel.current_token().native_token)
            return await main()

        return anyio.run(on_asyncio, backend=backend)

    def _take(self, loop: Any) -> None:
        """Stand in the way of each callback of an asyncio loop."""

        def counted(call_soon: Callable[..., Any]) -> Callable[..., Any]:
            return lambda callback, *args, **given: call_soon(self._made, callback, args, **given)

        now = loop.time
        loop.call_soon, loop.call_soon_threadsafe = counted(loop.call_soon), counted(loop.call_soon_threadsafe)
        loop.time = lambda: now() + self._ahead

    def _made(self, callback: Callable[..., object], args: tuple[Any, ...]) -> None:
        self.step()
        callback(*args)

    def start_clock(self) -> None:
        """Be trio's clock."""

    def current_time(self) -> float:
        """Tell the seconds to trio."""
        return time.monotonic() + self._ahead

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """Tell trio how long it may wait."""
        return deadline - self.current_time()


class _Instrument:
    """What trio tells of its steps."""

    def __init__(self, pulse: Pulse) -> None:
        self._pulse = pulse

    def before_task_step(self, _task: object) -> None:
        """Pass it on."""
        self._pulse.step()


def _awaits() -> set[Place]:
    """Return where the code of this package is suspended."""
    frames = [frame for task in anyio.get_running_tasks() for frame in _frames(task.coro)]
    places = [(frame.f_code.co_filename, frame.f_lineno) for frame in frames]
    return {(name.removeprefix(_PACKAGE), line) for name, line in places if name.startswith(_PACKAGE)}


def _frames(waiting: Any) -> Iterator[FrameType]:
    """Yield the frames of a suspended coroutine, and of what it waits for, and so on."""
    while waiting is not None:
        if type(waiting).__name__.startswith("async_generator_"):  # one step of a generator: it names it nowhere
            waiting = next((it for it in gc.get_referents(waiting) if hasattr(it, "ag_frame")), None)
        for frame, following in _SUSPENDED:
            if hasattr(waiting, frame):
                if (found := getattr(waiting, frame)) is not None:
                    yield found
                waiting = getattr(waiting, following)
                break
        else:
            return
