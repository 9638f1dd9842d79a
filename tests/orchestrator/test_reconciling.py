"""Orphans are taken in by the run-the-business rock and the unplanned-support epic, once, and then really run."""

from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import anyio
import pytest
from orphans import alone, epic, files, rock, told, why
from real_organization import ROOT, needs_organization
from small_world import diligent, issue, open_world, organization, wish, write_json

import orket
from orket.cards import CardType
from orket.contracts import ModelRequest, TurnKind
from orket.errors import (
    AssetNotFoundError,
    ConfigError,
    UnknownCardError,
)
from orket.events import CardAdded, CardAdopted, CardMoved
from orket.portfolio import Adoption, Reconciliation
from orket.stores import MemoryStore, SQLiteStore

pytestmark = pytest.mark.anyio
StoreMaker = Callable[[], MemoryStore | SQLiteStore]


@pytest.fixture(params=["memory", "sqlite"])
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> StoreMaker:
    """Return what makes a store of each kind; those in one file share a record."""
    return MemoryStore if request.param == "memory" else lambda: SQLiteStore(tmp_path / "record.db")


async def test_an_adopted_epic_and_issue_run(tmp_path: Path, new_store: StoreMaker) -> None:
    """What is in no rock and no epic is taken in, is run by rock, epic and id, and no asset is touched."""
    root = organization(tmp_path, [issue("a")])
    epic(root, "listed", issue("l"))
    rock(root, "goal", "listed")
    alone(root, "fix-login", priority="High")
    alone(root, "fix-logout", "fix-login")
    before = files(root)
    async with open_world(root, diligent, store=new_store()) as crew:
        for unknown in ("run_the_business", "unplanned_support", "fix-login"):
            with pytest.raises(UnknownCardError):
                await crew.run_card(unknown)
        done = await crew.reconcile(actor="ann", reason="monday")
        assert told(done) == [
            ("rock", "run_the_business", ""),
            ("epic", "launch", "run_the_business"),
            ("epic", "unplanned_support", "run_the_business"),
            ("issue", "fix-login", "unplanned_support"),
            ("issue", "fix-logout", "unplanned_support"),
        ]
        assert (done.left, {one.by for one in done.adopted}) == ((), {"ann"})
        seen = await crew.portfolio()
        assert (seen.orphan_epics, seen.orphan_issues, seen.alerts) == ((), (), ())
        home = next(one for one in seen.rocks if one.name == "run_the_business")
        assert [(one.name, one.adopted, one.progress.planned) for one in home.epics] == [
            ("launch", True, 1),
            ("unplanned_support", True, 2),
        ]
        assert (await crew.run_card("fix-login")).done == 1
        result = await crew.run_rock("run_the_business")
        assert (result.outcome, result.done, result.cards) == (orket.RunOutcome.DONE, 3, 3)
        assert (await crew.run_epic("unplanned_support")).cards == 2
        assert (await adopted(crew))[1] == CardAdopted(
            type=CardType.EPIC, name="launch", into="run_the_business", by="ann", reason="monday"
        )
        await crew.store.verify()
        assert (await orket.replay(crew.store)).disagreement is None
    assert files(root) == before


async def test_an_adopted_issue_tells_how_it_came_to_its_board(tmp_path: Path, new_store: StoreMaker) -> None:
    """History and explanation of an issue that was taken in have its adoption, and then how it joined its board."""
    root = organization(tmp_path, [issue("a")])
    alone(root, "fix-login")
    alone(root, "fix-logout")
    async with open_world(root, diligent, store=new_store()) as crew:
        await crew.reconcile(actor="ann")
        await crew.run_card("fix-logout")
        for name in ("fix-login", "fix-logout"):
            told_first = [entry.record async for entry in crew.history(card=name)][:2]
            assert [type(record) for record in told_first] == [CardAdopted, CardAdded]
            chain = (await crew.explain(name)).chain
            assert [type(entry.record) for entry in chain][:2] == [CardAdopted, CardAdded]


