"""The bug-fix phase, broken off at every call of the store and told again."""

import re
from contextlib import suppress
from pathlib import Path
from typing import get_args

import pytest
from bug_world import ROCK, rocky, told
from small_world import diligent, open_world

import orket
from orket.contracts import BugFixPhase, Record, Store
from orket.errors import StoreError
from orket.stores import MemoryStore
from orket.testing import SimulatedClock
from orket.testing.faults import FaultyStore, Outcome

pytestmark = pytest.mark.anyio
SEQUEL = f"{ROCK}-phase2"
START = 1_000_000.0


async def tell(root: Path, store: Store, clock: SimulatedClock) -> BugFixPhase:
    """Tell a story whose steps may be told again: a rock is run, has bugs, and what remains is run."""
    async with open_world(root, diligent, store=store, clock=clock, limits=orket.Limits(lease=0.001)) as crew:
        phase = await crew.bug_fix_phase(ROCK)
        if phase is None or phase.days == 7:
            await crew.run_rock(ROCK)
            for at in range(4):
                phase = await crew.report_bug(ROCK, f"C{at}", "crash", severity="critical", actor="ann")
            assert phase is not None
            clock.advance(phase.ends_at - clock.now())
            phase = await crew.bug_fix_phase(ROCK)
        assert phase is not None
        if phase.is_open:
            phase = await crew.resolve_bug(ROCK, "C0", actor="bob")
            clock.advance(phase.ends_at - clock.now())
        await crew.run_rock(SEQUEL)
        phase = await crew.bug_fix_phase(ROCK)
        assert phase is not None
        return phase


def bare(records: list[Record]) -> list[str]:
    """Return what records say, apart from times and the ids of runs."""
    return [re.sub(r"run='\w+'|(began|ends)_at=[\d.]+", "", repr(it)) for it in records]


@pytest.mark.thorough
@pytest.mark.no_cover
@pytest.mark.parametrize("outcome", get_args(Outcome))
async def test_whatever_call_of_the_store_fails_the_story_ends_the_same(tmp_path: Path, outcome: Outcome) -> None:
    """For every call: it fails, everything is closed, the story is told again, and the record says all of it once."""
    root, undisturbed = rocky(tmp_path), MemoryStore()
    await tell(root, undisturbed, SimulatedClock(START, auto=True))
    await undisturbed.open()
    wanted = bare(await told(undisturbed))
    await undisturbed.aclose()
    at, fired = 2, True
    while fired:
        inner, clock = MemoryStore(), SimulatedClock(START, auto=True)
        store = FaultyStore(inner, at=at, outcome=outcome)
        with suppress(StoreError):
            await tell(root, store, clock)
        phase = await tell(root, inner, clock)
        assert phase.sequel == SEQUEL, at
        await inner.open()
        assert bare(await told(inner)) == wanted, at
        assert not await inner.find("finished_rock"), at
        await inner.verify()
        await inner.aclose()
        at, fired = at + 1, store.fired
    assert at > 80
