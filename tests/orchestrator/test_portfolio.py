"""What an orchestrator says of everything there is to do, with both stores and on both backends."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from real_organization import ROOT, needs_organization
from small_world import diligent, issue, open_world, organization, wish, write_json

import orket
from orket.contracts import Batch, CardChange, ModelRequest, TurnKind
from orket.errors import AssetNotFoundError, ComplexityError, ConfigError, RunError, UnknownCardError
from orket.events import CardAdded
from orket.portfolio import AlertKind, Progress, Severity
from orket.stores import MemoryStore, SQLiteStore
from orket.testing.fakes import SimulatedClock

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", "sqlite"])
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], orket.MemoryStore | SQLiteStore]:
    """Return what makes a store of each kind."""
    return MemoryStore if request.param == "memory" else lambda: SQLiteStore(tmp_path / "record.db")


def rock(root: Path, name: str, *epics: str, department: str = "core", **fields: object) -> None:
    """Write a rock."""
    references = [{"epic": epic, "department": department} for epic in epics]
    write_json(root / "model" / "core" / "rocks" / f"{name}.json", {"name": name, "epics": references, **fields})


async def test_assets_and_record_are_one_tree(tmp_path: Path, new_store: Callable[[], orket.MemoryStore]) -> None:
    """Before a run all is planned; after it the record counts, with what the run created and why the rest waits."""

    def asking(request: ModelRequest) -> object:
        assert request.brief is not None
        if request.brief.issue.id == "b":
            return wish("blocked", wait_reason="input", reason="Which colour?")
        return diligent(request)

    root = organization(tmp_path, [issue("a"), issue("b", "a"), issue("c", "b")])
    rock(root, "goal", "launch")
    async with open_world(root, asking, store=new_store()) as crew:
        before = await crew.portfolio()
        assert before.rocks[0].epics[0].progress == Progress(total=3, planned=3)
        assert (await crew.queue(), await crew.critical_path()) == ((), None)
        await crew.run_rock("goal")
        after = await crew.portfolio()
        (epic,) = after.rocks[0].epics
        assert [(one.issue.id, one.wait and one.wait[1]) for one in epic.issues] == [
            ("a", None),
            ("b", "Which colour?"),
            ("c", "b is blocked"),
        ]
        assert [(alert.kind, alert.subject) for alert in after.alerts] == [
            (AlertKind.ATTENTION, ""),
            (AlertKind.STALLED_EPIC, "launch"),
        ]
        path = await crew.critical_path("build-launch")
        assert path is not None
        assert [one.id for one in path.issues] == ["b", "c"]
        await crew.unblock("b", actor="ann")
        (queued,) = await crew.queue()
        assert (queued.build, queued.issue.id, queued.kind, queued.urgency) == ("build-launch", "b", TurnKind.WORK, 3.0)
        for ask in (crew.queue, crew.critical_path):
            with pytest.raises(UnknownCardError, match="no build 'ghost'; known: "):
                await ask("ghost")


async def test_a_rock_of_a_department_that_there_is_not_is_broken(tmp_path: Path) -> None:
    """A rock that lists a misspelt department has an alert with the error that its run would be refused with."""
    root = organization(tmp_path, [issue("a")])
    write_json(root / "config" / "organization.json", {"name": "Small", "vision": "v", "departments": ["design"]})
    rock(root, "goal", "launch", department="design")
    rock(root, "moon", "launch", department="desing")
    async with open_world(root, diligent) as crew:
        (alert,) = (await crew.portfolio()).alerts
        assert (alert.kind, alert.subject) == (AlertKind.BROKEN_ASSET, "moon")
        with pytest.raises(AssetNotFoundError) as caught:
            await crew.run_rock("moon")
    assert isinstance(alert.error, AssetNotFoundError)
    assert alert.detail == alert.error.message == caught.value.message.removeprefix("rock moon, epic launch: ")


@pytest.mark.parametrize("limit", [-1, 1.5, "two", True])
async def test_a_limit_of_a_queue_is_a_number(tmp_path: Path, limit: Any) -> None:
    """A limit that is no whole number from 0 on is refused by its value, whether or not there is a board."""
    async with open_world(organization(tmp_path, [issue("a")]), diligent) as crew:
        with pytest.raises(RunError, match=f"queue.limit={limit!r}.; valid: a whole number from 0 on"):
            await crew.queue(limit=limit)


async def test_every_department_is_looked_at_once(tmp_path: Path) -> None:
    """Departments share what they do not define: an epic file stands at one place, whoever can use it."""
    root = organization(tmp_path, [issue("a")])
    write_json(tmp_path / "config" / "organization.json", {"name": "O", "departments": ["uiux", "ops"]})
    write_json(
        tmp_path / "model" / "uiux" / "epics" / "own.json",
        {"name": "own", "team": "crew", "environment": "standard", "issues": [issue("u")]},
    )
    rock(root, "goal", "launch", "own", department="uiux")
    async with open_world(root, diligent) as crew:
        seen = await crew.portfolio()
    assert [(epic.name, epic.department) for epic in seen.rocks[0].epics] == [("launch", "core"), ("own", "uiux")]
    assert (seen.orphan_epics, seen.alerts) == ((), ())


async def test_what_is_wrong_is_an_alert_and_no_error(tmp_path: Path) -> None:
    """Broken files, rules, teams and roles each are an alert with the typed error; the rest of the tree is there."""
    root = organization(
        tmp_path, [issue("a")], process_rules={"sprint_days": 0}, architecture_governance={"idesign": False}
    )
    core = tmp_path / "model" / "core"
    rock(root, "goal", "launch", "broken", "teamless", "ghost")
    for place in ("rocks", "epics", "issues"):
        (core / place).mkdir(exist_ok=True)
        (core / place / "broken.json").write_text("{", "utf-8")
    write_json(core / "epics" / "teamless.json", {"name": "t", "team": "nobody", "environment": "standard"})
    write_json(core / "epics" / "nowhere.json", {"name": "n", "team": "crew", "environment": "moon"})
    write_json(core / "teams" / "odd.json", {"name": "odd", "seats": {"coder": {"name": "C", "roles": ["ghostly"]}}})
    write_json(
        core / "epics" / "roleless.json",
        {"name": "r", "team": "odd", "environment": "standard", "issues": [issue("x"), issue("y", seat="gone")]},
    )
    async with open_world(root, diligent) as crew:
        seen = await crew.portfolio()
        with pytest.raises(ConfigError, match="sprint_days"):
            _ = crew.sprint
    assert seen.sprint is None
    assert [epic.name for epic in seen.rocks[1].epics] == ["launch", "broken", "teamless"]
    assert [epic.name for epic in seen.orphan_epics] == ["nowhere", "roleless"]
    assert [(one.kind.value, one.subject, type(one.error)) for one in seen.alerts] == [
        ("missing_epic", "goal", AssetNotFoundError),
        *[("broken_asset", name, ConfigError) for name in ("Small", "broken", "broken", "broken")],
        *[("broken_asset", name, AssetNotFoundError) for name in ("nowhere", "roleless", "teamless")],
        ("missing_seat", "roleless", type(None)),
    ]


async def test_a_card_of_no_nameable_epic_is_an_orphan(tmp_path: Path) -> None:
    """What a record says a card belongs to may be no name of an asset, or nothing at all."""
    async with open_world(organization(tmp_path, [issue("a")]), diligent) as crew:
        await crew.run_epic("launch")
        for name, parent in (("x", "../secret"), ("y", None)):
            card = orket.Issue(id=name, name=name, seat="coder", build="build-launch", parent=parent, version=1)
            batch = Batch(
                op_id=name,
                run="r",
                build="build-launch",
                at=1.0,
                records=(CardAdded(issue=card, by="host"),),
                changes=(CardChange(issue=card, expected=0),),
            )
            await crew.store.commit(batch)
        assert [one.issue.id for one in (await crew.portfolio()).orphan_issues] == ["x", "y"]


async def test_the_sprint_is_that_of_the_clock(tmp_path: Path) -> None:
    """Clock and process rules say which sprint it is; the portfolio has it, too."""
    clock = SimulatedClock()
    start = "1970-01-01"
    root = organization(tmp_path, [issue("a")], process_rules={"sprint_start": start, "sprints_per_quarter": 0})
    async with open_world(root, diligent, clock=clock) as crew:
        first = crew.sprint
        clock.advance(7 * 86_400)
        assert first is not None
        assert crew.sprint is not None
        assert crew.sprint.number == first.number + 1
        assert (await crew.portfolio()).sprint == crew.sprint


# Rocks of the real organization: how many issues, how many finished, epics that are missing or stand elsewhere.
ROCKS = {
    "Rock-Nomination-idea_brainstorming_session": (9, 0, ()),
    "branding_to_web": (4, 0, ()),
    "core_launch": (8, 0, ()),
    "initialize_orket": (6, 0, ()),
    "market_edge_arbitrage": (9, 6, ()),
    "market_intelligence_suite": (9, 6, ("price_arbitrage_system",)),
    "q1_2026_maturation": (2, 0, ("sneaky_price_watch_refinement",)),
    "run_the_business": (3, 0, ("import_best_practices",)),
    "test_rock": (3, 2, ()),
}
ALERTS = [
    (AlertKind.MISSING_EPIC, "q1_2026_maturation", AssetNotFoundError),
    (AlertKind.MISSING_EPIC, "run_the_business", AssetNotFoundError),
    (AlertKind.BROKEN_ASSET, "price_arbitrage_system", ComplexityError),
    (AlertKind.BROKEN_ASSET, "requirements_refinement", AssetNotFoundError),
    (AlertKind.MISSING_SEAT, "branding", type(None)),
    (AlertKind.MISSING_SEAT, "ui_update", type(None)),
    (AlertKind.MISSING_SEAT, "web_dev", type(None)),
    (AlertKind.STATUS, "Rock-Nomination-idea_brainstorming_session", type(None)),
]


@needs_organization
async def test_a_real_organization_is_seen_as_it_is(tmp_path: Path) -> None:
    """Its rocks, the epic that two of them list, the two that exist nowhere, and what cannot run stand written down."""
    clock = SimulatedClock()
    async with orket.Orchestrator(
        config=ROOT, workspace=tmp_path / "w", store=orket.MemoryStore(), model=diligent, environ={}, clock=clock
    ) as crew:
        seen = await crew.portfolio()
    assert {
        rock.name: (
            rock.progress.total,
            rock.progress.done,
            tuple([one.epic for one in (*rock.shared, *rock.missing)]),
        )
        for rock in seen.rocks
    } == ROCKS
    assert (seen.orphan_epics, seen.orphan_issues) == ((), ())
    assert len(list(seen.epics())) == 17
    assert len(list(seen.issues())) == 44
    assert [(one.kind, one.subject, type(one.error)) for one in seen.alerts] == ALERTS
    assert {one.severity for one in seen.alerts} == {Severity.WARNING, Severity.NOTICE}


@needs_organization
async def test_a_real_board_is_urgent_where_it_says_so(tmp_path: Path) -> None:
    """A board of the real organization is queued by its priorities."""
    async with orket.Orchestrator(
        config=ROOT, workspace=tmp_path / "w", store=orket.MemoryStore(), model=diligent, environ={}
    ) as crew:
        await crew.run_epic("model_reforge", target_issue_id="MODEL-REFORGE-2")
        queue = await crew.queue()
        assert [(one.issue.id, one.urgency) for one in queue] == [("MODEL-REFORGE-1", 3.0), ("MODEL-REFORGE-3", 3.0)]
