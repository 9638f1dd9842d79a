"""How each asset is spelled: keys and their aliases, known keys that are not used, fields with rules of their own."""

import re
from collections.abc import Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final

import attrs

from orket._config._issues import MOVED_UP, read_issues
from orket._config._names import KNOWN_RULES, VALID_NAME, is_asset_name
from orket._config._reading import Reader, Reading, Shape
from orket.cards import (
    ArchitectureGovernance,
    Epic,
    EpicReference,
    Issue,
    JsonValue,
    Metrics,
    Rock,
    Scenario,
    ScenarioResult,
    Verification,
    VerificationResult,
)
from orket.organization import (
    ArchitectureRules,
    BottleneckThresholds,
    Department,
    Dialect,
    Environment,
    Organization,
    Role,
    Seat,
    Team,
    sanitize_name,
)

_METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_LEVELS: Final[Mapping[str, float]] = MappingProxyType({"high": 3.0, "medium": 2.0, "low": 1.0})
_COMMON: Final = frozenset({"type", "id", "schema_version"})  # every asset may have them


@cache
def shapes() -> Mapping[type, Shape]:
    """Return the shape of every class that assets consist of; built on first use, importing this costs nothing."""
    return {**_work_shapes(), **_proof_shapes(), **_team_shapes(), **_organization_shapes()}


def _work_shapes() -> dict[type, Shape]:
    common = {"build": ("build", "build_id"), "parent": ("parent", "parent_id")}
    return {
        Rock: _shape(Rock, readers={"epics": _epic_references}, filled={"id", "name"}),
        EpicReference: _shape(EpicReference, readers={"epic": _asset_name, "department": _asset_name}),
        Epic: _shape(
            Epic,
            common | {"issues": ("issues", "stories", "cards"), "metrics": ("metrics", "quality_assessment")},
            readers={"issues": read_issues, "team": _asset_name, "environment": _asset_name},
            ignored={"department"},
            filled={"id", "name"},
        ),
        Issue: _shape(
            Issue,
            common | {"id": ("id", "issue_id", "card_id"), "name": ("summary", "name")},
            readers={
                "priority": _priority,
                "retry_count": _at_least(0),
                "max_retries": _at_least(0),
                "verification": _verification_fields,
                "seat": _filled,
            },
            ignored={"created_at", "version", *MOVED_UP},
            filled={"id", "name"},
        ),
        ArchitectureGovernance: _shape(ArchitectureGovernance),
    }


def _proof_shapes() -> dict[type, Shape]:
    fixture = ("fixture", "fixture_path", "verification_fixture")
    return {
        Verification: _shape(Verification, {"fixture": fixture, "last_run": ("last_run", "last_verification")}),
        VerificationResult: _shape(VerificationResult),
        Scenario: _shape(
            Scenario,
            {
                "input": ("input", "input_data", "payload"),
                "expected": ("expected", "expected_output"),
                "expected_status": ("expected_status", "status_code"),
            },
            readers={"endpoint": _endpoint, "method": _method, "expected_status": _status_code},
        ),
        ScenarioResult: _shape(ScenarioResult),
        Metrics: _shape(Metrics, readers={"score": _between(0, 10), "shippability_threshold": _between(0, 10)}),
    }


def _team_shapes() -> dict[type, Shape]:
    return {
        Team: _shape(Team, readers={"seats": _seats, "roles": _roles}, filled={"name"}),
        Seat: _shape(Seat, readers={"roles": _asset_names}, filled={"id", "name"}),
        Role: _shape(Role, filled={"name"}),
        Environment: _shape(
            Environment, readers={"timeout": _above_zero, "temperature": _between(0, 100)}, filled={"name"}
        ),
        Dialect: _shape(Dialect, filled={"model_family"}),
    }


def _organization_shapes() -> dict[type, Shape]:
    counts = ("resource_normal", "resource_warning", "resource_critical", "human_attention_threshold")
    thresholds = {name: _at_least(0) for name in counts} | {"dependency_warning_pct": _between(0, 1)}
    organization = {"departments": _departments, "name": _filled, "process_rules": _process_rules}
    return {
        Organization: _shape(Organization, readers=organization),
        Department: _shape(Department, filled={"name"}),
        ArchitectureRules: _shape(ArchitectureRules, readers={"idesign_threshold": _at_least(0)}),
        BottleneckThresholds: _shape(BottleneckThresholds, readers=thresholds),
    }


def _shape(
    kind: type,
    aliases: Mapping[str, tuple[str, ...]] | None = None,
    *,
    readers: Mapping[str, Reader] | None = None,
    ignored: set[str] | None = None,
    filled: set[str] | None = None,
) -> Shape:
    names = attrs.fields_dict(kind)
    unused = _COMMON | (ignored or set())
    keys = {
        key: name
        for name in names
        for key in (aliases or {}).get(name, (name,))
        if key not in unused or (key == "id" and kind in (Issue, Role, Scenario, ScenarioResult))
    }
    return Shape(
        keys=keys,
        readers=readers or {},
        ignored=unused,
        required=frozenset(name for name, field in names.items() if field.default is attrs.NOTHING) - (filled or set()),
    )


