"""What a host can run by name, and where the record lies."""

from pathlib import Path
from typing import Any

import anyio
import pytest
from small_world import diligent, issue, open_world, organization, wish, write_json

import orket
from orket.contracts import ModelRequest, ToolCall, TurnKind
from orket.errors import AssetNotFoundError, StoreError, UnknownCardError, VerificationError
from orket.events import CardAdded, CardMoved, RunStarted, VerificationRecorded
from orket.stores import SQLiteStore

pytestmark = pytest.mark.anyio


def rocky(root: Path) -> Path:
    """Return an organization with a rock of two epics, one of them of another department."""
    organization(root, [issue("a")], epic="first")
    organization(root, [issue("c")], epic="third")
    organization(root / "other", [issue("b"), issue("b2", "b")], epic="second")
    (root / "other" / "model" / "core").rename(root / "model" / "product")
    write_json(
        root / "config" / "organization.json",
        {"name": "Small", "vision": "v", "ethos": "e", "departments": ["core", "product"]},
    )
    write_json(
        root / "model" / "core" / "rocks" / "mountain.json",
        {"name": "mountain", "epics": [{"epic": "first"}, {"epic": "second", "department": "product"}]},
    )
    return root


@pytest.mark.parametrize("inside", ["", "deep/er", "link"])
@pytest.mark.parametrize("as_path", [True, False], ids=["path", "store"])
async def test_a_store_inside_the_workspace_is_refused(tmp_path: Path, inside: str, as_path: bool) -> None:
    """However it is spelled or linked, the record does not lie where agents write."""
    root, space = organization(tmp_path, [issue("a")]), tmp_path / "work" / "space"
    (space / "deep" / "er").mkdir(parents=True)
    (tmp_path / "outside").symlink_to(space / "deep")
    folder = tmp_path / "outside" if inside == "link" else space / inside
    path = folder / "journal.db"
    with pytest.raises(StoreError, match="inside the workspace"):
        async with open_world(root, diligent, store=path if as_path else SQLiteStore(path)):
            pass
    assert not list(space.rglob("*.db"))


async def test_a_workspace_that_is_a_link_is_the_folder_behind_it(tmp_path: Path) -> None:
    """A store in the folder that the workspace's link leads to is refused as well."""
    root = organization(tmp_path, [issue("a")])
    (tmp_path / "real").mkdir()
    (tmp_path / "space").symlink_to(tmp_path / "real")
    orchestrator = orket.Orchestrator(
        config=root, workspace=tmp_path / "space", store=tmp_path / "real" / "j.db", model=diligent, environ={}
    )
    with pytest.raises(StoreError, match="inside the workspace"):
        async with orchestrator:
            pass


async def test_the_record_lies_beside_the_workspace_by_default(tmp_path: Path) -> None:
    """Without a store given, a host finds the journal next to the workspace, and another host goes on with it."""
    root = organization(tmp_path, [issue("a")])
    options: dict[str, Any] = {"config": root, "workspace": tmp_path / "space", "model": diligent, "environ": {}}
    async with orket.Orchestrator(**options) as orchestrator:
        assert orchestrator.store.location == tmp_path / "space.orket" / "journal.db"
        assert (await orchestrator.run_card("launch")).turns == 2
    async with orket.Orchestrator(**options) as orchestrator:
        assert (await orchestrator.run_card("launch")).turns == 0


async def test_a_card_is_found_by_its_name(tmp_path: Path) -> None:
    """A rock, an epic, an issue of an asset of any department: each is run as what it is."""
    async with open_world(rocky(tmp_path), diligent) as orchestrator:
        alone = await orchestrator.run_card("b")
        assert (alone.card, alone.outcome, alone.done, alone.cards) == ("second", orket.RunOutcome.DONE, 1, 2)
        epic = await orchestrator.run_card("first")
        assert (epic.card, epic.done, epic.cards) == ("first", 1, 1)
        rock = await orchestrator.run_card("mountain")
        assert (rock.card, rock.outcome, rock.done, rock.cards) == ("mountain", orket.RunOutcome.DONE, 3, 3)
        assert rock.turns == 2  # of b2; all else was done
        views = (await orchestrator.board()).builds
        assert {view.build for view in views} == {"build-first", "build-second", "rock-build-mountain"}


