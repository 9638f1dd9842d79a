"""A rock is done, and what is found afterwards: from the first bug to the rock that mends what remains."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from bug_world import ROCK, bug, names, rocky, told
from small_world import diligent, open_world, wish, write_json

import orket
from orket.bugfix import DefaultBugFixManager
from orket.bugfix._phases import report
from orket.bugfix._record import PhaseRecord
from orket.contracts import DAY, BugSeverity, ModelRequest, Service, ServiceQuestion, Store
from orket.errors import BugFixError, ConfigError, UnknownCardError
from orket.nodes.pipeline_wiring import DefaultPipelineWiringStrategyNode
from orket.stores import MemoryStore, SQLiteStore
from orket.testing import SimulatedClock

pytestmark = pytest.mark.anyio
SEQUEL = f"{ROCK}-phase2"
START = 1_000_000.0


def a_store(kind: str, root: Path) -> Store:
    """Return a closed store."""
    return MemoryStore() if kind == "memory" else SQLiteStore(root / "journal.db")


async def two_lives(root: Path, clock: SimulatedClock, **options: Any) -> None:
    """Run the rock and report bugs; in another life report one more, and let the phase be extended."""
    async with open_world(root, diligent, clock=clock, **options) as crew:
        assert await crew.bug_fix_phase(ROCK) is None
        done = await crew.run_rock(ROCK)
        phase = await crew.bug_fix_phase(ROCK)
        assert phase is not None
        assert (phase.run, phase.began_at, phase.ends_at) == (done.run, START, START + 7 * DAY)
        for at in range(4):
            await crew.report_bug(ROCK, f"C{at}", f"crash {at}", severity="critical", actor="ann", card="b")
        clock.advance(DAY)
    async with open_world(root, diligent, clock=clock, **options) as crew:
        phase = await crew.report_bug(
            ROCK, "L1", "a wrong colour", severity=BugSeverity.LOW, actor="ann", detail="It is green."
        )
        assert [bug.id for bug in phase.open_bugs] == ["C0", "C1", "C2", "C3", "L1"]
        clock.advance(6 * DAY)
        (phase,) = await crew.advance_bug_fixes()
        assert (phase.days, phase.is_open) == (14, True)
        await crew.resolve_bug(ROCK, "C0", actor="bob", reason="mended")
        assert await crew.advance_bug_fixes() == ()


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_from_a_finished_rock_to_the_rock_that_mends_it(tmp_path: Path, kind: str) -> None:
    """A phase begins, is extended, survives restarts and ends; what remains is run to done, and has its own phase."""
    root, clock, store = rocky(tmp_path), SimulatedClock(START), a_store(kind, tmp_path)
    await two_lives(root, clock, store=store)
    clock.advance(100 * DAY)
    async with open_world(root, diligent, store=store, clock=clock) as crew:
        result = await crew.run_card(SEQUEL)  # by its name alone: the phase ends before it is looked for
        assert (result.card, result.outcome, result.done) == (SEQUEL, orket.RunOutcome.DONE, 4)
        boards = {view.build: view.issues for view in (await crew.board()).builds}
        assert [one.id for one in boards["build-mountain-phase2-second"]] == ["C1", "C2", "C3"]
        (low,) = boards["build-mountain-phase2-first"]
        assert (low.id, low.name, low.requirements, low.labels) == (
            *("L1", "a wrong colour", "It is green."),
            ("bug", "low"),
        )
        over = await crew.bug_fix_phase(ROCK)
        assert over is not None
        assert (over.ended_at, over.sequel) == (START + 14 * DAY, SEQUEL)
        with pytest.raises(BugFixError, match=SEQUEL):
            await crew.report_bug(ROCK, "X", "too late", severity="low", actor="ann")
        await crew.report_bug(SEQUEL, "S1", "still green", severity="low", actor="ann", card="L1")
        clock.advance(7 * DAY)
        third = await crew.run_rock(f"{SEQUEL}-phase2")
        assert (third.outcome, third.done) == (orket.RunOutcome.DONE, 1)
        await crew.store.verify()
        assert names(await told(crew.store)) == [
            *("BugFixPhaseStarted", *["BugReported"] * 5, "BugFixPhaseExtended", "BugResolved", "BugFixPhaseEnded"),
            *("BugFixPhaseStarted", "BugReported", "BugFixPhaseEnded"),
            "BugFixPhaseStarted",
        ]


async def test_a_clean_rock_leaves_no_other(tmp_path: Path) -> None:
    """When every bug is resolved the phase just ends."""
    clock = SimulatedClock(START)
    async with open_world(rocky(tmp_path), diligent, clock=clock) as crew:
        await crew.run_rock(ROCK)
        await crew.report_bug(ROCK, "B1", "odd", severity="low", actor="ann")
        await crew.resolve_bug(ROCK, "B1", actor="bob")
        clock.advance(7 * DAY)
        (over,) = await crew.advance_bug_fixes()
        assert (over.is_open, over.sequel) == (False, "")
        with pytest.raises(UnknownCardError, match=SEQUEL):
            await crew.run_card(SEQUEL)
        assert await crew.advance_bug_fixes() == ()


async def test_only_a_rock_that_is_done_has_a_phase(tmp_path: Path) -> None:
    """A stalled run begins none; the run that ends the rock does; one that finds all done begins no second."""
    stuck = True

    def agent(request: ModelRequest) -> object:
        if stuck and request.brief.issue.id == "b":
            return wish("blocked", wait_reason="input", reason="?")
        return diligent(request)

    clock = SimulatedClock(START)
    async with open_world(rocky(tmp_path), agent, clock=clock) as crew:
        assert (await crew.run_rock(ROCK)).outcome is orket.RunOutcome.STALLED
        assert await crew.bug_fix_phase(ROCK) is None
        with pytest.raises(BugFixError, match="no bug-fix phase") as caught:
            await crew.report_bug(ROCK, "B1", "odd", severity="low", actor="ann")
        assert (caught.value.rock, caught.value.sequel) == (ROCK, "")
        with pytest.raises(BugFixError, match="no bug-fix phase"):
            await crew.resolve_bug(ROCK, "B1", actor="ann")
        stuck = False
        await crew.unblock("b", actor="ann")
        await crew.run_rock(ROCK)
        clock.advance(8 * DAY)
        await crew.run_rock(ROCK)  # nothing was left to do
        assert names(await told(crew.store)) == ["BugFixPhaseStarted", "BugFixPhaseEnded"]
        await crew.reopen("b", actor="ann")
        await crew.run_rock(ROCK)
        phase = await crew.bug_fix_phase(ROCK)
        assert phase is not None
        assert (phase.number, phase.is_open) == (2, True)


async def test_a_bug_is_mended_where_it_is(tmp_path: Path) -> None:
    """An issue of the rock gives epic and seat; one that the rock lacks is unknown, and arguments are checked."""
    async with open_world(rocky(tmp_path), diligent) as crew:
        await crew.run_rock(ROCK)
        phase = await crew.report_bug(ROCK, "B1", "odd", severity="low", actor="ann", card="b")
        phase = await crew.report_bug(ROCK, "B2", "odd", severity="high", actor="ann")
        assert [(bug.epic, bug.seat) for bug in phase.bugs] == [("second", "coder"), ("first", "coder")]
        assert await crew.report_bug(ROCK, "B2", "odd", severity="high", actor="eve") == phase
        with pytest.raises(UnknownCardError, match="no issue 'nonesuch'"):
            await crew.report_bug(ROCK, "B3", "odd", severity="low", actor="ann", card="nonesuch")
        good: dict[str, Any] = {"bug_id": "B3", "title": "odd", "severity": "low", "actor": "ann", "detail": ""}
        wrong = {"bug_id": ["", " B", "a\nb", "x" * 129, 7], "title": ["", 7], "severity": ["bad", None], "actor": [""]}
        for argument, values in {**wrong, "detail": [None]}.items():
            for value in values:
                with pytest.raises(orket.RunError, match=f"{argument} is .*; valid: "):
                    await crew.report_bug(ROCK, **{**good, argument: value})
        with pytest.raises(BugFixError, match="no bug 'B9'"):
            await crew.resolve_bug(ROCK, "B9", actor="ann")


async def test_a_rock_without_issues_takes_no_bugs(tmp_path: Path) -> None:
    """Nobody could mend them, and that is said at once."""
    root = rocky(tmp_path)
    write_json(root / "model" / "core" / "rocks" / "pebble.json", {"name": "pebble", "epics": []})
    async with open_world(root, diligent) as crew:
        assert (await crew.run_rock("pebble")).outcome is orket.RunOutcome.DONE
        with pytest.raises(BugFixError, match="has no issue"):
            await crew.report_bug("pebble", "B1", "odd", severity="low", actor="ann")


async def sequel_of(root: Path, **options: Any) -> MemoryStore:
    """Return a store with a rock that a phase has left."""
    store, clock = MemoryStore(), SimulatedClock(START)
    async with open_world(root, diligent, store=store, clock=clock, **options) as crew:
        await crew.run_rock(ROCK)
        for at in range(12):
            await crew.report_bug(ROCK, f"B{at}", "odd", severity="low", actor="ann")
        clock.advance(7 * DAY)
        await crew.advance_bug_fixes()
    return store


async def test_what_remains_is_found_by_its_names(tmp_path: Path) -> None:
    """The rock's epic and its issues are run by name; what is called almost so is unknown."""
    root = rocky(tmp_path)
    store = await sequel_of(root)
    async with open_world(root, diligent, store=store) as crew:
        epic = await crew.run_card(f"{SEQUEL}-first", target_issue_id="B3")
        assert (epic.card, epic.done, epic.cards) == (f"{SEQUEL}-first", 1, 12)
        assert (await crew.run_issue("B4")).done == 2
        assert await crew.preflight() == ()
        assert (await crew.resume(epic.run)).outcome is orket.RunOutcome.DONE
        for name in ("mountain-phase3", f"{SEQUEL}-second", "x-phase2"):
            with pytest.raises(UnknownCardError):
                await crew.run_card(name)
        with pytest.raises(orket.AssetNotFoundError):
            await crew.run_rock(SEQUEL, department="product")


