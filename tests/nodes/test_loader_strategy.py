"""Where the stock loader looks for assets."""

from pathlib import Path

import pytest

from orket._answers import CHECKS
from orket.contracts import LoaderStrategyNode, Organization
from orket.nodes.loader_strategy import DefaultLoaderStrategyNode

ROOT = Path("house")


@pytest.fixture
def node() -> DefaultLoaderStrategyNode:
    return DefaultLoaderStrategyNode()


def test_satisfies_the_protocol(node: DefaultLoaderStrategyNode) -> None:
    """The node has every method of its protocol."""
    assert isinstance(node, LoaderStrategyNode)


def test_config_comes_before_the_department_before_core(node: DefaultLoaderStrategyNode) -> None:
    """An asset is looked for in three folders, from special to general."""
    assert [path.as_posix() for path in node.asset_paths(ROOT, "uiux", "teams", "standard")] == [
        "house/config/teams/standard.json",
        "house/model/uiux/teams/standard.json",
        "house/model/core/teams/standard.json",
    ]


def test_core_is_looked_at_once(node: DefaultLoaderStrategyNode) -> None:
    """For ``core`` itself no folder is named twice."""
    assert [path.as_posix() for path in node.search_folders(ROOT, "core", "teams")] == [
        "house/config/teams",
        "house/model/core/teams",
    ]


def test_places_of_organizations_and_departments(node: DefaultLoaderStrategyNode) -> None:
    """The organization is two files, or one of three; a department has two places."""
    assert [path.name for path in node.organization_paths(ROOT)] == ["org_info.json", "architecture.json"]
    assert [path.as_posix() for path in node.organization_fallback_paths(ROOT)] == [
        "house/config/organization.json",
        "house/organization.json",
        "house/model/organization.json",
    ]
    assert [path.as_posix() for path in node.department_paths(ROOT, "uiux")] == [
        "house/config/departments/uiux.json",
        "house/model/uiux/department.json",
    ]


@pytest.mark.parametrize(
    ("environ", "name", "vision"),
    [
        ({}, "Orket", "v"),
        ({"ORKET_ORG_NAME": " Other "}, "Other", "v"),
        ({"ORKET_ORG_VISION": "w"}, "Orket", "w"),
        ({"ORKET_ORG_NAME": " ", "ORKET_ORG_VISION": ""}, "Orket", "v"),
    ],
)
def test_the_environment_renames_the_organization(
    node: DefaultLoaderStrategyNode, environ: dict[str, str], name: str, vision: str
) -> None:
    """Name and vision come from the environment where it says something, the rest stays."""
    given = Organization(name="Orket", vision="v", ethos="e")
    changed = node.override_organization(given, environ)
    assert (changed.name, changed.vision, changed.ethos) == (name, vision, "e")
    assert (given.name, given.vision) == ("Orket", "v")


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "/etc/passwd", "a/../../x", "..\\x", "C:x", "a\0"])
def test_names_that_are_paths_are_refused(node: DefaultLoaderStrategyNode, name: str) -> None:
    """A department, a category or an asset whose name leads elsewhere is an error that says what is valid."""
    questions = {
        "department_paths": [(ROOT, name)],
        "asset_paths": [(ROOT, name, "teams", "x"), (ROOT, "core", name, "x"), (ROOT, "core", "teams", name)],
        "search_folders": [(ROOT, name, "teams"), (ROOT, "core", name)],
    }
    for method, asked in questions.items():
        for arguments in asked:
            with pytest.raises(ValueError, match="is no name of an asset; valid: "):
                getattr(node, method)(*arguments)


@pytest.mark.parametrize("root", [Path("house"), Path("/srv/house"), Path()])
def test_answers_keep_the_contract(node: DefaultLoaderStrategyNode, root: Path) -> None:
    """Every path lies inside the root, whichever way the root is given."""
    questions = {
        "organization_paths": (root,),
        "organization_fallback_paths": (root,),
        "department_paths": (root, "uiux"),
        "asset_paths": (root, "uiux", "teams", "a b"),
        "search_folders": (root, "core", "teams"),
    }
    for method, arguments in questions.items():
        answer = getattr(node, method)(*arguments)
        assert answer
        assert CHECKS["loader_strategy", method](answer, *arguments) is None
