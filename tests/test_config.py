"""Organizations, rocks, teams, roles, environments, dialects: found, read, refused."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs
import pytest

from orket._config import ConfigLoader
from orket.cards import ArchitectureGovernance, CardStatus, EpicReference
from orket.errors import AssetNotFoundError, ConfigError, NodeError
from orket.nodes.loader_strategy import DefaultLoaderStrategyNode
from orket.organization import BottleneckThresholds, Department, Dialect, Environment, Organization, Role, Seat, Team

EPIC = {"team": "standard", "environment": "standard"}
ISSUE = {"summary": "s", "seat": "t"}


class House:
    """A folder of assets, and loaders of it."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, path: str, body: object) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(body if isinstance(body, str) else json.dumps(body))

    def loader(self, node: Any = None, **options: Any) -> ConfigLoader:
        return ConfigLoader(self.root, loader=node or DefaultLoaderStrategyNode(), **options)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_merges_the_two_files_of_an_organization(house: House) -> None:
    """Who it is and how it works come from two files; the environment renames it."""
    house.write("config/org_info.json", {"name": "Orket", "vision": "v", "branding": {"_c": "no", "fonts": ["Inter"]}})
    house.write(
        "config/architecture.json",
        {
            "architecture": {"idesign_threshold": 7, "preferred_stack": {"_c": "no", "backend": "FastAPI"}},
            "departments": ["core", "uiux", "core"],
            "process_rules": {"card_flow": ["Ready", "Done"], "final_states": ["Cancelled"], "concurrency": 2},
            "bottleneck_thresholds": {"_doc": "x", "resource_warning": 5, "dependency_warning_pct": 1},
        },
    )
    organization = house.loader(environ={"ORKET_ORG_NAME": "Other"}).load_organization()
    assert (organization.name, organization.vision, organization.branding) == ("Other", "v", {"fonts": ["Inter"]})
    assert organization.architecture.idesign_threshold == 7
    assert organization.architecture.preferred_stack == {"backend": "FastAPI"}
    assert organization.departments == (Department(name="core"), Department(name="uiux"))
    assert organization.process_rules["final_states"] == ["Cancelled"]
    assert organization.bottleneck_thresholds == BottleneckThresholds(resource_warning=5, dependency_warning_pct=1.0)


def test_a_misspelt_process_rule_is_told(house: House) -> None:
    """A rule that is almost one of orket's is a warning, and an error with strict; a rule of the host's own is none."""
    rules = {"concurency": 2, "turn_budget": 9, "router_nodes": 1, "_sprint_day": 1, "final_states": []}
    house.write("organization.json", {"name": "One", "process_rules": rules})
    loader = house.loader()
    assert loader.load_organization().process_rules["concurency"] == 2
    said = '$.process_rules.concurency: orket reads no such rule; did you mean "concurrency"?'
    assert loader.warnings == (f"organization.json: {said}",)
    with pytest.raises(ConfigError) as caught:
        house.loader(strict=True).load_organization()
    assert caught.value.problems == (f"organization.json: {said}",)


@pytest.mark.parametrize("path", ["config/organization.json", "organization.json", "model/organization.json"])
def test_an_organization_may_be_one_file(house: House, path: str) -> None:
    """Without ``org_info.json``, ``architecture.json`` is not looked at: the first single file is the organization."""
    house.write("config/architecture.json", {"process_rules": {"no": 1}})
    house.write("model/organization.json", {"name": "Last"})
    house.write(path, {"name": "One"})
    assert house.loader().load_organization() == Organization(name="One")


def test_a_missing_organization_says_where_it_was_looked_for(house: House) -> None:
    """The error lists the files that could have defined it."""
    with pytest.raises(AssetNotFoundError) as caught:
        house.loader().load_organization()
    assert caught.value.searched == (
        "config/org_info.json",
        "config/organization.json",
        "organization.json",
        "model/organization.json",
    )


def test_problems_of_both_files_of_an_organization_come_together(house: House) -> None:
    """Each problem names the file it is in; a later file that says otherwise is a warning."""
    house.write("config/org_info.json", {"vision": 1})
    house.write("config/architecture.json", {"departments": ["../x"], "architecture": {"idesign_threshold": "7"}})
    with pytest.raises(ConfigError) as caught:
        house.loader().load_organization()
    assert [problem.split(": found")[0] for problem in caught.value.problems] == [
        "config/org_info.json: $.vision",
        "config/architecture.json: $.departments[0]",
        "config/architecture.json: $.architecture.idesign_threshold",
    ]
    house.write("config/org_info.json", {"vision": "x"})
    house.write("config/architecture.json", {"vision": "y"})
    with pytest.raises(ConfigError, match=r'org_info.json \+ config/architecture.json: \$: "name" is missing'):
        (loader := house.loader()).load_organization()
    assert loader.warnings == ('config/architecture.json: $: "vision" replaces what an earlier file says',)


