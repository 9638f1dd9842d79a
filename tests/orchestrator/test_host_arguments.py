"""What a host passes is checked where it is passed, and refused by the argument's name."""

import os
from pathlib import Path
from typing import Any

import pytest
from small_world import diligent, issue, open_world, organization

import orket
from orket.errors import RunError, StoreError, WiringError
from orket.testing import SimulatedClock


@pytest.mark.parametrize(
    ("argument", "value", "said"),
    [
        ("config", None, "config is None; valid: the path of the folder"),
        ("workspace", 5, "workspace is 5; valid: the path of a folder"),
        ("config", "my\0shop", "config is 'my\\x00shop'; valid: the path of the folder"),
        ("workspace", Path("my\0space"), "workspace is of type PosixPath; valid: the path of a folder"),
        ("dotenv", ".env\0", "dotenv is '.env\\x00'; valid: the path of a file"),
        ("model", 5, "model is 5; valid: a model client, or a function"),
        ("store", 5, "store is 5; valid: a store, or the path of a file"),
        ("store", orket.MemoryStore, "store is the class MemoryStore; valid: a store, or the path"),
        ("model", orket.CallableModel, "model is the class CallableModel; valid: a model client, or a function"),
        ("clock", SimulatedClock, "clock is the class SimulatedClock; valid: an object with now"),
        ("tools", 5, "tools is 5; valid: a list of tools"),
        ("tools", "read_file", "tools is 'read_file'; valid: a list of tools"),
        ("nodes", ["planner"], "nodes is of type list; valid: a mapping"),
        ("registry", 5, "registry is 5; valid: a DecisionNodeRegistry"),
        ("environ", 5, "environ is 5; valid: a mapping of str to str"),
        ("environ", {"ORKET_CONCURRENCY": 2}, "environ['ORKET_CONCURRENCY'] is of type int; valid: a mapping"),
        ("dotenv", 5, "dotenv is 5; valid: the path of a file"),
        ("gate_rules", 5, "gate_rules is 5; valid: a list of objects"),
        ("executor", 5, "executor is 5; valid: an object with execute"),
        ("clock", 5, "clock is 5; valid: an object with now"),
        ("limits", {}, "limits is of type dict; valid: an orket.Limits"),
        ("model_override", None, "model_override is None; valid: a model's name"),
        ("strict", "yes", "strict is 'yes'; valid: True or False"),
    ],
)
def test_a_wrong_argument_is_refused_by_name(tmp_path: Path, argument: str, value: Any, said: str) -> None:
    """The error says which argument, what was found and what is valid, before anything is opened."""
    arguments = {"config": tmp_path, "workspace": tmp_path / "space", "model": diligent, argument: value}
    with pytest.raises(WiringError) as caught:
        orket.Orchestrator(**arguments)
    (problem,) = caught.value.problems
    assert problem.startswith(said)


def test_a_secret_of_the_environment_is_not_quoted(tmp_path: Path) -> None:
    """A value of a wrong type is told by its type alone."""
    with pytest.raises(WiringError) as caught:
        orket.Orchestrator(config=tmp_path, workspace=tmp_path, model=diligent, environ={"KEY": b"hush"})
    assert "hush" not in str(caught.value)


def test_an_unknown_event_loop_is_refused(tmp_path: Path) -> None:
    """run_sync names the event loops there are, and what is not installed."""
    crew = open_world(organization(tmp_path, [issue("a")]), diligent)
    with pytest.raises(WiringError, match="backend is 'curio'; valid: 'asyncio' or 'trio'"):
        orket.run_sync(crew, "launch", backend="curio")


def test_run_sync_takes_what_run_epic_takes(tmp_path: Path, anyio_backend: str) -> None:
    """run_sync passes on the run's id and the target, and only the target is worked on."""
    crew = open_world(organization(tmp_path, [issue("a"), issue("b")]), diligent)
    result = orket.run_sync(crew, "launch", run_id="mine", target_issue_id="b", backend=anyio_backend)
    assert (result.run, result.outcome, result.done, result.cards) == ("mine", orket.RunOutcome.DONE, 1, 2)


@pytest.mark.anyio
async def test_a_target_is_for_an_epic(tmp_path: Path) -> None:
    """A target beside a card that is no epic is refused, not passed over."""
    async with open_world(organization(tmp_path, [issue("a"), issue("b")]), diligent) as crew:
        with pytest.raises(RunError, match="target_issue_id is 'b'; valid: None, a is no epic"):
            await crew.run_card("a", target_issue_id="b")
        assert (await crew.run_card("a", target_issue_id="a")).done == 1


@pytest.mark.anyio
@pytest.mark.parametrize("given", [{"run_id": "../x"}, {"build": ".hidden"}, {"run_id": ""}, {"build": ""}])
async def test_an_unsafe_id_is_the_hosts_mistake(tmp_path: Path, given: dict[str, str]) -> None:
    """An id that no file could have is blamed on the argument, not on a node."""
    (argument, value), *_ = given.items()
    async with open_world(organization(tmp_path, [issue("a")]), diligent) as crew:
        with pytest.raises(RunError, match=f"^{argument} is {value!r}; valid: a str of ".replace(".", r"\.")):
            await crew.run_epic("launch", **given)
        assert await crew.store.runs() == ()


