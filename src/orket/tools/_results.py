"""What a tool returned or raised, as the one thing the core handles: a ToolResult."""

from collections.abc import Mapping
from typing import Final, get_args

import attrs

from orket._codec import to_json
from orket.cards import JsonValue
from orket.contracts import BoardRequest, ToolResult
from orket.errors import OrketError

MAX_OUTPUT: Final = 1024 * 1024  # characters of an output that are kept
MAX_MESSAGE: Final = 1000  # characters of an exception's message that are kept
_REQUESTS: Final = get_args(BoardRequest)


def normalize(value: object) -> ToolResult:
    """Return what a tool returned as a result: text as it is, JSON data as JSON, None as "ok"; all else fails."""
    match value:
        case ToolResult():
            return _checked(value)
        case None:
            return ToolResult(ok=True, output="ok")
        case str():
            return ToolResult(ok=True, output=capped(value))
        case _:
            try:
                return ToolResult(ok=True, output=capped(to_json(_plain(value))))
            except (TypeError, ValueError, RecursionError):
                return _junk(value)


def failure(error: BaseException) -> ToolResult:
    """Return what a tool raised as a result: its type and message, never a traceback, which could hold secrets."""
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - __str__ of a foreign exception is foreign code
        message = "(its message cannot be read)"
    name = "" if isinstance(error, OrketError) else type(error).__name__
    text = ": ".join([part for part in (name, message) if part])
    return ToolResult(ok=False, output=text if len(text) <= MAX_MESSAGE else text[:MAX_MESSAGE] + "…")


def _checked(result: ToolResult) -> ToolResult:
    """Check a foreign result: attrs does not look at the types of what it is given."""
    types: tuple[type, ...] = (type(result.ok), type(result.output), type(result.requests))
    if types != (bool, str, tuple) or not all(isinstance(request, _REQUESTS) for request in result.requests):
        return _junk(result)
    if len(result.output) > MAX_OUTPUT:
        return attrs.evolve(result, output=capped(result.output))
    return result


def _junk(value: object) -> ToolResult:
    text = f"the tool ran, but returned a {type(value).__name__} that is no result, text or JSON data"
    return ToolResult(ok=False, output=text)


def _plain(value: object) -> JsonValue:
    return dict(value) if isinstance(value, Mapping) else value


def capped(text: str) -> str:
    """Return an output, cut where it is longer than is kept."""
    if len(text) <= MAX_OUTPUT:
        return text
    return f"{text[:MAX_OUTPUT]}\n… ({len(text) - MAX_OUTPUT} more characters were cut off)"