def test_departments_are_described_by_files_of_their_own(house: House) -> None:
    """A department's file is read and checked; one without a file is not found."""
    house.write("model/uiux/department.json", {"name": "UI"})
    assert house.loader().load_department("uiux") == Department(name="uiux")
    house.write("config/departments/uiux.json", {"name": 1})
    with pytest.raises(ConfigError, match=r"config/departments/uiux.json: \$.name: found 1"):
        house.loader().load_department("uiux")
    with pytest.raises(AssetNotFoundError, match=r"model/legal/department\.json"):
        house.loader().load_department("legal")


def test_assets_are_found_in_order(house: House) -> None:
    """``config`` comes before the department, the department before ``core``."""
    for path in ("config", "model/uiux", "model/core"):
        house.write(f"{path}/epics/launch.json", {"name": path, **EPIC})
        house.write(f"{path}/epics/{path.rpartition('/')[2]}_only.json", {"name": path, **EPIC})
        assert house.loader().load_epic("core_only" if path == "model/core" else "launch", "uiux").department == "uiux"
    loader = house.loader()
    assert loader.load_epic("launch", "uiux").name == "config"
    assert loader.assets("epics", "uiux") == ("config_only", "core_only", "launch", "uiux_only")
    assert loader.assets("epics") == ("config_only", "core_only", "launch")
    (house.root / "config/epics/launch.json").unlink()
    assert (loader.load_epic("launch", "uiux").name, loader.load_epic("launch").name) == ("model/uiux", "model/core")


def test_what_there_is_is_known_without_reading(house: House) -> None:
    """A file in a folder that the department searches is an asset, a folder is none; what is no name is none either."""
    house.write("model/core/epics/shop.json", "no JSON")
    house.write("model/sales/epics/fair.json", "{}")
    (house.root / "model/core/epics/yard.json").mkdir()
    loader = house.loader()
    there = [(name, place) for name in ("shop", "fair", "yard") for place in ("core", "sales")]
    assert [it for it in there if loader.has("epics", *it)] == [("shop", "core"), ("shop", "sales"), ("fair", "sales")]
    assert not any(loader.has("epics", name) for name in ("../epics/shop", "", "shop.json"))


def test_an_epic_is_known_by_its_file(house: House) -> None:
    """Id and department are what was asked for, whatever the file says; a name may be left out."""
    house.write(
        "model/core/epics/launch.json",
        {"id": "X-1", "type": "epic", "department": "other", **EPIC, "status": "Active", "build_id": "b", "parent": "p"}
        | {"architecture_governance": {"idesign": False}, "quality_assessment": {"grade": "A"}},
    )
    loader = house.loader()
    epic = loader.load_epic("launch")
    assert (epic.id, epic.name, epic.department, epic.issues) == ("launch", "launch", "core", ())
    assert (epic.build, epic.parent, epic.metrics and epic.metrics.grade) == ("b", "p", "A")
    assert epic.architecture_governance == ArchitectureGovernance(idesign=False)
    assert epic.status is CardStatus.IN_PROGRESS
    assert loader.warnings == (
        'model/core/epics/launch.json: $.status: found "Active", which is no status; read as "in_progress"',
    )


def test_a_rock_lists_epics_and_their_departments(house: House) -> None:
    """The department of each epic is kept; the same epic twice is a problem."""
    epics = [{"epic": "one", "department": "uiux"}, {"epic": "one"}]
    house.write("config/rocks/r.json", {"epics": epics, "task": "t", "owner_department": "uiux"})
    rock = house.loader().load_rock("r")
    assert (rock.id, rock.name, rock.task) == ("r", "r", "t")
    assert rock.epics == (EpicReference(epic="one", department="uiux"), EpicReference(epic="one", department="core"))
    house.write("config/rocks/r.json", {"epics": [*epics, {"epic": "one"}, {"epic": "a/b"}, "one"]})
    with pytest.raises(ConfigError) as caught:
        house.loader().load_rock("r")
    assert [problem.split(" ", 2)[1] for problem in caught.value.problems] == [
        "$.epics[2]:",
        "$.epics[3].epic:",
        "$.epics[4]:",
    ]


