"""Desks over a world, on both stores."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from deliveries import REPOSITORY, SECRET
from gitea_world import World, WorldClient

from orket.contracts import Store
from orket.review import ReviewDesk
from orket.testing import SimulatedClock


@pytest.fixture
def world() -> World:
    """What Gitea has."""
    return World()


@pytest.fixture
def clock() -> SimulatedClock:
    """A clock that goes on when nothing else does."""
    return SimulatedClock(auto=True)


def make_desk(store: Store, client: WorldClient, clock: SimulatedClock, **options: Any) -> ReviewDesk:
    ports: dict[str, Any] = {"gitea": client, "reviews": client, "sandboxes": client, **options}
    ports.setdefault("secret", SECRET)
    return ReviewDesk(repositories=[REPOSITORY], store=store, clock=clock, **ports)


@pytest.fixture
async def desk(store: Store, world: World, clock: SimulatedClock) -> AsyncIterator[ReviewDesk]:
    """An open desk with every port."""
    async with make_desk(store, WorldClient(world), clock) as opened:
        yield opened
