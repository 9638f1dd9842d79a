"""From type hints to JSON Schema.

Only hints whose JSON spelling is unambiguous are supported, because a call is bound without any coercion. Everything
else is refused where the tool is defined, not where a model first calls it.
"""

import enum
import inspect
import re
import types
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin

import attrs

from orket.cards import JsonValue
from orket.errors import ToolError

SUPPORTED: Final = (
    "str, int, float, bool, None, Any, Literal, Enum, list[X], tuple[X, ...], Sequence[X], dict[str, X], "
    "Mapping[str, X], attrs classes, X | None, and unions of primitives"
)
_PRIMITIVES: Final[Mapping[Any, str]] = types.MappingProxyType(
    {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null", None: "null"}
)
_SECTION = re.compile(r"^\s*(Args|Arguments|Attributes|Parameters):\s*$")
_ENTRY = re.compile(r"^(\w+)\s*(?:\([^)]*\))?:\s*(.+)$")
_FIELD = re.compile(r"^\s*:param\s+(?:[^:\s]+\s+)?(\w+):\s*(.+)$")


def is_primitive(hint: Any) -> bool:
    """Return whether *hint* is a scalar, a Literal or an Enum: what a union may be made of."""
    return hint in _PRIMITIVES or is_literal(hint) or is_enum(hint)


def is_literal(hint: Any) -> bool:
    """Return whether *hint* is ``Literal[…]``."""
    return get_origin(hint) is Literal


def is_annotated(hint: Any) -> bool:
    """Return whether *hint* is ``Annotated[X, …]``."""
    return get_origin(hint) is Annotated


def is_enum(hint: Any) -> bool:
    """Return whether *hint* is an Enum class."""
    return inspect.isclass(hint) and issubclass(hint, enum.Enum)


def is_union(hint: Any) -> bool:
    """Return whether *hint* is ``X | Y``, in either spelling."""
    return get_origin(hint) in (Union, types.UnionType)


def is_array(hint: Any) -> bool:
    """Return whether *hint* is ``list[X]``, ``Sequence[X]`` or ``tuple[X, ...]``."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is tuple:
        return len(arguments) == 2 and arguments[1] is Ellipsis
    return origin in (list, Sequence)


def is_mapping(hint: Any) -> bool:
    """Return whether *hint* is ``dict[str, X]`` or ``Mapping[str, X]``."""
    return get_origin(hint) in (dict, Mapping) and get_args(hint)[0] is str


def class_schema(cls: type, where: str, *, enclosing: tuple[type, ...] = ()) -> dict[str, JsonValue]:
    """Return the JSON Schema of an attrs class: an object without additional properties.

    Args:
        cls: the class.
        where: how errors name it, ``tool 'x'``.
        enclosing: the classes this one is nested in; a class may not contain itself.

    Raises:
        ToolError: naming the field whose hint is not supported.
    """
    if cls in enclosing:
        raise ToolError(f"{where}: {cls.__name__} contains itself; valid: classes of finite depth", found=cls)
    fields = [field for field in _resolved(cls, where) if field.init]
    described = parse_docstring(cls.__doc__ or "")[1]
    properties: dict[str, JsonValue] = {}
    for field in fields:
        name = f"{where}, parameter {field.name!r}"
        if field.name.startswith("_"):
            raise ToolError(f"{name}: names of parameters must not begin with an underscore", found=field.name)
        schema = hint_schema(field.type, name, enclosing=(*enclosing, cls))
        text = field.metadata.get("description") or described.get(field.name)
        properties[field.name] = {**schema, **({"description": text} if text else {}), **_default(field)}
    required = [field.name for field in fields if field.default is attrs.NOTHING]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def hint_schema(hint: Any, where: str, *, enclosing: tuple[type, ...] = ()) -> dict[str, JsonValue]:
    """Return the JSON Schema of one type hint.

    Raises:
        ToolError: the hint has no unambiguous JSON spelling; says which have.
    """
    if is_annotated(hint):
        inner, *notes = get_args(hint)
        text = next((note for note in notes if isinstance(note, str)), None)
        schema = hint_schema(inner, where, enclosing=enclosing)
        return {**schema, "description": text} if text else schema
    if hint is Any:
        return {}
    if hint in _PRIMITIVES:
        return {"type": _PRIMITIVES[hint]}
    if is_literal(hint):
        return _choices(list(get_args(hint)), where)
    if is_enum(hint):
        return _choices([member.value for member in hint], where)
    if is_array(hint):
        return {"type": "array", "items": hint_schema(get_args(hint)[0], where, enclosing=enclosing)}
    if is_mapping(hint):
        values = hint_schema(get_args(hint)[1], where, enclosing=enclosing)
        return {"type": "object", "additionalProperties": values or True}
    if is_union(hint):
        return _union(get_args(hint), where, enclosing)
    if inspect.isclass(hint) and attrs.has(hint):
        return class_schema(hint, where, enclosing=enclosing)
    raise ToolError(f"{where}: the type hint {hint!r} is not supported; valid: {SUPPORTED}", found=hint)


def parse_docstring(text: str) -> tuple[str, dict[str, str]]:
    """Return the part of a docstring before its sections, and what it says of arguments (Google or Sphinx style)."""
    lines = inspect.cleandoc(text).splitlines()
    described = {found[1]: found[2].strip() for line in lines if (found := _FIELD.match(line))}
    start = next((number for number, line in enumerate(lines) if _SECTION.match(line)), len(lines))
    described.update(_entries(lines[start + 1 :]))
    head = [line for line in lines[:start] if not line.lstrip().startswith(":")]
    end = next(
        (n for n, line in enumerate(head) if re.fullmatch(r"(Returns|Raises|Yields|Examples?):", line)), len(head)
    )
    return "\n".join(head[:end]).strip(), described


def _entries(lines: list[str]) -> dict[str, str]:
    """Read the indented ``name: text`` entries of a section; a deeper line continues the entry above it."""
    entries: dict[str, str] = {}
    indent, name = 0, ""
    for line in lines:
        if not line.strip():
            continue
        depth = len(line) - len(line.lstrip())
        if depth == 0:
            break
        indent = indent or depth
        if depth == indent:
            found = _ENTRY.match(line.strip())
            name = found[1] if found else ""
            if found:
                entries[name] = found[2].strip()
        elif name:
            entries[name] += " " + line.strip()
    return entries


def _resolved(cls: type, where: str) -> "tuple[attrs.Attribute[Any], ...]":
    if not attrs.has(cls):
        raise ToolError(f"{where}: arguments must be an attrs class, not {cls!r}", found=cls)
    try:
        fields: tuple[attrs.Attribute[Any], ...] = attrs.fields(attrs.resolve_types(cls, include_extras=True))
    except (NameError, TypeError, AttributeError) as error:
        raise ToolError(f"{where}: the type hints of {cls.__name__} cannot be resolved: {error}", found=cls) from error
    return fields


def _default(field: "attrs.Attribute[Any]") -> dict[str, JsonValue]:
    """Return the default as the schema shows it: only where JSON can spell it."""
    if field.default is attrs.NOTHING:
        return {}
    value = field.default.value if isinstance(field.default, enum.Enum) else field.default
    return {"default": value} if isinstance(value, str | int | float) else {}


def _choices(values: list[Any], where: str) -> dict[str, JsonValue]:
    kinds = {_PRIMITIVES.get(type(value)) for value in values}
    if len(kinds) != 1 or not kinds <= {"string", "integer", "boolean"}:
        raise ToolError(
            f"{where}: choices {values!r} are not supported; valid: all strings or all integers", found=values
        )
    return {"type": kinds.pop(), "enum": values}


def _union(members: tuple[Any, ...], where: str, enclosing: tuple[type, ...]) -> dict[str, JsonValue]:
    real = [member for member in members if member is not type(None)]
    if len(real) > 1 and not all(map(is_primitive, real)):
        raise ToolError(f"{where}: a union of {members!r} is not supported; valid: {SUPPORTED}", found=members)
    return {"anyOf": [hint_schema(member, where, enclosing=enclosing) for member in members]}
