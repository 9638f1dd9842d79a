"""The one converter between values and versioned JSON.

Stored data is inert: a record is a JSON array of the record's registered name and its fields, never a type name that is
imported. Unknown names and unknown fields are typed refusals. Field defaults are left out, so that the journal stays
small.

Every type has a version: 1, and one more for each of its upcasters, which turn the fields as a version wrote them into
those of the next. It stands under ``$v`` beside the fields, and not at all where it is 1. What has a newer version than
this orket knows is refused.
"""

import enum
import hashlib
import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import PurePath
from types import MappingProxyType
from typing import Any, Final, TypeAlias, TypeVar, get_args

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn

from orket._codec._json import canonical_json, checked, quote, to_json
from orket._codec._texts import Texts
from orket.cards import Issue, JsonValue
from orket.contracts import PullReview
from orket.errors import StoreVersionError
from orket.events import Digest, Record

V = TypeVar("V")
Fields: TypeAlias = dict[str, JsonValue]
Upcaster: TypeAlias = Callable[[Fields], Fields]


def _without_stamps(fields: Fields) -> Fields:
    """Leave out what told apart two that wanted the same version: a receipt says it now."""
    return {name: value for name, value in fields.items() if name != "stamps"}


UPCASTERS: Final[Mapping[type, tuple[Upcaster, ...]]] = MappingProxyType(  # by type, the oldest version's first
    {PullReview: (_without_stamps,)}
)
_VERSION: Final = "$v"
_RAW_ARGUMENTS: Final = str | Mapping[str, JsonValue]  # of a native tool call: kept as the server sent them


