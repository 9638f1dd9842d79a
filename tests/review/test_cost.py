"""What a delivery costs, in calls of the store."""

import pytest
from deliveries import REPOSITORY, SECRET, approved, delivery, rejected
from gitea_world import World, WorldClient

from orket.review import DefaultReviewPolicy, ReviewDesk
from orket.review._record import REMEMBERED
from orket.stores import MemoryStore
from orket.testing.faults import FaultyStore

pytestmark = pytest.mark.anyio


async def test_a_delivery_costs_one_commit() -> None:
    """A delivery is one commit and no look at the store; a known one and a refused one are nothing."""
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
    assert costs == [["commit"], [], [], []]


async def test_what_follows_costs_one_commit() -> None:
    """An approval that is merged costs one commit more."""
    inner = MemoryStore()
    await inner.open()
    store, client = FaultyStore(inner, at=0), WorldClient(World())
    async with ReviewDesk(secret=SECRET, repositories=[REPOSITORY], store=store, gitea=client) as desk:
        store.calls.clear()
        await desk.handle(*delivery(approved()))
        await desk.settled()
    assert list(store.calls) == ["commit", "commit"]
    assert client.world.merged == {7}


async def test_a_desk_that_knows_less_looks_once() -> None:
    """The first delivery to a later desk about a known pull request costs a look; from then on the desk knows."""
    inner = MemoryStore()
    await inner.open()
    store, client = FaultyStore(inner, at=0), WorldClient(World())
    patient, costs = DefaultReviewPolicy(escalate_after=30, close_after=40), []
    for first in (1, 3):
        async with ReviewDesk(
            secret=SECRET, repositories=[REPOSITORY], store=store, gitea=client, policy=patient
        ) as desk:
            for nonce in (first, first + 1, first):
                store.calls.clear()
                await desk.handle(*delivery(rejected(nonce=nonce)))
                costs.append(list(store.calls))
            await desk.settled()
    assert costs == [["commit"], ["commit"], [], ["commit", "find", "commit"], ["commit"], []]


async def test_a_desk_remembers_so_many() -> None:
    """Of more pull requests than a desk remembers it looks at the one that it has forgotten, and counts it right."""
    store = MemoryStore()
    await store.open()
    desk = ReviewDesk(secret=SECRET, repositories=[REPOSITORY], store=store, gitea=WorldClient(World()))
    async with desk:
        for number in range(1, REMEMBERED + 2):
            assert (await desk.handle(*delivery(rejected(number)))).status == 200
        assert (await desk.handle(*delivery(rejected(1)))).body == (await desk.handle(*delivery(rejected(2)))).body
        assert len(desk._record._remembered) == REMEMBERED
        assert (await desk.handle(*delivery(rejected(1, nonce=1)))).status == 200
        assert len((await desk.pull(REPOSITORY, 1)).cycles) == 2
