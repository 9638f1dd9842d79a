"""Reading the JSON Schema of a tool: the smallest arguments that fit it, and all the ways not to fit it."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from orket.cards import JsonValue

Schema: TypeAlias = Mapping[str, Any]
Arguments: TypeAlias = dict[str, JsonValue]

KINDS: Final = ("string", "integer", "number", "boolean", "null", "array", "object")


def _plain(kind: str) -> JsonValue:
    match kind:
        case "string":
            return "text"
        case "integer":
            return 1
        case "number":
            return 1.5
        case "boolean":
            return True
        case "array":
            return []
        case "object":
            return {}
        case _:
            return None


def _lookalikes(kind: str) -> tuple[JsonValue, ...]:
    """Return what a lenient reader would turn into a value of the kind, beside other kinds altogether."""
    match kind:
        case "string":
            return (1, True, ["text"], None, {})
        case "integer":
            return ("1", 1.5, True, None, [1])
        case "number":
            return ("1.5", True, None, [1.5])
        case "boolean":
            return ("true", 1, 0, None, [])
        case "array":
            return ("text", {}, None, 1)
        case "object":
            return ("{}", [], None, 1)
        case _:
            return ("", 0, False)


def properties(schema: Schema) -> Mapping[str, Schema]:
    """Return what a tool's schema says of each argument."""
    found: Mapping[str, Schema] = schema.get("properties") or {}
    return found


def required(schema: Schema) -> tuple[str, ...]:
    """Return the arguments that must not be left out."""
    return tuple(schema.get("required") or ())


def kinds(schema: Schema) -> frozenset[str]:
    """Return the types that a value may have; all of them where the schema does not say."""
    if "anyOf" in schema:
        return frozenset().union(*[kinds(one) for one in schema["anyOf"]])
    if "type" in schema:
        named = schema["type"]
        return frozenset([named] if isinstance(named, str) else named)
    if choices := choices_of(schema):
        return frozenset(kind for kind in KINDS for choice in choices if fits(choice, {"type": kind}))
    return frozenset(KINDS)


def choices_of(schema: Schema) -> tuple[JsonValue, ...]:
    """Return the only values that are valid, or () where there is no such list."""
    return (schema["const"],) if "const" in schema else tuple(schema.get("enum") or ())


def fits(value: JsonValue, schema: Schema) -> bool:
    """Return whether the value's own type is one that the schema names; nothing is coerced."""
    return bool(_KINDS.get(type(value), frozenset()) & kinds(schema))


_KINDS: Final[Mapping[type, frozenset[str]]] = MappingProxyType(
    {
        str: frozenset({"string"}),
        bool: frozenset({"boolean"}),
        int: frozenset({"integer", "number"}),
        float: frozenset({"number"}),
        type(None): frozenset({"null"}),
        list: frozenset({"array"}),
        dict: frozenset({"object"}),
    }
)


def smallest(schema: Schema) -> JsonValue:
    """Return the plainest value that fits a schema: required properties only, the first of the choices."""
    if choices := choices_of(schema):
        return choices[0]
    if "anyOf" in schema:
        return smallest(schema["anyOf"][0])
    allowed = kinds(schema)
    if "object" in allowed and "string" not in allowed:
        return smallest_arguments(schema)
    return next(_plain(kind) for kind in KINDS if kind in allowed)


def smallest_arguments(schema: Schema) -> Arguments:
    """Return the plainest arguments that fit a tool's schema."""
    return {name: smallest(properties(schema).get(name, {})) for name in required(schema)}


def misfits_of(schema: Schema) -> tuple[JsonValue, ...]:
    """Return values of a type that the schema does not name, lookalikes first, and choices that are none."""
    allowed = kinds(schema)
    lookalikes = [value for kind in sorted(allowed) for value in _lookalikes(kind)]
    unfit = [value for value in lookalikes if not fits(value, schema)]
    if choices := choices_of(schema):
        unfit += [value for value in _strangers(choices) if fits(value, schema)]
    if "array" in allowed and "items" in schema:
        unfit += [[value] for value in misfits_of(schema["items"])]
    if "object" in allowed and "properties" in schema:
        unfit += [given for _, _, given in malformed(schema)]
    return tuple(unfit)


def _strangers(choices: tuple[JsonValue, ...]) -> Iterator[JsonValue]:
    """Yield values of the same types as the choices that are none of them."""
    yield "-".join([str(choice) for choice in choices]) + "?"
    numbers = [choice for choice in choices if isinstance(choice, int | float)]
    yield from [value for value in (True, False, int(max(numbers, default=0)) + 1) if value not in choices]


def malformed(schema: Schema) -> Iterator[tuple[str, str, Arguments]]:
    """Yield arguments that are wrong in one way: which way (extra, missing, type), at which key, and the arguments.

    All others of the arguments are the plainest that fit.
    """
    plain = smallest_arguments(schema)
    for name in ("x", "Path", "__class__", "", "é"):
        if name not in properties(schema):
            yield "extra", name, {**plain, name: "text"}
    for name in required(schema):
        yield "missing", name, {key: value for key, value in plain.items() if key != name}
    for name, one in properties(schema).items():
        for value in misfits_of(one):
            yield "type", name, {**plain, name: value}