async def test_an_issue_that_a_seat_created_is_run_by_its_name(tmp_path: Path) -> None:
    """It is found on the stored board, although no asset has it; nothing else is touched."""

    def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        if request.brief.issue.id == "a" and request.brief.kind is TurnKind.WORK and request.brief.round == 1:
            return ToolCall(name="create_issue", arguments={"summary": "more", "seat": "coder"})
        return diligent(request)

    root = organization(tmp_path, [issue("a"), issue("b")])
    async with open_world(root, agent) as orchestrator:
        await orchestrator.run_issue("a")
        board = (await orchestrator.board("build-launch")).builds[0]
        (created,) = [one.id for one in board.issues if one.id not in ("a", "b")]
        for run in (orchestrator.run_issue, orchestrator.run_card):
            result = await run(created)
            assert (result.outcome, result.done, result.cards) == (orket.RunOutcome.DONE, 2, 3)


async def test_what_nothing_is_called_is_told(tmp_path: Path) -> None:
    """Unknown names are typed errors that name what there is; nothing is written."""
    async with open_world(rocky(tmp_path), diligent) as orchestrator:
        for run in (orchestrator.run_card, orchestrator.run_issue, orchestrator.start):
            with pytest.raises(UnknownCardError, match=r"nonesuch.*mountain.*first") as caught:
                await run("nonesuch")
            assert caught.value.card == "nonesuch"
        with pytest.raises(AssetNotFoundError, match="nonesuch"):
            await orchestrator.run_epic("nonesuch")
        with pytest.raises(AssetNotFoundError, match="nonesuch"):
            await orchestrator.run_rock("nonesuch")
        with pytest.raises(orket.RunError, match="'mountain' is no issue but the rock of this name; run_rock runs it"):
            await orchestrator.run_issue("mountain")
        with pytest.raises(orket.RunError, match="'first' is no issue but the epic of this name; run_epic runs it"):
            await orchestrator.run_issue("first")
        assert await orchestrator.store.runs() == ()


async def test_a_target_that_the_board_does_not_have_is_told(tmp_path: Path) -> None:
    """A name that neither epic nor board has is an error before the run is on record; the board's issues count."""
    store = orket.MemoryStore()
    root = organization(tmp_path, [issue("a"), issue("b")])
    said = r"build-launch has no issue 'z'; some that it has: a, b$"
    async with open_world(root, diligent, store=store) as orchestrator:
        for run in (orchestrator.run_epic, orchestrator.run_card):
            with pytest.raises(UnknownCardError, match=said) as caught:
                await run("launch", target_issue_id="z")
            assert caught.value.card == "z"
        with pytest.raises(UnknownCardError, match=said):
            await (await orchestrator.start("launch", target_issue_id="z")).outcome()
        assert (await store.runs(), await store.last_seq()) == ((), 0)
        await orchestrator.run_epic("launch", target_issue_id="a")
        written = await store.last_seq()
        with pytest.raises(UnknownCardError, match="build-other has no issue 'z'; some that it has: a, b"):
            await orchestrator.run_epic("launch", target_issue_id="z", build="build-other")
        assert await store.last_seq() == written
    organization(tmp_path, [issue("a"), issue("c")])
    async with open_world(root, diligent, store=store) as orchestrator:
        with pytest.raises(UnknownCardError, match="some that it has: a, b, c"):
            await orchestrator.run_epic("launch", target_issue_id="z")
        assert (await orchestrator.run_issue("b")).outcome is orket.RunOutcome.DONE
        with pytest.raises(UnknownCardError, match="build-other has no issue 'b'; some that it has: a, c"):
            await orchestrator.run_issue("b", build="build-other")
        assert {row.build for row in await store.runs()} == {"build-launch"}


async def test_a_target_is_run_alone_and_the_ledger_waits_for_the_rest(tmp_path: Path) -> None:
    """Runs of single issues are done when those are; the success ledger has a row only when the whole board is."""
    root = organization(tmp_path, [issue("a"), issue("b", "a")])
    async with open_world(root, diligent) as orchestrator:
        early = await orchestrator.run_issue("b")
        assert (early.outcome, early.turns) == (orket.RunOutcome.STALLED, 0)
        assert early.reasons == {
            "a": "resource: is no part of this run, which is only for b",
            "b": "dependency: a is ready",
        }
        assert (await orchestrator.run_issue("a")).outcome is orket.RunOutcome.DONE
        assert await orchestrator.store.find("ledger") == ()
        last = await orchestrator.run_issue("b")
        assert (last.outcome, last.done) == (orket.RunOutcome.DONE, 2)
        (row,) = await orchestrator.store.find("ledger")
        assert (row.key, row.body["done"]) == (last.run, 2)


