"""No JSON object whatever makes the loader raise anything but its own errors."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orket._config import ConfigLoader
from orket._config._shapes import shapes
from orket.cards import Epic, Issue, Rock
from orket.errors import ConfigError
from orket.nodes.loader_strategy import DefaultLoaderStrategyNode
from orket.organization import Dialect, Environment, Organization, Role, Team

CATEGORIES: dict[str, type] = {
    "epics": Epic,
    "rocks": Rock,
    "teams": Team,
    "roles": Role,
    "environments": Environment,
    "dialects": Dialect,
}
KEYS = sorted({key for shape in shapes().values() for key in (*shape.keys, *shape.ignored)} | {"_comment", "unknown"})
WORDS = st.sampled_from(["ready", "High", "core", "A", "", "x/y", "blocked", "a b", "name"])
junk = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 12) | st.floats(-1, 1) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=25,
)


def load(loader: ConfigLoader, category: str) -> Any:
    if category == "organization":
        return loader.load_organization()
    return {
        "epics": loader.load_epic,
        "rocks": loader.load_rock,
        "teams": loader.load_team,
        "roles": loader.load_role,
        "environments": loader.load_environment,
        "dialects": loader.load_dialect,
    }[category]("any")


@settings(max_examples=150)
@given(
    category=st.sampled_from([*CATEGORIES, "organization"]),
    body=st.dictionaries(st.sampled_from(KEYS), junk, max_size=8),
    good=st.booleans(),
    strict=st.booleans(),
)
def test_any_object_gives_a_value_or_a_config_error(
    tmp_path_factory: pytest.TempPathFactory, category: str, body: dict[str, Any], good: bool, strict: bool
) -> None:
    """Whatever an asset says, it becomes a value of its class, or a ConfigError that lists problems with paths."""
    root = tmp_path_factory.getbasetemp() / "junk"
    file = root / "config" / ("organization.json" if category == "organization" else f"{category}/any.json")
    file.parent.mkdir(parents=True, exist_ok=True)
    body = body | ({"name": "any", "team": "t", "environment": "e"} if good else {})
    file.write_text(json.dumps(body))
    loader = ConfigLoader(root, loader=DefaultLoaderStrategyNode(), strict=strict)
    problems: tuple[str, ...] = ()
    value = None
    try:
        value = load(loader, category)
    except ConfigError as error:
        problems = error.problems
    assert isinstance(value, CATEGORIES.get(category, Organization)) != bool(problems)
    assert all(problem.split(": ")[1].startswith("$") for problem in problems)
    assert problems or not (strict and "unknown" in body)


def test_every_field_that_files_may_set_has_a_key() -> None:
    """No field of an asset is out of reach, except what only the record or the loader sets."""
    unset = {
        kind.__name__: {field.name for field in kind.__attrs_attrs__} - set(shape.keys.values())
        for kind, shape in shapes().items()
    }
    assert {name: fields for name, fields in unset.items() if fields} == {
        "Epic": {"id", "department"},
        "Issue": {"created_at", "version"},
        "Rock": {"id"},
        "Seat": {"id"},
    }


def test_aliases_of_an_issue() -> None:
    """The spellings that assets in use have are known."""
    keys = shapes()[Issue].keys
    assert {key for key, field in keys.items() if key != field} == {
        "issue_id",
        "card_id",
        "summary",
        "parent_id",
        "build_id",
    }