async def adopted(crew: orket.Orchestrator) -> list[CardAdopted]:
    return [entry.record async for entry in crew.history() if isinstance(entry.record, CardAdopted)]


async def test_reconciling_twice_is_like_once(tmp_path: Path, new_store: StoreMaker) -> None:
    """A second call finds nothing to do and writes nothing; a new orphan is taken in beside the old ones."""
    root = organization(tmp_path, [issue("a")])
    alone(root, "one")
    async with open_world(root, diligent, store=new_store()) as crew:
        assert len((await crew.reconcile(actor="ann")).adopted) == 4
        head = (await crew.store.verify()).records
        assert await crew.reconcile(actor="bob") == Reconciliation()
        assert (await crew.store.verify()).records == head
        alone(root, "two")
        epic(root, "later", issue("x"))
        assert told(await crew.reconcile(actor="bob")) == [
            ("epic", "later", "run_the_business"),
            ("issue", "two", "unplanned_support"),
        ]


async def test_two_orchestrators_at_once_take_in_each_orphan_once(tmp_path: Path) -> None:
    """Whoever is faster has taken it in: the two results together are what one would have done."""
    root = organization(tmp_path, [issue("a")])
    for number in range(8):
        alone(root, f"i{number}")
        epic(root, f"e{number}", issue(f"x{number}"))
    done: dict[str, Reconciliation] = {}
    store = tmp_path / "record.db"

    async def work(crew: orket.Orchestrator, name: str) -> None:
        done[name] = await crew.reconcile(actor=name)

    async with open_world(root, diligent, store=store) as one, open_world(root, diligent, store=store) as two:
        async with anyio.create_task_group() as group:
            group.start_soon(work, one, "ann")
            group.start_soon(work, two, "bob")
        names = [adoption.key for result in done.values() for adoption in result.adopted]
        assert len(names) == len(set(names)) == 8 + 8 + 1 + 2
        assert {adoption.by for adoption in done["ann"].adopted} <= {"ann"}
        assert len(await adopted(one)) == len(names)
        assert (await one.run_epic("unplanned_support")).cards == 8
        assert (await two.run_rock("run_the_business")).outcome is orket.RunOutcome.DONE
        await two.store.verify()


async def test_a_card_whose_epic_is_gone_goes_on_elsewhere(tmp_path: Path, new_store: StoreMaker) -> None:
    """It is canceled where it stood, and goes on with all it had: what was done is not waited for, questions stay."""

    def asking(request: ModelRequest) -> object:
        assert request.brief is not None
        if request.brief.issue.id == "b" and request.brief.kind is TurnKind.WORK:
            return wish("blocked", wait_reason="input", reason="Which colour?")
        return diligent(request)

    root = organization(tmp_path, [issue("a"), issue("b", "a", priority=7.0), issue("c", "a", "b", sprint="Q1 S6")])
    epic(root, "unplanned_support", issue("own"))
    rock(root, "run_the_business", "unplanned_support")
    async with open_world(root, asking, store=new_store()) as crew:
        await crew.run_epic("launch")
        (root / "model" / "core" / "epics" / "launch.json").unlink()
        assert [one.issue.id for one in (await crew.portfolio()).orphan_issues] == ["a", "b", "c"]
        done = await crew.reconcile(actor="ann", reason="launch is over")
        assert told(done) == [("issue", "b", "unplanned_support"), ("issue", "c", "unplanned_support")]
        board = {row.issue.id: row.issue for row in await crew.store.load_board("build-launch")}
        assert {name: one.status.value for name, one in board.items()} == {
            "a": "done",
            "b": "canceled",
            "c": "canceled",
        }
        moved = [one.record async for one in crew.history(card="b") if isinstance(one.record, CardMoved)]
        reason = "taken in by unplanned_support, goes on as b@build-launch: launch is over"
        assert (moved[-1].by, moved[-1].role, moved[-1].reason) == ("ann", "operator", reason)
        result = await crew.run_epic("unplanned_support")
        assert (result.outcome, result.cards, result.done) == (orket.RunOutcome.STALLED, 3, 1)
        assert result.reasons == {
            "b@build-launch": "input: Which colour?",
            "c@build-launch": "dependency: b@build-launch is blocked",
        }
        rows = {row.issue.id: row.issue for row in await crew.store.load_board("build-unplanned_support")}
        assert (rows["b@build-launch"].priority, rows["c@build-launch"].sprint) == (7.0, "Q1 S6")
        assert rows["c@build-launch"].depends_on == ("b@build-launch",)
        assert await crew.reconcile(actor="ann") == Reconciliation()
        await crew.unblock("b@build-launch", actor="ann", reason="Blue.")
        assert (await crew.run_card("run_the_business")).outcome is orket.RunOutcome.DONE
        await crew.store.verify()
        assert (await orket.replay(crew.store)).disagreement is None


