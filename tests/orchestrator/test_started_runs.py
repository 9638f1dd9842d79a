"""Runs in the background: events, outcome, halting at any moment, and what leaving the orchestrator leaves behind."""

import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest
from small_world import diligent, issue, open_world, organization, write_json

import orket
from orket.contracts import ModelReply, ModelRequest
from orket.errors import ModelError, StoreError
from orket.events import RunFinished, RunStarted, TurnClosed, TurnOpened, TurnResumed
from orket.stores import SQLiteStore

pytestmark = pytest.mark.anyio


class Gate:
    """A model that waits until it is let go; it knows how many wait."""

    def __init__(self) -> None:
        self.asked, self.go, self.waiting = anyio.Event(), anyio.Event(), 0

    async def complete(self, request: ModelRequest, /) -> ModelReply:
        self.waiting += 1
        self.asked.set()
        try:
            await self.go.wait()
        finally:
            self.waiting -= 1
        call = diligent(request)
        return await orket.CallableModel(lambda _request: call).complete(request)


async def test_leaving_cancels_runs_and_they_can_be_continued(tmp_path: Path) -> None:
    """Nothing is left running, claims are given back at once, the outcome says so, and a later run goes on."""
    root, path, model = organization(tmp_path, [issue("a"), issue("b"), issue("c", "a")]), tmp_path / "j.db", Gate()
    async with open_world(root, model, store=path) as orchestrator:
        run = await orchestrator.start("launch")
        await model.asked.wait()
    assert model.waiting == 0
    with pytest.raises(orket.RunError, match=f"{run.id} was cancelled"):
        await run.outcome()
    with pytest.raises(orket.RunError, match="not open"):
        run.halt()
    store = SQLiteStore(path)
    await store.open()
    assert [row.owner for row in await store.load_board("build-launch")] == [None, None, None]
    await store.aclose()
    with anyio.fail_after(50):  # far less than a claim's lease
        async with open_world(root, diligent, store=path) as orchestrator:
            result = await orchestrator.run_epic("launch")
            assert (result.outcome, result.done) == (orket.RunOutcome.DONE, 3)
            records = [entry.record async for entry in orchestrator.history()]
    resumed = sum(isinstance(record, TurnResumed) for record in records)
    assert resumed >= 1
    opened = sum(isinstance(record, TurnOpened) for record in records)
    assert opened == sum(isinstance(record, TurnClosed) for record in records) == 6


async def test_a_run_that_had_no_time_to_begin_was_cancelled(tmp_path: Path) -> None:
    """Started and left at once, a run has an outcome to wait for all the same."""
    root = organization(tmp_path, [issue("a")])
    async with open_world(root, diligent) as orchestrator:
        run = await orchestrator.start("launch")
    with anyio.fail_after(60), pytest.raises(orket.RunError, match="was cancelled"):
        await run.outcome()


async def test_a_run_can_be_halted_before_its_first_turn(tmp_path: Path) -> None:
    """Halted right after it was started, by itself or with all, a run takes no turn."""
    root = organization(tmp_path, [issue("a")])
    async with open_world(root, diligent) as orchestrator:
        for halt_all in (False, True):
            run = await orchestrator.start("launch")
            orchestrator.halt() if halt_all else run.halt()
            result = await run.outcome()
            assert (result.outcome, result.turns) == (orket.RunOutcome.HALTED, 0)
        assert (await orchestrator.run_epic("launch")).outcome is orket.RunOutcome.DONE


async def test_only_the_named_run_is_halted(tmp_path: Path) -> None:
    """Another run of the same orchestrator goes on."""
    root, model = organization(tmp_path, [issue("a"), issue("b", "a")]), Gate()
    async with open_world(root, model) as orchestrator:
        runs = [await orchestrator.start("launch", build=f"build-{number}") for number in range(2)]
        await model.asked.wait()
        orchestrator.halt(runs[0].id)
        orchestrator.halt("nobody")
        model.go.set()
        outcomes = [(await run.outcome()).outcome for run in runs]
    assert outcomes == [orket.RunOutcome.HALTED, orket.RunOutcome.DONE]