def test_a_team_gets_its_roles_from_itself_or_from_assets(house: House) -> None:
    """The team's own definition wins; a role that exists nowhere is a warning until its seat is used."""
    house.write(
        "config/teams/t.json",
        {
            "_comment": "x",
            "seats": {
                "_c": 1,
                "dev": {"name": "Developer", "roles": ["coder", "guard"]},
                "ghost": {"roles": ["spook"]},
            },
            "roles": {"coder": {"name": "Coder", "tools": ["write_file"]}},
        },
    )
    house.write("config/roles/coder.json", {"tools": ["none"]})
    house.write("config/roles/guard.json", {"id": "ROLE-G", "type": "utility", "policy": {"x": 1}})
    loader = house.loader()
    team = loader.load_team("t")
    assert team == Team(
        name="t",
        seats={
            "dev": Seat(id="dev", name="Developer", roles=("coder", "guard")),
            "ghost": Seat(id="ghost", name="ghost", roles=("spook",)),
        },
        roles={
            "coder": Role(name="coder", tools=("write_file",)),
            "guard": Role(name="guard", id="ROLE-G", policy={"x": 1}),
        },
    )
    assert loader.warnings == (
        'config/teams/t.json: $.seats.ghost.roles[0]: no role "spook" in this team or among the role assets',
    )
    loader.require_roles(team, ["Developer", "nobody"])
    with pytest.raises(AssetNotFoundError) as caught:
        loader.require_roles(team, ["dev", "ghost"])
    assert (caught.value.category, caught.value.name) == ("roles", "spook")
    assert caught.value.searched == ("config/roles/spook.json", "model/core/roles/spook.json")
    assert caught.value.problems == ('the seat "ghost" of the team "t" holds the role "spook"',)
    with pytest.raises(ConfigError, match='no role "spook"'):
        house.loader(strict=True).load_team("t")


def test_a_role_cannot_claim_another_name(house: House) -> None:
    """A definition that calls itself something else is refused: it could hand out another role's powers."""
    house.write("config/roles/helper.json", {"name": "integrity_guard"})
    with pytest.raises(ConfigError, match=r'\$.name: found "integrity_guard"; valid: "helper"'):
        house.loader().load_role("helper")
    house.write("config/teams/t.json", {"roles": {"helper": {"name": "integrity_guard"}}})
    with pytest.raises(ConfigError, match=r'\$.roles.helper.name: found "integrity_guard"'):
        house.loader().load_team("t")


def test_environments_and_dialects(house: House) -> None:
    """An environment needs nothing but its file; a dialect that no file defines is None, a broken one an error."""
    house.write(
        "config/environments/e.json", {"model": "m", "timeout": 5, "temperature": 1, "seed": 4, "params": {"a": 1}}
    )
    house.write("config/dialects/qwen.json", {"constraints": ["c"]})
    house.write("config/dialects/phi.json", '{"a": "\n"}')
    loader = house.loader()
    assert loader.load_environment("e") == Environment(
        name="e", model="m", timeout=5.0, temperature=1.0, seed=4, params={"a": 1}
    )
    assert loader.dialect_families() == ("phi", "qwen")
    assert loader.load_dialect("qwen") == Dialect(model_family="qwen", constraints=("c",))
    assert loader.load_dialect("llama3") is None
    with pytest.raises(ConfigError, match=r"config/dialects/phi.json: line 1, column 8"):
        loader.load_dialect("phi")
    for key, value in {"timeout": 0, "temperature": -1, "seed": "x", "params": []}.items():
        house.write("config/environments/e.json", {key: value})
        with pytest.raises(ConfigError, match=rf"\$.{key}: found .*; valid: "):
            loader.load_environment("e")


def test_a_missing_asset_says_what_there_is(house: House) -> None:
    """The error carries category, name and places, and offers a close match or else what there is."""
    with pytest.raises(AssetNotFoundError, match="there is: nothing"):
        house.loader().load_epic("launch")
    house.write("model/core/epics/launch.json", EPIC)
    for name, hint in {"lanuch": "did you mean launch?", "zzz": "there is: launch"}.items():
        with pytest.raises(AssetNotFoundError) as caught:
            house.loader().load_epic(name, "uiux")
        error = caught.value
        assert (error.category, error.name, hint in str(error)) == ("epics", name, True)
        assert error.searched == tuple(f"{place}/epics/{name}.json" for place in ("config", "model/uiux", "model/core"))
    for load in (house.loader().load_role, house.loader().load_team, house.loader().load_rock):
        with pytest.raises(AssetNotFoundError):
            load("launch")


def test_unknown_keys_are_warnings_or_errors(house: House) -> None:
    """An unknown key is named with a suggestion, each once; strict refuses it, but never a comment."""
    house.write("config/epics/e.json", {**EPIC, "teem": "x", "zz": 1, "_zz": 1})
    loader = house.loader()
    loader.load_epic("e")
    loader.load_epic("e")
    assert loader.warnings == (
        'config/epics/e.json: $.teem: unknown key; did you mean "team"?',
        "config/epics/e.json: $.zz: unknown key; it is ignored",
    )
    with pytest.raises(ConfigError) as caught:
        house.loader(strict=True).load_epic("e")
    assert caught.value.problems == loader.warnings


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../x", "a/b", "a\\b", ".hidden", "a\0", "x" * 200, "C:x", "a.", "-x", 3]
)
def test_names_are_no_paths(house: House, name: Any) -> None:
    """Names of assets, categories and departments cannot lead anywhere else."""
    loader = house.loader()
    for call in (loader.load_epic, loader.load_dialect, loader.load_department, loader.assets, loader.load_role):
        with pytest.raises(ConfigError, match="is no name of an asset"):
            call(name)
    with pytest.raises(ConfigError, match="is no name of an asset"):
        loader.load_epic("launch", name)