@pytest.mark.parametrize("run", [False, True])
async def test_the_portfolio_has_what_remains(tmp_path: Path, run: bool) -> None:
    """The rock that a phase has left stands among the rocks, with its bugs, before it is run and after."""
    root = rocky(tmp_path)
    async with open_world(root, diligent, store=await sequel_of(root)) as crew:
        if run:
            await crew.run_rock(SEQUEL)
        portfolio = await crew.portfolio()
        rocks = {rock.name: [(epic.name, len(epic.issues)) for epic in rock.epics] for rock in portfolio.rocks}
        assert rocks.keys() == {ROCK, SEQUEL}
        assert rocks[SEQUEL] == [(f"{SEQUEL}-first", 12)]
        assert (portfolio.orphan_epics, portfolio.orphan_issues) == ((), ())
        reconciled = await crew.reconcile(actor="ann")
        assert (reconciled.adopted, reconciled.left) == ((), ())


async def test_bugs_are_not_held_against_an_undesigned_epic(tmp_path: Path) -> None:
    """More bugs than an epic without iDesign may have issues are run all the same."""
    root = rocky(tmp_path, architecture_governance={"idesign": False})
    async with open_world(root, diligent, store=await sequel_of(root)) as crew:
        assert (await crew.run_rock(SEQUEL)).done == 12