async def test_a_card_that_was_taken_in_and_is_reopened_is_not_taken_in_again(tmp_path: Path) -> None:
    """Two cards of one piece of work are for a person to sort out."""
    root = organization(tmp_path, [issue("a")])
    async with open_world(root, lambda _request: "") as crew:
        await crew.run_epic("launch")
        (root / "model" / "core" / "epics" / "launch.json").unlink()
        assert ("issue", "a", "unplanned_support") in told(await crew.reconcile(actor="ann"))
        await crew.reopen("a", actor="ann")
        assert why(await crew.reconcile(actor="ann")) == {
            "a": "it was taken in before, and goes on as a@build-launch; cancel it here"
        }


async def test_process_rules_name_rock_and_epic(tmp_path: Path) -> None:
    """Other names are taken from the process rules; a rule that is no name is refused."""
    rules = {"run_the_business_rock": "ops", "unplanned_support_epic": "support"}
    root = organization(tmp_path, [issue("a")], process_rules=rules)
    alone(root, "one")
    async with open_world(root, diligent) as crew:
        assert told(await crew.reconcile(actor="ann")) == [
            ("rock", "ops", ""),
            ("epic", "launch", "ops"),
            ("epic", "support", "ops"),
            ("issue", "one", "support"),
        ]
        assert (await crew.run_card("ops")).done == 2
    organization(tmp_path, [issue("a")], process_rules={"run_the_business_rock": 7, "unplanned_support_epic": " "})
    async with open_world(root, diligent) as crew:
        with pytest.raises(ConfigError) as caught:
            await crew.reconcile(actor="ann")
        assert len(caught.value.problems) == 2


async def test_other_rules_take_in_again_what_became_an_orphan(tmp_path: Path) -> None:
    """An adoption by a rock that is gone is none: the epic is taken in by the rock that the rules name now."""
    root = organization(tmp_path, [issue("a")])
    rock(root, "run_the_business")
    store = tmp_path / "record.db"
    async with open_world(root, diligent, store=store) as crew:
        assert told(await crew.reconcile(actor="ann")) == [("epic", "launch", "run_the_business")]
    (root / "model" / "core" / "rocks" / "run_the_business.json").unlink()
    async with open_world(root, diligent, store=store) as crew:
        assert [one.name for one in (await crew.portfolio()).orphan_epics] == ["launch"]
        assert told(await crew.reconcile(actor="ann")) == [("rock", "run_the_business", "")]
        assert (await crew.portfolio()).orphan_epics == ()
    organization(tmp_path, [issue("a")], process_rules={"run_the_business_rock": "ops"})
    epic(root, "second", issue("s"))
    async with open_world(root, diligent, store=store) as crew:
        assert told(await crew.reconcile(actor="ann")) == [("rock", "ops", ""), ("epic", "second", "ops")]
        assert (await crew.run_rock("ops")).done == 1


