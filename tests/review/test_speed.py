"""What a delivery costs: time where nothing else is measured, and counts where a disk would be."""

import statistics
import time
from typing import Any

import pytest
from deliveries import REPOSITORY, SECRET, approved, delivery, payload, rejected
from gitea_world import World, WorldClient

from orket.review import ReviewDesk
from orket.stores import MemoryStore
from orket.testing.faults import FaultyStore

pytestmark = pytest.mark.anyio
MOST = 0.002  # seconds, half of the deliveries


def deliveries(first: int) -> list[Any]:
    """Return a hundred deliveries of three kinds about fifty pull requests."""
    makers = (lambda n: payload("opened", n), lambda n: rejected(n, nonce=first + n), lambda n: approved(n))
    return [delivery(makers[number % 3](first + number // 2)) for number in range(100)]


async def test_a_delivery_is_taken_in_within_two_milliseconds() -> None:
    """Of 100 deliveries half are on record and answered within 2 ms each; the best of five attempts counts."""
    store, client = MemoryStore(), WorldClient(World())
    await store.open()
    best = 1.0
    async with ReviewDesk(secret=SECRET, repositories=[REPOSITORY], store=store, gitea=client, reviews=client) as desk:
        for attempt in range(5):
            times = []
            for headers, body in deliveries(1 + 60 * attempt):
                start = time.perf_counter()
                response = await desk.handle(headers, body)
                times.append(time.perf_counter() - start)
                assert response.status in (200, 202)
            await desk.settled()
            best = min(best, statistics.median(times))
            if best <= MOST:
                break
    assert best <= MOST, f"{best * 1000:.2f} ms"


async def test_a_delivery_costs_one_commit() -> None:
    """A delivery is one commit between two looks at the store, a known one is a look, a refused one is nothing."""
    inner = MemoryStore()
    await inner.open()
    store, client = FaultyStore(inner, at=0), WorldClient(World())
    async with ReviewDesk(secret=SECRET, repositories=[REPOSITORY], store=store, gitea=client) as desk:
        costs = []
        for headers, body in [delivery(rejected()), delivery(rejected()), ({}, b"{}"), delivery(b"{}")]:
            store.calls.clear()
            await desk.handle(headers, body)
            costs.append(list(store.calls))
            await desk.settled()
    assert costs == [["find", "commit", "find"], ["find"], [], []]
