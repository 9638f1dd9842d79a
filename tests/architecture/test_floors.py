"""The floors that the import linter guards, and the front door above them."""

import ast
import importlib
import tomllib
from pathlib import Path

import pytest

import orket

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "src" / "orket"
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
NODE_KINDS = {
    "api_runtime",
    "engine_runtime",
    "evaluator",
    "execution_runtime",
    "loader_strategy",
    "orchestration_loop",
    "pipeline_wiring",
    "planner",
    "prompt_strategy",
    "router",
    "sandbox_policy",
    "tool_strategy",
}


def floors() -> list[set[str]]:
    contracts = PYPROJECT["tool"]["importlinter"]["contracts"]
    (layers,) = (contract["layers"] for contract in contracts if contract["name"] == "Floors")
    return [{name.strip().strip("()") for name in layer.replace(":", "|").split("|")} for layer in layers]


def test_every_module_stands_on_one_floor() -> None:
    """Each module and package directly under orket is named on exactly one floor."""
    modules = [path.stem for path in PACKAGE.glob("*.py") if path.stem != "__init__"]
    packages = [path.parent.name for path in PACKAGE.glob("*/__init__.py")]
    named = [name for floor in floors() for name in floor]
    assert len(named) == len(set(named))
    assert set(modules + packages) - set(named) == set()


def test_values_stand_below_and_the_host_above() -> None:
    """Values are the ground floor, contracts stand on the values, parts on the contracts, the flow on the parts."""
    order = {name: height for height, floor in enumerate(reversed(floors())) for name in floor}
    assert order["_value"] == 0
    assert order["errors"] < order["cards"] < order["organization"] < order["events"] < order["contracts"]
    assert order["contracts"] < order["governance"] == order["nodes"] == order["stores"] < order["_flow"]
    assert order["_flow"] < order["_pipeline"] < order["_orchestrator"]


def test_packages_are_importable() -> None:
    """Every folder with Python in it is a package, so that no module escapes the import linter."""
    folders = {path.parent for path in PACKAGE.rglob("*.py")}
    assert [folder.name for folder in folders if not (folder / "__init__.py").is_file()] == []


def front_door() -> dict[str, str]:
    """Return what the stub of the package tells type checkers: each name and the module that it comes from."""
    tree = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    return {alias.name: str(node.module) for node in imports for alias in node.names}


def test_type_checkers_are_told_where_names_come_from() -> None:
    """The stub names the modules that ``orket`` imports on use: no name more, none less, none from elsewhere."""
    modules = {name for name, home in front_door().items() if home == "orket"}
    assert {name: home for name, home in front_door().items() if home != "orket"} == dict(orket._HOMES)
    assert modules == set(orket._MODULES)


def test_the_front_door_says_what_it_offers() -> None:
    """``orket.__all__`` names everything public that the stub imports, once, in order; each is there and is listed."""
    offered = list(orket.__all__)
    assert offered == sorted(set(offered))
    assert set(offered) == {name for name, home in front_door().items() if home != "orket"}
    assert set(offered) <= set(dir(orket))
    for name, home in front_door().items():
        assert getattr(orket, name) is getattr(importlib.import_module(home), name)


def test_what_the_front_door_does_not_offer_is_refused() -> None:
    """A name that orket does not have is the AttributeError of any module."""
    with pytest.raises(AttributeError, match=r"^module 'orket' has no attribute 'Orchestra'$"):
        _ = orket.Orchestra


def test_stock_nodes_are_offered_like_anybody_elses() -> None:
    """Each of the twelve kinds has a stock node under the name default in orket's own entry points."""
    groups = PYPROJECT["project"]["entry-points"]
    offers = {group.removeprefix("orket."): names for group, names in groups.items()}
    assert {kind for kind in NODE_KINDS if "default" in offers.get(kind, {})} == NODE_KINDS


def test_entry_points_lead_somewhere() -> None:
    """Each entry point whose module is there names a callable of that module; pytest's names a module."""
    values = [
        value
        for group, offers in PYPROJECT["project"]["entry-points"].items()
        for value in offers.values()
        if group != "pytest11"
    ]
    for module, _, name in (value.partition(":") for value in values):
        if (ROOT / "src" / Path(*module.split("."))).with_suffix(".py").exists():
            assert callable(getattr(importlib.import_module(module), name)), f"{module}:{name}"
