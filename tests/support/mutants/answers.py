"""How answers of policies are spoiled: many of them are plain values, without a reason to write something into."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from mutants.nodes import subclassed, unreadable


class Text(str):
    __slots__ = ()


class Number(int):
    __slots__ = ()


class Row(tuple):
    pass


def unstorable(answer: Any) -> Any:
    """Return what JSON does not have, within a reason where there is one."""
    return unreadable(answer) if attrs.has(type(answer)) and hasattr(answer, "reason") else float("nan")


def foreign(answer: Any) -> Any:
    """Return the same in another class, which the core does not take for the answer's."""
    match answer:
        case None:
            return answer
        case bool():
            return int(answer)
        case int():
            return Number(answer)
        case str():
            return Text(answer)
        case tuple():
            return Row(answer)
        case Path():
            return str(answer)
        case Mapping():
            return list(answer.items())
        case _:
            return subclassed(answer)
