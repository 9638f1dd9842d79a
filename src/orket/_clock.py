"""The clock that is used where the host gives no other."""

import time

import anyio


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        """Return seconds since the epoch (UTC)."""
        return time.time()

    async def sleep(self, seconds: float, /) -> None:
        """Wait."""
        await anyio.sleep(seconds)
