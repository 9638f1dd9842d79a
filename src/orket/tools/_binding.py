"""From JSON arguments to the typed value a tool takes, by cattrs, strictly.

cattrs coerces by default (``int("1")``, ``list("ab")``); here every hook looks at what it was given first. Nothing is
coerced but an integer where a float is asked for.
"""

import enum
import math
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final, Generic, TypeAlias, TypeVar, get_args, get_origin

import attrs
import cattrs
from cattrs.cols import homogenous_tuple_structure_factory, list_structure_factory, mapping_structure_factory
from cattrs.gen import make_dict_structure_fn

from orket.cards import JsonValue
from orket.errors import ToolError
from orket.tools._schema import class_schema, is_annotated, is_array, is_enum, is_literal, is_mapping, is_union

A = TypeVar("A")
Hook: TypeAlias = Callable[[Any, Any], Any]
_OBJECT: Final = (dict, Mapping)  # in this order: every call asks, and an abstract class takes its time to answer
_NAMES: Final[Mapping[Any, str]] = MappingProxyType(
    {str: "a string", int: "an integer", float: "a finite number", bool: "true or false", type(None): "null"}
)


class _MismatchError(Exception):
    """A value is not what its place asks for."""

    def __init__(self, value: object, valid: str) -> None:
        super().__init__(f"found {_describe(value)}, valid: {valid}")


class Arguments(Generic[A]):
    """The arguments of one tool, compiled once: the JSON Schema a model is told, and the hook that binds a call."""

    def __init__(self, cls: type[A], tool: str) -> None:
        self.cls = cls
        self.schema: Mapping[str, JsonValue] = class_schema(cls, f"tool {tool!r}")
        self._tool = tool
        self._structure = _converter().get_structure_hook(cls)

    def bind(self, arguments: Mapping[str, JsonValue]) -> A:
        """Return the typed arguments.

        Raises:
            ToolError: ``problems`` says of each misfit its JSON path, what was found and what is valid.
        """
        try:
            bound: A = self._structure(arguments, self.cls)
        except Exception as error:  # noqa: BLE001 - validators of hosts' classes are foreign code and raise what they like
            problems = tuple(cattrs.transform_error(error, "$", self._explain))
            raise ToolError(f"{self._tool}: " + "; ".join(problems), problems=problems) from None
        return bound

    def _explain(self, error: BaseException, expected: type | None) -> str:
        match error:
            case KeyError():
                return f"found nothing, valid: {_name(expected)}"
            case cattrs.ForbiddenExtraKeysError(cl=cls, extra_fields=extra):
                known = ", ".join([field.name for field in attrs.fields(cls) if field.init]) or "none"
                return f"found unknown arguments {', '.join(sorted(map(str, extra)))}, valid: {known}"
            case _MismatchError():
                return str(error)
            case _:
                return f"refused: {error}"


@cache
def _converter() -> cattrs.Converter:
    """Build the strict converter on first use: compiling its hooks costs more than importing this module."""
    converter = cattrs.Converter(forbid_extra_keys=True, detailed_validation=True)
    for cls in (str, int, float, type(None)):  # and so their subclasses: bool, and enums of strings or integers
        converter.register_structure_hook(cls, _scalar)
    converter.register_structure_hook_func(is_literal, _literal)
    converter.register_structure_hook_func(is_enum, _member)
    converter.register_structure_hook_factory(is_array, _array)
    converter.register_structure_hook_factory(is_mapping, _mapping)
    converter.register_structure_hook_factory(is_union, _union)
    converter.register_structure_hook_factory(attrs.has, _class)
    converter.register_structure_hook_factory(is_annotated, _annotated)
    return converter


def _scalar(value: Any, hint: Any) -> Any:
    if is_enum(hint):
        return _member(value, hint)
    if hint is float:
        return _number(value)
    if type(value) is not hint:  # a bool is an int to isinstance, and not to JSON
        raise _MismatchError(value, _name(hint))
    return value


def _number(value: Any) -> float:
    if type(value) in (int, float):
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if math.isfinite(number):
            return number
    raise _MismatchError(value, _name(float))


def _literal(value: Any, hint: Any) -> Any:
    return _choice(value, {choice: choice for choice in get_args(hint)})


def _member(value: Any, hint: type[enum.Enum]) -> Any:
    return _choice(value, _members(hint))


@cache
def _members(hint: type[enum.Enum]) -> Mapping[Any, enum.Enum]:
    return {member.value: member for member in hint}


def _choice(value: Any, choices: Mapping[Any, Any]) -> Any:
    for choice, result in choices.items():
        if type(choice) is type(value) and choice == value:
            return result
    raise _MismatchError(value, _one_of(choices))


def _one_of(choices: Iterable[object]) -> str:
    return "one of " + ", ".join([repr(choice) for choice in choices])


def _array(hint: Any, converter: cattrs.BaseConverter) -> Hook:
    factory = homogenous_tuple_structure_factory if get_origin(hint) is tuple else list_structure_factory
    return _guarded(factory(hint, converter), list | tuple, "an array")


def _mapping(hint: Any, converter: cattrs.BaseConverter) -> Hook:
    return _guarded(mapping_structure_factory(hint, converter, structure_to=dict), _OBJECT, "an object")


def _class(cls: type, converter: cattrs.BaseConverter) -> Hook:
    return _guarded(make_dict_structure_fn(cls, converter), _OBJECT, "an object")


def _annotated(hint: Any, converter: cattrs.BaseConverter) -> Hook:
    inner = get_args(hint)[0]
    hook: Hook = converter.get_structure_hook(inner)
    return lambda value, _: hook(value, inner)


def _guarded(hook: Hook, kind: Any, valid: str) -> Hook:
    def structure(value: Any, hint: Any) -> Any:
        if not isinstance(value, kind):
            raise _MismatchError(value, valid)
        return hook(value, hint)

    return structure


def _union(hint: Any, converter: cattrs.BaseConverter) -> Hook:
    """Try the members in turn: no value fits two of them, integers and floats excepted, where the first one wins."""
    hooks = [(member, converter.get_structure_hook(member)) for member in get_args(hint) if member is not type(None)]
    optional = len(hooks) < len(get_args(hint))

    def structure(value: Any, _: Any) -> Any:
        if value is None and optional:
            return None
        if len(hooks) == 1:
            return hooks[0][1](value, hooks[0][0])
        for member, hook in hooks:
            try:
                return hook(value, member)
            except _MismatchError:
                continue
        raise _MismatchError(value, _name(hint))

    return structure


def _describe(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return f"the string {value if len(value) <= 60 else value[:60] + '…'!r}"
        case int() | float():
            return f"the number {value!r:.60}"
        case list() | tuple():
            return f"an array of {len(value)}"
        case Mapping():
            return f"an object of {len(value)}"
        case _:
            return f"a {type(value).__name__}, which JSON does not have"


def _name(hint: Any) -> str:
    if hint in _NAMES:
        return _NAMES[hint]
    if is_literal(hint):
        return _one_of(get_args(hint))
    if is_enum(hint):
        return _one_of(_members(hint))
    return hint.__name__ if isinstance(hint, type) and get_origin(hint) is None else str(hint).replace("typing.", "")
