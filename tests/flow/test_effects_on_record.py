"""What is on record of an effect wins over what orchestrator, gate and tools would do now."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import attrs
import pytest
from ports import Shared
from small_world import WORKER_TOOLS, diligent, issue, open_world, organization

import orket
from orket.contracts import EffectClass, ModelRequest, ToolCall, TurnKind
from orket.errors import EffectUnknownError
from orket.events import CardMoved, EffectIntended, EffectRecorded, JournalEntry, TurnResumed
from orket.governance import GateQuestion

pytestmark = pytest.mark.anyio


class Bell:
    """A tool that rings, and an agent that lets it ring once in each issue named."""

    def __init__(self, *issues: str, effect: EffectClass = EffectClass.AT_MOST_ONCE) -> None:
        self.issues, self.rung, self.stuck = issues, 0, True

        @orket.tool(effect=effect)
        async def ring(times: int) -> str:
            self.rung += 1
            if self.stuck:
                await anyio.sleep_forever()
            return "rung"

        self.tool = ring

    async def agent(self, request: ModelRequest) -> object:
        assert request.brief is not None
        brief = request.brief
        if brief.kind is TurnKind.WORK and brief.round == 1 and brief.issue.id in self.issues:
            return [
                ToolCall(name="add_issue_comment", arguments={"comment": "begun"}),
                ToolCall(name="ring", arguments={"times": 1}),
            ]
        return diligent(request)


async def die_ringing(root: Path, store: Any, bell: Bell, **options: Any) -> None:
    """Let a run of the epic die, without a trace, while the bell rings."""
    face, before = Shared(store), bell.rung
    async with open_world(root, bell.agent, store=face, tools=[bell.tool], **options) as crew:
        await crew.start("launch", target_issue_id="a")
        while bell.rung == before:
            await anyio.lowlevel.checkpoint()
        face.dead = True


async def test_a_card_that_another_died_on_is_taken_up_by_a_run_that_goes_on(tmp_path: Path) -> None:
    """A run reads the past of every card that it learns others have worked on, and rings no bell twice."""
    issues = [issue("x", priority=9), issue("b", priority=8), issue("a")]
    root = organization(tmp_path, issues, tools=[*WORKER_TOOLS, "ring"], process_rules={"concurrency": 1})
    store, bell, limits = orket.MemoryStore(), Bell("a"), orket.Limits(lease=0.2)

    async def hanging(_request: ModelRequest) -> object:
        await anyio.sleep_forever()

    async def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        if request.brief.issue.id == "x" and request.brief.kind is TurnKind.WORK:
            face = Shared(store)
            async with open_world(root, hanging, store=face, tools=[bell.tool], limits=limits) as crew:
                await crew.start("launch", target_issue_id="b")
                while {row.issue.id: row.token for row in await store.load_board("build-launch")}["b"] == 0:
                    await anyio.lowlevel.checkpoint()
                face.dead = True
            await die_ringing(root, store, bell, limits=limits)
        return await bell.agent(request)

    async with open_world(root, agent, store=store, tools=[bell.tool], limits=limits) as crew:
        result = await crew.run_epic("launch")
    assert (result.done, bell.rung) == (2, 1)
    assert result.reasons["a"].startswith("system: effect_unknown: ring was begun")


class Hasty:
    """A gate rule that changes its mind."""

    name = "mood"

    def __init__(self, *, allows: bool) -> None:
        self.allows = allows

    def check(self, question: GateQuestion, /) -> str | None:
        return None if self.allows or question.call.name != "ring" else "not today"


@pytest.mark.parametrize("effect", [EffectClass.AT_MOST_ONCE, EffectClass.IDEMPOTENT])
async def test_a_gate_that_now_refuses_does_not_hide_what_was_begun(tmp_path: Path, effect: EffectClass) -> None:
    """An at-most-once effect stays unknown; one that may run again is refused, and that is its result."""
    root = organization(tmp_path, [issue("a")], tools=[*WORKER_TOOLS, "ring"])
    store, bell = orket.MemoryStore(), Bell("a", effect=effect)
    await store.open()
    options: dict[str, Any] = {"limits": orket.Limits(lease=0.1), "tools": [bell.tool]}
    limits = options["limits"]
    await die_ringing(root, store, bell, limits=limits, gate_rules=[Hasty(allows=True)])
    bell.stuck = False
    refusing = {**options, "store": Shared(store), "gate_rules": [Hasty(allows=False)]}
    async with open_world(root, bell.agent, **refusing) as crew:
        result = await crew.run_epic("launch")
        records = [entry.record async for entry in crew.history(card="a")]
    assert bell.rung == 1
    if effect is EffectClass.AT_MOST_ONCE:
        assert result.reasons["a"].startswith("system: effect_unknown")
    else:
        assert result.outcome is orket.RunOutcome.DONE
        assert [it.ok for it in records if isinstance(it, EffectRecorded)] == [False]


async def test_a_call_that_was_refused_stays_refused(tmp_path: Path) -> None:
    """A gate that would now allow a call of a turn that is taken up is not asked: nothing unintended runs."""
    root = organization(tmp_path, [issue("a")], tools=[*WORKER_TOOLS, "ring"])
    store, bell, asked = orket.MemoryStore(), Bell("a"), anyio.Event()
    bell.stuck = False

    async def waits(request: ModelRequest) -> object:
        assert request.brief is not None
        if request.brief.round == 2:
            asked.set()
            await anyio.sleep_forever()
        return await bell.agent(request)

    async with open_world(root, waits, store=store, tools=[bell.tool], gate_rules=[Hasty(allows=False)]) as crew:
        await crew.start("launch")
        await asked.wait()
    async with open_world(root, bell.agent, store=store, tools=[bell.tool], gate_rules=[Hasty(allows=True)]) as crew:
        assert (await crew.run_epic("launch")).outcome is orket.RunOutcome.DONE
        records = [entry.record async for entry in crew.history(card="a")]
    assert bell.rung == 0
    assert sum(isinstance(it, TurnResumed) for it in records) == 1
    assert not [it for it in records if isinstance(it, EffectIntended)]


async def test_a_tool_that_has_an_effect_only_now_is_intended_first(tmp_path: Path) -> None:
    """A call of a recorded round whose tool had no effect then runs only after its intent is on record."""
    root = organization(tmp_path, [issue("a")], tools=[*WORKER_TOOLS, "ring"])
    store, quiet, loud = orket.MemoryStore(), Bell("a", effect=EffectClass.NONE), Bell("a")
    quiet.stuck = loud.stuck = False
    asked = anyio.Event()

    async def waits(request: ModelRequest) -> object:
        assert request.brief is not None
        if request.brief.round == 2:
            asked.set()
            await anyio.sleep_forever()
        return await quiet.agent(request)

    async with open_world(root, waits, store=store, tools=[quiet.tool]) as crew:
        await crew.start("launch")
        await asked.wait()
    async with open_world(root, loud.agent, store=store, tools=[loud.tool]) as crew:
        assert (await crew.run_epic("launch")).outcome is orket.RunOutcome.DONE
        records = [entry.record async for entry in crew.history(card="a")]
    kinds = [type(it) for it in records if isinstance(it, EffectIntended | EffectRecorded)]
    assert (kinds, loud.rung) == ([EffectIntended, EffectRecorded], 1)


class Forging(Shared):
    """Lets the journal say that the effect was called with other arguments."""

    async def _forged(self, since: int, wanted: dict[str, Any]) -> AsyncIterator[JournalEntry]:
        async with aclosing(self.inner.events(since, **wanted)) as entries:
            async for entry in entries:
                if isinstance(entry.record, EffectIntended):
                    yield attrs.evolve(entry, record=attrs.evolve(entry.record, arguments="0" * 64))
                else:
                    yield entry

    def events(self, since: int = 0, /, **wanted: Any) -> AsyncIterator[JournalEntry]:
        return self._forged(since, wanted)


async def test_an_effect_with_other_arguments_is_a_conflict(tmp_path: Path) -> None:
    """An intent on record that is not what would run now blocks its card by a rule of its own; nothing runs."""
    root = organization(tmp_path, [issue("a")], tools=[*WORKER_TOOLS, "ring"])
    store, bell = orket.MemoryStore(), Bell("a", effect=EffectClass.IDEMPOTENT)
    await store.open()
    limits = orket.Limits(lease=0.1)
    await die_ringing(root, store, bell, limits=limits)
    async with open_world(root, bell.agent, store=Forging(store), tools=[bell.tool], limits=limits) as crew:
        result = await crew.run_epic("launch")
        moved = [entry.record async for entry in crew.history(card="a") if isinstance(entry.record, CardMoved)]
    assert result.reasons["a"].startswith("system: effect_conflict: round 1, call 1: the journal has effect")
    assert "with arguments 000000000000; now it is ring with" in result.reasons["a"]
    assert (bell.rung, moved[-1].wait_reason) == (1, orket.WaitReason.SYSTEM)


async def test_an_effect_whose_tool_has_become_stricter_can_be_settled(tmp_path: Path) -> None:
    """Begun as idempotent, it is not run again by a tool that runs at most once now: a person says what happened."""
    root = organization(tmp_path, [issue("a")], tools=[*WORKER_TOOLS, "ring"])
    store, before, now = orket.MemoryStore(), Bell("a", effect=EffectClass.IDEMPOTENT), Bell("a")
    await store.open()
    limits, now.stuck = orket.Limits(lease=0.1), False
    await die_ringing(root, store, before, limits=limits)
    async with open_world(root, now.agent, store=Shared(store), tools=[now.tool], limits=limits) as crew:
        result = await crew.run_epic("launch")
        (effect,) = await crew.unsettled()
        assert f"settle effect {effect.key}" in result.reasons["a"]
        assert (await crew.explain("a")).wake == orket.Wake(when="settle", on=(effect.key,))
        with pytest.raises(EffectUnknownError):
            await crew.unblock("a", actor="ann")
        await crew.settle(effect, ran=True, actor="ann", output="it rang")
        assert (await crew.run_epic("launch")).outcome is orket.RunOutcome.DONE
    assert (before.rung, now.rung) == (1, 0)
