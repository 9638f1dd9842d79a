"""Reading the schema of a tool: what fits it, and every way not to."""

from typing import Any

import pytest

from orket.testing._schemas import choices_of, fits, kinds, malformed, misfits_of, smallest, smallest_arguments

CASES: list[tuple[dict[str, Any], Any]] = [
    ({"type": "string"}, "text"),
    ({"type": "integer"}, 1),
    ({"type": "number"}, 1.5),
    ({"type": "boolean"}, True),
    ({"type": "null"}, None),
    ({"type": "array", "items": {"type": "string"}}, []),
    ({"type": "object"}, {}),
    ({"type": "object", "properties": {"on": {"type": "boolean"}, "off": {}}, "required": ["on"]}, {"on": True}),
    ({"type": ["null", "integer"]}, 1),
    ({"anyOf": [{"type": "null"}, {"type": "string"}]}, None),
    ({"enum": ["b", "a"]}, "b"),
    ({"const": 7}, 7),
    ({}, "text"),
]


@pytest.mark.parametrize(("schema", "plain"), CASES, ids=[str(schema) for schema, _ in CASES])
def test_the_smallest_value_fits_and_misfits_do_not(schema: dict[str, Any], plain: Any) -> None:
    """The plainest value is of a type that the schema names; what misfits is none, or misfits within."""
    assert smallest(schema) == plain
    assert type(smallest(schema)) is type(plain)
    assert fits(plain, schema)
    for value in misfits_of(schema):
        is_choice = not choices_of(schema) or value in choices_of(schema)
        assert not fits(value, schema) or not is_choice or isinstance(value, list | dict)
    assert bool(misfits_of(schema)) == (schema != {})


def test_kinds_are_those_of_the_choices() -> None:
    """Where a schema names choices and no type, the choices say which types there are."""
    assert kinds({"enum": ["a", None]}) == {"string", "null"}
    assert kinds({"const": 1}) == {"integer", "number"}
    assert len(kinds({})) == 7


def test_each_way_of_being_malformed_is_there() -> None:
    """Keys too many and too few and values of a wrong type are all tried; unknown keys only where they are unknown."""
    schema = {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}
    assert smallest_arguments(schema) == {"x": 1}
    found = [(way, key) for way, key, _ in malformed(schema)]
    assert ("extra", "x") not in found
    assert ("missing", "x") in found
    assert {("x" in given, given.get("x")) for way, _, given in malformed(schema) if way == "missing"} == {
        (False, None)
    }
    wrong = [given["x"] for way, _, given in malformed(schema) if way == "type"]
    assert [repr(value) for value in wrong] == ["'1'", "1.5", "True", "None", "[1]"]
