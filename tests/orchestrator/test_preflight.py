"""What a journal needs and is gone is listed before anything runs, and a build that needs it is refused by name."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import attrs
import pytest
from ports import StoreDouble
from small_world import WORKER_TOOLS, diligent, issue, open_world, organization, write_json

import orket
from orket.contracts import ModelRequest, ToolCall
from orket.events import JournalEntry, RunStarted
from orket.nodes.router import DefaultRouterNode

pytestmark = pytest.mark.anyio
LIMITS = orket.Limits(lease=0.2)


class Cheapest(DefaultRouterNode):
    pass


@orket.tool
async def ring(times: int) -> str:
    """Ring for ever."""
    await anyio.sleep_forever()
    return "rung"


@orket.tool(name="ring")
async def ring_louder(times: int, volume: int) -> str:
    """Take other arguments than the tool of old."""
    return f"rung {times} {volume}"


async def die(root: Path, *, ringing: bool = False) -> orket.MemoryStore:
    """Leave a build behind whose only run died in an open turn on issue a."""
    organization(root, [issue("a"), issue("b", "a")], tools=[*WORKER_TOOLS, "ring"])
    store, asked = orket.MemoryStore(), anyio.Event()

    async def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        if request.brief.round == 2 or not ringing:
            asked.set()
            await anyio.sleep_forever()
        return ToolCall(name="ring", arguments={"times": 1})

    async with open_world(root, agent, store=store, tools=[ring], limits=LIMITS) as crew:
        await crew.start("launch", run_id="first")
        if ringing:
            while not [one async for one in crew.history() if type(one.record).__name__ == "EffectIntended"]:
                await anyio.lowlevel.checkpoint()
        else:
            await asked.wait()
    return store


class Forging(StoreDouble):
    """A store whose journal says of how runs began what *change* makes of it."""

    change: Callable[[RunStarted], RunStarted]

    def events(self, since: int = 0, /, **wanted: Any) -> AsyncIterator[JournalEntry]:
        return self._changed(since, wanted)

    async def _changed(self, since: int, wanted: dict[str, Any]) -> AsyncIterator[JournalEntry]:
        async with aclosing(self.inner.events(since, **wanted)) as entries:  # type: ignore[type-var]
            async for entry in entries:
                record = entry.record
                yield attrs.evolve(entry, record=self.change(record)) if isinstance(record, RunStarted) else entry


def older_plugin(started: RunStarted) -> RunStarted:
    return attrs.evolve(started, resolutions=tuple([attrs.evolve(it, version="0.0.9") for it in started.resolutions]))


def newer_contract(started: RunStarted) -> RunStarted:
    return attrs.evolve(started, contract=7)


async def check(crew: orket.Orchestrator, what: str, name: str, said: str, *, card: str | None = "a") -> None:
    """Check that a thing is listed as the only one of its kind, refuses the build, and that no run was begun."""
    found = [one for one in await crew.preflight() if one.what == what]
    assert [(one.name, one.card, one.build) for one in found] == [(name, card, "build-launch")]
    assert said in found[0].detail
    assert await crew.preflight(build="build-launch") == await crew.preflight()
    for attempt in (crew.resume("first"), crew.run_epic("launch"), crew.run_issue("a")):
        with pytest.raises(orket.ResumeError) as caught:
            await attempt
        assert found[0] in caught.value.obstacles
        assert said in str(caught.value)
    assert [row.id for row in await crew.store.runs()] == ["first"]


async def test_nothing_is_reported_when_nothing_changed(tmp_path: Path) -> None:
    """The same organization, nodes and tools: no obstacle, and the run that died is taken up as it was asked for."""
    store = await die(tmp_path)
    async with open_world(tmp_path, diligent, store=store, tools=[ring], limits=LIMITS) as crew:
        assert await crew.preflight() == ()
        result = await crew.resume("first", new_run_id="second")
        assert (result.run, result.build, result.outcome, result.done) == (
            "second",
            "build-launch",
            orket.RunOutcome.DONE,
            2,
        )
        assert await crew.preflight() == ()
        assert (await crew.resume("second")).turns == 0


async def test_another_node(tmp_path: Path) -> None:
    """A kind that is wired to another node is named with both."""
    store = await die(tmp_path)
    options: dict[str, Any] = {"store": store, "tools": [ring], "limits": LIMITS, "nodes": {"router": Cheapest}}
    async with open_world(tmp_path, diligent, **options) as crew:
        await check(crew, "node", "router", "router: run first had default", card=None)
    async with open_world(tmp_path, diligent, accept_new_wiring=True, **options) as crew:
        assert await crew.preflight() == ()
        assert (await crew.resume("first")).done == 2


async def test_another_choice_of_the_same_node(tmp_path: Path) -> None:
    """A node that is chosen by somebody else now is named with who chose it."""
    store = await die(tmp_path)
    nodes = {"nodes": {"planner": "default"}}
    async with open_world(tmp_path, diligent, store=store, tools=[ring], limits=LIMITS, **nodes) as crew:
        await check(crew, "options", "planner", "chosen elsewhere (default, now host)", card=None)


@pytest.mark.parametrize(
    ("change", "what", "said"),
    [
        (older_plugin, "version", "router: run first had default 0.0.9 of orket, now it is default"),
        (newer_contract, "contract", "run first kept contract version 7, this orket has 1"),
    ],
)
async def test_another_version(tmp_path: Path, change: Any, what: str, said: str) -> None:
    """Another version of a package, and of the contracts, is named with both."""
    store = Forging(await die(tmp_path))
    store.change = change
    async with open_world(tmp_path, diligent, store=store, tools=[ring], limits=LIMITS) as crew:
        found = [one for one in await crew.preflight() if one.what == what]
        assert len(found) == (12 if what == "version" else 1)
        assert any(said in one.detail for one in found)
        with pytest.raises(orket.ResumeError, match="accept_new_wiring=True"):
            await crew.resume("first")


async def test_a_tool_that_is_gone(tmp_path: Path) -> None:
    """A tool that an open turn was offered is named with the card and the run."""
    store = await die(tmp_path)
    async with open_world(tmp_path, diligent, store=store, limits=LIMITS) as crew:
        await check(crew, "tool", "ring", "there is no tool 'ring' any more; a turn on a that run first left open")


async def test_a_tool_that_takes_other_arguments(tmp_path: Path) -> None:
    """A call that is about to run, and that its tool does not take any more, is named with what is wrong."""
    store = await die(tmp_path, ringing=True)
    async with open_world(tmp_path, diligent, store=store, tools=[ring_louder], limits=LIMITS) as crew:
        await check(crew, "arguments", "ring", "does not take what it was called with")


@pytest.mark.parametrize(
    ("team", "what", "name"),
    [
        ({"builder": {"roles": ["coder"]}}, "seat", "coder"),
        ({"coder": {"roles": ["baker"]}}, "role", "coder"),
        (None, "asset", "launch"),
    ],
)
async def test_people_that_are_gone(tmp_path: Path, team: Any, what: str, name: str) -> None:
    """A seat, a role and a whole team that an open turn needs are named."""
    store = await die(tmp_path)
    core = tmp_path / "model" / "core"
    write_json(core / "roles" / "baker.json", {"name": "baker", "description": "bakes"})
    path = core / "teams" / "crew.json"
    if team is None:
        path.unlink()
    else:
        write_json(path, {"name": "crew", "seats": {**team, "guard": {"roles": ["integrity_guard"]}}})
        epic = core / "epics" / "launch.json"
        seats = json.loads(epic.read_text())
        write_json(epic, {**seats, "issues": [{**one, "seat": next(iter(team))} for one in seats["issues"]]})
    async with open_world(tmp_path, diligent, store=store, tools=[ring], limits=LIMITS) as crew:
        if team is None:
            (found,) = await crew.preflight()
            assert (found.what, found.name, found.card) == (what, name, "a")
            with pytest.raises(orket.ConfigError):
                await crew.resume("first")
        else:
            await check(crew, what, name, f"there is no {what} {name!r} any more")


async def test_a_status_that_is_not_known(tmp_path: Path) -> None:
    """Cards that cannot be read are all named; the stored rows stay as they are."""
    store = await die(tmp_path)
    bodies = {}
    for card in ("a", "b"):
        state = store._cards["build-launch", card]
        fields = json.loads(state.body or "")
        state.body = bodies[card] = json.dumps({**fields, "status": "paused"})
    async with open_world(tmp_path, diligent, store=store, tools=[ring], limits=LIMITS) as crew:
        found = await crew.preflight()
        assert [(one.what, one.card) for one in found] == [("format", "a"), ("format", "b")]
        assert all("'paused' is not a valid CardStatus" in one.detail for one in found)
        with pytest.raises(orket.ResumeError, match="paused"):
            await crew.resume("first")
    assert {card: store._cards["build-launch", card].body for card in bodies} == bodies


async def test_a_record_that_is_not_known(tmp_path: Path) -> None:
    """A record of a newer orket is named by its card."""
    store = await die(tmp_path)
    place = next(i for i, row in enumerate(store._journal) if '"turn_opened"' in row[-1])
    row = store._journal[place]
    store._journal[place] = (*row[:-1], row[-1].replace('"turn_opened"', '"turn_imagined"'))
    async with open_world(tmp_path, diligent, store=store, tools=[ring], limits=LIMITS) as crew:
        await check(crew, "format", "a", "unknown record ['turn_imagined'")


async def test_runs_that_cannot_be_resumed(tmp_path: Path) -> None:
    """A run that the record lacks is refused with those it has; one that goes on is not taken up beside itself."""
    store, asked = await die(tmp_path), anyio.Event()

    async def waits(_request: ModelRequest) -> object:
        asked.set()
        await anyio.sleep_forever()

    async with open_world(tmp_path, waits, store=store, tools=[ring], limits=LIMITS) as crew:
        with pytest.raises(orket.RunError, match="no run 'furst'; did you mean 'first'"):
            await crew.resume("furst")
        with pytest.raises(orket.RunError, match="the record has a run 'first'"):
            await crew.resume("first", new_run_id="first")
        await crew.start("launch", run_id="second")
        await asked.wait()
        with pytest.raises(orket.RunError, match="going on already"):
            await crew.resume("second")
        assert await crew.preflight() == ()


async def test_a_rock_is_resumed(tmp_path: Path) -> None:
    """A rock of another department that died in its second epic goes on there; its first stays done."""
    for name in ("launch", "landing"):
        organization(tmp_path, [issue("a")], epic=name)
    rock = {"name": "moon", "epics": [{"epic": "launch"}, {"epic": "landing"}]}
    write_json(tmp_path / "model" / "space" / "rocks" / "moon.json", rock)
    store, asked = orket.MemoryStore(), anyio.Event()

    async def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        if request.brief.run.endswith(".2"):
            asked.set()
            await anyio.sleep_forever()
        return diligent(request)

    async with open_world(tmp_path, agent, store=store) as crew:
        await crew.start("moon", department="space", run_id="first")
        await asked.wait()
    async with open_world(tmp_path, diligent, store=store) as crew:
        result = await crew.resume("first")
        assert (result.card, result.outcome, result.done, result.turns) == ("moon", orket.RunOutcome.DONE, 2, 2)
        row = await store.load_run(result.run)
        assert row is not None
        assert row.department == "space"


async def test_a_run_of_one_issue_is_resumed_as_that(tmp_path: Path) -> None:
    """A run that was asked for one issue takes turns on no other when it is resumed."""
    organization(tmp_path, [issue("a"), issue("b")])
    store, asked = orket.MemoryStore(), anyio.Event()

    async def waits(_request: ModelRequest) -> object:
        asked.set()
        await anyio.sleep_forever()

    async with open_world(tmp_path, waits, store=store) as crew:
        await crew.start("b", run_id="first")
        await asked.wait()
    async with open_world(tmp_path, diligent, store=store) as crew:
        result = await crew.resume("first")
        assert (result.outcome, result.done, result.cards) == (orket.RunOutcome.DONE, 1, 2)
