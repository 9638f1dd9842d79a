"""Who lost the claim on an issue writes nothing more about it, and nothing acts."""

import time
from pathlib import Path

import pytest
from small_world import WORKER_TOOLS, diligent, issue, open_world, organization

import orket
from orket.contracts import Batch, Claim, ModelRequest, ToolCall
from orket.events import EffectIntended, TurnResumed

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