def _priority(reading: Reading, value: JsonValue) -> Any:
    if type(value) in (int, float):
        return float(value)
    if isinstance(value, str):
        spelled = value.strip().lower()
        if spelled in _LEVELS:
            return _LEVELS[spelled]
        if re.fullmatch(r"[+-]?[0-9]{1,15}(\.[0-9]+)?", spelled):
            return float(spelled)
    return reading.wrong(value, "a number, a numeric string, High, Medium or Low")


def _endpoint(reading: Reading, value: JsonValue) -> Any:
    if value == "" or (isinstance(value, str) and re.fullmatch(r"/(?!/)[!-~]*", value)):
        return value
    return reading.wrong(value, 'a path of the API that begins with one "/", such as "/items"')


def _method(reading: Reading, value: JsonValue) -> Any:
    spelled = value.upper() if isinstance(value, str) else value
    return spelled if spelled in _METHODS else reading.wrong(value, f"one of {', '.join(_METHODS)}")


def _status_code(reading: Reading, value: JsonValue) -> Any:
    return value if type(value) is int and 100 <= value <= 599 else reading.wrong(value, "an integer from 100 to 599")


def _verification_fields(reading: Reading, value: JsonValue) -> dict[str, Any]:
    return reading.fields(value, Verification)  # joined later with what the issue says of it itself


def _at_least(low: int) -> Reader:
    def read(reading: Reading, value: JsonValue) -> Any:
        return value if type(value) is int and value >= low else reading.wrong(value, f"an integer ≥ {low}")

    return read


def _between(low: int, high: int) -> Reader:
    def read(reading: Reading, value: JsonValue) -> Any:
        if type(value) in (int, float) and low <= value <= high:
            return float(value)
        return reading.wrong(value, f"a number from {low} to {high}")

    return read


def _above_zero(reading: Reading, value: JsonValue) -> Any:
    if type(value) in (int, float) and value > 0:
        return float(value)
    return reading.wrong(value, "a number > 0 (seconds)")


def _filled(reading: Reading, value: JsonValue) -> Any:
    return value if isinstance(value, str) and value.strip() else reading.wrong(value, "a text that is not blank")


def _asset_name(reading: Reading, value: JsonValue) -> Any:
    return value if is_asset_name(value) else reading.wrong(value, VALID_NAME)


def _asset_names(reading: Reading, value: JsonValue) -> tuple[Any, ...]:
    return tuple([_asset_name(reading, item) for _, item in reading.items(value)])


def _epic_references(reading: Reading, value: JsonValue) -> tuple[EpicReference, ...]:
    seen: dict[EpicReference, int] = {}
    for index, item in reading.items(value):
        reference = reading.value(item, EpicReference)
        if reference in seen:
            reading.problem(f"the epic {reference.epic!r} is listed twice; valid: once (also at [{seen[reference]}])")
        elif reference is not None:
            seen[reference] = index
    return tuple(seen)


def _departments(reading: Reading, value: JsonValue) -> tuple[Department, ...]:
    return tuple([Department(name=name) for name in dict.fromkeys(_asset_names(reading, value))])


def _process_rules(reading: Reading, value: JsonValue) -> dict[str, Any]:
    """Return all rules; those that orket does not know are the host's, unless they are almost one of orket's."""
    rules = dict(reading.entries(value))
    for name in [name for name in rules if name not in KNOWN_RULES and not name.endswith("_node")]:
        from difflib import get_close_matches  # only needed when something may be wrong

        if close := get_close_matches(name, KNOWN_RULES, n=1, cutoff=0.85):
            with reading.at(name):
                reading.warn(f'orket reads no such rule; did you mean "{close[0]}"?')
    return rules


def _seats(reading: Reading, value: JsonValue) -> dict[str, Seat]:
    seats = {}
    for key, item in reading.entries(value):
        seats[key] = Seat(**{"name": key, **reading.fields(item, Seat), "id": key})
    return seats


def _roles(reading: Reading, value: JsonValue) -> dict[str, Role]:
    return {key: read_role(reading, item, key) for key, item in reading.entries(value)}


def read_role(reading: Reading, value: JsonValue, key: str) -> Role:
    """Return the role that is known as *key*.

    A role is what its seats call it; a definition that claims another name could hand out another role's powers.
    """
    fields = reading.fields(value, Role)
    claimed = fields.get("name", key)
    if sanitize_name(claimed) != sanitize_name(key):
        with reading.at("name"):
            reading.wrong(claimed, f'"{key}", the name it is known by')
    return Role(**{**fields, "name": key})
