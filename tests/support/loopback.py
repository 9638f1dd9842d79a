"""Servers of the tests, on a free port of the loopback."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import anyio
from anyio.abc import SocketAttribute, SocketStream


@asynccontextmanager
async def serving(serve: Callable[[SocketStream], Awaitable[None]]) -> AsyncIterator[str]:
    """Give each connection to *serve*, and say at which address."""
    failure: Exception | None = None  # of the test itself; not to be wrapped in a group
    listening = await anyio.create_tcp_listener(local_host="127.0.0.1", local_port=0)
    async with listening as listener, anyio.create_task_group() as tasks:
        tasks.start_soon(listener.serve, serve)
        try:
            yield f"http://127.0.0.1:{listener.extra(SocketAttribute.local_port)}"
        except Exception as error:  # noqa: BLE001 - raised again below
            failure = error
        tasks.cancel_scope.cancel()
    if failure is not None:
        raise failure
