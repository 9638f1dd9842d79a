"""Which values are tool calls: the shapes in which models write them."""

import math
from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from orket._parse._json import ARGUMENT_KEYS, MAX_DEPTH, MAX_DIGITS, is_text, read_value, speak_of_tool
from orket._parse._values import Flaw, ParseProblem, ParseReason, find_flaw
from orket.contracts import JsonValue, RawToolCall, ToolCall

Found: TypeAlias = ToolCall | ParseProblem

MAX_SIZE: Final = 1024 * 1024  # bytes of a text, or of one call's arguments
_NAME_KEYS: Final = ("tool", "name", "function")
_MAX_BITS: Final = int(MAX_DIGITS / 0.30103)  # of an integer of so many digits
_VALID: Final = '{"tool": name, "args": {...}}'
# Made once: every call asks, and a union is built anew wherever it is written, an abstract class slow to answer.
_NUMBERS: Final = (int, float)
_OBJECTS: Final = (dict, Mapping)
_ARRAYS: Final = (list, tuple)


def is_too_large(text: str) -> bool:
    """Return whether a text has more than MAX_SIZE bytes."""
    return len(text) > MAX_SIZE or (len(text) * 4 > MAX_SIZE and len(text.encode("utf-8", "surrogatepass")) > MAX_SIZE)


def calls_in(value: JsonValue, position: int, *, speaks_of_tool: bool) -> Iterator[Found]:
    """Yield the calls that a value from a text is, and the problems of those that were meant.

    A value that does not speak of tools is somebody's data and yields nothing.
    """
    if isinstance(value, Flaw):
        if speaks_of_tool:
            yield _problem(value.reason, value.detail, position)
    elif isinstance(value, list):
        for item in value:
            yield from calls_in(item, position, speaks_of_tool=speaks_of_tool)
    elif isinstance(value, dict):
        if "tool_calls" in value:
            yield from _listed(value["tool_calls"], position)
        else:
            yield from _single(value, position)


def _listed(calls: JsonValue, position: int) -> Iterator[Found]:
    if not isinstance(calls, list):
        yield _unusable(calls, ParseReason.UNKNOWN_SHAPE, '"tool_calls" is no list of calls', position)
        return
    for call in calls:
        if isinstance(call, dict):
            nothing = _problem(ParseReason.UNKNOWN_SHAPE, f"no call in tool_calls; valid: {_VALID}", position)
            yield from list(_single(call, position)) or [nothing]
        else:
            yield _unusable(call, ParseReason.NOT_AN_OBJECT, "an item of tool_calls is no object", position)


def _single(value: dict[str, JsonValue], position: int) -> Iterator[Found]:
    inner = value.get("function")
    body = inner if isinstance(inner, dict) else value
    is_definition = "description" in body and "parameters" in body  # of a tool, repeated from the prompt
    if not is_definition and (body is inner or speak_of_tool(value.keys())):
        yield _call(body, position)


def _call(value: dict[str, JsonValue], position: int) -> Found:
    if flaw := find_flaw(value):
        return _problem(flaw.reason, flaw.detail, position)
    names = [key for key in _NAME_KEYS if key in value]
    arguments = [key for key in ARGUMENT_KEYS if key in value]
    if len(names) != 1 or len(arguments) > 1:
        return _problem(ParseReason.UNKNOWN_SHAPE, f"no call: {_keys(value)}; valid: {_VALID}", position)
    name = value[names[0]]
    if not isinstance(name, str) or not name.strip():
        return _problem(ParseReason.UNKNOWN_SHAPE, f"{names[0]!r} is no name of a tool; valid: {_VALID}", position)
    if not arguments and len(value) > 1:
        detail = f"{name!r:.100} has no arguments: {_keys(value)}; valid: {_VALID}"
        return _problem(ParseReason.UNKNOWN_SHAPE, detail, position)
    given = value[arguments[0]] if arguments else {}
    return _with_arguments(name.strip(), given, position)


def _with_arguments(name: str, given: JsonValue, position: int, identity: str = "") -> Found:
    if isinstance(given, str):
        given = arguments_of(given)
    if isinstance(given, Flaw):
        return _problem(given.reason, f"{name!r:.100}: {given.detail}", position)
    if not isinstance(given, dict):
        detail = f"the arguments of {name!r:.100} are {type(given).__name__}, not an object"
        return _problem(ParseReason.NOT_AN_OBJECT, detail, position)
    return ToolCall(name=name, arguments=given, id=identity)


