"""What must not be left half done, whoever is cancelled meanwhile."""

from collections.abc import Awaitable, Callable

import anyio

from orket._pipeline import bare


async def unbroken(work: Callable[[], Awaitable[object]]) -> None:
    """Await *work* to its end; a cancellation is raised after that.

    In a task of its own: asyncio's ``task.cancel()``, and with it its timeouts and Ctrl-C, pierces the shields of the
    task that it is meant for.

    Raises:
        Exception: whatever *work* raised.
    """
    raised: list[Exception] = []

    async def shielded() -> None:
        with anyio.CancelScope(shield=True):
            try:
                await work()
            except Exception as error:  # noqa: BLE001 - the seam that calls foreign stores; raised below, in no group
                raised.append(error)

    with bare():
        async with anyio.create_task_group() as group:
            group.start_soon(shielded)
    if raised:
        raise raised[0]
