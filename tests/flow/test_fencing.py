"""Who lost the claim on an issue writes nothing more about it, and nothing acts."""

import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from small_world import WORKER_TOOLS, diligent, issue, open_world, organization

import orket
from orket.contracts import Batch, Claim, EffectClass, ModelRequest, ToolCall, TurnKind
from orket.errors import StoreError
from orket.events import EffectIntended, TurnResumed
from orket.testing import EffectLedger, SimulatedClock
from orket.testing.faults import FrontStore

pytestmark = pytest.mark.anyio


async def test_no_effect_happens_after_the_claim_was_lost(tmp_path: Path) -> None:
    """A turn whose issue somebody else has claimed meanwhile records no intent and acts no more; it is resumed."""
    rung: list[int] = []

    @orket.tool
    def ring(times: int) -> str:
        rung.append(times)
        return "rung"

    store = orket.MemoryStore()
    asked: list[int] = []

    async def agent(request: ModelRequest) -> object:
        asked.append(1)
        if len(asked) > 1:
            return diligent(request)
        now = time.time()  # the thief's clock is fast: to him the lease is over
        theft = Claim(card="a", owner="thief", now=now + 1000, until=now)
        batch = Batch(op_id="theft", run="other", build="build-launch", at=now, card="a", claims=(theft,))
        await store.commit(batch)
        return ToolCall(name="ring", arguments={"times": 1})

    root = organization(tmp_path, [issue("a")], tools=[*WORKER_TOOLS, "ring"])
    async with open_world(root, agent, store=store, tools=[ring]) as orchestrator:
        assert (await orchestrator.run_epic("launch")).outcome is orket.RunOutcome.DONE
        records = [entry.record async for entry in orchestrator.history()]
    assert rung == []
    assert not any(isinstance(record, EffectIntended) for record in records)
    assert sum(isinstance(record, TurnResumed) for record in records) == 1


class Late(FrontStore):
    """A store whose answer to the first intent comes when the claim has run out; a thief was there meanwhile or not."""

    def __init__(self, clock: SimulatedClock, *, thief: bool) -> None:
        super().__init__(orket.MemoryStore())
        self._clock = clock
        self._thief = thief
        self._told = False

    async def around(self, verb: str, call: Callable[[], Awaitable[Any]], batch: Batch | None = None) -> Any:
        answer = await call()
        if batch and not self._told and any(isinstance(record, EffectIntended) for record in batch.records):
            self._told = True
            self._clock.advance(61.0)
            now = self._clock.now()
            theft = Claim(card="a", owner="thief", now=now, until=now)
            if self._thief:
                await self.inner.commit(Batch(op_id="theft", run="o", build="build-launch", at=now, claims=(theft,)))
        return answer


@pytest.mark.parametrize("thief", [False, True])
async def test_no_effect_begins_when_the_claim_has_run_out(tmp_path: Path, thief: bool) -> None:
    """An effect whose intent was stored too late begins only if the claim can be renewed: nobody took over."""
    clock, ledger = SimulatedClock(auto=True), EffectLedger()

    def agent(request: ModelRequest) -> object:
        works = request.brief.kind is TurnKind.WORK and request.brief.round == 1
        return ToolCall(name="ring", arguments={}) if works else diligent(request)

    root = organization(tmp_path, [issue("a")], tools=[*WORKER_TOOLS, "ring"])
    store, tools = Late(clock, thief=thief), [ledger.tool("ring")]
    async with open_world(root, agent, store=store, tools=tools, clock=clock) as orchestrator:
        result = await orchestrator.run_epic("launch")
    assert (len(ledger.effects), result.done) == ((0, 0) if thief else (1, 1))
    assert ["effect_unknown" in reason for reason in result.reasons.values()] == ([True] if thief else [])


class Slower(FrontStore):
    """A store whose answer to the first intent comes late, and so do those to some of the renewals after it."""

    def __init__(self, clock: SimulatedClock, *, late: int, thief: bool) -> None:
        super().__init__(orket.MemoryStore())
        self._clock = clock
        self._late = late
        self._thief = thief
        self._told = False

    async def around(self, verb: str, call: Callable[[], Awaitable[Any]], batch: Batch | None = None) -> Any:
        answer = await call()
        if batch is None or batch.card != "a":
            return answer
        if any(isinstance(record, EffectIntended) for record in batch.records):
            self._clock.advance(61.0)
            self._told = True
        elif self._told and batch.claims and not batch.records and self._late:
            self._clock.advance(61.0)
            self._late -= 1
            if self._thief:
                now = self._clock.now()
                theft = Claim(card="a", owner="thief", now=now, until=now)
                await self.inner.commit(Batch(op_id="theft", run="o", build="build-launch", at=now, claims=(theft,)))
                self._thief = False
        return answer


@pytest.mark.parametrize(
    ("late", "thief", "rung"), [(1, False, 1), (2, False, 1), (1, True, 0), (9, False, 0)], ids=str
)
async def test_a_claim_whose_renewal_took_longer_than_it_lasts_is_none(
    tmp_path: Path, late: int, thief: bool, rung: int
) -> None:
    """It is renewed again, a few times; where somebody took over, or the store never answers in time, nothing runs."""
    clock, ledger = SimulatedClock(auto=True), EffectLedger()

    def agent(request: ModelRequest) -> object:
        works = request.brief.kind is TurnKind.WORK and request.brief.round == 1
        return ToolCall(name="ring", arguments={}) if works else diligent(request)

    root = organization(tmp_path, [issue("a")], tools=[*WORKER_TOOLS, "ring"])
    store, tools = Slower(clock, late=late, thief=thief), [ledger.tool("ring")]
    async with open_world(root, agent, store=store, tools=tools, clock=clock) as orchestrator:
        if late == 9:
            with pytest.raises(StoreError, match="the claim of a ran out 3 times while the store renewed it for 60 s"):
                await orchestrator.run_epic("launch")
        else:
            assert (await orchestrator.run_epic("launch")).done == rung
    assert len(ledger.effects) == rung


async def test_who_stood_still_for_longer_than_the_lease_acts_no_more(tmp_path: Path) -> None:
    """Between two effects of one round the claim is looked at: where it has expired and was taken, nothing runs."""
    clock, store, taken = SimulatedClock(), orket.MemoryStore(), anyio.Event()
    rung: list[int] = []

    @orket.tool(effect=EffectClass.IDEMPOTENT)
    async def doze(leases: int, take: bool) -> str:
        clock.advance(60 * leases)  # as by SIGSTOP: nothing renews the claim meanwhile
        if take:
            now = clock.now()
            theft = Claim(card="a", owner="thief", now=now, until=now + 1)
            await store.commit(
                Batch(op_id="theft", run="other", build="build-launch", at=now, card="a", claims=(theft,))
            )
            taken.set()
        return "slept"

    @orket.tool
    def ring(times: int) -> str:
        rung.append(times)
        return "rung"

    async def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        if request.brief.kind is TurnKind.WORK and request.brief.round <= 2:
            take = request.brief.round == 2
            doze = ToolCall(name="doze", arguments={"leases": 2, "take": take})
            return [doze, ToolCall(name="ring", arguments={"times": request.brief.round})]
        return diligent(request)

    root = organization(tmp_path, [issue("a")], tools=[*WORKER_TOOLS, "doze", "ring"])
    options = {"store": store, "tools": [doze, ring], "clock": clock}
    async with open_world(root, agent, **options) as orchestrator:
        run = await orchestrator.start("launch")
        with anyio.fail_after(60):
            await taken.wait()
            run.halt()
            await run.outcome()
    assert rung == [1]  # nobody had taken it: the claim was renewed