def arguments_of(text: str) -> JsonValue:
    """Return the object that a string of arguments holds ({} when it is blank), or the flaw."""
    if is_too_large(text):
        return Flaw(ParseReason.TOO_LARGE, f"arguments of more than {MAX_SIZE} bytes", 0)
    body = text.strip(" \t\r\n")
    if not body:
        return {}
    if body[0] not in "{[":
        reason = ParseReason.NOT_AN_OBJECT if body[0] in '"-0123456789tfnNI' else ParseReason.MALFORMED
        return Flaw(reason, f"the arguments begin with {body[:20]!r}, not with an object", 0)
    reading = read_value(body, 0)
    if reading.broken:
        return reading.broken
    if reading.end != len(body):
        return Flaw(ParseReason.MALFORMED, f"{body[reading.end : reading.end + 20]!r} stands behind the arguments", 0)
    return find_flaw(reading.value) or reading.value


def native_call(call: RawToolCall, index: int, *, was_cut: bool) -> Found:
    """Return a native call with its arguments read.

    Args:
        call: as the server sent it.
        index: which of the reply's native calls it is.
        was_cut: the reply ended at the model's limit of tokens.
    """
    if not call.name.strip() or not is_text(call.name):
        return _problem(ParseReason.UNKNOWN_SHAPE, f"native call {index + 1} has no usable name", index)
    given = call.arguments if isinstance(call.arguments, str) else plain(call.arguments)
    found = _with_arguments(call.name, given, index, call.id)
    if was_cut and isinstance(found, ParseProblem) and isinstance(call.arguments, str):
        detail = f"the reply was cut at the model's limit of tokens (finish_reason=length): {found.detail}"
        return _problem(ParseReason.TRUNCATED, detail, index)
    return found


def plain(value: object) -> JsonValue:
    """Return a copy of a value made of dict, list and scalars, with a flaw in its place if JSON does not have it."""
    try:
        return _Copier().copy(value, 1)
    except _FlawedError as flawed:
        return flawed.flaw


class _FlawedError(Exception):
    def __init__(self, reason: ParseReason, detail: str) -> None:
        self.flaw = Flaw(reason, detail, 0)


class _Copier:
    """Copies at most MAX_SIZE characters and values: a value may hold itself, or one part a thousand times."""

    def __init__(self) -> None:
        self._left = MAX_SIZE

    def copy(self, value: object, depth: int) -> JsonValue:
        self._charge(1)
        if isinstance(value, str):
            return self._text(value)
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, _NUMBERS):
            return _finite(value)
        if depth > MAX_DEPTH:
            raise _FlawedError(ParseReason.TOO_DEEP, f"more than {MAX_DEPTH} levels")
        if isinstance(value, _OBJECTS):
            return {self._key(key): self.copy(item, depth + 1) for key, item in value.items()}
        if isinstance(value, _ARRAYS):
            return [self.copy(item, depth + 1) for item in value]
        raise _FlawedError(ParseReason.NOT_JSON, f"a {type(value).__name__} is no JSON")

    def _key(self, key: object) -> str:
        if not isinstance(key, str):
            raise _FlawedError(ParseReason.NOT_JSON, f"a key of type {type(key).__name__} is no JSON")
        return self._text(key)

    def _text(self, value: str) -> str:
        self._charge(len(value))
        if not is_text(value):
            raise _FlawedError(ParseReason.LONE_SURROGATE, "half a surrogate pair in a string")
        return str.__str__(value)  # a member of an enum becomes its text

    def _charge(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise _FlawedError(ParseReason.TOO_LARGE, f"arguments of more than {MAX_SIZE} characters")


def _finite(value: float) -> float:
    if isinstance(value, int):
        if value.bit_length() > _MAX_BITS:
            raise _FlawedError(ParseReason.NUMBER_TOO_LONG, f"an integer of more than {MAX_DIGITS} digits")
        return int(value)
    if not math.isfinite(value):
        raise _FlawedError(ParseReason.NOT_FINITE, f"{value} is no JSON")
    return float(value)


def _keys(value: Mapping[str, JsonValue]) -> str:
    return f"an object with {', '.join([repr(key)[:40] for key in list(value)[:8]])}"


def _unusable(value: JsonValue, reason: ParseReason, detail: str, position: int) -> ParseProblem:
    if isinstance(value, Flaw):
        return _problem(value.reason, value.detail, position)
    return _problem(reason, f"{detail}; valid: {_VALID}", position)


def _problem(reason: ParseReason, detail: str, position: int) -> ParseProblem:
    return ParseProblem(reason=reason, detail=detail, position=position)
