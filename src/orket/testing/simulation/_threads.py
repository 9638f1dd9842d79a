"""Worker threads that are none: what is to run in one runs on the event loop, whole, at a moment that chance chooses.

A thread is the one thing that no seed can schedule. So while a simulation runs, ``anyio.to_thread.run_sync`` starts
none: a function waits for its turn, runs from its beginning to its end, and its caller learns of it a while later. One
whose caller went away runs all the same, unless its process dies before.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar, copy_context
from typing import Any, Final, Protocol
from unittest import mock

import anyio
import anyio.abc
import anyio.lowlevel
import anyio.to_thread
from attrs import define, field


class Machine(Protocol):
    """What threads run on."""

    busy: int  # functions that wait for their turn

    @property
    def is_dead(self) -> bool:
        """Whether nothing of it runs any more."""
        ...

    @property
    def group(self) -> anyio.abc.TaskGroup:
        """Where functions go on whose callers went away."""
        ...

    def thread_delay(self) -> float:
        """Return how long it takes until a function runs, or its caller learns of it, in seconds."""
        ...


MACHINE: Final[ContextVar[Machine]] = ContextVar("MACHINE")  # on which the present task runs


@contextmanager
def simulated_threads() -> Iterator[None]:
    """Run what is given to worker threads on the machine of the task that gives it."""
    with mock.patch.object(anyio.to_thread, "run_sync", _run_sync):
        yield


async def _run_sync(
    function: Callable[..., Any],
    *args: Any,
    abandon_on_cancel: bool = False,
    cancellable: bool | None = None,
    limiter: anyio.CapacityLimiter | None = None,
) -> Any:
    """Stand in for ``anyio.to_thread.run_sync``."""
    machine = MACHINE.get()
    await anyio.lowlevel.checkpoint()
    async with limiter or nullcontext():
        job = _Job(machine=machine, function=function, args=args)
        machine.group.start_soon(job.work)
        with anyio.CancelScope(shield=not (abandon_on_cancel or cancellable)):
            await job.done.wait()
        return job.result()


@define(eq=False)
class _Job:
    machine: Machine
    function: Callable[..., Any]
    args: tuple[Any, ...]
    done: anyio.Event = field(factory=anyio.Event)
    _value: Any = None
    _error: BaseException | None = None

    async def work(self) -> None:
        machine, context = self.machine, copy_context()
        machine.busy += 1
        try:
            await anyio.sleep(machine.thread_delay())
            if machine.is_dead:
                self._error = RuntimeError("the process died before its thread had run")
                return
            self._value = context.run(self.function, *self.args)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - what it raises is its caller's, as of a thread
            self._error = error
        finally:
            machine.busy -= 1
            if not machine.is_dead:
                await self._arrive()
            self.done.set()

    async def _arrive(self) -> None:
        with anyio.CancelScope(shield=True):
            await anyio.sleep(self.machine.thread_delay())

    def result(self) -> Any:
        if self._error is not None:
            raise self._error
        return self._value
