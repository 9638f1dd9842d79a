"""How far the journal has grown, and who waits for more of it."""

import anyio
import anyio.lowlevel

from orket.errors import StoreError


class Progress:
    """The last known ``seq``. Costs nothing while nobody waits; used from the event loop only."""

    def __init__(self, seq: int = 0) -> None:
        self.seq = seq
        self._closed = False
        self._moved: anyio.Event | None = None

    def advance(self, seq: int) -> None:
        """Say that the journal reaches *seq*."""
        if seq > self.seq:
            self.seq = seq
            self._wake()

    def close(self) -> None:
        """Say that it will not grow any more."""
        self._closed = True
        self._wake()

    async def wait(self, since: int) -> None:
        """Return as soon as it has grown beyond *since*.

        Raises:
            StoreError: the store was closed before.
        """
        await anyio.lowlevel.checkpoint()
        while self.seq <= since:
            if self._closed:
                raise StoreError(f"the store was closed while somebody waited for records after {since}")
            moved = self._moved = self._moved or anyio.Event()
            await moved.wait()

    def _wake(self) -> None:
        if self._moved is not None:
            self._moved.set()
            self._moved = None
