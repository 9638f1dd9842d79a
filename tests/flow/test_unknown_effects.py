"""Effects of unknown outcome: their issues wait, whoever knows says what became of them, and nothing runs twice."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import attrs
import pytest
from small_world import WORKER_TOOLS, diligent, issue, open_world, organization

import orket
from orket.contracts import Batch, EffectClass, ModelRequest, Receipt, Settlement, ToolCall, TurnKind
from orket.errors import EffectUnknownError, RunError, StoreConflictError
from orket.events import (
    CardMoved,
    CommentAdded,
    EffectIntended,
    EffectRecorded,
    EffectSettled,
    EffectUnknown,
    ModelReplied,
    TurnResumed,
)
from orket.testing.faults import FrontStore

pytestmark = pytest.mark.anyio
TOOLS = [*WORKER_TOOLS, "ring"]


class Bell:
    """An at-most-once tool that never comes back while it is ``stuck``, and a model that uses it once."""

    def __init__(self, kind: TurnKind = TurnKind.WORK) -> None:
        self.kind, self.stuck, self.rung, self.asked = kind, True, 0, 0
        self.told: list[str] = []
        self.keys: list[str] = []
        self.answer: Settlement | None = None

    def tool(self, reconcile: Callable[[str], Any] | None = None) -> Any:
        @orket.tool(reconcile=reconcile)
        async def ring(times: int) -> str:
            self.rung += 1
            if self.stuck:
                await anyio.sleep_forever()
            return f"rung {times}"

        return ring

    def ask(self, key: str) -> Settlement | None:
        self.keys.append(key)
        return self.answer

    def agent(self, request: ModelRequest) -> object:
        assert request.brief is not None
        self.asked += 1
        self.told = [message.content for message in request.messages]
        if request.brief.kind is self.kind and request.brief.round == 1:
            comment = ToolCall(name="add_issue_comment", arguments={"comment": "begun"})
            return [comment, ToolCall(name="ring", arguments={"times": 3})]
        return diligent(request)

    def open(self, root: Path, store: Any, **options: Any) -> orket.Orchestrator:
        options.setdefault("tools", [self.tool()])
        limits = orket.Limits(tool=0.02 if self.stuck else 60.0, lease=0.2)
        return open_world(root, self.agent, store=store, limits=limits, **options)

    @asynccontextmanager
    async def ringing(self, root: Path, store: Any) -> AsyncIterator[orket.Orchestrator]:
        """Let a run go on until it rings, and die there at the end of the block."""
        with anyio.CancelScope() as scope:
            async with open_world(root, self.agent, store=store, tools=[self.tool()]) as crew:
                await crew.start("launch")
                while not self.rung:
                    await anyio.lowlevel.checkpoint()
                yield crew
                scope.cancel()


def a_world(root: Path) -> tuple[Path, orket.MemoryStore]:
    organization(root, [issue("a")], tools=TOOLS)
    guard = root / "model" / "core" / "roles" / "integrity_guard.json"
    guard.write_text(
        '{"description": "judges", "tools": ["ring", "update_issue_status", "add_issue_comment"]}', "utf-8"
    )
    return root, orket.MemoryStore()


async def records(crew: orket.Orchestrator) -> list[Any]:
    return [entry.record async for entry in crew.history(card="a")]


async def test_out_of_time_is_unknown_and_not_failed(tmp_path: Path) -> None:
    """The turn stops waiting, its card waits for the effect, and the effect is listed with all that is known of it."""
    root, store = a_world(tmp_path)
    bell = Bell()
    async with bell.open(root, store) as crew:
        result = await crew.run_epic("launch")
        (effect,) = await crew.unsettled()
        assert result.outcome is orket.RunOutcome.STALLED
        assert result.reasons["a"].startswith("system: effect_unknown: ring did not finish within 0.02 seconds")
        assert effect.key in result.reasons["a"]
        assert (effect.tool, dict(effect.arguments), effect.card, effect.build, effect.turn) == (
            "ring",
            {"times": 3},
            "a",
            "build-launch",
            1,
        )
        assert "did not finish" in effect.detail
        kinds = [type(record) for record in await records(crew)]
        assert kinds.count(EffectUnknown) == 1
        assert EffectRecorded not in kinds
        assert (await crew.run_epic("launch")).turns == 0
    assert (bell.rung, bell.asked) == (1, 1)


@pytest.mark.parametrize("kind", TurnKind)
async def test_an_effect_that_ran_is_not_run_again(tmp_path: Path, kind: TurnKind) -> None:
    """Settled as run, the turn goes on where it stood: with the replies it has, the output given, all requests once."""
    root, store = a_world(tmp_path)
    bell = Bell(kind)
    async with bell.open(root, store) as crew:
        await crew.run_epic("launch")
        (effect,) = await crew.unsettled()
        asked = bell.asked
        card = await crew.settle(effect, ran=True, actor="ann", output="it rang, I heard it", reason="was there")
        before = orket.CardStatus.IN_PROGRESS if kind is TurnKind.WORK else orket.CardStatus.CODE_REVIEW
        assert (card.status, card.wait_reason) == (before, None)
        assert await crew.unsettled() == ()
    async with bell.open(root, store) as crew:
        assert (await crew.run_epic("launch")).outcome is orket.RunOutcome.DONE
        found = await records(crew)
        await store.verify()
    assert bell.rung == 1
    assert bell.asked == asked + (2 if kind is TurnKind.WORK else 1)
    (settled,) = [it for it in found if isinstance(it, EffectSettled)]
    assert (settled.key, settled.ran, settled.by, settled.reason) == (effect.key, True, "ann", "was there")
    assert [it.key for it in found if isinstance(it, EffectRecorded)] == [effect.key]
    assert [it.text for it in found if isinstance(it, CommentAdded)] == ["begun"]
    assert sum(isinstance(it, TurnResumed) for it in found) == 1
    (moved,) = [it for it in found if isinstance(it, CardMoved) and it.by == "ann"]
    assert (moved.before, moved.after, moved.role) == (orket.CardStatus.BLOCKED, before, "operator")


async def test_the_model_is_told_what_was_settled(tmp_path: Path) -> None:
    """The output that a person gives is the tool's result in the next round."""
    root, store = a_world(tmp_path)
    bell, told = Bell(), []
    async with bell.open(root, store) as crew:
        await crew.run_epic("launch")
        (effect,) = await crew.unsettled()
        await crew.settle(effect.key, ran=True, ok=False, actor="ann", output="the rope is torn")

        def agent(request: ModelRequest) -> object:
            told.extend(message.content for message in request.messages)
            return diligent(request)

    async with open_world(root, agent, store=store, tools=[bell.tool()]) as crew:
        await crew.run_epic("launch")
    assert any("the rope is torn" in text for text in told)


