"""From bytes to a JSON object, strictly: what two readers could read in two ways is not read at all."""

import json
import math
from typing import Any, Final, Never

from orket.cards import JsonValue
from orket.review._response import RefusedError

MAX_BODY: Final = 1024 * 1024  # bytes
MAX_DEPTH: Final = 64  # levels of arrays and objects
MAX_DIGITS: Final = 640  # of an integer; Python may refuse to convert longer ones


def read_object(body: bytes) -> dict[str, JsonValue]:
    """Return the object that *body* is.

    Raises:
        RefusedError: it is not UTF-8, not JSON, no object, nested deeper than MAX_DEPTH levels, names a key twice, or
            holds a number that is not finite, an integer of more than MAX_DIGITS digits, or half a character.
    """
    try:
        data = json.loads(
            body.decode(),
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_int=_integer,
            parse_float=_float,
        )
    except UnicodeDecodeError:
        raise RefusedError(400, "the body is not UTF-8") from None
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        raise RefusedError(400, "the body is not JSON") from None
    if not isinstance(data, dict):
        raise RefusedError(400, "the body is not a JSON object")
    _check_values(data)
    return data


def _unique(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise RefusedError(400, "an object of the body names a key twice")
    return found


def _refuse_constant(_: str) -> Never:
    raise RefusedError(400, "a number of the body is not finite")


def _integer(literal: str) -> int:
    if len(literal) > MAX_DIGITS:
        raise RefusedError(400, f"an integer of the body has more than {MAX_DIGITS} digits")
    return int(literal)


def _float(literal: str) -> float:
    value = float(literal)
    return value if math.isfinite(value) else _refuse_constant(literal)


def _too_deep() -> RefusedError:
    return RefusedError(400, f"the body is nested deeper than {MAX_DEPTH} levels")


def _check_values(data: dict[str, JsonValue]) -> None:
    """Refuse what is too deep, and texts that are not made of whole characters; without recursion."""
    level: list[Any] = [data]
    for _ in range(MAX_DEPTH + 1):
        inner: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                inner += value.keys()
                inner += value.values()
            elif isinstance(value, list):
                inner += value
            elif isinstance(value, str) and not value.isascii():
                _check_text(value)
        if not inner:
            return
        level = inner
    raise _too_deep()


def _check_text(value: str) -> None:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise RefusedError(400, "a text of the body holds half a character") from None