@pytest.mark.parametrize("method", ["asset_paths", "search_folders"])
@pytest.mark.parametrize("place", ["/etc", "config/../../x"])
def test_paths_of_the_loader_node_lie_inside_the_root(house: House, method: str, place: str) -> None:
    """A loader node that leads out of the root is refused before anything is opened."""
    astray = type("Astray", (DefaultLoaderStrategyNode,), {method: lambda _, root, *names: (root / place,)})
    with pytest.raises(NodeError):
        house.loader(astray()).load_epic("launch")


@pytest.mark.parametrize("answer", ["config", ("config",), 3, None])
def test_paths_of_the_loader_node_are_paths(house: House, answer: Any) -> None:
    """A loader node that answers anything but paths is refused."""
    odd = type("Odd", (DefaultLoaderStrategyNode,), {"asset_paths": lambda *_: answer})
    with pytest.raises(NodeError):
        house.loader(odd()).load_epic("launch")


def test_a_folder_that_cannot_be_listed_is_an_error(house: House) -> None:
    """An operating system's error becomes orket's own; what is no asset is passed over."""
    house.write("model/core/epics", "a file")
    house.write("config/epics/readme.md", "text")
    house.write("config/epics/folder.json/x", "text")
    assert house.loader().assets("epics") == ()
    (house.root / "config" / "teams").symlink_to("teams")
    with pytest.raises(ConfigError, match="teams: cannot be listed"):
        house.loader().assets("teams")


def test_an_override_is_an_organization(house: House) -> None:
    """What the loader node makes of the organization is checked."""

    class Odd(DefaultLoaderStrategyNode):
        def override_organization(self, organization: Organization, environ: Mapping[str, str], /) -> Any:
            return organization.name

    house.write("organization.json", {"name": "One"})
    with pytest.raises(NodeError, match="override_organization broke its contract"):
        house.loader(Odd()).load_organization()


def test_links_below_the_root_may_lead_anywhere(house: House, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whoever writes the configuration may link assets in from elsewhere."""
    shared = House(tmp_path_factory.mktemp("shared"))
    shared.write("epics/launch.json", EPIC)
    (house.root / "config").symlink_to(shared.root)
    assert house.loader().load_epic("launch").id == "launch"


def test_issues_are_found_by_their_id(house: House) -> None:
    """All departments' epics are searched once; broken ones are warnings; an id in two epics is an error."""
    house.write("config/organization.json", {"name": "O", "departments": ["uiux"]})
    house.write("model/core/epics/one.json", {**EPIC, "issues": [ISSUE, {**ISSUE, "id": "A"}]})
    house.write("model/uiux/epics/two.json", {**EPIC, "issues": [{**ISSUE, "id": "B"}]})
    house.write("model/core/epics/broken.json", "{")
    house.write("model/core/epics/wrong.json", {**EPIC, "team": 1})
    loader = house.loader()
    assert loader.find_issue("A") == ("one", "core")
    assert loader.find_issue("ONE-1") == ("one", "core")
    assert loader.find_issue("B") == ("two", "uiux")
    assert loader.find_issue("C") is None
    assert [warning.split(":")[0] for warning in loader.warnings] == [
        "model/core/epics/broken.json",
        "model/core/epics/wrong.json",
    ]
    house.write("model/core/epics/three.json", {**EPIC, "issues": [{**ISSUE, "id": "B"}]})
    with pytest.raises(ConfigError) as caught:
        loader.find_issue("B")
    assert caught.value.problems == (
        'model/core/epics/three.json: has an issue "B"',
        'model/uiux/epics/two.json: has an issue "B"',
    )


def test_issues_are_found_without_an_organization(house: House) -> None:
    """Without an organization there is one department, ``core``."""
    house.write("model/core/epics/one.json", {**EPIC, "issues": [ISSUE]})
    assert house.loader().find_issue("ONE-1") == ("one", "core")


def test_what_is_returned_is_frozen(house: House) -> None:
    """A loaded value cannot be changed, and lists have become tuples."""
    house.write("config/epics/e.json", {**EPIC, "labels": ["a"]})
    epic = house.loader().load_epic("e")
    assert epic.labels == ("a",)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        epic.name = "other"  # type: ignore[misc]