async def test_an_effect_that_did_not_run_may_run(tmp_path: Path) -> None:
    """Settled as not run, it is intended anew under its key and runs; a second death makes it unknown again."""
    root, store = a_world(tmp_path)
    bell = Bell()
    async with bell.open(root, store) as crew:
        await crew.run_epic("launch")
        for _ in range(2):
            (effect,) = await crew.unsettled()
            await crew.settle(effect, ran=False, actor="ann")
            assert (await crew.run_epic("launch")).outcome is orket.RunOutcome.STALLED
        bell.stuck = False
        (again,) = await crew.unsettled()
        assert (again.key, dict(again.arguments)) == (effect.key, {"times": 3})
        await crew.settle(again, ran=False, actor="ann")
        assert (await crew.run_epic("launch")).outcome is orket.RunOutcome.DONE
        found = await records(crew)
    assert bell.rung == 4
    steps = [type(it).__name__ for it in found if getattr(it, "key", "") == effect.key]
    assert steps == ["EffectIntended", "EffectUnknown", "EffectSettled"] * 3 + ["EffectIntended", "EffectRecorded"]
    assert [it.round for it in found if isinstance(it, ModelReplied)] == [1, 2, 1]


@pytest.mark.parametrize("later", [False, True], ids=["at once", "in the next run"])
@pytest.mark.parametrize("ran", [False, True])
async def test_a_tool_that_can_be_asked_settles_its_effect(tmp_path: Path, ran: bool, later: bool) -> None:
    """After a death the tool is asked with the effect's key, before the card waits, and in every later run."""
    root, store = a_world(tmp_path)
    bell = Bell()
    tools = [bell.tool(bell.ask)]
    async with bell.ringing(root, store):
        pass
    if later:
        async with bell.open(root, store, tools=tools) as crew:
            assert (await crew.run_epic("launch")).outcome is orket.RunOutcome.STALLED
    bell.stuck, bell.answer = False, Settlement(ran=ran, output="rung, says the log" if ran else "")
    async with bell.open(root, store, tools=tools) as crew:
        assert (await crew.run_epic("launch")).outcome is orket.RunOutcome.DONE
        found = await records(crew)
    (intended, *_) = [it for it in found if isinstance(it, EffectIntended)]
    assert set(bell.keys) == {intended.key}
    assert bell.rung == (1 if ran else 2)
    assert [it.by for it in found if isinstance(it, EffectSettled)] == ["tool ring"]
    assert [it.key for it in found if isinstance(it, EffectRecorded)] == [intended.key]
    assert [it.text for it in found if isinstance(it, CommentAdded)] == ["begun"]


