"""A real organization's assets, written by nobody here, with all their quirks."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from orket._config import ConfigLoader
from orket.cards import CardStatus
from orket.errors import AssetNotFoundError, ConfigError
from orket.nodes.loader_strategy import DefaultLoaderStrategyNode

BESIDE = Path(__file__).parents[2] / "shared" / "real-organization"
ROOT = Path(os.environ.get("ORKET_REAL_ORGANIZATION") or BESIDE)

pytestmark = pytest.mark.skipif(
    not (ROOT / "model").is_dir(),
    reason="no real organization: put one beside the checkout, or name it in ORKET_REAL_ORGANIZATION",
)

# Per epic: how many issues, how many unfinished, and the asset that is missing.
EPICS = {
    "auth_manager": (3, 3, None),
    "branding": (2, 2, None),
    "core_baseline": (3, 3, None),
    "enterprise_launch": (0, 0, None),
    "idea_brainstorming_session": (3, 3, None),
    "model_reforge": (3, 3, None),
    "price_arbitrage_system": (9, 3, None),
    "qa_completion_test": (2, 0, None),
    "requirements_refinement": (3, 3, ("teams", "product_owners")),
    "requirements_team": (3, 3, None),
    "sanity_test": (1, 1, None),
    "standard": (3, 3, None),
    "system_optimization_q1": (2, 2, None),
    "ui_update": (2, 2, None),
    "ui_vision": (3, 3, None),
    "unplanned_support": (0, 0, None),
    "web_dev": (2, 2, None),
}
# Per rock: the first of its epics that exists nowhere.
ROCKS = {
    "Rock-Nomination-idea_brainstorming_session": None,
    "branding_to_web": None,
    "core_launch": None,
    "initialize_orket": None,
    "market_edge_arbitrage": None,
    "market_intelligence_suite": None,
    "q1_2026_maturation": ("epics", "sneaky_price_watch_refinement"),
    "run_the_business": ("epics", "import_best_practices"),
    "test_rock": None,
}
# Per team: its seats whose roles are defined nowhere.
TEAMS = {
    "enterprise": {"governance_ethics", "data_scientist", "network_engineer", "protocol_enforcer"},
    "standard": set(),
    "ui_experts": set(),
}


@pytest.fixture
def loader() -> ConfigLoader:
    return ConfigLoader(ROOT, loader=DefaultLoaderStrategyNode())


def missing(load: Callable[[], object]) -> tuple[str, str] | None:
    try:
        load()
    except AssetNotFoundError as error:
        return error.category, error.name
    return None


def test_the_tables_are_complete(loader: ConfigLoader) -> None:
    """Every epic, rock and team of the folder has an expectation here."""
    assert loader.assets("epics") == tuple(sorted(EPICS))
    assert loader.assets("rocks") == tuple(sorted(ROCKS))
    assert loader.assets("teams") == tuple(sorted(TEAMS))


@pytest.mark.parametrize("name", EPICS)
def test_each_epic_loads_with_all_it_needs_or_names_what_is_missing(loader: ConfigLoader, name: str) -> None:
    """An epic, its team, the roles of the seats in use and its environment are there, or one of them is named."""
    count, unfinished, lacks = EPICS[name]
    epic = loader.load_epic(name)
    waiting = [issue for issue in epic.issues if not issue.status.is_terminal]
    assert (epic.id, len(epic.issues), len(waiting)) == (name, count, unfinished)
    assert len({issue.id for issue in epic.issues}) == count

    def load_rest() -> None:
        loader.require_roles(loader.load_team(epic.team), [issue.seat for issue in waiting])
        loader.load_environment(epic.environment)

    assert missing(load_rest) == lacks


@pytest.mark.parametrize("name", ROCKS)
def test_each_rock_loads_and_its_epics_load_or_are_named(loader: ConfigLoader, name: str) -> None:
    """A rock's epics load from their departments, or the first that is nowhere is named."""
    rock = loader.load_rock(name)
    assert rock.epics
    assert missing(lambda: [loader.load_epic(one.epic, one.department) for one in rock.epics]) == ROCKS[name]


@pytest.mark.parametrize("name", TEAMS)
def test_each_team_loads_and_lacks_the_roles_it_lacks(loader: ConfigLoader, name: str) -> None:
    """Roles that exist nowhere are warnings that name the seat, and errors once the seat is used."""
    team = loader.load_team(name)
    lacking = {seat for seat in team.seats if missing(lambda seat=seat: loader.require_roles(team, [seat])) is not None}
    assert lacking == TEAMS[name]
    assert {warning.split("$.seats.")[1].split(".")[0] for warning in loader.warnings} == TEAMS[name]


def test_the_organization_is_the_one_in_config(loader: ConfigLoader) -> None:
    """The two files under ``config`` win over those in one piece."""
    organization = loader.load_organization()
    assert organization.name == "Orket Organizational Unit"
    assert organization.architecture.idesign_threshold == 7
    assert "training" in [department.name for department in organization.departments]


def test_broken_dialects_are_named_by_line_and_column(loader: ConfigLoader) -> None:
    """Dialect files that are no JSON are errors when they are used, and do not hide the others."""
    broken = {}
    for family in loader.dialect_families():
        try:
            assert loader.load_dialect(family) is not None
        except ConfigError as error:
            broken[family] = error.problems[0]
    assert set(broken) == {"generic", "llama3", "phi"}
    assert all(f"dialects/{family}.json: line 3, column 19: not JSON" in text for family, text in broken.items())


def test_quirks_are_understood_and_reported(loader: ConfigLoader) -> None:
    """A status that is no status, and issues without a summary, are read and reported."""
    assert loader.load_rock("run_the_business").status is CardStatus.IN_PROGRESS
    assert loader.load_epic("ui_vision").issues[0].name == "Set the visual direction in Round 1 only."
    assert any('$.status: found "active"' in warning for warning in loader.warnings)
    assert any('$.stories[0]: "summary" is missing' in warning for warning in loader.warnings)
    assert loader.find_issue("SNK-QA-01") == ("price_arbitrage_system", "core")
