"""Every epic and rock of a real organization that nobody here wrote ends, or is refused with a reason."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from real_organization import ROOT, needs_organization
from small_world import wish

import orket
from orket.contracts import ModelRequest, TurnKind
from orket.errors import AssetNotFoundError, ComplexityError

pytestmark = pytest.mark.anyio

DONE = {  # epic: (issues, done, canceled)
    "auth_manager": (3, 3, 0),
    "branding": (2, 0, 2),
    "core_baseline": (3, 3, 0),
    "enterprise_launch": (0, 0, 0),
    "idea_brainstorming_session": (3, 3, 0),
    "model_reforge": (3, 3, 0),
    "qa_completion_test": (2, 2, 0),
    "requirements_team": (3, 3, 0),
    "sanity_test": (1, 1, 0),
    "standard": (3, 3, 0),
    "system_optimization_q1": (2, 2, 0),
    "ui_update": (2, 1, 1),
    "ui_vision": (3, 3, 0),
    "unplanned_support": (0, 0, 0),
    "web_dev": (2, 0, 2),
}
REFUSED: Mapping[str, tuple[type[Exception], str]] = {
    "price_arbitrage_system": (ComplexityError, "price_arbitrage_system"),
    "requirements_refinement": (AssetNotFoundError, "product_owners"),
}
ROCKS = {
    "branding_to_web": orket.RunOutcome.DONE,
    "core_launch": orket.RunOutcome.DONE,
    "initialize_orket": orket.RunOutcome.DONE,
    "test_rock": orket.RunOutcome.DONE,
}
REFUSED_ROCKS: Mapping[str, tuple[type[Exception], str]] = {
    "Rock-Nomination-idea_brainstorming_session": (AssetNotFoundError, "product_owners"),
    "market_edge_arbitrage": (ComplexityError, "price_arbitrage_system"),
    "market_intelligence_suite": (ComplexityError, "price_arbitrage_system"),
    "q1_2026_maturation": (AssetNotFoundError, "sneaky_price_watch_refinement"),
    "run_the_business": (AssetNotFoundError, "import_best_practices"),
}


def mover(request: ModelRequest) -> object:
    """Move work to review and reviewed work to done, where the status tool is offered."""
    assert request.brief is not None
    if not any(tool.name == "update_issue_status" for tool in request.tools):
        return "The work is described here."
    return wish("done" if request.brief.kind is TurnKind.REVIEW else "code_review")


def house(tmp_path: Path) -> orket.Orchestrator:
    return orket.Orchestrator(
        config=ROOT, workspace=tmp_path / "space", store=orket.MemoryStore(), model=mover, environ={}
    )


@needs_organization
def test_every_epic_and_rock_is_written_down() -> None:
    """No asset of the organization is without an expected outcome."""
    core = ROOT / "model" / "core"
    assert {path.stem for path in (core / "epics").glob("*.json")} == {*DONE, *REFUSED}
    assert {path.stem for path in (core / "rocks").glob("*.json")} == {*ROCKS, *REFUSED_ROCKS}


@needs_organization
@pytest.mark.parametrize("epic", sorted(DONE))
async def test_an_epic_ends_with_each_issue_terminal(tmp_path: Path, epic: str) -> None:
    """The epic's run is done, with the written number of issues done and canceled."""
    async with house(tmp_path) as orchestrator:
        result = await orchestrator.run_epic(epic)
        assert result.outcome is orket.RunOutcome.DONE, result.reasons
        assert (result.cards, result.done, result.canceled) == DONE[epic]
        for build in (await orchestrator.board()).builds:
            assert all(issue.status.is_terminal for issue in build.issues)


@needs_organization
@pytest.mark.parametrize("epic", sorted(REFUSED))
async def test_an_epic_that_cannot_run_is_refused_by_name(tmp_path: Path, epic: str) -> None:
    """A typed error names what is missing or too large, before anything is written."""
    kind, named = REFUSED[epic]
    async with house(tmp_path) as orchestrator:
        with pytest.raises(kind, match=named):
            await orchestrator.run_epic(epic)
        assert await orchestrator.store.runs() == ()


@needs_organization
@pytest.mark.parametrize("rock", sorted(ROCKS))
async def test_a_rock_runs_all_its_epics(tmp_path: Path, rock: str) -> None:
    """A rock whose epics exist runs them all to done."""
    async with house(tmp_path) as orchestrator:
        result = await orchestrator.run_card(rock)
        assert result.outcome is ROCKS[rock], result.reasons
        assert result.cards == result.done + result.canceled


@needs_organization
@pytest.mark.parametrize("rock", sorted(REFUSED_ROCKS))
async def test_a_rock_that_cannot_run_is_refused_by_name(tmp_path: Path, rock: str) -> None:
    """A rock with an epic that cannot run is refused before its first turn."""
    kind, named = REFUSED_ROCKS[rock]
    async with house(tmp_path) as orchestrator:
        with pytest.raises(kind, match=named):
            await orchestrator.run_rock(rock)
        assert await orchestrator.store.runs() == ()