async def test_a_rock_stops_at_the_epic_that_fails(tmp_path: Path) -> None:
    """The result is that of the first epic that is not done; the epics behind it are not begun."""

    def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        return "" if request.brief.issue.id == "a" else diligent(request)

    root = rocky(tmp_path)
    organization(root, [issue("a", max_retries=0)], epic="first")
    async with open_world(root, agent) as orchestrator:
        result = await orchestrator.run_rock("mountain")
        assert (result.outcome, result.cards) == (orket.RunOutcome.FAILED, 1)
        assert result.reason.startswith("epic first: a: ")
        assert list(result.reasons) == ["build-first/a"]
        assert {row.card for row in await orchestrator.store.runs()} == {"mountain", "first"}


async def test_a_rock_goes_on_behind_an_epic_that_stalls(tmp_path: Path) -> None:
    """A stalled epic keeps the rock from being done, but not the epics behind it."""

    def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        return wish("blocked", wait_reason="input") if request.brief.issue.id == "a" else diligent(request)

    async with open_world(rocky(tmp_path), agent) as orchestrator:
        result = await orchestrator.run_rock("mountain")
        assert (result.outcome, result.done, result.cards) == (orket.RunOutcome.STALLED, 2, 3)
        (rock, *epics) = await orchestrator.store.runs()
        assert (rock.card, rock.outcome) == ("mountain", orket.RunOutcome.STALLED)
        assert [(one.parent, one.id) for one in epics] == [(rock.id, f"{rock.id}.1"), (rock.id, f"{rock.id}.2")]


async def test_a_rock_is_halted_with_its_epics(tmp_path: Path) -> None:
    """The running epic comes to rest as halted, and the next one is not begun; a later run goes on."""

    def agent(request: ModelRequest) -> object:
        orchestrator.halt()
        return diligent(request)

    async with open_world(rocky(tmp_path), agent) as orchestrator:
        result = await orchestrator.run_rock("mountain")
        assert (result.outcome, result.turns) == (orket.RunOutcome.HALTED, 1)
        assert len(await orchestrator.store.runs()) == 2
    async with open_world(tmp_path, diligent, store=orchestrator_store(orchestrator)) as orchestrator:
        assert (await orchestrator.run_rock("mountain")).outcome is orket.RunOutcome.DONE


def orchestrator_store(closed: orket.Orchestrator) -> orket.MemoryStore:
    """Return the store that a closed orchestrator was given."""
    store = closed._store
    assert isinstance(store, orket.MemoryStore)
    return store


async def test_a_rock_halted_between_two_epics_is_halted(tmp_path: Path) -> None:
    """A halt that comes when the last issue of an epic is done keeps the next epic from beginning."""

    def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        if request.brief.kind is TurnKind.REVIEW:
            orchestrator.halt()
        return diligent(request)

    async with open_world(rocky(tmp_path), agent) as orchestrator:
        result = await orchestrator.run_rock("mountain")
        assert (result.outcome, result.done, result.reason) == (
            orket.RunOutcome.HALTED,
            1,
            "the host asked the run to stop",
        )


async def test_a_run_id_names_one_run(tmp_path: Path) -> None:
    """An id given twice is refused, at once or later: no two runs share a record."""
    root, go = organization(tmp_path, [issue("a")]), anyio.Event()

    async def agent(request: ModelRequest) -> object:
        await go.wait()
        return diligent(request)

    async with open_world(root, agent) as orchestrator:
        run = await orchestrator.start("launch", run_id="mine")
        assert run.id == "mine"
        with pytest.raises(orket.RunError, match="'mine' is going on"):
            await orchestrator.run_epic("launch", run_id="mine")
        go.set()
        assert (await run.outcome()).run == "mine"
        with pytest.raises(orket.RunError, match="the record has a run 'mine'"):
            await orchestrator.run_epic("launch", run_id="mine")
        again = await orchestrator.run_epic("launch", run_id="other", build="second")
        assert (again.run, again.build, again.done) == ("other", "second", 1)


