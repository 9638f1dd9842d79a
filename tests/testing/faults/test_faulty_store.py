"""Whatever call of the store fails, and however: the run ends with a typed error, and a later one makes up for it."""

from contextlib import suppress
from pathlib import Path
from typing import get_args

import attrs
import pytest
from evidence import Evidence
from nightly import scaled

import orket
from orket.contracts import Batch, Store
from orket.errors import StoreError
from orket.events import CommentAdded
from orket.stores import SQLiteStore
from orket.testing import EffectLedger
from orket.testing.faults import CommitLog, FaultyStore, Oracle, Outcome, Surroundings, WitnessedStore, chains_and_fans
from orket.testing.faults._again import LaterClock

pytestmark = [pytest.mark.anyio, pytest.mark.nightly, pytest.mark.thorough]
ISSUES = scaled(4, 15)  # four have one of each kind that the crew has


def crew(folder: Path, ledger: EffectLedger, store: Store, life: int = 0) -> orket.Orchestrator:
    """The crew on another store, by a clock that is past all claims of its earlier lives."""
    return attrs.evolve(chains_and_fans(folder, ledger, issues=ISSUES), store=store, clock=LaterClock(1000.0 * life))


async def settle(orchestrator: orket.Orchestrator, ledger: EffectLedger) -> bool:
    """Say of each effect that waits what became of it; return whether there were any."""
    waiting = await orchestrator.unsettled()
    for effect in waiting:
        ran = any(done.key == effect.key for done in ledger.effects)
        await orchestrator.settle(effect, ran=ran, actor="ann")
    return bool(waiting)


async def survive(folder: Path, inner: Store, at: int, outcome: Outcome, place: Path) -> list[str]:
    """Let the k-th call fail, and the next run finish; return the calls of the first."""
    before = await Surroundings.now()
    ledger, commits = EffectLedger(place / "ledger"), CommitLog(place / "commits")
    oracle = Oracle(ledger=ledger, commits=commits)
    store = FaultyStore(WitnessedStore(inner, commits), at=at, outcome=outcome)
    with suppress(StoreError):  # and nothing else
        async with crew(folder, ledger, store) as orchestrator:
            await orchestrator.run_epic("launch")
    assert store.fired == (0 < at <= len(store.calls))
    await inner.aclose()  # an open() that failed after it was done
    async with crew(folder, ledger, WitnessedStore(inner, commits), 1) as orchestrator:
        await oracle.check(orchestrator.store)
        result = await orchestrator.run_epic("launch")
        while await settle(orchestrator, ledger):
            result = await orchestrator.run_epic("launch")
        await oracle.check(orchestrator.store)
    assert (result.outcome, result.done, result.cards) == (orket.RunOutcome.DONE, ISSUES + 1, ISSUES + 1)
    assert {effect.note for effect in ledger.effects} >= {"I0: first", "I0: second", "I1: again", "I3: second"}
    once = [effect.note for effect in ledger.effects if effect.tool == "ring"]
    assert len(once) == len(set(once))
    assert (await Surroundings.now()).beyond(before) == ()
    return store.calls


@pytest.mark.fire("store calls")
@pytest.mark.parametrize("kind", ["memory", "sqlite"])
@pytest.mark.parametrize("outcome", get_args(Outcome))
async def test_any_call_of_the_store_may_fail(
    memory_disk: Path, outcome: Outcome, kind: str, evidence: Evidence
) -> None:
    """For every k: the k-th call fails before, after or with unknown outcome, and nothing is lost or done twice."""
    for at in range(1000):
        place = memory_disk / str(at)
        place.mkdir()
        inner = orket.MemoryStore() if kind == "memory" else SQLiteStore(place / "journal.db")
        calls = await survive(memory_disk, inner, at, outcome, place)
        if at > len(calls):
            break
    evidence(runs=at)
    assert at > 40
    assert {"open", "commit", "load_board", "load_run", "runs", "find"} <= set(calls)


async def test_a_late_commit_arrives_after_the_next_call(tmp_path: Path) -> None:
    """A commit of unknown outcome is refused to its caller, and stored after the next call, or at the end."""
    inner = orket.MemoryStore()
    for at in (2, 3):
        store = FaultyStore(inner, at=at, outcome="unknown")
        await store.open()
        for number in range(at):
            batch = Batch(
                op_id=f"{at}.{number}", run="r", build="b", at=0.0, records=(CommentAdded(author="a", text="x"),)
            )
            with suppress(StoreError):
                await store.commit(batch)
        assert store.calls == ["open", *["commit"] * at]
        await store.aclose()
    await inner.open()
    stored = [entry.seq async for entry in inner.events()]
    assert len(stored) == 5


async def test_a_lasting_fault_fails_everything_after() -> None:
    """From the k-th call on nothing is done any more; closing still is."""
    store = FaultyStore(orket.MemoryStore(), at=2, lasting=True)
    await store.open()
    for _ in range(3):
        with pytest.raises(StoreError, match="injected") as caught:
            await store.runs()
        assert caught.value.advice
    await store.aclose()


@pytest.mark.parametrize(("at", "outcome"), [(-1, "before"), (1, "never")])
async def test_a_fault_that_does_not_exist_is_refused(at: int, outcome: Outcome) -> None:
    """A call before the first one, and another outcome, are ValueErrors that say what is valid."""
    with pytest.raises(ValueError, match="valid"):
        FaultyStore(orket.MemoryStore(), at=at, outcome=outcome)
