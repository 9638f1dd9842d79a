"""Exact types and words for what was found instead.

Answers come from foreign code, so types are compared exactly: a subclass may override ``__eq__``, and True is no
number.
"""

import re
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, Final, TypeAlias

# (answer, *arguments of the method) -> None, or what is wrong with the answer
Check: TypeAlias = Callable[..., str | None]

_SHOWN: Final = (str, int, float, bool, type(None))
_LISTED: Final = 12  # names
_FILE_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


def unlike(what: str, value: object, *types: type) -> str | None:
    """Return None if the type of *value* is one of *types*, else a sentence about *what* it is."""
    if type(value) in types:
        return None
    valid = " or ".join("None" if cls is type(None) else cls.__name__ for cls in types)
    return f"{what} is {found(value)}; valid: {valid}"


def unlike_all(what: str, values: object, cls: type) -> str | None:
    """Return None if *values* is a tuple of *cls*, else a sentence about *what* it is."""
    if type(values) is not tuple:
        return unlike(what, values, tuple)
    for index, value in enumerate(values):
        if type(value) is not cls:
            return unlike(f"{what}[{index}]", value, cls)
    return None


def blank(what: str, value: object) -> str | None:
    """Return None if *value* is a string with something in it, else a sentence about *what* it is."""
    if type(value) is str and value.strip():
        return None
    return f"{what} is {found(value)}; valid: a non-empty str"


def unsafe_name(what: str, value: object) -> str | None:
    """Return None if *value* is a safe file name, else a sentence about *what* it is."""
    if type(value) is str and _FILE_NAME.fullmatch(value):
        return None
    return f"{what} is {found(value)}; valid: a str of [A-Za-z0-9._-] that does not start with a dot"


def found(value: object) -> str:
    """Return words for a foreign value, without running any code of it."""
    if type(value) not in _SHOWN:
        return f"of type {type(value).__name__}"
    text: Any = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def listed(names: Iterable[str]) -> str:
    """Return the first names in one line, "nothing" if there are none."""
    first = list(islice(names, _LISTED + 1))
    text = ", ".join(repr(str(name)) for name in first[:_LISTED])
    return f"{text}, ..." if len(first) > _LISTED else text or "nothing"