async def test_explain_board_and_history(tmp_path: Path) -> None:
    """A card's explanation has its wait and the whole chain behind it; what is unknown is told by name."""

    def agent(request: ModelRequest) -> object:
        return wish("blocked", wait_reason="input", reason="which colour?")

    root = organization(tmp_path, [issue("a"), issue("b", "a")])
    async with open_world(root, agent) as orchestrator:
        with pytest.raises(UnknownCardError, match=r"no card 'a'.*none"):
            await orchestrator.explain("a")
        result = await orchestrator.run_epic("launch")
        why = await orchestrator.explain("a")
        assert (why.wait, why.build) == ((orket.WaitReason.INPUT, "which colour?"), "build-launch")
        assert why.issue.status is orket.CardStatus.BLOCKED
        chain = [entry async for entry in orchestrator.history(card="a")]
        assert list(why.chain) == chain
        assert isinstance(why.chain[0].record, CardAdded)
        assert any(isinstance(entry.record, CardMoved) for entry in chain)
        assert (await orchestrator.explain("b", build="build-launch")).wait == (
            orket.WaitReason.DEPENDENCY,
            "a is blocked",
        )
        with pytest.raises(UnknownCardError, match="no card 'z' on any board; some that are: a, b"):
            await orchestrator.explain("z")
        for ask in (orchestrator.board, lambda build: orchestrator.explain("a", build=build)):
            with pytest.raises(UnknownCardError, match="no build 'nowhere'; known: build-launch"):
                await ask("nowhere")
        first = [entry async for entry in orchestrator.history(run=result.run)]
        assert isinstance(first[0].record, RunStarted)
        rest = [entry async for entry in orchestrator.history(since=first[2].seq, run=result.run)]
        assert rest == first[3:]


async def test_a_running_card_has_no_wait(tmp_path: Path) -> None:
    """While a turn goes on, the board says of its issue that it does not wait."""
    asked, go = anyio.Event(), anyio.Event()

    async def agent(request: ModelRequest) -> object:
        asked.set()
        await go.wait()
        return diligent(request)

    root = organization(tmp_path, [issue("a"), issue("b", "a")])
    async with open_world(root, agent) as orchestrator:
        run = await orchestrator.start("launch")
        await asked.wait()
        (view,) = (await orchestrator.board()).builds
        assert set(view.waits) == {"b"}
        assert (await orchestrator.explain("a")).wait is None
        go.set()
        await run.outcome()


async def test_verify_issue_runs_the_fixture_and_records_it(tmp_path: Path) -> None:
    """The host gets the result of the real fixture, it is in the journal, and the card has not changed."""
    root = organization(tmp_path, [issue("a", verification={"fixture": "proof.py"}), issue("b")])
    proofs = tmp_path / "work" / "space" / "verification"
    proofs.mkdir(parents=True)
    (proofs / "proof.py").write_text("def verify():\n    return False\n")
    async with open_world(root, diligent) as orchestrator:
        with pytest.raises(UnknownCardError):
            await orchestrator.verify_issue("a")
        run = await orchestrator.start("launch")
        run.halt()
        await run.outcome()
        before = await orchestrator.store.load_board("build-launch")
        result = await orchestrator.verify_issue("a")
        assert not result.passed
        recorded = [e.record.result async for e in orchestrator.history() if isinstance(e.record, VerificationRecorded)]
        assert recorded == [result]
        assert await orchestrator.store.load_board("build-launch") == before
        with pytest.raises(VerificationError, match="'b' has no verification fixture"):
            await orchestrator.verify_issue("b", build="build-launch")


async def test_a_host_asks_policies_through_the_orchestrator(tmp_path: Path) -> None:
    """The chosen node answers, checked; a kind or a method that is not there is a typed error that names it."""
    root = organization(tmp_path, [issue("a")])
    async with open_world(root, diligent) as orchestrator:
        sandbox = orchestrator.ask("sandbox_policy", "build_sandbox_id", "Big Rock")
        assert isinstance(sandbox, str)
        assert sandbox == orchestrator.ask("sandbox_policy", "build_sandbox_id", "Big Rock")
        with pytest.raises(orket.WiringError, match=r"no 'oracle'.*sandbox_policy"):
            orchestrator.ask("oracle", "tell")
        with pytest.raises(orket.RunError, match=r"^method is 'tell'; valid: a method of sandbox_policy: "):
            orchestrator.ask("sandbox_policy", "tell")
        with pytest.raises(orket.RunError, match=r"asked with 0 arguments; valid: build_sandbox_id\(rock_id\)"):
            orchestrator.ask("sandbox_policy", "build_sandbox_id")
        with pytest.raises(orket.NodeError, match="build_sandbox_id raised"):
            orchestrator.ask("sandbox_policy", "build_sandbox_id", None)
