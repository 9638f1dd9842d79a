"""A run has its id alone: whoever begins another one of it is refused before anything is done."""

from pathlib import Path

import anyio
import pytest
from ports import StoreDouble
from small_world import WORKER_TOOLS, diligent, issue, open_world, organization, write_json

import orket
from orket.contracts import EffectClass, ModelRequest, RunRow, ToolCall, TurnKind
from orket.stores import SQLiteStore

pytestmark = pytest.mark.anyio


class Blind(StoreDouble):
    """A store that knows of no run yet, as one does that was asked a moment too early."""

    async def load_run(self, run: str, /) -> RunRow | None:
        await super().load_run(run)
        return None


def mountain(root: Path) -> Path:
    """Return an organization with a rock of one epic."""
    organization(root, [issue("a"), issue("b")])
    write_json(root / "model" / "core" / "rocks" / "mountain.json", {"name": "mountain", "epics": [{"epic": "launch"}]})
    return root


async def test_of_two_that_begin_a_run_of_one_id_at_once_one_is_refused(tmp_path: Path) -> None:
    """On one file neither sees the other's run before its own begins; every effect happens once all the same."""
    paid: list[str] = []

    @orket.tool(effect=EffectClass.AT_MOST_ONCE)
    async def pay(what: str) -> None:
        paid.append(what)

    def agent(request: ModelRequest) -> ToolCall:
        assert request.brief is not None
        if request.brief.kind is TurnKind.WORK and request.brief.round == 1:
            return ToolCall(name="pay", arguments={"what": request.brief.issue.id})
        return diligent(request)

    root = organization(tmp_path, [issue("a"), issue("b"), issue("c")], tools=[*WORKER_TOOLS, "pay"])
    ends: list[object] = []

    async def begin() -> None:
        store = Blind(SQLiteStore(tmp_path / "journal.db"))
        async with open_world(root, agent, store=store, tools=[pay]) as crew:
            try:
                ends.append((await crew.run_epic("launch", run_id="nightly")).outcome)
            except orket.RunError as error:
                ends.append(str(error).partition(";")[0])

    async with anyio.create_task_group() as group:
        group.start_soon(begin)
        group.start_soon(begin)
    assert sorted(paid) == ["a", "b", "c"]
    assert sorted(map(str, ends)) == ["done", "the record has a run 'nightly'"]


@pytest.mark.parametrize("name", ["launch", "mountain"])
async def test_a_run_that_is_on_record_is_not_begun_again(tmp_path: Path, name: str) -> None:
    """Not even where the record did not say so when it was asked: nothing is written, and the error has the id."""
    root, inner = mountain(tmp_path), orket.MemoryStore()
    async with open_world(root, diligent, store=inner) as crew:
        await crew.run_card(name, run_id="once")
    async with open_world(root, diligent, store=Blind(inner)) as crew:
        before = await crew.store.verify()
        with pytest.raises(orket.RunError, match="the record has a run 'once") as caught:
            await crew.run_card(name, run_id="once")
        assert (caught.value.run, await crew.store.verify()) == ("once", before)


async def test_a_rock_whose_steps_are_on_record_is_refused(tmp_path: Path) -> None:
    """The runs of its epics are named after it: one that is there would swallow what the rock does."""
    async with open_world(mountain(tmp_path), diligent) as crew:
        await crew.run_epic("launch", run_id="night.1", build="other")
        with pytest.raises(orket.RunError, match=r"the record has a run 'night\.1'"):
            await crew.run_rock("mountain", run_id="night")
        assert [row.id for row in await crew.store.runs()] == ["night.1"]
        assert (await crew.run_rock("mountain", run_id="night.1.2")).outcome is orket.RunOutcome.DONE


@pytest.mark.parametrize(("first", "second"), [("night", "night.1"), ("night.1", "night"), ("night", "night")])
async def test_no_run_begins_under_the_name_of_a_step(tmp_path: Path, first: str, second: str) -> None:
    """While a rock goes on nobody else gets the id of one of its steps, and the other way round."""
    begun, go_on = anyio.Event(), anyio.Event()

    async def agent(request: ModelRequest) -> ToolCall:
        begun.set()
        await go_on.wait()
        return diligent(request)

    async with open_world(mountain(tmp_path), agent) as crew:
        run = await crew.start("mountain" if first == "night" else "launch", run_id=first)
        await begun.wait()
        with pytest.raises(orket.RunError, match=r"run 'night(\.1)?' is going on already"):
            await crew.start("launch", run_id=second)
        other = await crew.start("launch", run_id="night.x", build="other")
        go_on.set()
        assert {entry.run for entry in [entry async for entry in run.events()]} <= {"night", "night.1"}
        assert (await run.outcome()).outcome is (await other.outcome()).outcome is orket.RunOutcome.DONE