async def test_a_card_with_an_unsettled_effect_takes_no_new_turn(tmp_path: Path) -> None:
    """Unblocked or reopened it could do again what may have been done: both are refused and name the effect."""
    root, store = a_world(tmp_path)
    async with Bell().open(root, store) as crew:
        await crew.run_epic("launch")
        (effect,) = await crew.unsettled()
        with pytest.raises(EffectUnknownError, match="settle it first") as caught:
            await crew.unblock("a", actor="ann")
        assert (caught.value.key, caught.value.card) == (effect.key, "a")
        assert (await crew.cancel("a", actor="ann")).status is orket.CardStatus.CANCELED
        with pytest.raises(EffectUnknownError):
            await crew.reopen("a", actor="ann")
        assert (await crew.settle(effect, ran=True, actor="ann")).status is orket.CardStatus.CANCELED
        assert (await crew.reopen("a", actor="ann", reason="once more")).status is orket.CardStatus.READY


async def test_a_reopened_card_begins_anew(tmp_path: Path) -> None:
    """A turn that was left open before a person called the card off and reopened it is closed, not taken up."""
    root, store = a_world(tmp_path)
    bell = Bell()
    async with bell.open(root, store) as crew:
        await crew.run_epic("launch")
        (effect,) = await crew.unsettled()
        await crew.cancel("a", actor="ann")
        await crew.settle(effect, ran=True, actor="ann")
        await crew.reopen("a", actor="ann", reason="once more")
        bell.stuck = False
        assert (await crew.run_epic("launch")).outcome is orket.RunOutcome.DONE
        found = await records(crew)
    assert bell.rung == 2
    assert not [it for it in found if isinstance(it, TurnResumed)]


async def test_what_cannot_be_settled_is_refused(tmp_path: Path) -> None:
    """A stranger's key, a settled effect, useless arguments and a card in a turn are refused, each in its own words."""
    root, store = a_world(tmp_path)
    bell = Bell()
    async with bell.open(root, store) as crew:
        await crew.run_epic("launch")
        (effect,) = await crew.unsettled()
        for wrong, said in (
            ({"effect": "nothing"}, rf"no effect 'nothing' waits.*{effect.key} \(ring on a\)"),
            ({"actor": ""}, "actor is ''; valid: a name"),
            ({"ran": 1}, "ran is 1; valid: True or False"),
            ({"output": 1}, "output is 1; valid: a text"),
            ({"output": "x", "ran": False}, "this one did not"),
        ):
            with pytest.raises(RunError, match=said):
                await crew.settle(**{"effect": effect, "ran": True, "actor": "ann", **wrong})
        (row,) = await store.load_board("build-launch")
        await crew.settle(effect, ran=True, actor="ann")
        with pytest.raises(RunError, match="those that do: none"):
            await crew.settle(effect, ran=True, actor="ann")
    assert row.token == 1


class Belated(FrontStore):
    """A store in which the result of an effect arrives after a person has looked, and before he is heard."""

    result: Batch | None = None

    async def around(self, verb: str, call: Callable[[], Awaitable[Any]], batch: Batch | None = None) -> Any:
        if batch is not None and batch.op_id.startswith("operator:") and self.result is not None:
            await self.inner.commit(self.result)
        return await call()


async def test_a_result_that_comes_before_a_person_is_heard_counts(tmp_path: Path) -> None:
    """A turn whose claim has expired may still record it: then there is nothing to settle, and one result on record."""
    root, inner = a_world(tmp_path)
    bell, store = Bell(), Belated(inner)
    async with bell.ringing(root, store):
        pass
    async with bell.open(root, store) as crew:
        (effect,) = await crew.unsettled()
        result = EffectRecorded(key=effect.key, ok=True, output="")
        store.result = Batch(op_id="late", run=effect.run, build=effect.build, at=1.0, card="a", records=(result,))
        with pytest.raises(RunError, match="has got its result meanwhile"):
            await crew.settle(effect, ran=True, actor="ann")
        found = [entry.record async for entry in crew.history()]
    assert sum(isinstance(record, EffectRecorded | EffectSettled) for record in found) == 1


