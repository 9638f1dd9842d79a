"""One asset being read: where in it we are, what was found wrong, and the cattrs converter that walks it.

cattrs chooses a hook by type; the hooks here are strict about types and lenient about spelling. A hook never raises: it
records the problem with its path and goes on, so that one look at the report is enough to mend the file. A value with a
problem is never built, and a file with a problem is never used.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from types import MappingProxyType
from typing import Any, Final, TypeVar, get_args

import attrs
import cattrs

from orket._config._read import show, step, unhurried
from orket._value import Value
from orket.cards import CardStatus, JsonValue, WaitReason
from orket.errors import ConfigError, DependencyCycleError

V = TypeVar("V")
_SCALARS: Final[Mapping[type, str]] = MappingProxyType({str: "a text", bool: "true or false", int: "an integer"})
Reader = Callable[["Reading", JsonValue], Any]
_SPELLINGS: Final[Mapping[str, str]] = MappingProxyType({"cancelled": "canceled"})
_LEGACY: Final[Mapping[str, str]] = MappingProxyType({"active": "in_progress"})  # understood, but no word of the board


@attrs.frozen(kw_only=True, repr=False, eq=False)
class Shape(Value):
    """How the objects of a class are spelled.

    ``keys`` maps each key to its field, ``readers`` are for fields that are more than their type says, ``ignored`` keys
    are known and not used, ``required`` fields have no default and nobody fills them in.
    """

    keys: Mapping[str, str]
    readers: Mapping[str, Reader] = attrs.field(factory=dict)
    ignored: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()


class Reading:
    """The file *file*, which defines the asset *name*.

    ``strict`` makes a problem of everything that is otherwise a warning.
    """

    def __init__(self, file: str, name: str, shapes: Mapping[type, Shape], *, strict: bool = False) -> None:
        self.file = file
        self.name = name
        self.problems: list[str] = []
        self.warnings: list[str] = []
        self.cycle: tuple[str, ...] = ()
        self._strict = strict
        self._shapes = shapes
        self._path = ["$"]

    @property
    def path(self) -> str:
        """The JSON path of the value being read."""
        return "".join(self._path)

    @contextmanager
    def at(self, key: str | int) -> Iterator[None]:
        """Go down to a member of the value being read."""
        self._path.append(f"[{key}]" if isinstance(key, int) else step(key))
        try:
            yield
        finally:
            self._path.pop()

    def problem(self, what: str) -> None:
        """Record that the value being read cannot be used."""
        self.problems.append(f"{self.file}: {self.path}: {what}")

    def warn(self, what: str) -> None:
        """Record that the value being read looks wrong."""
        (self.problems if self._strict else self.warnings).append(f"{self.file}: {self.path}: {what}")

    def wrong(self, value: JsonValue, valid: str) -> Any:
        """Record that *value* was found where only *valid* will do; return None, which nobody will use."""
        self.problem(f"found {show(value)}; valid: {valid}")

    def refuse(self) -> None:
        """Raise all problems, if there are any.

        Raises:
            DependencyCycleError: among them is a cycle.
            ConfigError: otherwise.
        """
        if not self.problems:
            return
        message = f"{self.file} cannot be used"
        if self.cycle:
            raise DependencyCycleError(message, problems=self.problems, cycle=self.cycle, file=self.file)
        raise ConfigError(message, problems=self.problems, file=self.file)

    def value(self, data: JsonValue, kind: Any) -> Any:
        """Return *data* as a value of the type *kind*."""
        return self._hooks().structure((self, data), kind)

    def fields(
        self, data: JsonValue, kind: type, *, only: frozenset[str] = frozenset(), complete: bool = True
    ) -> dict[str, Any]:
        """Return what an object says of the fields of *kind*, without those that are wrong.

        Two keys may mean one field as long as they agree; null says nothing; keys that begin with ``_`` are comments.

        Args:
            data: The object.
            kind: The attrs class it describes.
            only: The keys to look at; none means all of them.
            complete: Whether required fields must be there.
        """
        if not isinstance(data, dict):
            self.wrong(data, "an object")
            return {}
        shape = self._shapes[kind]
        given: dict[str, tuple[str, JsonValue]] = {}
        for key, value in data.items():
            name = shape.keys.get(key)
            if key.startswith("_") or (only and key not in only):
                continue
            if name is None:
                self._unknown_key(key, shape)
            elif value is not None and self._agrees(given.get(name), key, value):
                given[name] = (key, value)
        for name in sorted(shape.required - given.keys()) if complete else ():
            spellings = " or ".join(json.dumps(key) for key, field in shape.keys.items() if field == name)
            self.problem(f"{spellings} is missing")
        return self._read_fields(given, shape, kind)

    def entries(self, data: JsonValue) -> Iterator[tuple[str, JsonValue]]:
        """Iterate over the members of an object, comments left out, going down to each."""
        if not isinstance(data, dict):
            self.wrong(data, "an object")
            return
        for key, value in data.items():
            if not key.startswith("_"):
                with self.at(key):
                    yield key, value

    def items(self, data: JsonValue) -> Iterator[tuple[int, JsonValue]]:
        """Iterate over the members of a list, going down to each."""
        if not isinstance(data, list):
            self.wrong(data, "a list")
            return
        for index, value in unhurried(data, 48):
            with self.at(index):
                yield index, value

    def _read_fields(self, given: Mapping[str, tuple[str, JsonValue]], shape: Shape, kind: type) -> dict[str, Any]:
        types = attrs.fields_dict(kind)
        read: dict[str, Any] = {}
        for name, (key, value) in given.items():
            before = len(self.problems)
            with self.at(key):
                reader = shape.readers.get(name)
                result = reader(self, value) if reader else self.value(value, types[name].type)
            if len(self.problems) == before:
                read[name] = result
        return read

    def _unknown_key(self, key: str, shape: Shape) -> None:
        if key in shape.ignored:
            return
        from difflib import get_close_matches  # only needed when something is wrong

        close = get_close_matches(key, shape.keys, n=1)
        hint = f"did you mean {json.dumps(close[0])}?" if close else "it is ignored"
        with self.at(key):
            self.warn(f"unknown key; {hint}")

    def _agrees(self, earlier: tuple[str, JsonValue] | None, key: str, value: JsonValue) -> bool:
        if earlier is None or json.dumps(earlier[1], sort_keys=True) == json.dumps(value, sort_keys=True):
            return True
        with self.at(key):
            self.problem(f"{json.dumps(earlier[0])} means the same and says something else; valid: only one of them")
        return False

    def _scalar(self, value: JsonValue, kind: type) -> Any:
        return value if type(value) is kind else self.wrong(value, _SCALARS[kind])  # a bool is no integer here

    def _number(self, value: JsonValue, _: type) -> Any:
        return float(value) if type(value) in (int, float) else self.wrong(value, "a number")

    def _word(self, value: JsonValue, kind: type[CardStatus] | type[WaitReason]) -> Any:
        spelled = value.strip().lower().replace(" ", "_").replace("-", "_") if isinstance(value, str) else ""
        spelled = _SPELLINGS.get(spelled, spelled)
        if kind is CardStatus and spelled in _LEGACY:
            self.warn(f"found {show(value)}, which is no status; read as {json.dumps(_LEGACY[spelled])}")
            spelled = _LEGACY[spelled]
        return kind(spelled) if spelled in set(kind) else self.wrong(value, " · ".join(kind))

    def _list(self, value: JsonValue, kind: Any) -> tuple[Any, ...]:
        of = get_args(kind)[0]
        return tuple([self.value(item, of) for _, item in self.items(value)])

    def _mapping(self, value: JsonValue, kind: Any) -> dict[str, Any]:
        of = get_args(kind)[1]
        return {key: self.value(item, of) for key, item in self.entries(value)}

    def _object(self, value: JsonValue, kind: type[V]) -> V | None:
        before = len(self.problems)
        fields = self.fields(value, kind)
        return kind(**fields) if len(self.problems) == before else None

    @staticmethod
    @cache
    def _hooks() -> cattrs.BaseConverter:
        """Return the hooks of all types, built once: that takes longer than to read a file.

        What they are given is a value and the reading it belongs to.
        """

        def hook(read: Callable[[Reading, JsonValue, Any], Any]) -> Callable[[tuple[Reading, JsonValue], Any], Any]:
            return lambda given, kind: read(*given, kind)

        # Not the converter that compiles hooks: its own are never used.
        hooks = cattrs.BaseConverter(detailed_validation=False)
        for kind in _SCALARS:
            hooks.register_structure_hook(kind, hook(Reading._scalar))
        hooks.register_structure_hook(float, hook(Reading._number))
        hooks.register_structure_hook(CardStatus, hook(Reading._word))
        hooks.register_structure_hook(WaitReason, hook(Reading._word))
        hooks.register_structure_hook_func(lambda kind: kind is JsonValue, lambda given, _: given[1])
        hooks.register_structure_hook_func(_is_generic(tuple), hook(Reading._list))
        hooks.register_structure_hook_func(_is_generic(Mapping), hook(Reading._mapping))
        hooks.register_structure_hook_func(attrs.has, hook(Reading._object))
        return hooks


def _is_generic(origin: type) -> Callable[[Any], bool]:
    return lambda kind: getattr(kind, "__origin__", None) is origin
