"""What a desk remembers of pull requests is never more than a hint: what it does rests on the record."""

from contextlib import AsyncExitStack
from typing import Any

import anyio
import hypothesis.strategies as st
import pytest
from attrs import define
from deliveries import REPOSITORY, approved, delivery, merged, payload, rejected
from gitea_world import World, WorldClient, desk_of
from hypothesis import given, settings

from orket.contracts import PullReview, ReviewAnswer, ReviewQuestion, Store
from orket.review import DefaultReviewPolicy, ReviewDesk
from orket.stores import MemoryStore
from orket.testing import SimulatedClock

EVENTS = {
    "opened": lambda nonce: payload("opened", nonce=nonce),
    "synchronized": lambda nonce: payload("synchronized", nonce=nonce, head="e" * 40),
    "rejected": lambda nonce: rejected(nonce=nonce),
    "approved": lambda nonce: approved(nonce=nonce),
    "closed": lambda nonce: payload("closed", nonce=nonce),
    "reopened": lambda nonce: payload("reopened", nonce=nonce, title="ISSUE-2: socks"),
    "merged": lambda nonce: merged(nonce=nonce),
}
STEPS = st.lists(
    st.tuples(st.sampled_from(sorted(EVENTS)), st.integers(0, 20), st.integers(0, 2)), min_size=1, max_size=12
)


@define
class Bureau:
    """Desks on one store, each with its own memory; a policy that fails for what is over."""

    store: Store
    world: World
    clock: SimulatedClock

    def desk(self) -> ReviewDesk:
        return desk_of(self.store, WorldClient(self.world), self.clock, policy=Picky())


class Picky(DefaultReviewPolicy):
    """Cannot say what follows from an approval until changes were requested once."""

    def judge(self, question: ReviewQuestion, /) -> ReviewAnswer:
        if question.delivery.event == "approved" and not question.pull.cycles:
            raise ValueError("too early")
        return super().judge(question)


async def tell(desk: ReviewDesk, event: Any) -> tuple[int, bytes]:
    response = await desk.handle(*delivery(event))
    await desk.settled()
    return response.status, response.body


async def told_to_desks_in_turn(steps: list[tuple[str, int, int]]) -> tuple[list[Any], PullReview, Any]:
    bureau = Bureau(MemoryStore(), World(), SimulatedClock(auto=True))
    await bureau.store.open()
    async with AsyncExitStack() as opened:
        desks = [await opened.enter_async_context(bureau.desk()) for _ in range(3)]
        said = [await tell(desks[who], EVENTS[kind](nonce)) for kind, nonce, who in steps]
        pull = await desks[0].pull(REPOSITORY, 7)
    return said, pull, bureau.world.done


async def told_to_one_that_remembers_nothing(steps: list[tuple[str, int, int]]) -> tuple[list[Any], PullReview, Any]:
    bureau, said = Bureau(MemoryStore(), World(), SimulatedClock(auto=True)), []
    await bureau.store.open()
    for kind, nonce, _ in steps:
        async with bureau.desk() as desk:
            said.append(await tell(desk, EVENTS[kind](nonce)))
    return said, await bureau.desk().pull(REPOSITORY, 7), bureau.world.done


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@given(steps=STEPS)
@settings(max_examples=60, deadline=None)
def test_desks_answer_as_if_they_remembered_nothing(backend: str, steps: list[tuple[str, int, int]]) -> None:
    """Whichever of three desks gets a delivery, it answers and does what one would that looks first at everything."""
    said, pull, done = anyio.run(told_to_desks_in_turn, steps, backend=backend)
    expected, stood, did = anyio.run(told_to_one_that_remembers_nothing, steps, backend=backend)
    assert said == expected
    assert (pull.status, len(pull.cycles), pull.card, pull.version) == (
        stood.status,
        len(stood.cycles),
        stood.card,
        stood.version,
    )
    assert done == did
