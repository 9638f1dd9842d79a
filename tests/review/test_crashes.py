"""A desk that dies at any step, and its successor: nothing is lost, and nothing is done twice."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import anyio
import pytest
from attrs import define, field
from deliveries import REPOSITORY, approved, delivery, merged, payload, rejected
from gitea_world import World, WorldClient, desk_of

from orket.contracts import Batch, Store
from orket.errors import GiteaError, RunError, SandboxError, StoreError, UnknownCardError
from orket.events import EffectSettled, EffectUnknown
from orket.review import ReviewDesk
from orket.stores import MemoryStore, SQLiteStore
from orket.testing import SimulatedClock
from orket.testing.faults import FaultyStore, FrontStore

pytestmark = pytest.mark.anyio
T = TypeVar("T")

STORIES = {
    "given up": [payload("opened"), *[rejected(nonce=nonce) for nonce in range(4)]],
    "merged": [payload("opened"), approved(), merged()],
}


class AwayError(SandboxError):
    """A container engine that does not answer."""

    retryable = True


ERRORS = {"closed": RunError, "unknown": UnknownCardError, "store": StoreError, "engine": AwayError}
ENDS = {
    "given up": {"review ISSUE-1": 1, "comment 7": 1, "close 7": 1, "issue Requirements: ISSUE-1: sell socks": 1},
    "merged": {"review ISSUE-1": 1, "merge 7": 1, "deploy 7": 1, "comment 7": 1},
}


@define
class Death:
    """Ends a process at its k-th call of store or world: before the call, or after it and before it is told."""

    at: int
    after: bool
    calls: int = 0
    dead: anyio.Event = field(factory=anyio.Event)

    async def around(self, call: Callable[[], Awaitable[T]]) -> T:
        self.calls += 1
        if self.calls == self.at:
            if self.after:
                await call()
            self.dead.set()
        if self.dead.is_set():
            raise StoreError("the process is dead")
        return await call()


class MortalStore(FrontStore):
    """A store that fails for good when its process is dead: a commit that was begun cannot be cancelled."""

    def __init__(self, store: Store, death: Death) -> None:
        super().__init__(store)
        self._death = death

    async def around(self, verb: str, call: Callable[[], Awaitable[T]], batch: Batch | None = None) -> T:
        return await self._death.around(call)


async def live(desk: ReviewDesk, story: list[Any], statuses: tuple[int, ...] = (200, 202)) -> None:
    async with desk:
        await desk.settled()
        for event in story:
            response = await desk.handle(*delivery(event))
            assert response.status in statuses
            await desk.settled()


async def live_and_die(store: Store, world: World, clock: SimulatedClock, story: list[Any], death: Death) -> bool:
    """Let a desk live until it dies; return whether it did."""

    async def around(_name: str, call: Callable[[], Any]) -> Any:
        async def act() -> Any:
            await anyio.lowlevel.checkpoint()
            return call()

        if death.dead.is_set():
            await anyio.sleep_forever()
        return await death.around(act)

    desk = desk_of(MortalStore(store, death), WorldClient(world, around), clock)
    async with anyio.create_task_group() as process:

        async def run() -> None:
            with suppress(StoreError):
                await live(desk, story, statuses=(200, 202, 503))
            process.cancel_scope.cancel()

        process.start_soon(run)
        await death.dead.wait()
        process.cancel_scope.cancel()
    return death.dead.is_set()


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("story", STORIES)
async def test_a_desk_may_die_at_every_step(story: str, after: bool) -> None:
    """Whichever call a desk dies at, delivering all again to the next desk ends in the same world, each effect once."""
    at, deaths = 1, 0
    while True:
        store, world, clock = MemoryStore(), World(), SimulatedClock(auto=True)
        await store.open()
        died = await live_and_die(store, world, clock, STORIES[story], Death(at, after))
        await live(desk_of(store, WorldClient(world), clock), STORIES[story])
        assert dict(world.done) == ENDS[story], f"died at call {at}"
        await store.verify()
        if not died:
            break
        at, deaths = at + 1, deaths + 1
    assert deaths >= 13


@pytest.mark.parametrize("story", STORIES)
async def test_successors_may_die_too(story: str) -> None:
    """Desks that die one after the other, each a little later than the one before, do nothing twice either."""
    store, world, clock = MemoryStore(), World(), SimulatedClock(auto=True)
    await store.open()
    at = 1
    while await live_and_die(store, world, clock, STORIES[story], Death(at, after=at % 2 == 0)):
        at += 1
    assert dict(world.done) == ENDS[story]
    assert at > 10


@pytest.mark.parametrize("outcome", ["before", "after", "unknown"])
@pytest.mark.parametrize("story", STORIES)
async def test_any_call_of_the_store_may_fail(story: str, outcome: Any) -> None:
    """Whichever call of the store fails, the sender is told to deliver again, and then all is done once."""
    at, fired = 1, True
    while fired:
        inner, world, clock = MemoryStore(), World(), SimulatedClock(auto=True)
        await inner.open()
        store = FaultyStore(inner, at=at, outcome=outcome)
        desk = desk_of(store, WorldClient(world), clock)
        try:
            await desk.__aenter__()
        except StoreError:
            await desk.__aenter__()
        for event in STORIES[story]:
            if (await desk.handle(*delivery(event))).status == 503:
                assert (await desk.handle(*delivery(event))).status in (200, 202)
            await desk.settled()
        await desk.__aexit__(None, None, None)
        await live(desk_of(inner, WorldClient(world), clock), [])
        assert dict(world.done) == ENDS[story], f"call {at} failed"
        fired = store.fired
        at += 1
    assert at > 10


@define
class Trouble:
    """Fails some calls of a world: before or after they act, as a network does, or by refusing."""

    failing: dict[str, list[str]]

    async def around(self, name: str, call: Callable[[], Any]) -> Any:
        await anyio.lowlevel.checkpoint()
        kind = self.failing[name].pop(0) if self.failing.get(name) else "good"
        if kind == "lost":
            call()
        if kind in ("lost", "down"):
            raise GiteaError("no answer", retryable=True)
        if kind == "busy":
            raise GiteaError("try again later", status=405, refused=True, retryable=True)
        if kind == "never":
            raise GiteaError("forbidden", status=403, refused=True)
        if kind == "odd":
            raise RuntimeError("a mistake of the client")
        if kind in ERRORS:
            raise ERRORS[kind](kind, card="x")
        return call()


@pytest.mark.parametrize("call", ["merge", "comment", "close", "open_issue", "deploy", "start_review"])
@pytest.mark.parametrize("kinds", [["lost"], ["down", "odd", "lost"], ["down"] * 20], ids=["lost", "shaky", "down"])
async def test_a_network_may_fail(call: str, kinds: list[str]) -> None:
    """What did not happen is done when Gitea answers again, what did happen is found and not done again."""
    store, world, clock = MemoryStore(), World(), SimulatedClock(auto=True)
    await store.open()
    story = "merged" if call in ("merge", "deploy") else "given up"
    trouble = Trouble({call: list(kinds)})
    for _ in range(5):  # the last ones find nothing left to do
        await live(desk_of(store, WorldClient(world, trouble.around), clock), STORIES[story])
    assert dict(world.done) == ENDS[story]
    records = [entry.record async for entry in store.events()]
    assert len([it for it in records if isinstance(it, EffectUnknown)]) == len(kinds)
    is_found = any(isinstance(it, EffectSettled) and it.by == "gitea" for it in records)
    assert is_found == ("lost" in kinds and call in ("merge", "comment", "close", "open_issue"))


async def test_what_is_refused_is_given_up(store: Store) -> None:
    """What Gitea refuses for good is recorded as failed, and what comes after it is done."""
    world, clock = World(), SimulatedClock(auto=True)
    trouble = Trouble({"close": ["never"], "merge": ["busy"] * 6})
    desk = desk_of(store, WorldClient(world, trouble.around), clock)
    await live(desk, [*STORIES["given up"], payload("reopened", nonce=5, title="socks"), approved(nonce=6)])
    assert world.done["issue Requirements: ISSUE-1: sell socks"] == 1
    assert "close 7" not in world.done
    assert world.merged == set()
    await live(desk, [approved(nonce=7)])
    assert world.merged == {7}


@pytest.mark.parametrize(
    ("call", "kinds", "tries", "done"),
    [
        ("start_review", ["unknown"] * 9, 1, False),
        ("start_review", ["closed"] * 3, 4, True),
        ("start_review", ["closed"] * 9, 6, False),
        ("start_review", ["store"] * 3, 4, True),
        ("deploy", ["unknown"] * 9, 1, False),
        ("deploy", ["engine"] * 3, 4, True),
        ("merge", ["closed"] * 3, 4, True),
        ("merge", ["unknown"] * 3, 4, True),
    ],
)
async def test_errors_of_ports_are_told_apart(
    call: str, kinds: list[str], tries: int, done: bool, store: Store
) -> None:
    """Who starts and deploys may say no for good; an orchestrator that is closed, or a store, may be back soon."""
    world, clock = World(), SimulatedClock(auto=True)
    trouble = Trouble({call: list(kinds)})
    await live(desk_of(store, WorldClient(world, trouble.around), clock), STORIES["merged"])
    name = {"start_review": "review ISSUE-1", "deploy": "deploy 7", "merge": "merge 7"}[call]
    assert (name in world.done) == done
    assert len(kinds) - len(trouble.failing[call]) == min(tries, len(kinds))
    assert (await desk_of(store, WorldClient(world), clock).pull(REPOSITORY, 7)).pending == ()


class CancellingStore(FrontStore):
    """A store that gives a request up when it has answered its k-th call."""

    request: anyio.CancelScope | None = None
    calls = 0
    at = 0

    async def around(self, verb: str, call: Callable[[], Awaitable[T]], batch: Batch | None = None) -> T:
        answer = await call()
        self.calls += 1
        if self.request is not None and self.calls == self.at:
            self.request.cancel()
        return answer


async def test_a_request_may_be_cancelled(store: Store) -> None:
    """A framework that gives a request up while it is written does not keep what follows from it from being done."""
    world, clock = World(), SimulatedClock(auto=True)
    steps = [(1, False), (1, True), (2, True), (3, True)]  # commit; or in vain, look, and commit what is so
    for number, (at, is_known) in enumerate(steps, 1):
        if is_known:
            await live(desk_of(store, WorldClient(world), clock), [rejected(number)])
        cancelling = CancellingStore(store)
        async with desk_of(cancelling, WorldClient(world), clock) as desk:
            with anyio.CancelScope() as request:
                cancelling.request, cancelling.calls, cancelling.at = request, 0, at
                await desk.handle(*delivery(approved(number)))
            await desk.settled()
            was_written = (await desk.pull(REPOSITORY, number)).version > is_known
            assert was_written or (is_known and at < 3)
            assert (number in world.merged) == was_written


async def test_an_approval_that_was_overtaken_is_withdrawn(store: Store) -> None:
    """A merge that waits for Gitea to come back is withdrawn when changes are requested, or new code comes."""
    world, clock = World(), SimulatedClock(auto=True)
    for number, event in enumerate([rejected(8, nonce=1), payload("synchronized", 9, nonce=1, head="e" * 40)], 8):
        trouble = Trouble({"merge": ["down"] * 6})
        async with desk_of(store, WorldClient(world, trouble.around), clock) as desk:
            await desk.handle(*delivery(approved(number)))
            await desk.settled()
            assert [it.attempts for it in (await desk.pull(REPOSITORY, number)).pending] == [6]
            await desk.handle(*delivery(event))
            await desk.settled()
            assert (await desk.pull(REPOSITORY, number)).pending == ()
    assert world.merged == set()


async def test_a_file_is_taken_up(tmp_path: Path) -> None:
    """A desk's own store is a file: counts, what is pending and what was delivered survive in it."""
    world, clock = World(), SimulatedClock(auto=True)
    for nonce in range(4):
        store = SQLiteStore(tmp_path / "reviews.db")
        await store.open()
        async with desk_of(store, WorldClient(world), clock) as desk:
            await desk.handle(*delivery(rejected(nonce=nonce)))
            assert len((await desk.pull(REPOSITORY, 7)).cycles) == nonce + 1
        await store.aclose()
    await store.open()
    await live(desk_of(store, WorldClient(world), clock), [])
    assert dict(world.done) == {name: 1 for name in ENDS["given up"] if not name.startswith("review")}
    await store.aclose()