async def test_a_build_of_the_asset_is_not_that_of_its_bugs(tmp_path: Path) -> None:
    """An epic that names its build keeps it for itself: bugs are worked on a board of their own."""
    root = rocky(tmp_path)
    path = root / "model" / "core" / "epics" / "first.json"
    path.write_text(path.read_text().replace('"name": "first"', '"name": "first", "build": "fixed"'))
    async with open_world(root, diligent, store=await sequel_of(root)) as crew:
        assert (await crew.run_rock(SEQUEL)).cards == 12


async def test_an_asset_of_the_same_name_is_refused(tmp_path: Path) -> None:
    """Neither hides the other."""
    root = rocky(tmp_path)
    store = await sequel_of(root)
    write_json(root / "model" / "core" / "rocks" / f"{SEQUEL}.json", {"epics": [{"epic": "first"}]})
    async with open_world(root, diligent, store=store) as crew:
        with pytest.raises(ConfigError, match="two of rocks are called"):
            await crew.run_rock(SEQUEL)


async def test_wrong_rules_are_an_error_of_the_organization(tmp_path: Path) -> None:
    """The orchestrator does not open, and says which process rule is wrong."""
    root = rocky(tmp_path, process_rules={"bug_fix_days": "seven"})
    with pytest.raises(ConfigError, match="bug_fix_days is 'seven'"):
        async with open_world(root, diligent):
            pass