def digest(text: str) -> Digest:
    """Return the SHA-256 of the UTF-8 bytes of *text*."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _same(value: V) -> V:
    return value


def _build() -> cattrs.Converter:
    converter = cattrs.Converter(omit_if_default=True, forbid_extra_keys=True, detailed_validation=False)
    converter.register_unstructure_hook_func(lambda cls: cls is Any, lambda value: value)
    converter.register_structure_hook_func(lambda cls: cls is Any, lambda value, _: value)
    converter.register_unstructure_hook(PurePath, str)
    # A StrEnum is a str: JSON writes it as it is, and looking up its value costs more than writing it.
    converter.register_unstructure_hook_func(lambda cls: isinstance(cls, type) and issubclass(cls, enum.StrEnum), _same)
    converter.register_structure_hook_func(lambda cls: cls == _RAW_ARGUMENTS, _as_sent)
    return converter


def _as_sent(value: JsonValue, _: object) -> str | Mapping[str, JsonValue]:
    """Return the arguments of a raw tool call as the server sent them: JSON text, or an object."""
    if isinstance(value, str | dict):
        return value
    raise TypeError(f"found {type(value).__name__}, valid: a text or an object")


class Codec:
    """Compiled hooks for all stored types.

    Args:
        upcasters: of the types whose fields have changed since their first version.
    """

    def __init__(self, upcasters: Mapping[type, tuple[Upcaster, ...]] = UPCASTERS) -> None:
        self._converter = _build()
        self._upcasters = upcasters
        self._names = {cls: _snake(cls.__name__) for cls in get_args(Record)}
        self._classes = {name: cls for cls, name in self._names.items()}
        self._dumpers: dict[type, Callable[[Any], dict[str, Any]]] = {}
        self._loaders: dict[type, Callable[[Any, Any], Any]] = {}
        self._texts = Texts(self._converter, self._version, _VERSION)
        for cls in upcasters:  # first: other types hold values of them
            self._converter.register_unstructure_hook(cls, self._compile(cls))
            self._converter.register_structure_hook(cls, self._structure)
        # Now, in the thread that opens an orchestrator, and not in the first turns.
        self._heads = {cls: (f"[{quote(name)},", self._texts[cls]) for cls, name in self._names.items()}
        self._texts.__missing__(Issue)

    def dump(self, value: Any) -> JsonValue:
        """Return an attrs value as JSON data, without its defaults."""
        cls = type(value)
        return (self._dumpers.get(cls) or self._compile(cls))(value)

    def _compile(self, cls: type) -> Callable[[Any], dict[str, Any]]:
        dumper: Callable[[Any], dict[str, Any]] = make_dict_unstructure_fn(
            cls, self._converter, _cattrs_omit_if_default=True
        )
        if (version := self._version(cls)) > 1:
            plain = dumper
            dumper = lambda value: {_VERSION: version, **plain(value)}  # noqa: E731
        self._dumpers[cls] = dumper
        return dumper

    def _version(self, cls: type) -> int:
        return 1 + len(self._upcasters.get(cls, ()))

    def _upcast(self, data: JsonValue, cls: type) -> JsonValue:
        """Return the fields of a stored value as the present version has them.

        Raises:
            StoreVersionError: its version is newer, or none.
        """
        if not isinstance(data, dict) or (_VERSION not in data and cls not in self._upcasters):
            return data
        found, known = data.get(_VERSION, 1), self._version(cls)
        if type(found) is not int or not 1 <= found <= known:
            raise StoreVersionError(
                f"stored {cls.__name__} has version {found!r:.40}, this orket knows up to {known}; install a newer one",
                found=found,
                known=known,
            )
        fields = {name: value for name, value in data.items() if name != _VERSION}
        for upcast in self._upcasters.get(cls, ())[found - 1 :]:
            fields = upcast(fields)
        return fields

    def _structure(self, data: JsonValue, cls: type[V]) -> V:
        loader = self._loaders.get(cls)
        if loader is None:
            loader = make_dict_structure_fn(cls, self._converter, _cattrs_forbid_extra_keys=True)
            self._loaders[cls] = loader
        value: V = loader(self._upcast(data, cls), cls)
        return value

    def load(self, data: JsonValue, cls: type[V]) -> V:
        """Return the value that :meth:`dump` made *data* of.

        Raises:
            StoreVersionError: a newer orket wrote it, or it is not such a value: a field is unknown, missing or of
                another type.
        """
        try:
            return self._structure(data, cls)
        except StoreVersionError:
            raise
        except Exception as error:  # cattrs raises many kinds for one fact: this is not such a value
            raise StoreVersionError(
                f"stored {cls.__name__} cannot be read: {error!r}", found=data, known=self._version(cls)
            ) from error

    def text(self, value: Any) -> str:
        """Return an attrs value as JSON text, without its defaults.

        Raises:
            ValueError: NaN or infinity.
            TypeError: something that JSON does not have.
        """
        return checked(self._texts[type(value)](value))

    def dump_record(self, record: Record) -> list[JsonValue]:
        """Return ``[name, fields]``."""
        return [self._names[type(record)], self.dump(record)]

    def record_texts(self, records: Iterable[Record]) -> str:
        """Return records as the text of a JSON array of ``[name, fields]``.

        Raises:
            ValueError: NaN or infinity.
            TypeError: something that JSON does not have.
        """
        texts = []
        for record in records:
            head, encode = self._heads[type(record)]
            texts.append(f"{head}{encode(record)}]")
        return checked(f"[{','.join(texts)}]")

    def load_record(self, data: JsonValue) -> Record:
        """Return the record that ``[name, fields]`` stands for, as :meth:`dump_record` returns it.

        Raises:
            StoreVersionError: the name is not one this orket knows.
        """
        match data:
            case [str() as name, dict() as fields] if name in self._classes:
                record: Record = self.load(fields, self._classes[name])
                return record
            case _:
                known = ", ".join(sorted(self._classes))
                raise StoreVersionError(f"unknown record {data!r:.120}; known: {known}", found=data, known=known)

    def load_issue(self, text: str) -> Issue:
        """Return the issue of a stored text."""
        return self.load(json.loads(text), Issue)


__all__ = [
    "Codec",
    "canonical_json",
    "codec",
    "digest",
    "quote",
    "to_json",
    "value_digest",
]


@cache
def codec() -> Codec:
    """Return the codec, built on first use: compiling the hooks costs more than importing this module."""
    return Codec()


def value_digest(value: Any) -> Digest:
    """Return the digest of an attrs value, a mapping or plain JSON data, whatever its key order."""
    data = codec().dump(value) if attrs.has(type(value)) else value
    return digest(canonical_json(_plain(data)))


def _plain(data: Any) -> JsonValue:
    if isinstance(data, Mapping):
        return {str(key): _plain(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_plain(value) for value in data]
    return data


def _snake(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
