"""The stock manager over a store that fails: every step may be made again, and is there once."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import get_args

import anyio
import pytest
from bug_world import ROCK, bug, finished, names, told

from orket.bugfix import BugFixRules, DefaultBugFixManager, find_sequels
from orket.contracts import DAY, BugFixManager, BugSeverity, Store
from orket.errors import StoreError
from orket.stores import MemoryStore, SQLiteStore
from orket.testing import SimulatedClock
from orket.testing.faults import FaultyStore, Outcome

pytestmark = pytest.mark.anyio
TOLD = ["BugFixPhaseStarted", *["BugReported"] * 4, "BugFixPhaseExtended", "BugResolved", "BugFixPhaseEnded"]


def a_store(kind: str, path: Path) -> Store:
    """Return a closed store."""
    return MemoryStore() if kind == "memory" else SQLiteStore(path, durability="process")


def entropy() -> Callable[[int], bytes]:
    """Return what gives other bytes each time."""
    count = iter(range(1_000_000))
    return lambda size: next(count).to_bytes(size, "big")


async def again(step: Callable[[], Awaitable[object]]) -> None:
    """Make a step; where the store fails, make it again, as a host would."""
    try:
        await step()
    except StoreError:
        await step()


async def tell(store: Store) -> None:
    """Begin a phase, report bugs, extend it, resolve one, end it."""
    clock = SimulatedClock(0.0)
    keeper = DefaultBugFixManager(store, clock, entropy(), BugFixRules())
    await again(lambda: keeper.begin(finished()))
    for number in range(4):
        one = bug(f"B{number}", severity=BugSeverity.CRITICAL)
        await again(lambda one=one: keeper.report(ROCK, "core", one))
    clock.advance(7 * DAY)
    await again(keeper.advance)
    await again(lambda: keeper.resolve(ROCK, "core", "B0", "ben", "mended"))
    await again(lambda: keeper.resolve(ROCK, "core", "B0", "ben", "mended"))
    clock.advance(30 * DAY)
    await again(lambda: keeper.find(ROCK, "core"))


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
@pytest.mark.parametrize("outcome", get_args(Outcome))
async def test_whatever_call_fails_each_step_is_on_record_once(memory_disk: Path, kind: str, outcome: Outcome) -> None:
    """For every call: it fails before, after, or nobody knows, the step is made again, and the phase ends the same."""
    at, fired = 2, True  # the first call opens the store
    while fired:
        inner = a_store(kind, memory_disk / f"{at}.db")
        store = FaultyStore(inner, at=at, outcome=outcome)
        await store.open()
        await tell(store)
        assert names(await told(inner)) == TOLD, at
        (sequel,) = await find_sequels(inner)
        assert [one.id for one in sequel.bugs] == ["B1", "B2", "B3"], at
        assert await inner.find("bugfix_open") == ()
        await inner.verify()
        await store.aclose()
        at, fired = at + 1, store.fired
    assert at > 25


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_managers_that_share_a_store_take_turns(memory_disk: Path, kind: str) -> None:
    """Three managers begin, report and end at the same moment: one phase, every bug once, one end."""
    store, clock, some = a_store(kind, memory_disk / "shared.db"), SimulatedClock(0.0), entropy()
    await store.open()
    keepers = [DefaultBugFixManager(store, clock, some, BugFixRules()) for _ in range(3)]
    assert all(isinstance(keeper, BugFixManager) for keeper in keepers)
    async with anyio.create_task_group() as group:
        for keeper in keepers:
            group.start_soon(keeper.begin, finished())
    async with anyio.create_task_group() as group:
        for keeper in keepers:
            for number in range(4):
                group.start_soon(keeper.report, ROCK, "core", bug(f"B{number}"))
    clock.advance(7 * DAY)
    found: list[object] = []

    async def advance(keeper: DefaultBugFixManager) -> None:
        found.extend(await keeper.advance())

    async with anyio.create_task_group() as group:
        for keeper in keepers:
            group.start_soon(advance, keeper)
    assert names(await told(store)) == ["BugFixPhaseStarted", *["BugReported"] * 4, "BugFixPhaseEnded"]
    assert len(found) == 1  # who ended it was told so
    await store.verify()
    await store.aclose()
