"""From type hints to JSON Schema."""

import enum
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Optional

import attrs
import pytest
from attrs import field, frozen

from orket.contracts import CardStatus
from orket.errors import ToolError
from orket.tools._schema import class_schema, hint_schema, parse_docstring


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Mixed(enum.Enum):
    ONE = 1
    TWO = "two"


@frozen(kw_only=True)
class Inner:
    """A point.

    Attributes:
        x: how far east
    """

    x: int
    y: float = 0.5


@frozen(kw_only=True)
class Outer:
    points: tuple[Inner, ...]
    status: CardStatus = CardStatus.READY
    made: str = field(init=False, default="")
    note: str = field(default="", metadata={"description": "what to know"})
    seen: list[str] = field(factory=list)


class Endless:
    pass


@pytest.mark.parametrize(
    ("hint", "schema"),
    [
        (str, {"type": "string"}),
        (int, {"type": "integer"}),
        (float, {"type": "number"}),
        (bool, {"type": "boolean"}),
        (None, {"type": "null"}),
        (Any, {}),
        (Literal["a", "b"], {"type": "string", "enum": ["a", "b"]}),
        (Level, {"type": "integer", "enum": [1, 2]}),
        (list[int], {"type": "array", "items": {"type": "integer"}}),
        (tuple[str, ...], {"type": "array", "items": {"type": "string"}}),
        (Sequence[bool], {"type": "array", "items": {"type": "boolean"}}),
        (dict[str, int], {"type": "object", "additionalProperties": {"type": "integer"}}),
        (Mapping[str, Any], {"type": "object", "additionalProperties": True}),
        (int | None, {"anyOf": [{"type": "integer"}, {"type": "null"}]}),
        (Optional[str], {"anyOf": [{"type": "string"}, {"type": "null"}]}),  # noqa: UP045 - the other spelling
        (int | Literal["all"], {"anyOf": [{"type": "integer"}, {"type": "string", "enum": ["all"]}]}),
        (Annotated[int, 7, "how many"], {"type": "integer", "description": "how many"}),
        (Annotated[int, 7], {"type": "integer"}),
    ],
)
def test_supported_hints(hint: Any, schema: dict[str, Any]) -> None:
    """Each supported hint has one JSON spelling."""
    assert hint_schema(hint, "here") == schema


@pytest.mark.parametrize(
    "hint",
    [
        bytes,
        object,
        complex,
        list,
        tuple[int, str],
        dict[int, str],
        set[str],
        Path,
        list[bytes],
        int | list[str],
        Literal["a", 1],
        Literal[None],
        Mixed,
        "str",
        ...,
    ],
)
def test_unsupported_hints(hint: Any) -> None:
    """Every other hint is refused by an error that names the place."""
    with pytest.raises(ToolError, match=r"^tool 'x', parameter 'y': .*not supported; valid: "):
        hint_schema(hint, "tool 'x', parameter 'y'")


def test_class() -> None:
    """A class is a closed object: required fields, defaults that JSON can spell, descriptions."""
    schema = class_schema(Outer, "tool 'x'")
    point = {
        "type": "object",
        "properties": {
            "x": {"type": "integer", "description": "how far east"},
            "y": {"type": "number", "default": 0.5},
        },
        "required": ["x"],
        "additionalProperties": False,
    }
    assert schema == {
        "type": "object",
        "properties": {
            "points": {"type": "array", "items": point},
            "status": {"type": "string", "enum": [status.value for status in CardStatus], "default": "ready"},
            "note": {"type": "string", "default": "", "description": "what to know"},
            "seen": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["points"],
        "additionalProperties": False,
    }
    assert type(schema["properties"]["status"]["default"]) is str


def test_a_class_may_not_contain_itself() -> None:
    """A class without finite depth is refused, at any distance."""
    recursive: Any = attrs.make_class("Node", {"next": field(type="list[Node]", default=None)})
    attrs.resolve_types(recursive, globalns={"Node": recursive})
    with pytest.raises(ToolError, match="Node contains itself"):
        class_schema(recursive, "tool 'x'")


def test_classes_that_cannot_be_arguments() -> None:
    """A class that is not attrs, has a name that does not resolve, or a private field is refused."""
    with pytest.raises(ToolError, match="must be an attrs class"):
        class_schema(Endless, "tool 'x'")
    with pytest.raises(ToolError, match="cannot be resolved: name 'Nowhere'"):
        class_schema(attrs.make_class("Lost", {"a": field(type="Nowhere")}), "tool 'x'")
    with pytest.raises(ToolError, match=r"parameter '_a': .* underscore"):
        class_schema(attrs.make_class("Private", {"_a": field(type=int)}), "tool 'x'")


def test_docstring() -> None:
    """The text before the sections is the description; entries may go on over lines; other sections do not matter."""
    text = """Do it.

    At once.

    Args:
        path: where
            it lies
        count (int): how many

        odd entry without a colon
            and its second line
    Returns:
        no: argument
    """
    assert parse_docstring(text) == ("Do it.\n\nAt once.", {"path": "where it lies", "count": "how many"})


def test_docstring_in_the_other_style() -> None:
    """Sphinx fields describe parameters too, and do not belong to the text."""
    text = "Do it.\n\n:param path: where\n:param int count: how many\n:returns: nothing"
    assert parse_docstring(text) == ("Do it.", {"path": "where", "count": "how many"})
    assert parse_docstring("Do it.\n\nReturns:\n    text") == ("Do it.", {})
    assert parse_docstring("") == ("", {})
