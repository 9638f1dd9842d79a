"""Binding a call's arguments, strictly."""

import enum
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import attrs
import pytest
from attrs import field, frozen
from hypothesis import given, settings
from hypothesis import strategies as st

from orket.contracts import CardStatus
from orket.errors import ToolError
from orket.tools import Arguments


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@frozen(kw_only=True)
class Point:
    x: int
    y: float = 0.5


@frozen(kw_only=True)
class Even:
    value: int = field()

    @value.validator
    def _check(self, _: Any, value: int) -> None:
        if value % 2:
            raise LookupError(f"{value} is odd")


HINTS: list[Any] = [
    str,
    int,
    float,
    bool,
    Any,
    Literal["a", "b"],
    Literal[1, 2],
    CardStatus,
    Level,
    list[int],
    tuple[str, ...],
    Sequence[float],
    dict[str, int],
    Mapping[str, Any],
    Point,
    list[Point],
    int | None,
    Point | None,
    int | str,
    bool | Literal["all"],
    float | None,
    Annotated[int, "how many"],
    Annotated[Point, "where"],
    dict[str, list[CardStatus | None]],
]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["a", "b", "all", "ready", "done", "1", ""])
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["x", "y", "z"]), inner, max_size=3),
    max_leaves=6,
)
COMPILED = [Arguments(attrs.make_class("A", {"value": field(type=hint)}, kw_only=True), "t") for hint in HINTS]


def fits(value: Any, schema: Mapping[str, Any]) -> bool:
    """Judge by the JSON Schema alone, written independently of the binding."""
    if "anyOf" in schema:
        return any(fits(value, option) for option in schema["anyOf"])
    if "enum" in schema:
        return any(type(option) is type(value) and option == value for option in schema["enum"])
    match schema.get("type"):
        case None:
            return True
        case "array":
            return isinstance(value, list) and all(fits(item, schema["items"]) for item in value)
        case "object":
            return isinstance(value, dict) and object_fits(value, schema)
        case "number":
            return type(value) in (int, float)
        case name:
            return (
                type(value).__name__ == {"string": "str", "integer": "int", "boolean": "bool", "null": "NoneType"}[name]
            )


def object_fits(value: Mapping[str, Any], schema: Mapping[str, Any]) -> bool:
    properties, extra = schema.get("properties", {}), schema["additionalProperties"]
    if any(name not in value for name in schema.get("required", ())):
        return False
    for name, item in value.items():
        if name in properties:
            if not fits(item, properties[name]):
                return False
        elif extra is False or (extra is not True and not fits(item, extra)):
            return False
    return True


@given(st.sampled_from(COMPILED), JSON | st.fixed_dictionaries({"x": SCALARS}, optional={"y": SCALARS}))
@settings(max_examples=400)
def test_binding_accepts_exactly_what_the_schema_says(arguments: Arguments[Any], value: Any) -> None:
    """For any JSON value, a call is bound when and only when it fits the schema that the model was told."""
    if fits(value, arguments.schema["properties"]["value"]):
        arguments.bind({"value": value})
    else:
        with pytest.raises(ToolError, match=r" @ \$"):
            arguments.bind({"value": value})


def bound(hint: Any, value: Any) -> Any:
    return Arguments(attrs.make_class("A", {"value": field(type=hint)}), "t").bind({"value": value}).value


@pytest.mark.parametrize(
    ("hint", "value", "result"),
    [
        (float, 3, 3.0),
        (CardStatus, "done", CardStatus.DONE),
        (Level, 2, Level.HIGH),
        (tuple[str, ...], ["a"], ("a",)),
        (Point, {"x": 1}, Point(x=1)),
        (Point | None, None, None),
        (list[int], (1, 2), [1, 2]),
    ],
)
def test_what_is_bound(hint: Any, value: Any, result: Any) -> None:
    """A bound value has the type of its hint: an integer becomes a float, a string a member, an array a tuple."""
    found = bound(hint, value)
    assert found == result
    assert type(found) is type(result)


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (int, "1"),
        (int, 1.0),
        (int, True),
        (str, 1),
        (bool, 1),
        (bool, "true"),
        (float, "1"),
        (float, True),
        (float, float("nan")),
        (float, 10**400),
        (Level, True),
        (Level, 1.0),
        (Literal[1], True),
        (list[str], "ab"),
        (list[str], {"a": 1}),
        (dict[str, int], [["a", 1]]),
        (Point, [1]),
        (CardStatus, "DONE"),
        (str, b"a"),
    ],
)
def test_nothing_is_coerced(hint: Any, value: Any) -> None:
    """What Python would convert is refused."""
    with pytest.raises(ToolError, match=r"^t: found .*, valid: .* @ \$\.value"):
        bound(hint, value)


def test_all_problems_at_once() -> None:
    """An error lists every misfit with its path, what was found and what is valid."""
    arguments = Arguments(attrs.make_class("A", {"at": field(type=list[Point]), "name": field(type=str)}), "draw")
    with pytest.raises(ToolError) as caught:
        arguments.bind({"at": [{"x": 1}, {"x": "1", "z": 0}], "more": None})
    assert caught.value.data["problems"] == (
        "found the string '1', valid: an integer @ $.at[1].x",
        "found unknown arguments z, valid: x, y @ $.at[1]",
        "found nothing, valid: a string @ $.name",
        "found unknown arguments more, valid: at, name @ $",
    )


def test_arguments_that_are_no_object() -> None:
    """Arguments must be an object; a tool without arguments takes an empty one only."""
    arguments = Arguments(attrs.make_class("A", {}), "halt")
    assert arguments.bind({}) is not None
    with pytest.raises(ToolError, match="found an array of 0, valid: an object"):
        arguments.bind([])  # type: ignore[arg-type]
    with pytest.raises(ToolError, match="unknown arguments now, valid: none"):
        arguments.bind({"now": True})


def test_validators_of_the_class() -> None:
    """What a validator raises is a refusal with the validator's words."""
    with pytest.raises(ToolError, match=r"refused: '3 is odd' @ \$|refused: 3 is odd @ \$"):
        Arguments(Even, "t").bind({"value": 3})
    assert Arguments(Even, "t").bind({"value": 2}) == Even(value=2)


@pytest.mark.parametrize(
    ("hint", "valid"),
    [
        (Level, "one of 1, 2"),
        (Literal["red", "blue"], "one of 'red', 'blue'"),
        (int | str, "int | str"),
        (list[int], "list[int]"),
    ],
)
def test_a_missing_argument_says_what_is_valid(hint: Any, valid: str) -> None:
    """Of choices the error lists all, so that a model can mend its call."""
    arguments = Arguments(attrs.make_class("A", {"it": field(type=hint)}), "t")
    with pytest.raises(ToolError) as caught:
        arguments.bind({})
    assert caught.value.problems == (f"found nothing, valid: {valid} @ $.it",)