async def test_events_come_as_they_are_committed_and_from_any_cursor(tmp_path: Path) -> None:
    """A consumer that starts early sees records before the run ends; one that starts late sees all the same."""
    root, model = organization(tmp_path, [issue("a")]), Gate()
    async with open_world(root, model) as orchestrator:
        model.go.set()
        await orchestrator.run_epic("launch", build="noise")
        model.go = anyio.Event()
        run = await orchestrator.start("launch")
        seen = []
        async for entry in run.events():
            seen.append(entry)
            if isinstance(entry.record, TurnOpened):
                model.go.set()
        assert isinstance(seen[0].record, RunStarted)
        assert isinstance(seen[-1].record, RunFinished)
        assert {entry.run for entry in seen} == {run.id}
        late = [entry async for entry in run.events()]
        assert late == seen
        assert [entry async for entry in run.events(seen[-1].seq)] == []
        assert (await run.outcome()).outcome is orket.RunOutcome.DONE


async def test_the_events_of_a_run_that_cannot_begin_end(tmp_path: Path) -> None:
    """A run whose assets are missing has no events, and its error is its outcome."""
    root = organization(tmp_path, [issue("a")], team="nobody")
    async with open_world(root, diligent) as orchestrator:
        run = await orchestrator.start("launch")
        assert [entry async for entry in run.events()] == []
        for _ in range(2):
            with pytest.raises(orket.AssetNotFoundError, match="nobody"):
                await run.outcome()


async def test_a_rocks_events_are_those_of_its_epics_too(tmp_path: Path) -> None:
    """The run of a rock tells what its epics' runs do."""
    root = organization(tmp_path, [issue("a")])
    write_json(root / "model" / "core" / "rocks" / "hill.json", {"name": "hill", "epics": [{"epic": "launch"}]})
    async with open_world(root, diligent) as orchestrator:
        run = await orchestrator.start("hill")
        seen = [entry async for entry in run.events()]
        assert {entry.run for entry in seen} == {run.id, f"{run.id}.1"}
        assert sum(isinstance(entry.record, RunFinished) for entry in seen) == 2
        assert (await run.outcome()).done == 1


class BoomError(Exception):
    """What a host's own body raises."""


async def test_errors_of_the_body_stay_bare(tmp_path: Path) -> None:
    """What the host's own code raises leaves the orchestrator as it was raised, while runs go on."""
    root, model = organization(tmp_path, [issue("a")]), Gate()

    async def body() -> None:
        async with open_world(root, model) as orchestrator:
            await orchestrator.start("launch")
            await model.asked.wait()
            raise BoomError

    with pytest.raises(BoomError):
        await body()
    assert model.waiting == 0


class Bad:
    """A model that breaks; as a context manager it breaks on the way in or out."""

    def __init__(self, where: str) -> None:
        self._where = where

    async def __aenter__(self) -> "Bad":
        if self._where == "enter":
            raise ModelError("no key")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._where == "exit":
            raise ModelError("cannot hang up")

    async def complete(self, request: ModelRequest, /) -> ModelReply:
        return ModelReply(text="")


@pytest.mark.parametrize(("where", "words"), [("enter", "no key"), ("exit", "cannot hang up")])
async def test_errors_of_a_model_that_is_entered_stay_bare(tmp_path: Path, where: str, words: str) -> None:
    """What a model raises on the way in or out is what the host gets; the store is closed all the same."""
    root, store = organization(tmp_path, [issue("a")]), orket.MemoryStore()
    with pytest.raises(ModelError, match=words):
        async with open_world(root, Bad(where), store=store):
            pass
    await store.open()  # refused, were it still open


async def test_an_orchestrator_that_is_not_open_says_so(tmp_path: Path) -> None:
    """Before and after `async with` every verb is refused with a word on what to do."""
    orchestrator = open_world(organization(tmp_path, [issue("a")]), diligent)

    async def refused() -> None:
        verbs = ("run_card", "run_rock", "run_epic", "run_issue", "start", "verify_issue", "explain")
        for verb in verbs:
            with pytest.raises(orket.RunError, match="async with"):
                await getattr(orchestrator, verb)("a")
        for name in ("organization", "store"):
            with pytest.raises(orket.RunError, match="async with"):
                getattr(orchestrator, name)
        with pytest.raises(orket.RunError, match="async with"):
            orchestrator.halt()
        with pytest.raises(orket.RunError, match="async with"):
            orchestrator.history()
        with pytest.raises(orket.RunError, match="async with"):
            await orchestrator.board()

    await refused()
    async with orchestrator:
        assert orchestrator.organization.name == "Small"
        assert orchestrator.warnings == ()
    await refused()


