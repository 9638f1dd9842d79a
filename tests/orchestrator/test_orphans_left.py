"""Orphans that are left where they are: what holds them back, and what is done when it is over."""

from pathlib import Path

import pytest
from orphans import alone, epic, rock, told, why
from small_world import diligent, issue, open_world, organization, write_json

import orket
from orket.contracts import Batch, Claim, EffectClass, ModelRequest, Receipt, ToolCall
from orket.errors import (
    ConfigError,
    DependencyCycleError,
    EffectUnknownError,
    RunError,
    StoreError,
    UnknownCardError,
)
from orket.stores import MemoryStore
from orket.testing.fakes import SimulatedClock

pytestmark = pytest.mark.anyio


async def test_a_card_that_somebody_works_on_is_left(tmp_path: Path) -> None:
    """A live claim holds a card back; when it has expired the card is taken in."""
    root, clock = organization(tmp_path, [issue("a")]), SimulatedClock()
    async with open_world(root, lambda _request: "", store=tmp_path / "record.db", clock=clock) as crew:
        await crew.run_epic("launch")
        (root / "model" / "core" / "epics" / "launch.json").unlink()
        now = clock.now()
        claim = Claim(card="a", owner="other", now=now, until=now + 60.0)
        await crew.store.commit(Batch(op_id="c", run="r", build="build-launch", at=now, claims=(claim,)))
        assert why(await crew.reconcile(actor="ann")) == {"a": "somebody works on it"}
        clock.advance(60.0)
        assert ("issue", "a", "unplanned_support") in told(await crew.reconcile(actor="ann"))


class Meddling(MemoryStore):
    """A store in which somebody is faster by one claim."""

    armed = False

    async def commit(self, batch: Batch, /) -> Receipt:
        if self.armed and batch.op_id.startswith("reconcile:card/"):
            self.armed = False
            claim = Claim(card=batch.card or "", owner="other", now=batch.at, until=batch.at + 60.0)
            await super().commit(Batch(op_id="m", run="r", build=batch.build, at=batch.at, claims=(claim,)))
        return await super().commit(batch)


async def test_a_card_that_is_taken_in_the_meantime_is_left(tmp_path: Path) -> None:
    """Somebody claims the card between the look and the commit: the others are taken in, and this one is left."""
    root = organization(tmp_path, [issue("a"), issue("b")])
    store = Meddling()
    async with open_world(root, lambda _request: "", store=store) as crew:
        await crew.run_epic("launch")
        (root / "model" / "core" / "epics" / "launch.json").unlink()
        store.armed = True
        done = await crew.reconcile(actor="ann")
        assert why(done) == {"a": "somebody works on it, or changed it meanwhile"}
        assert told(done)[-1:] == [("issue", "b", "unplanned_support")]


async def test_an_effect_of_unknown_outcome_holds_a_card_back(tmp_path: Path) -> None:
    """A card whose effect may have happened is not begun anew elsewhere before somebody settles it."""

    @orket.tool(effect=EffectClass.AT_MOST_ONCE)
    def send(text: str) -> str:
        """Send a text."""
        raise EffectUnknownError("who knows", key="")

    def agent(request: ModelRequest) -> object:
        return ToolCall(name="send", arguments={"text": "hello"})

    root = organization(tmp_path, [issue("a")], tools=["send", "update_issue_status"])
    async with open_world(root, agent, tools=[send]) as crew:
        await crew.run_epic("launch")
        (effect,) = await crew.unsettled()
        (root / "model" / "core" / "epics" / "launch.json").unlink()
        assert why(await crew.reconcile(actor="ann")) == {
            "a": "whether an effect of it ran is not known; settle it first"
        }
        await crew.settle(effect, ran=True, actor="ann")
        assert ("issue", "a", "unplanned_support") in told(await crew.reconcile(actor="ann"))


async def test_what_may_belong_somewhere_is_left(tmp_path: Path) -> None:
    """While a rock or an epic cannot be read, nobody knows what is an orphan; and what cannot run is left outside."""
    root = organization(tmp_path, [issue("a")])
    core = root / "model" / "core"
    epic(root, "teamless", team="nobody")
    alone(root, "one")
    rock(root, "goal")
    (core / "rocks" / "broken.json").write_text("{", "utf-8")
    (core / "epics" / "unread.json").write_text("{", "utf-8")
    async with open_world(root, diligent) as crew:
        done = await crew.reconcile(actor="ann")
        assert done.adopted == ()
        assert why(done) == {
            "one": "the epic 'unread' cannot be read: it may have it",
            **dict.fromkeys(("launch", "teamless", "unread"), "the rock 'broken' cannot be read: it may list it"),
        }
        (core / "rocks" / "broken.json").unlink()
        (core / "epics" / "unread.json").unlink()
        done = await crew.reconcile(actor="ann")
        assert why(done)["teamless"].startswith('it cannot run: no asset "nobody" among the teams of core')
        assert ("epic", "launch", "run_the_business") in told(done)
        assert (await crew.run_rock("run_the_business")).outcome is orket.RunOutcome.DONE


