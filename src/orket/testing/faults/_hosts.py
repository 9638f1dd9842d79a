"""How hosts call off what they have begun; each says afterwards whether it knows that it did."""

import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

import anyio
import anyio.lowlevel

from orket.testing.faults._pulse import Pulse

Act: TypeAlias = Callable[[], Awaitable[None]]
Host: TypeAlias = Callable[[Act, Pulse], Awaitable[bool]]


async def in_scope(act: Act, pulse: Pulse) -> bool:
    """Cancel a scope."""
    with anyio.CancelScope() as scope:
        pulse.on(scope.cancel)
        await act()
    return scope.cancelled_caught


async def out_of_time(act: Act, pulse: Pulse) -> bool:
    """Set a limit, and let it pass."""
    pulse.on(pulse.pass_time)
    try:
        with anyio.fail_after(4):
            await act()
    except TimeoutError:
        return True
    return False


async def as_task(act: Act, pulse: Pulse) -> bool:
    """Cancel a task of asyncio by its own method, which nothing is shielded from."""
    loop: Any = anyio.lowlevel.current_token().native_token
    task = loop.create_task(act())
    pulse.on(task.cancel)
    try:
        await task
    except anyio.get_cancelled_exc_class():
        if not task.cancelled():
            raise
    if pulse.fired and not task.cancelled():
        raise AssertionError("task.cancel() was swallowed")
    return bool(task.cancelled())


def signalled(number: signal.Signals) -> Host:
    """Return a host that cancels a scope when its process is sent a signal."""

    async def host(act: Act, pulse: Pulse) -> bool:
        scope, heard, sent, is_over = anyio.CancelScope(), anyio.Event(), False, False

        def send() -> None:
            nonlocal sent
            if not is_over:
                sent = True
                os.kill(os.getpid(), number)

        with anyio.open_signal_receiver(number) as signals:

            async def listen() -> None:
                async for _ in signals:
                    scope.cancel()
                    heard.set()

            async with anyio.create_task_group() as group:
                group.start_soon(listen)
                with scope:
                    pulse.on(send)
                    await act()
                is_over = True
                if sent:  # a signal that nobody has read is raised again where its receiver ends, and ends the process
                    await heard.wait()
                group.cancel_scope.cancel()
        return scope.cancelled_caught

    return host
