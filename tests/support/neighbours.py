"""Another orchestrator beside the one under test, and the passing of time between the two."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
from small_world import diligent, open_world

import orket
from orket.contracts import Batch, Claim, Release, Store
from orket.testing.fakes import SimulatedClock


class Neighbour:
    """Another orchestrator, as the store sees it: it takes and gives back claims, and adds issues."""

    def __init__(self, store: Store, clock: SimulatedClock) -> None:
        self._store, self._clock, self._written = store, clock, 0

    async def write(self, **fields: Any) -> Mapping[str, int]:
        self._written += 1
        batch = Batch(
            op_id=f"neighbour:{self._written}", run="neighbour", build="build-launch", at=self._clock.now(), **fields
        )
        return (await self._store.commit(batch)).tokens

    async def claim(self, card: str, seconds: float) -> int:
        now = self._clock.now()
        claim = Claim(card=card, owner="neighbour", now=now, until=now + seconds)
        return (await self.write(claims=(claim,)))[card]

    async def release(self, card: str, token: int) -> None:
        await self.write(releases=(Release(card=card, token=token),))


async def joined(root: Path, store: Store, clock: SimulatedClock) -> None:
    """Let the epic's issues join the board, and no turn be taken."""
    async with open_world(root, diligent, store=store, clock=clock) as orchestrator:
        run = await orchestrator.start("launch")
        run.halt()
        assert (await run.outcome()).outcome is orket.RunOutcome.HALTED
    await store.open()


async def settle() -> None:
    """Let everything else go on until it waits for something."""
    for _ in range(200):
        await anyio.lowlevel.checkpoint()


async def keep_moving(clock: SimulatedClock) -> None:
    """Let a second pass now and then."""
    while True:
        clock.advance(1)
        for _ in range(20):
            await anyio.lowlevel.checkpoint()