async def test_an_epic_that_cannot_run_takes_nothing_in(tmp_path: Path) -> None:
    """An unplanned-support epic with a missing team, or without room, leaves its issues where they are."""
    root = organization(tmp_path, [issue("a")])
    rock(root, "goal", "launch", "unplanned_support")
    for name in ("one", "two", "three"):
        alone(root, name)
    alone(root, "over", status="done")
    epic(root, "unplanned_support", team="nobody")
    async with open_world(root, diligent) as crew:
        done = await crew.reconcile(actor="ann")
        assert done.adopted == ()
        assert all(text.startswith("the epic 'unplanned_support' cannot run: ") for text in why(done).values())
        assert set(why(done)) == {"one", "two", "three"}
    write_json(root / "config" / "organization.json", {"name": "O", "architecture": {"idesign_threshold": 2}})
    epic(root, "unplanned_support", issue("own"), architecture_governance={"idesign": False})
    async with open_world(root, diligent) as crew:
        done = await crew.reconcile(actor="ann")
        assert told(done) == [("issue", "one", "unplanned_support")]
        assert set(why(done)) == {"two", "three"}
        assert (await crew.run_epic("unplanned_support")).cards == 2


async def test_issues_that_wait_for_each_other_are_left(tmp_path: Path) -> None:
    """Of files that would tie a knot none is taken in; a knot that is tied afterwards is a typed error and an alert."""
    root = organization(tmp_path, [issue("a")])
    rock(root, "goal", "launch", "unplanned_support")
    epic(root, "unplanned_support")
    alone(root, "x", "y")
    alone(root, "y", "x")
    alone(root, "z")
    alone(root, "same", id="z")
    async with open_world(root, diligent) as crew:
        done = await crew.reconcile(actor="ann")
        assert told(done) == [("issue", "same", "unplanned_support")]
        assert why(done)["x"].startswith("issues wait for each other: ")
        assert (set(why(done)), why(done)["z"]) == ({"x", "y", "z"}, "another issue has the id 'z'")
        alone(root, "same", "z", id="z")
        with pytest.raises(DependencyCycleError):
            await crew.run_epic("unplanned_support")
        assert [one.subject for one in (await crew.portfolio()).alerts] == ["unplanned_support"]
        alone(root, "x")
        alone(root, "same")
        assert set(told(await crew.reconcile(actor="ann"))) == {
            ("issue", name, "unplanned_support") for name in ("x", "y", "z")
        }
        alone(root, "same", id="x")
        with pytest.raises(ConfigError, match="taken in two issues with the id 'x'"):
            await crew.run_epic("unplanned_support")


async def test_a_file_that_breaks_later_keeps_no_other_name_from_being_found(tmp_path: Path) -> None:
    """An adopted issue whose file cannot be read any more is none: other names mean what they mean without it."""
    root = organization(tmp_path, [issue("a")])
    alone(root, "one")
    alone(root, "two")
    async with open_world(root, diligent) as crew:
        await crew.reconcile(actor="ann")
        (root / "model" / "core" / "issues" / "one.json").write_text("{")
        for unknown in ("ghost", "one"):
            with pytest.raises(UnknownCardError):
                await crew.run_card(unknown)
        with pytest.raises(ConfigError, match=r"one\.json cannot be read"):  # the epic is not run without it
            await crew.run_card("two")


async def test_without_a_team_no_epic_can_be_made(tmp_path: Path) -> None:
    """An organization without teams has nobody to work on support; the team with most of the seats is chosen."""
    root = organization(tmp_path, [])
    rock(root, "goal", "launch")
    alone(root, "one", seat="painter")
    teams = root / "model" / "core" / "teams"
    (teams / "crew.json").unlink()
    (teams / "broken.json").write_text("{", "utf-8")
    async with open_world(root, diligent) as crew:
        reason = "there is no epic 'unplanned_support', and no team and environment to make it with"
        assert why(await crew.reconcile(actor="ann")) == {"one": reason}
    for name, seat in (("standard", "coder"), ("painters", "painter")):
        write_json(teams / f"{name}.json", {"name": name, "seats": {seat: {"name": seat, "roles": ["coder"]}}})
    async with open_world(root, diligent) as crew:
        done = await crew.reconcile(actor="ann")
        assert [one.epic.team for one in done.adopted if one.epic] == ["painters"]


async def test_reconciling_needs_a_name_and_a_store(tmp_path: Path) -> None:
    """Without an actor nothing happens; a store that fails says so, and what was taken in before stays."""
    root = organization(tmp_path, [issue("a")])
    alone(root, "one")

    class Full(MemoryStore):
        async def commit(self, batch: Batch, /) -> Receipt:
            if batch.op_id.startswith("reconcile:issue"):
                raise StoreError("full")
            return await super().commit(batch)

    async with open_world(root, diligent, store=Full()) as crew:
        with pytest.raises(RunError, match="actor"):
            await crew.reconcile(actor=" ")
        with pytest.raises(StoreError, match="full"):
            await crew.reconcile(actor="ann")
        assert (await crew.portfolio()).orphan_epics == ()


async def test_an_epic_of_an_unlisted_department_is_no_orphan(tmp_path: Path) -> None:
    """What a rock lists or a run has worked on has its home, although the organization does not name its department."""
    root = organization(tmp_path, [issue("a")])
    epic(root, "hidden", issue("h"), department="labs")
    epic(root, "secret", issue("s"), department="labs")
    write_json(
        root / "model" / "core" / "rocks" / "goal.json",
        {"name": "goal", "epics": [{"epic": "launch"}, {"epic": "hidden", "department": "labs"}]},
    )
    async with open_world(root, lambda _request: "") as crew:
        await crew.run_epic("secret", department="labs")
        seen = await crew.portfolio()
        assert [(one.name, one.department) for one in seen.epics()] == [
            ("launch", "core"),
            ("hidden", "labs"),
            ("secret", "labs"),
        ]
        assert (seen.orphan_issues, seen.rocks[0].missing) == ((), ())
        done = await crew.reconcile(actor="ann")
        assert told(done) == [("rock", "run_the_business", ""), ("epic", "secret", "run_the_business")]
        assert (await crew.run_rock("run_the_business")).cards == 1
