"""What the parser returns."""

import enum

from attrs import frozen

from orket._value import Value
from orket.contracts import JsonValue, ToolCall


class ParseReason(enum.StrEnum):
    """Why a part of a reply that asks for a tool cannot be used."""

    MALFORMED = "malformed"  # no JSON, or not the form it began as
    TRUNCATED = "truncated"  # it ends too early
    NOT_AN_OBJECT = "not_an_object"  # arguments, or a call in a list of calls, that are something else
    UNKNOWN_SHAPE = "unknown_shape"  # speaks of a tool, but is no call
    DUPLICATE_KEY = "duplicate_key"  # two readers could understand it differently
    NOT_FINITE = "not_finite"  # NaN, Infinity, or a number too large to be one
    NUMBER_TOO_LONG = "number_too_long"  # an integer of more than MAX_DIGITS digits
    LONE_SURROGATE = "lone_surrogate"  # half a character
    BAD_STRING = "bad_string"  # an unknown escape or a control character in a string
    TOO_DEEP = "too_deep"  # more than MAX_DEPTH levels
    TOO_LARGE = "too_large"  # more than MAX_SIZE bytes
    NOT_JSON = "not_json"  # native arguments that hold something JSON does not have


@frozen(kw_only=True, repr=False, eq=False)
class ParseProblem(Value):
    """A call that was meant and cannot be used.

    ``position`` is the character offset in the reply's text; of a native call, its index among the native calls.
    """

    reason: ParseReason
    detail: str
    position: int


@frozen(kw_only=True, repr=False, eq=False)
class ParsedReply(Value):
    """What a reply says and asks for.

    ``text`` is the reply without its reasoning; calls that were found in it are still there, as the model wrote them.
    """

    text: str
    calls: tuple[ToolCall, ...] = ()
    problems: tuple[ParseProblem, ...] = ()


@frozen(repr=False, eq=False)
class Flaw(Value):
    """Stands in a value for the part that cannot be used."""

    reason: ParseReason
    detail: str
    position: int


def find_flaw(value: JsonValue) -> Flaw | None:
    """Return the first flaw in a value, or None."""
    pending = [value]
    while pending:
        item = pending.pop()
        if isinstance(item, Flaw):
            return item
        if isinstance(item, dict):
            pending.extend(reversed(item.values()))
        elif isinstance(item, list):
            pending.extend(reversed(item))
    return None