@pytest.mark.anyio
async def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    """Where there is no folder of that name, or no organization in it, the error names the folder."""
    for config, said in ((tmp_path / "gone", "because there is no folder"), (tmp_path, "the organization in")):
        with pytest.raises(orket.AssetNotFoundError, match=said) as caught:
            await open_world(config, diligent).__aenter__()
        assert f" {config};" in str(caught.value)


@pytest.mark.anyio
async def test_a_misspelt_variable_is_told(tmp_path: Path) -> None:
    """A variable that is almost one of orket's is a warning; others of that prefix, and empty ones, are none."""
    environ = {"ORKET_CONCURENCY": "3", "ORKET_DASHBOARD": "x", "ORKET_TURN_BUDGETS": "", "ORKET_CONCURRENCY": "1"}
    crew = open_world(organization(tmp_path, [issue("a")]), diligent, environ=environ)
    async with crew:
        pass
    assert crew.warnings == ("environment: nobody reads ORKET_CONCURENCY; did you mean ORKET_CONCURRENCY?",)


class Rule:
    """Allows everything, under a name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def check(self, question: object) -> str | None:
        return None


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["known-tool", "host-rules"])
async def test_a_rule_of_the_host_has_a_name_of_its_own(tmp_path: Path, name: str) -> None:
    """A host's rule named like a stock one is refused: verdicts must say who refused."""
    crew = open_world(organization(tmp_path, [issue("a")]), diligent, gate_rules=[Rule("own"), Rule(name)])
    with pytest.raises(WiringError, match=f"named '{name}', as a stock one is"):
        await crew.__aenter__()


@pytest.mark.anyio
async def test_folders_that_are_made_survive_a_power_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folders of record and workspace that the orchestrator makes have names that were synced."""
    root = organization(tmp_path, [issue("a")])
    synced: list[int] = []
    sync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (synced.append(os.fstat(handle).st_ino), sync(handle)))
    places = {"workspace": tmp_path / "far" / "workspace", "store": tmp_path / "deep" / "down" / "journal.db"}
    async with orket.Orchestrator(config=root, model=str, environ={}, **places):
        pass
    for name in ("", "far", "deep"):
        assert (tmp_path / name).stat().st_ino in synced, name


@pytest.mark.anyio
async def test_what_a_verb_cannot_use_is_refused_by_name(tmp_path: Path) -> None:
    """Names, cursors and nodes of a wrong kind are typed errors that say what was found and what is valid."""
    async with open_world(organization(tmp_path, [issue("a")]), diligent) as crew:
        await crew.run_epic("launch", run_id="monday")
        refused: list[tuple[Any, str]] = [
            (lambda: crew.run_card(None), "card is None; valid: the name of a rock, an epic or an issue"),
            (lambda: crew.start(3), "card is 3; valid: the name of a rock, an epic or an issue"),
            (lambda: crew.what_if(None), "the record has no run None; it has: monday"),
            (lambda: crew.what_if("munday"), "the record has no run 'munday'; did you mean 'monday'? it has: monday"),
            (lambda: crew.resume("munday"), "the record has no run 'munday'; did you mean 'monday'? it has: monday"),
            (lambda: crew.what_if("monday", ["router"]), "wiring is of type list; valid: a Wiring, or a mapping of"),
        ]
        for call, said in refused:
            with pytest.raises((RunError, WiringError)) as caught:
                await call()
            assert said in str(caught.value)


@pytest.mark.anyio
@pytest.mark.parametrize("since", ["3", None, 1.0, True])
async def test_a_cursor_is_a_whole_number(tmp_path: Path, since: Any) -> None:
    """What cannot be the number of an entry is refused by both streams of entries."""
    async with open_world(organization(tmp_path, [issue("a")]), diligent) as crew:
        run = await crew.start("launch")
        await run.outcome()
        for stream in (crew.history, run.events):
            with pytest.raises(RunError, match=r"^since is .*; valid: the seq of an entry, a whole number$"):
                [entry async for entry in stream(since=since)]


def test_run_sync_needs_an_orchestrator() -> None:
    """A class or anything else in its place is refused before an event loop is started."""
    for wrong in (orket.Orchestrator, 3):
        with pytest.raises(RunError, match=r"^orchestrator is .*; valid: an Orchestrator$"):
            orket.run_sync(wrong, "launch")  # type: ignore[arg-type]


@pytest.mark.anyio
async def test_a_store_is_no_address(tmp_path: Path) -> None:
    """A text that means something else than a file elsewhere makes no file and no folder of that name."""
    root = organization(tmp_path, [issue("a")])
    for store in (":memory:", "jour\0nal.db", "postgres://ann:hush@server/db", "file:journal.db?mode=ro"):
        with pytest.raises(StoreError) as caught:
            async with open_world(root, diligent, store=store):
                pass
        assert "a file" in str(caught.value)
        assert "hush" not in str(caught.value)