async def test_a_dead_runs_effect_is_settled_before_the_next_run(tmp_path: Path) -> None:
    """Once the claim of the dead has expired its effect is listed; settled under a claim, the turn is taken up."""
    root, store = a_world(tmp_path)
    bell = Bell()
    async with bell.ringing(root, store) as crew:
        assert await crew.unsettled() == ()  # a turn is at it
        with pytest.raises(RunError):
            await crew.settle("?", ran=True, actor="ann")
    async with bell.open(root, store) as crew:
        (effect,) = await crew.unsettled(build="build-launch")
        card = await crew.settle(effect, ran=True, actor="ann", output="rung")
        assert card.status is orket.CardStatus.IN_PROGRESS
        (row,) = await store.load_board("build-launch")
        assert (row.token, row.issue.version) == (3, card.version)  # whoever held it before writes no more
        assert (await crew.run_epic("launch")).outcome is orket.RunOutcome.DONE
    assert bell.rung == 1


async def test_the_stricter_class_counts(tmp_path: Path) -> None:
    """An effect that was begun at most once stays so, whatever its tool is called now."""
    root, store = a_world(tmp_path)
    bell = Bell()
    async with bell.ringing(root, store):
        pass

    @orket.tool(name="ring", effect=EffectClass.IDEMPOTENT)
    async def bolder(times: int) -> str:
        raise AssertionError

    async with bell.open(root, store, tools=[bolder]) as crew:
        result = await crew.run_epic("launch")
        assert result.reasons["a"].startswith("system: effect_unknown: ring was begun")


class Reticent(FrontStore):
    """A store of the days when nobody said of an effect that it was never begun."""

    async def commit(self, batch: Batch, /) -> Receipt:
        told = tuple([record for record in batch.records if not isinstance(record, EffectSettled)])
        return await self.inner.commit(attrs.evolve(batch, records=told))


async def test_two_runs_that_ask_at_once_settle_an_effect_once(tmp_path: Path) -> None:
    """Runs of one build whose tools are asked at the same time put one answer about each effect on record."""
    root, store = a_world(tmp_path)
    bell, asked = Bell(), list[str]()

    def twice(request: ModelRequest) -> object:
        calls = bell.agent(request)
        return [*calls, calls[-1]] if isinstance(calls, list) else calls

    async def both(key: str) -> Settlement:
        asked.append(key)
        with anyio.fail_after(60):
            while asked.count(asked[0]) < 2:
                await anyio.lowlevel.checkpoint()
        return Settlement(ran=True, output="it rang")

    limits = orket.Limits(tool=0.02, lease=0.2)
    async with open_world(root, twice, store=Reticent(store), tools=[bell.tool()], limits=limits) as crew:
        await crew.run_epic("launch")
        assert len(await crew.unsettled()) == 2
    async with open_world(root, twice, store=store, tools=[bell.tool(both)]) as crew:
        runs = [await crew.start("launch") for _ in range(2)]
        for run in runs:
            await run.outcome()
        settled = [record.key for record in await records(crew) if isinstance(record, EffectSettled)]
        assert len(asked) >= 3
        assert len(settled) == len(set(settled)) == 2
        assert (await crew.board()).builds[0].issues[0].status is orket.CardStatus.DONE
    assert bell.rung == 1


@pytest.mark.parametrize("is_canceled", [False, True])
async def test_of_two_who_settle_an_effect_at_once_one_is_heard(tmp_path: Path, is_canceled: bool) -> None:
    """One says that it ran, the other that it did not: who comes second is told so, whatever became of the card."""
    root, store = a_world(tmp_path)
    bell, said = Bell(), list[bool]()
    async with bell.open(root, store) as crew:
        await crew.run_epic("launch")
        (effect,) = await crew.unsettled()
        if is_canceled:
            await crew.cancel("a", actor="ann")

        async def settle(ran: bool) -> None:
            try:
                await crew.settle(effect, ran=ran, actor="ann" if ran else "bob")
                said.append(ran)
            except StoreConflictError:
                pass

        async with anyio.create_task_group() as group:
            group.start_soon(settle, True)
            group.start_soon(settle, False)
        settled = [it for it in await records(crew) if isinstance(it, EffectSettled)]
    assert [it.ran for it in settled] == said
    assert len(said) == 1