async def test_rules_of_the_organization_count(tmp_path: Path) -> None:
    """A phase of a day, without extension."""
    root, clock = rocky(tmp_path, process_rules={"bug_fix_days": 1, "bug_fix_longest_days": 1}), SimulatedClock(START)
    async with open_world(root, diligent, clock=clock) as crew:
        await crew.run_rock(ROCK)
        clock.advance(DAY)
        assert [phase.ended_at for phase in await crew.advance_bug_fixes()] == [START + DAY]


class Silent:
    """A service that keeps no phases."""

    async def aclose(self) -> None:
        return None


@pytest.mark.parametrize("service", [None, Silent()])
async def test_without_a_manager_there_are_no_phases(tmp_path: Path, service: Service | None) -> None:
    """Rocks are run as ever, nothing is kept for later, and the verbs say what is missing."""

    class Without(DefaultPipelineWiringStrategyNode):
        def create_bug_fix_manager(self, question: ServiceQuestion, /) -> Service | None:
            return service

    async with open_world(rocky(tmp_path), diligent, nodes={"pipeline_wiring": Without()}) as crew:
        assert (await crew.run_rock(ROCK)).outcome is orket.RunOutcome.DONE
        assert await crew.store.find("finished_rock") == ()
        for call in (crew.advance_bug_fixes(), crew.bug_fix_phase(ROCK)):
            with pytest.raises(BugFixError, match="create_bug_fix_manager"):
                await call


@asynccontextmanager
async def two_hosts(root: Path, clock: SimulatedClock) -> AsyncIterator[tuple[orket.Orchestrator, orket.Orchestrator]]:
    """Open two orchestrators on one file."""
    path = root / "shared.db"
    one, other = (open_world(root, diligent, store=path, clock=clock) for _ in range(2))
    async with one, other:
        yield one, other


async def test_several_hosts_on_one_store_begin_and_end_a_phase_once(tmp_path: Path) -> None:
    """They report, resolve and advance at the same moment, and no bug is lost and nothing is done twice."""
    clock = SimulatedClock(START)
    async with two_hosts(rocky(tmp_path), clock) as hosts:
        await hosts[0].run_rock(ROCK)
        await run_all([crew.advance_bug_fixes for crew in hosts])
        ids = [f"B{at}" for at in range(12)]
        await run_all(
            [
                lambda crew=crew, name=name: crew.report_bug(ROCK, name, "odd", severity="low", actor="ann")
                for name in ids
                for crew in hosts
            ]
        )
        await run_all([lambda crew=crew: crew.resolve_bug(ROCK, "B0", actor="ann") for crew in hosts])
        clock.advance(7 * DAY)
        await run_all([crew.advance_bug_fixes for crew in (*hosts, *hosts)])
        phase = await hosts[1].bug_fix_phase(ROCK)
        assert phase is not None
        assert {bug.id for bug in phase.bugs} == set(ids)
        assert len(phase.open_bugs) == 11
        found = names(await told(hosts[0].store))
        counts = {name: found.count(name) for name in found}
        assert counts == {"BugFixPhaseStarted": 1, "BugReported": 12, "BugResolved": 1, "BugFixPhaseEnded": 1}
        await hosts[0].store.verify()


async def run_all(calls: list[Callable[[], Awaitable[Any]]]) -> None:
    """Await all calls at once."""
    async with anyio.create_task_group() as group:
        for call in calls:
            group.start_soon(call)


async def test_a_change_that_somebody_else_has_made_is_seen(tmp_path: Path) -> None:
    """Of two that change the same version one is refused, and nothing of its change is there."""
    store, clock = MemoryStore(), SimulatedClock(START)
    async with open_world(rocky(tmp_path), diligent, store=store, clock=clock) as crew:
        await crew.run_rock(ROCK)
        record = PhaseRecord(store, clock, lambda size: bytes(size))
        phase = await record.load(ROCK, "core")
        assert isinstance(crew._opened().services.bug_fixes, DefaultBugFixManager)
        assert phase is not None
        await crew.report_bug(ROCK, "B1", "odd", severity="low", actor="ann")
        change = report(phase, bug("B2"))
        assert change is not None
        assert await record.swap(phase, change) is None
        found = await crew.bug_fix_phase(ROCK)
        assert found is not None
        assert [one.id for one in found.bugs] == ["B1"]