async def test_an_asset_counts_more_than_the_record(tmp_path: Path) -> None:
    """An adopted epic that a rock lists later stands there; one whose file goes is no part of its rock any more."""
    root = organization(tmp_path, [issue("a")])
    epic(root, "second", issue("s"))
    alone(root, "one")
    async with open_world(root, diligent) as crew:
        await crew.reconcile(actor="ann")
        rock(root, "goal", "launch")
        seen = await crew.portfolio()
        assert {rock.name: [one.name for one in rock.epics] for rock in seen.rocks} == {
            "goal": ["launch"],
            "run_the_business": ["second", "unplanned_support"],
        }
        (root / "model" / "core" / "epics" / "second.json").unlink()
        (root / "model" / "core" / "issues" / "one.json").unlink()
        assert (await crew.run_rock("run_the_business")).cards == 0
        epic(root, "unplanned_support", issue("own"))
        assert (await crew.run_epic("unplanned_support")).cards == 1
        assert await crew.reconcile(actor="ann") == Reconciliation()
        with pytest.raises(AssetNotFoundError):
            await crew.run_rock("goal_gone")


async def test_departments_have_orphans_too(tmp_path: Path) -> None:
    """An epic and an issue of another department are taken in as that department has them."""
    root = organization(tmp_path, [issue("a")])
    write_json(root / "config" / "organization.json", {"name": "O", "departments": ["uiux"]})
    rock(root, "goal", "launch")
    epic(root, "own", issue("u"), department="uiux")
    alone(root, "paint", department="uiux")
    async with open_world(root, diligent) as crew:
        done = await crew.reconcile(actor="ann")
        assert [(one.name, one.department) for one in done.adopted if one.name in ("own", "paint")] == [
            ("own", "uiux"),
            ("paint", "uiux"),
        ]
        assert (await crew.run_rock("run_the_business")).done == 2


def test_an_adoption_is_known_by_what_it_takes_in() -> None:
    """Cards are told apart by board, everything else by department; a long id stays an id."""
    from orket.portfolio._adoptions import new_id

    one = Adoption(type=CardType.ISSUE, name="a", into="e", by="ann", at=1.0)
    assert (one.key, Adoption(type=CardType.ISSUE, name="a", into="e", by="", at=0.0, build="b").key) == (
        "issue/core/a",
        "card/b/a",
    )
    assert new_id("b", "a") == "a@b"
    assert len(new_id("b" * 100, "a" * 100)) == 128
    assert new_id("b" * 100, "a" * 100) != new_id("b" * 100 + "c", "a" * 100)


def mover(request: ModelRequest) -> object:
    """Move work on where the status tool is offered; describe it where it is not."""
    is_able = any(tool.name == "update_issue_status" for tool in request.tools)
    return diligent(request) if is_able else "The work is described here."


@needs_organization
async def test_a_real_organization_takes_in_its_orphans(tmp_path: Path) -> None:
    """Its own rock and epic take in what a removed rock and new files leave alone, and then run it."""
    root = tmp_path / "organization"
    copytree(ROOT, root)
    core = root / "model" / "core"
    (core / "rocks" / "test_rock.json").unlink()
    write_json(
        core / "issues" / "vpn.json",
        {"summary": "Renew the VPN certificate", "seat": "operations_lead", "priority": "High"},
    )
    async with orket.Orchestrator(
        config=root, workspace=tmp_path / "w", store=orket.MemoryStore(), model=mover, environ={}
    ) as crew:
        done = await crew.reconcile(actor="ann")
        assert told(done) == [
            ("epic", "qa_completion_test", "run_the_business"),
            ("epic", "sanity_test", "run_the_business"),
            ("issue", "vpn", "unplanned_support"),
        ]
        with pytest.raises(AssetNotFoundError, match="import_best_practices"):
            await crew.run_rock("run_the_business")  # its own asset lists it, and that is the host's to mend
        result = await crew.run_epic("unplanned_support")
        assert (result.outcome, result.done) == (orket.RunOutcome.DONE, 1)
        text = (core / "rocks" / "run_the_business.json").read_text("utf-8")
        (core / "rocks" / "run_the_business.json").write_text(
            text.replace("import_best_practices", "core_baseline"), "utf-8"
        )
        result = await crew.run_rock("run_the_business")
        assert (result.outcome, result.cards, result.canceled) == (orket.RunOutcome.DONE, 10, 0)