async def test_two_orchestrators_do_not_see_each_other(tmp_path: Path) -> None:
    """Same names, same epic, same moment, one process: each has its own board, journal, tools and organization."""

    def make(number: int) -> orket.Orchestrator:
        @orket.tool
        def only(x: int) -> str:
            return str(number)

        root = organization(tmp_path / str(number), [issue("a")])
        return open_world(root, diligent, tools=[only], environ={"ORKET_ORG_NAME": f"House {number}"})

    async with make(1) as one, make(2) as two:
        first = await one.start("launch", run_id="same")
        second = await two.start("launch", run_id="same")
        assert (await first.outcome()).turns == (await second.outcome()).turns == 2
        assert [one.organization.name, two.organization.name] == ["House 1", "House 2"]
        alone = [entry async for entry in one.history()]
        await two.run_epic("launch", build="another")
        assert [entry async for entry in one.history()] == alone


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_run_sync_needs_no_loop(tmp_path: Path, backend: str) -> None:
    """A host without an event loop gets the result, or orket's error, bare; no thread is left."""
    root = organization(tmp_path, [issue("a")])
    before = threading.active_count()
    result = orket.run_sync(open_world(root, diligent), "launch", backend=backend, build="mine")
    assert (result.outcome, result.build) == (orket.RunOutcome.DONE, "mine")
    with pytest.raises(orket.UnknownCardError):
        orket.run_sync(open_world(root, diligent), "nonesuch", backend=backend)
    with pytest.raises(StoreError):
        orket.run_sync(open_world(root, diligent, store=root / "work" / "space" / "j.db"), "launch", backend=backend)
    assert threading.active_count() - before <= 4  # asyncio's idle workers end by themselves


async def test_environment_is_read_and_never_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a mapping the process's own is copied when the orchestrator is made; it is never written."""
    monkeypatch.setenv("ORKET_ORG_NAME", "From the process")
    root = organization(tmp_path, [issue("a")])
    given: Mapping[str, str] = {"ORKET_ORG_VISION": "clear"}
    before, given_before = dict(os.environ), dict(given)
    orchestrator = orket.Orchestrator(config=root, workspace=tmp_path / "w", store=orket.MemoryStore(), model=diligent)
    monkeypatch.setenv("ORKET_ORG_NAME", "Later")
    async with orchestrator:
        assert orchestrator.organization.name == "From the process"
        await orchestrator.run_epic("launch")
    async with open_world(root, diligent, environ=given) as other:
        assert (other.organization.name, other.organization.vision) == ("Small", "clear")
    assert dict(os.environ) == before | {"ORKET_ORG_NAME": "Later"}
    assert given == given_before


async def test_a_dotenv_file_is_read_only_when_it_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A .env file lies everywhere orket could look; it counts only for the host that names it."""
    root = organization(tmp_path, [issue("a")])
    for folder in (tmp_path, tmp_path / "config", tmp_path / "work" / "space"):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ".env").write_text("ORKET_ORG_NAME=From the file\n")
    monkeypatch.chdir(tmp_path)
    options: dict[str, Any] = {}
    async with open_world(root, diligent, **options) as orchestrator:
        assert orchestrator.organization.name == "Small"
    async with open_world(root, diligent, dotenv=tmp_path / ".env") as orchestrator:
        assert orchestrator.organization.name == "From the file"
    assert os.environ.get("ORKET_ORG_NAME") is None


async def test_a_run_that_has_just_begun_is_not_taken_up(tmp_path: Path) -> None:
    """A run that goes on is refused as such before its first commit, too, and is told apart by its id."""
    async with open_world(organization(tmp_path, [issue("a")]), diligent) as crew:
        run = await crew.start("launch", run_id="mine")
        with pytest.raises(orket.RunError, match="run 'mine' is going on already"):
            await crew.resume("mine")
        assert repr(run) == "<Run 'mine'>"
        assert (await run.outcome()).done == 1
