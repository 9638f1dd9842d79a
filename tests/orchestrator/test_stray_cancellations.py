"""Turns that are cancelled by somebody else than their run: they stay on record, and nothing of them happens twice."""

import asyncio
from pathlib import Path

import anyio
import pytest
from small_world import WORKER_TOOLS, diligent, issue, open_world, organization

import orket
from orket.contracts import EffectClass, ModelRequest, ToolCall, TurnBody, TurnKind, TurnTask
from orket.events import TurnOpened

pytestmark = pytest.mark.anyio


def paying(request: ModelRequest) -> ToolCall:
    """Pay, then hand over for review."""
    assert request.brief is not None
    if request.brief.kind is TurnKind.WORK and request.brief.round == 1:
        return ToolCall(name="pay", arguments={"amount": 1})
    return diligent(request)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # on trio nobody can be told of another task's cancellation
async def test_a_tool_that_awaits_a_cancelled_task_fails_the_run(tmp_path: Path) -> None:
    """asyncio raises it as if the turn were cancelled: the run ends with an error, and the next one pays no more."""
    paid: list[int] = []

    @orket.tool(effect=EffectClass.AT_MOST_ONCE)
    async def pay(amount: int) -> None:
        paid.append(amount)
        answer = asyncio.get_running_loop().create_future()
        answer.cancel()
        await answer

    root, store = organization(tmp_path, [issue("a")], tools=[*WORKER_TOOLS, "pay"]), orket.MemoryStore()
    async with open_world(root, paying, store=store, tools=[pay]) as crew:
        with pytest.raises(orket.RunError, match="CancelledError") as caught:
            await crew.run_epic("launch")
        assert isinstance(caught.value.__cause__, asyncio.CancelledError)
        assert (await crew.store.runs())[-1].outcome is orket.RunOutcome.FAILED
    async with open_world(root, paying, store=store, tools=[pay]) as crew:
        result = await crew.run_epic("launch")
        assert result.reasons["a"].startswith("system: effect_unknown: pay was begun")
        assert len([e for e in [e async for e in crew.history(card="a")] if isinstance(e.record, TurnOpened)]) == 1
    assert paid == [1]


async def test_a_turn_that_its_executor_cancels_is_taken_up_again(tmp_path: Path) -> None:
    """The turn is open on record, so the next attempt goes on with it: what it had begun does not begin anew."""
    paid: list[int] = []
    scopes: list[anyio.CancelScope] = []

    @orket.tool(effect=EffectClass.AT_MOST_ONCE)
    async def pay(amount: int) -> None:
        paid.append(amount)
        scopes[0].cancel()
        await anyio.lowlevel.checkpoint()

    class Impatient:
        async def execute(self, task: TurnTask, body: TurnBody, /) -> None:
            with anyio.CancelScope() as scope:
                scopes.append(scope)
                await body(task)

    root = organization(tmp_path, [issue("a")], tools=[*WORKER_TOOLS, "pay"])
    async with open_world(root, paying, executor=Impatient(), tools=[pay]) as crew:
        with anyio.fail_after(60):
            result = await crew.run_epic("launch")
        assert (result.outcome, result.turns) == (orket.RunOutcome.STALLED, 2)
        assert result.reasons["a"].startswith("system: effect_unknown: pay was begun")
        assert [one.tool for one in await crew.unsettled()] == ["pay"]
    assert paid == [1]
