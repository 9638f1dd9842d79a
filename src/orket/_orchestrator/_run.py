"""A run that a host has started and watches."""

from collections.abc import AsyncIterator, Awaitable, Callable

import anyio

from orket._orchestrator._arguments import check_cursor
from orket._orchestrator._history import close_entries
from orket._orchestrator._rocks import is_step
from orket._pipeline import RunResult
from orket.contracts import Store
from orket.errors import OrketError, RunError
from orket.events import JournalEntry


class Run:
    """A started run: its id, its events as they are committed, and its outcome.

    Leaving the orchestrator's ``async with`` cancels a run that is still going; it can be continued later.
    """

    def __init__(self, run_id: str, store: Store, halt: Callable[[], None]) -> None:
        self.id = run_id
        self._store = store
        self._halt = halt
        self._ended = anyio.Event()
        self._waits: set[anyio.CancelScope] = set()  # of consumers that wait for the next record
        self._result: RunResult | None = None
        self._error: OrketError | None = None

    def __repr__(self) -> str:
        return f"<Run {self.id!r}>"

    def halt(self) -> None:
        """Let running turns finish, and start no further one."""
        self._halt()

    async def outcome(self) -> RunResult:
        """Wait for the run to come to rest.

        Raises:
            OrketError: what stopped the run.
            RunError: the orchestrator was closed before the run came to rest.
        """
        await self._ended.wait()
        if self._error is not None:
            raise self._error
        if self._result is None:
            raise RunError(f"run {self.id} was cancelled before it came to rest; run the same build again", run=self.id)
        return self._result

    async def events(self, since: int = 0) -> AsyncIterator[JournalEntry]:
        """Iterate over the run's entries with ``seq`` > *since*, stored ones and those to come, until it is at rest.

        A consumer that was interrupted resumes with the ``seq`` of the last entry it has dealt with.

        Raises:
            RunError: *since* is no number of an entry.
        """
        check_cursor(since)
        while True:
            ended = self._ended.is_set()
            entries = self._store.events(since)
            try:
                async for entry in entries:
                    since = entry.seq
                    if entry.run == self.id or is_step(entry.run, self.id):
                        yield entry
            finally:
                await close_entries(entries)
            if ended:
                return
            if not self._ended.is_set():
                await self._wait(since)

    async def _wait(self, since: int) -> None:
        with anyio.CancelScope() as scope:
            self._waits.add(scope)
            try:
                await self._store.wait(since)
            finally:
                self._waits.discard(scope)

    async def drive(self, work: Callable[[], Awaitable[RunResult]]) -> None:
        """Run *work* and keep what becomes of it; called by the orchestrator."""
        try:
            self._result = await work()
        except OrketError as error:
            self._error = error
        finally:
            self._ended.set()
            for scope in self._waits:
                scope.cancel()
