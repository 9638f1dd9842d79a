"""Event loops that chance schedules and that never wait: asyncio's and trio's, with time of their own.

Both run the real thing. What differs is three decisions that a loop leaves open: which of the ready tasks takes the
next step, what time it is, and what it does while all tasks wait: it moves its time on to the next deadline.
"""

import asyncio
import importlib
import math
import random
import selectors
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import Context, copy_context
from functools import partial
from typing import Any, Final, Literal, TypeAlias, TypeVar, TypeVarTuple
from unittest import mock
from weakref import WeakKeyDictionary

import anyio
import trio
from attrs import define

T = TypeVar("T")
Ts = TypeVarTuple("Ts")
Backend: TypeAlias = Literal["asyncio", "trio"]
BACKENDS: Final[tuple[Backend, ...]] = ("asyncio", "trio")


@define(eq=False)
class Steps:
    """How many steps tasks have taken; one too many, and *exceeded* is called once."""

    limit: int
    taken: int = 0
    exceeded: Callable[[], None] | None = None

    def count(self) -> None:
        """Count a step."""
        self.taken += 1
        if self.taken == self.limit and self.exceeded is not None:
            self.exceeded()


def run(main: Callable[[], Awaitable[T]], *, backend: Backend, chance: random.Random, steps: Steps) -> T:
    """Run *main* to its end on an event loop of its own, in no time."""
    if backend == "trio":
        with _chosen_by(chance):
            return anyio.run(
                main, backend="trio", backend_options={"clock": TrioTime(), "instruments": [StepCounter(steps)]}
            )
    loop = partial(ChanceLoop, chance, steps)
    return anyio.run(main, backend="asyncio", backend_options={"loop_factory": loop, "debug": False})


class ChanceLoop(asyncio.SelectorEventLoop):
    """An asyncio loop on which chance chooses among the tasks that are ready.

    Everything that is no step of a task (callbacks, timers) keeps its order. That order is promised; the order of tasks
    is not.
    """

    def __init__(self, chance: random.Random, steps: Steps) -> None:
        self._chance = chance
        self._steps = steps
        self._moment = 0.0
        self._numbers: WeakKeyDictionary[asyncio.Task[Any], int] = WeakKeyDictionary()
        self._born = 0
        self._pending: dict[int, Callable[[], object]] = {}  # by the number of the task whose next step it is
        super().__init__(_Sleepless(self.pass_time))

    def time(self) -> float:
        """Return the loop's own seconds."""
        return self._moment

    def pass_time(self, seconds: float) -> None:
        """Let time go by."""
        self._moment += seconds

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """Schedule a callback; a task's step goes where chance will look for it."""
        task = getattr(callback, "__self__", None)
        if not isinstance(task, asyncio.Task):
            return super().call_soon(callback, *args, context=context)
        number = self._number(task)
        if number in self._pending:  # not a step, but another method of the task
            return super().call_soon(callback, *args, context=context)
        self._pending[number] = partial((context or copy_context()).run, callback, *args)
        return super().call_soon(self._step)

    def _number(self, task: "asyncio.Task[Any]") -> int:
        """Return the place of a task among all there were: its first step is scheduled when it is made."""
        if (number := self._numbers.get(task)) is None:
            self._born = number = self._numbers[task] = self._born + 1
        return number

    def _step(self) -> None:
        ready = sorted(self._pending)  # cancellations come in the order of sets of tasks, which is nobody's
        self._steps.count()
        self._pending.pop(ready[self._chance.randrange(len(ready))])()


class _Sleepless(selectors.SelectSelector):
    """Where the loop would wait for files and time: no file is watched, and time is told to pass."""

    def __init__(self, pass_time: Callable[[float], None]) -> None:
        super().__init__()
        self._pass_time = pass_time

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise RuntimeError("all tasks wait, and for nothing that could happen")
        if timeout > 0:
            self._pass_time(timeout)
        return []


class TrioTime(trio.abc.Clock):
    """A clock that trio asks how long to wait when all tasks wait: not at all, it is that late already."""

    def __init__(self) -> None:
        self._moment = 0.0

    def start_clock(self) -> None:
        """Begin at zero."""

    def current_time(self) -> float:
        """Return the loop's own seconds."""
        return self._moment

    def deadline_to_sleep_time(self, deadline: float) -> float:
        """Move on to the deadline."""
        if deadline < math.inf:
            self._moment = max(self._moment, deadline)
        return 0.0


class StepCounter(trio.abc.Instrument):
    """Counts the steps of trio's tasks."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    def before_task_step(self, task: trio.lowlevel.Task) -> None:  # noqa: ARG002 - trio's signature
        """Count one."""
        self._steps.count()


@contextmanager
def _chosen_by(chance: random.Random) -> Iterator[None]:
    """Let chance choose the order of the tasks that are ready: by the switch that trio has for such tests."""
    core = importlib.import_module("trio._core._run")
    with mock.patch.multiple(core, _ALLOW_DETERMINISTIC_SCHEDULING=True, _r=chance):
        yield
