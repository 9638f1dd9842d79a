"""What a delivery costs, in calls of the store."""

import pytest
from deliveries import REPOSITORY, SECRET, approved, delivery, rejected
from gitea_world import World, WorldClient

from orket.review import ReviewDesk
from orket.stores import MemoryStore
from orket.testing.faults import FaultyStore

pytestmark = pytest.mark.anyio


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


async def test_what_follows_costs_one_commit() -> None:
    """An approval that is merged costs one commit more, and one look at what it has become."""
    inner = MemoryStore()
    await inner.open()
    store, client = FaultyStore(inner, at=0), WorldClient(World())
    async with ReviewDesk(secret=SECRET, repositories=[REPOSITORY], store=store, gitea=client) as desk:
        store.calls.clear()
        await desk.handle(*delivery(approved()))
        await desk.settled()
    assert list(store.calls) == ["find", "commit", "find", "commit", "find"]
    assert client.world.merged == {7}
