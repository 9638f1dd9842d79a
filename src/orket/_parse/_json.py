"""Reads one JSON array or object that begins somewhere in a text, and says where reading ended.

Strict, with one leave: a string may hold raw line breaks and tabs, because models forget to escape them. It reads each
character once and never goes back to an earlier one, whatever the text, except in one case: when a string runs over a
line break and what follows it is no JSON, the string was probably never closed. Then reading goes on at that line
break. No character is read a third time, since nothing within such a string opens another one.

What can be told apart from the rest (a repeated key, half a character, NaN …) is replaced by a :class:`Flaw` and spoils
only the call it stands in. Anything else ends the value; what was complete by then is kept.
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Set
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from attrs import frozen

from orket._parse._values import Flaw, ParseReason
from orket._value import Value
from orket.contracts import JsonValue

MAX_DEPTH: Final = 64  # levels of arrays and objects
MAX_DIGITS: Final = 640  # of an integer; Python may refuse to convert longer ones
CALL_KEYS: Final = frozenset({"tool", "tool_calls", "function"})  # each alone speaks of a tool
ARGUMENT_KEYS: Final = ("args", "arguments", "parameters")  # these do beside "name"

_SPACE: Final = re.compile(r"[ \t\r\n]*+")
_BLANK: Final = frozenset(" \t\r\n")
_STRING: Final = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][-+]?[0-9]++)?(?![\w.])")
_WORD: Final = re.compile(r"-?[A-Za-z]++")
_QUOTED_KEY: Final = re.compile(r"'(tool|tool_calls|function|name|args|arguments)'")
_LITERAL: Final = json.JSONDecoder(strict=False)
_WORDS: Final[Mapping[str, JsonValue]] = MappingProxyType({"true": True, "false": False, "null": None})
_NOT_FINITE: Final = frozenset({"NaN", "Infinity", "-Infinity"})


@frozen(repr=False, eq=False)
class Reading(Value):
    """A value, where to go on, and whether it speaks of a tool. ``broken`` when it did not end as JSON does."""

    value: JsonValue
    end: int
    speaks_of_tool: bool
    broken: Flaw | None = None


def speak_of_tool(keys: Set[str]) -> bool:
    """Return whether an object with these keys was probably meant as a call."""
    return not CALL_KEYS.isdisjoint(keys) or ("name" in keys and not keys.isdisjoint(ARGUMENT_KEYS))


def read_value(text: str, start: int) -> Reading:
    """Read the array or object that begins at *start*, where *text* has ``[`` or ``{``. It never raises."""
    return _Reader(text, start).read()


class _EndedError(Exception):
    """The text goes on with something that is not JSON, or ends."""

    def __init__(self, reason: ParseReason, detail: str, position: int, resume: int) -> None:
        self.flaw = Flaw(reason, detail, position)
        self.resume = resume


_State: TypeAlias = Callable[["_Reader", str], None]


class _Reader:
    __slots__ = ("_at", "_fold", "_keys", "_next", "_open", "_root", "_seen", "_spoiled", "_start", "_text")

    def __init__(self, text: str, start: int) -> None:
        self._text = text
        self._start = self._at = start
        self._open: list[Any] = []  # arrays and objects, the outermost first
        self._keys: list[str] = []  # for each open object, the key whose value comes
        self._spoiled: list[Flaw | None] = []  # and what is wrong with that key
        self._fold = -1  # where the string just read has its first line break
        self._seen: set[str] = set()  # keys
        self._next: _State = _Reader._value  # not a bound method: no reference cycle for the collector
        self._root: JsonValue = None

    def read(self) -> Reading:
        try:
            self._value(self._text[self._start])
            while self._open:
                character = self._text[self._at : self._at + 1]
                if character in _BLANK:
                    self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]
                    character = self._text[self._at : self._at + 1]
                if not character:
                    raise self._ended("the text ends", ParseReason.TRUNCATED)
                self._next(self, character)
        except _EndedError as ended:
            return Reading(self._kept(ended.flaw), ended.resume, speak_of_tool(self._seen), ended.flaw)
        return Reading(self._root, self._at, speak_of_tool(self._seen))

    def _ended(self, detail: str, reason: ParseReason = ParseReason.MALFORMED) -> _EndedError:
        resume = self._at if self._fold < 0 else self._fold
        return _EndedError(reason, f"{detail} (character {self._at})", self._start, resume)

    def _expected(self, what: str) -> _EndedError:
        return self._ended(f"found {self._text[self._at : self._at + 20]!r}, expected {what}")

    def _kept(self, flaw: Flaw) -> JsonValue:
        """Return the outermost value with the part that broke off replaced: calls before it are still calls."""
        root = self._open[0]
        calls = root.get("tool_calls") if isinstance(root, dict) else root
        if not isinstance(calls, list):
            return flaw
        depth = next((depth for depth, value in enumerate(self._open[:2], 1) if value is calls), len(self._open))
        if len(self._open) > depth:
            calls[-1] = flaw
        else:
            calls.append(flaw)
        return root

    # What may come next, one method each.

    def _value(self, character: str) -> None:
        if character == "{":
            self._begin({}, _Reader._first_key)
        elif character == "[":
            self._begin([], _Reader._first_item)
        elif character == '"':
            self._put(self._string())
        else:
            self._put(self._scalar())

    def _first_item(self, character: str) -> None:
        if character == "]":
            self._close()
        else:
            self._value(character)

    def _first_key(self, character: str) -> None:
        if character == "}":
            self._close()
        else:
            self._key(character)

    def _key(self, character: str) -> None:
        if character != '"':
            if quoted := _QUOTED_KEY.match(self._text, self._at):
                self._seen.update((quoted[1], "args"))
            raise self._expected("a key in double quotes")
        at = self._at
        key = self._string()
        flaw = key if isinstance(key, Flaw) else None
        name = f"flawed key {at}" if isinstance(key, Flaw) else key
        if name in self._open[-1]:
            flaw = Flaw(ParseReason.DUPLICATE_KEY, f"the key {name!r:.100} stands twice", self._start)
        self._keys[-1], self._spoiled[-1] = name, flaw
        self._seen.add(name)
        self._next = _Reader._colon

    def _colon(self, character: str) -> None:
        if character != ":":
            raise self._expected("':'")
        self._step(_Reader._value)

    def _more_items(self, character: str) -> None:
        if character == "]":
            self._close()
        elif character == ",":
            self._step(_Reader._value)
        else:
            raise self._expected("',' or ']'")

    def _more_keys(self, character: str) -> None:
        if character == "}":
            self._close()
        elif character == ",":
            self._step(_Reader._key)
        else:
            raise self._expected("',' or '}'")

    # How the value grows.

    def _step(self, following: _State) -> None:
        self._at += 1
        self._fold = -1
        self._next = following

    def _begin(self, value: JsonValue, following: _State) -> None:
        depth = len(self._open)
        if depth == MAX_DEPTH:  # one flaw stands for all that is deeper, which only has to be read over
            self._attach(Flaw(ParseReason.TOO_DEEP, f"more than {MAX_DEPTH} levels", self._start))
        elif 0 < depth < MAX_DEPTH:
            self._attach(value)
        self._open.append(value)
        if isinstance(value, dict):
            self._keys.append("")
            self._spoiled.append(None)
        self._step(following)

    def _attach(self, value: JsonValue) -> None:
        parent = self._open[-1]
        if isinstance(parent, list):
            parent.append(value)
        else:
            parent[self._keys[-1]] = self._spoiled[-1] or value

    def _put(self, value: JsonValue) -> None:
        self._attach(value)
        self._next = _Reader._more_items if isinstance(self._open[-1], list) else _Reader._more_keys

    def _close(self) -> None:
        self._root = self._open.pop()
        if isinstance(self._root, dict):
            self._keys.pop()
            self._spoiled.pop()
        self._step(_Reader._more_items if self._open and isinstance(self._open[-1], list) else _Reader._more_keys)

    # Scalars.

    def _string(self) -> str | Flaw:
        found = _STRING.match(self._text, self._at)
        if found is None:
            self._fold = self._text.find("\n", self._at)
            if self._fold < 0:
                self._fold = len(self._text)
            raise self._ended("a string is not closed", ParseReason.TRUNCATED)
        start, self._at = self._at, found.end()
        self._fold = self._text.find("\n", start, self._at)
        return _decode(self._text[start + 1 : self._at - 1], self._start)

    def _scalar(self) -> JsonValue:
        self._fold = -1
        if found := _NUMBER.match(self._text, self._at):
            self._at = found.end()
            return _number(found[0], self._start)
        found = _WORD.match(self._text, self._at)
        word = found[0] if found else ""
        if word in _WORDS or word in _NOT_FINITE:
            self._at += len(word)
            return _WORDS[word] if word in _WORDS else Flaw(ParseReason.NOT_FINITE, f"{word} is no JSON", self._start)
        raise self._expected("a value")


def _decode(raw: str, position: int) -> str | Flaw:
    """Return what a string literal stands for."""
    if control := _CONTROL.search(raw):
        return Flaw(ParseReason.BAD_STRING, f"the control character {control[0]!r} in a string", position)
    if "\\" in raw:
        try:
            raw = _LITERAL.decode(f'"{raw}"')
        except ValueError as error:
            return Flaw(ParseReason.BAD_STRING, f"a string cannot be read: {error}", position)
    return raw if is_text(raw) else Flaw(ParseReason.LONE_SURROGATE, "half a surrogate pair in a string", position)


def is_text(value: str) -> bool:
    """Return whether a string is made of whole characters only."""
    if value.isascii():
        return True
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _number(literal: str, position: int) -> int | float | Flaw:
    if literal.lstrip("-").isdigit():
        if len(literal) > MAX_DIGITS:
            return Flaw(ParseReason.NUMBER_TOO_LONG, f"an integer of more than {MAX_DIGITS} digits", position)
        return int(literal)
    value = float(literal)
    return value if math.isfinite(value) else Flaw(ParseReason.NOT_FINITE, f"{literal:.40} is too large", position)
