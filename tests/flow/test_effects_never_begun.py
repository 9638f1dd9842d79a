"""Calls of a round that were never begun are told so: nobody has to say what became of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from ports import Shared
from small_world import WORKER_TOOLS, diligent, issue, open_world, organization

import orket
from orket.contracts import EffectClass, ModelRequest, Settlement, ToolCall, ToolContext, TurnKind
from orket.events import EffectIntended, EffectRecorded, EffectSettled, ModelReplied
from orket.governance import GateQuestion
from orket.testing import Effect, EffectLedger
from orket.testing.faults import Oracle

pytestmark = pytest.mark.anyio
TOOLS = [*WORKER_TOOLS, "ring"]


class Chime:
    """A tool that rings once and then hangs at the notes of ``stuck``, and a model that plays a tune in one round."""

    def __init__(self, *tune: str) -> None:
        self.tune, self.stuck, self.ledger = tune, {tune[0]}, EffectLedger()
        self.knows: Callable[[str], Settlement | None] | None = None

    @property
    def rung(self) -> list[str]:
        """What has been rung so far."""
        return [effect.note for effect in self.ledger.effects]

    def tool(self, effect: EffectClass = EffectClass.AT_MOST_ONCE) -> Any:
        @orket.tool(effect=effect, reconcile=self.knows)
        async def ring(note: str, context: ToolContext) -> str:
            key = context.key or "none"
            self.ledger.record(Effect(key=key, tool="ring", effect=EffectClass.AT_MOST_ONCE, note=note))
            if note in self.stuck:
                await anyio.sleep_forever()
            return f"rung {note}"

        return ring

    def agent(self, request: ModelRequest) -> object:
        assert request.brief is not None
        if request.brief.kind is TurnKind.WORK and request.brief.round == 1:
            comment = ToolCall(name="add_issue_comment", arguments={"comment": "begun"})
            return [comment, *[ToolCall(name="ring", arguments={"note": note}) for note in self.tune]]
        return diligent(request)

    def open(self, root: Path, store: Any, **options: Any) -> orket.Orchestrator:
        options.setdefault("tools", [self.tool()])
        options.setdefault("limits", orket.Limits(tool=0.02 if self.stuck else 60.0, lease=0.2))
        return open_world(root, self.agent, store=store, **options)

    async def die(self, root: Path, store: Any) -> None:
        """Let a run die, without a trace, when the tune hangs."""
        face, rung = Shared(store), len(self.rung)
        async with self.open(root, face, limits=orket.Limits(lease=0.2)) as crew:
            await crew.start("launch")
            while len(self.rung) == rung or self.rung[-1] not in self.stuck:
                await anyio.lowlevel.checkpoint()
            face.dead = True


async def a_world(root: Path) -> tuple[Path, orket.MemoryStore, Shared]:
    store = orket.MemoryStore()
    await store.open()
    return organization(root, [issue("a")], tools=TOOLS), store, Shared(store)


async def records(crew: orket.Orchestrator, *kinds: type[Any]) -> list[Any]:
    return [entry.record async for entry in crew.history(card="a") if isinstance(entry.record, kinds)]


async def test_behind_an_effect_of_unknown_outcome_nothing_waits(tmp_path: Path) -> None:
    """A person settles the call that ran out of time, and no other: the later ones then run, each once."""
    root, store, face = await a_world(tmp_path)
    chime = Chime("c", "d", "e")
    async with chime.open(root, face) as crew:
        assert (await crew.run_epic("launch")).outcome is orket.RunOutcome.STALLED
        (effect,) = await crew.unsettled()
        assert dict(effect.arguments) == {"note": "c"}
        intended = [it.key for it in await records(crew, EffectIntended)]
        told = await records(crew, EffectSettled)
        assert [(it.key, it.ran, it.by) for it in told] == [(key, False, "core") for key in intended[1:]]
        assert told[0].reason == f"never begun: effect {effect.key[:12]} before it has no result"
        states = [(it.state, it.is_unsettled) for it in (await crew.explain("a")).effects]
        assert states == [("unknown", True), ("settled", False), ("settled", False)]
        assert (await crew.explain("a")).wake == orket.Wake(when="settle", on=(effect.key,))
        card = await crew.settle(effect, ran=True, actor="ann", output="I heard it")
        assert card.status is orket.CardStatus.IN_PROGRESS
        chime.stuck.clear()
        assert (await crew.run_epic("launch")).outcome is orket.RunOutcome.DONE
        assert [it.key for it in await records(crew, EffectRecorded)] == intended
        assert [it.round for it in await records(crew, ModelReplied)] == [1, 2, 1]
    assert chime.rung == ["c", "d", "e"]
    await Oracle(ledger=chime.ledger, steady=False).check(store)


async def test_each_call_waits_for_the_one_before_it_only(tmp_path: Path) -> None:
    """A later call that is begun, and runs out of time as well, is the next one to be settled; it alone is."""
    root, store, face = await a_world(tmp_path)
    chime = Chime("c", "d", "e")
    chime.stuck |= {"d"}
    async with chime.open(root, face) as crew:
        for note in ("c", "d"):
            assert (await crew.run_epic("launch")).outcome is orket.RunOutcome.STALLED
            (effect,) = await crew.unsettled()
            assert dict(effect.arguments) == {"note": note}
            await crew.settle(effect, ran=True, actor="ann")
        assert (await crew.run_epic("launch")).outcome is orket.RunOutcome.DONE
    assert chime.rung == ["c", "d", "e"]
    await Oracle(ledger=chime.ledger, steady=False).check(store)


@pytest.mark.parametrize("hangs", ["c", "d"])
async def test_who_takes_up_a_turn_says_what_the_dead_never_began(tmp_path: Path, hangs: str) -> None:
    """Behind the first effect without a result nothing was begun; what has a result on record is left alone."""
    root, store, face = await a_world(tmp_path)
    chime = Chime("c", "d", "e")
    chime.stuck = {hangs}
    await chime.die(root, store)
    async with chime.open(root, face) as crew:
        assert (await crew.run_epic("launch")).outcome is orket.RunOutcome.STALLED
        (effect,) = await crew.unsettled()
        assert dict(effect.arguments) == {"note": hangs}
        assert len(await records(crew, EffectSettled)) == (2 if hangs == "c" else 1)
        await crew.settle(effect, ran=True, actor="ann")
        assert (await crew.run_epic("launch")).outcome is orket.RunOutcome.DONE
    assert chime.rung == ["c", "d", "e"]
    await Oracle(ledger=chime.ledger, steady=False).check(store)


async def test_what_a_person_has_settled_is_not_told_again(tmp_path: Path) -> None:
    """Settled before the turn of the dead is taken up, an effect keeps what the person said of it."""
    root, store, face = await a_world(tmp_path)
    chime = Chime("c", "d", "e")
    await chime.die(root, store)
    chime.stuck.clear()
    async with chime.open(root, face) as crew:
        while len(found := await crew.unsettled()) < 3:  # until the claim of the dead has run out
            await anyio.lowlevel.checkpoint()
        first, second, third = found
        await crew.settle(first, ran=True, actor="ann")
        await crew.settle(second, ran=True, actor="ann", output="rung by hand")
        assert (await crew.run_epic("launch")).outcome is orket.RunOutcome.DONE
        told = [(it.key, it.by) for it in await records(crew, EffectSettled)]
    assert told == [(first.key, "ann"), (second.key, "ann"), (third.key, "core")]
    assert chime.rung == ["c", "e"]
    await Oracle(ledger=None).check(store)


async def test_a_tool_that_can_be_asked_is_asked_of_what_was_begun_only(tmp_path: Path) -> None:
    """What was never begun runs without a question, when its turn is taken up."""
    root, store, face = await a_world(tmp_path)
    chime, asked = Chime("c", "d", "e"), list[str]()
    await chime.die(root, store)
    chime.stuck.clear()

    def knows(key: str) -> Settlement | None:
        asked.append(key)
        return Settlement(ran=True, output="rung, says the log")

    chime.knows = knows
    async with chime.open(root, face) as crew:
        assert (await crew.run_epic("launch")).outcome is orket.RunOutcome.DONE
        assert asked == [(await records(crew, EffectIntended))[0].key]
    assert chime.rung == ["c", "d", "e"]
    await Oracle(ledger=chime.ledger, steady=False).check(store)


@pytest.mark.parametrize("now", [EffectClass.NONE, EffectClass.IDEMPOTENT])
async def test_a_tool_that_has_become_laxer_hides_no_beginning(tmp_path: Path, now: EffectClass) -> None:
    """An effect that ran under a weaker class has its result on record before the next begins, which may be unknown."""
    root, store, face = await a_world(tmp_path)
    chime = Chime("c", "d", "e")
    async with chime.open(root, face) as crew:
        await crew.run_epic("launch")
        (effect,) = await crew.unsettled()
        await crew.settle(effect, ran=False, actor="ann")
    chime.stuck = {"d"}
    laxer = chime.open(root, Shared(store), tools=[chime.tool(now)], limits=orket.Limits(lease=0.2))
    async with laxer as crew:
        await crew.start("launch")
        while chime.rung[-1] != "d":
            await anyio.lowlevel.checkpoint()
    async with chime.open(root, face) as crew:
        assert (await crew.run_epic("launch")).outcome is orket.RunOutcome.STALLED
        (effect,) = await crew.unsettled()
        assert dict(effect.arguments) == {"note": "d"}
    assert chime.rung == ["c", "c", "d"]


class Mood:
    """A gate rule that lets nobody ring."""

    name = "mood"

    def check(self, question: GateQuestion, /) -> str | None:
        return "not today" if question.call.name == "ring" else None


async def test_what_never_began_may_be_refused_instead(tmp_path: Path) -> None:
    """A gate that says otherwise when the turn is taken up keeps it from running, and that is its result."""
    root, store, face = await a_world(tmp_path)
    chime = Chime("c", "d")
    async with chime.open(root, face) as crew:
        await crew.run_epic("launch")
        (effect,) = await crew.unsettled()
        await crew.settle(effect, ran=True, actor="ann")
    async with chime.open(root, face, gate_rules=[Mood()]) as crew:
        assert (await crew.run_epic("launch")).outcome is orket.RunOutcome.DONE
        assert [it.ok for it in await records(crew, EffectRecorded)] == [True, False]
    assert chime.rung == ["c"]
    await Oracle(ledger=chime.ledger, steady=False).check(store)
