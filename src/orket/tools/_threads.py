"""The worker threads of tools that block."""

from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, to_thread

from orket.errors import ToolError

T = TypeVar("T")


class WorkerThreads:
    """A bounded number of threads, those counted that were left behind.

    Python cannot stop a thread. One whose caller was cancelled goes on, and what event loops make of that differs: on
    trio it keeps its place in the limiter, on asyncio it does not. So the threads that run are counted here as well.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._limiter = CapacityLimiter(limit)
        self._running: set[object] = set()
        self.queued: set[str] = set()  # tickets of calls that have no thread yet, or got none in time

    async def run(self, function: Callable[[], T], *, abandon: bool, ticket: str = "") -> T:
        """Run *function* in a thread; *abandon* lets a cancelled caller go on without it.

        Who is cancelled while its *ticket* is queued knows that nothing was run.

        Raises:
            ToolError: all threads are kept by functions that do not end.
        """

        def counted() -> tuple[T]:  # wrapped, because trio refuses a bare coroutine as a result
            ticket = object()
            self._running.add(ticket)
            try:
                return (function(),)
            finally:
                self._running.discard(ticket)

        self.queued.add(ticket)
        async with self._limiter:
            self.queued.discard(ticket)
            if len(self._running) >= self._limit:
                raise ToolError(f"all {self._limit} worker threads are kept by tools that do not end; nothing was run")
            return (await to_thread.run_sync(counted, abandon_on_cancel=abandon, limiter=CapacityLimiter(1)))[0]
