"""Encoders that are compiled for one class each: from an attrs value straight to its JSON text.

As attrs writes ``__init__`` for each class, so is the function here that encodes its values::

    def encode(value):
        its_turn = value.turn
        its_detail = value.detail
        return f'''{{"turn":{its_turn if type(its_turn) is int else turn_text(its_turn)}{
            "" if its_detail == detail_default else (',"detail":' + ...)}}}'''

The prefix keeps a field that is called ``type`` or ``value`` from hiding what the function itself needs.

Its text is the one that ``to_json`` makes of what ``Codec.dump`` returns, lone surrogates excepted, at a quarter of the
price: the turns of a run encode thousands of values a second.
"""

import enum
import types
from collections.abc import Callable
from typing import Any, Final, TypeAlias, Union, get_args, get_origin

import attrs
import cattrs

from orket._codec._json import compact, quote

Text: TypeAlias = Callable[[Any], str]

_INLINE: Final = (  # declared type, what its values nearly always are, their text
    (str, "type({0}) is str", "quote({0})"),
    (int, "type({0}) is int", "{0}"),
    (bool, "type({0}) is bool", '("true" if {0} else "false")'),
    (enum.StrEnum, "isinstance({0}, str)", "quote({0})"),
)


class Texts(dict[type, Text]):
    """The encoder of each attrs class, compiled when it is first asked for.

    Args:
        converter: unstructures what is no attrs value.
        version: of the fields of a class; 1 is not written.
        key: under which it stands.
    """

    def __init__(self, converter: cattrs.Converter, version: Callable[[type], int], key: str) -> None:
        self._converter = converter
        self._version = version
        self._key = key

    def __missing__(self, cls: type) -> Text:
        """Compile the encoder of an attrs class."""
        space: dict[str, Any] = {"quote": quote}
        number, fields = self._version(cls), attrs.fields(cls)
        pieces = "" if number == 1 else f',"{self._key}":{number}'
        pieces += "".join([self._piece(field, space) for field in fields])
        # Each piece begins with a comma. The first one's goes here, if it is sure to be there, else at every call.
        sure = number > 1 or fields[0].default is attrs.NOTHING
        result = f"f'''{{{{{pieces[1:]}}}}}'''" if sure else f"'{{' + f'''{pieces}'''[1:] + '}}'"
        lines = [*[f"its_{field.name} = value.{field.name}" for field in fields], f"return {result}"]
        source = "\n    ".join(["def encode(value):", *lines])
        exec(compile(source, f"<encoder of {cls.__name__}>", "exec"), space)  # noqa: S102
        encode: Text = space["encode"]
        self[cls] = encode
        return encode

    def _piece(self, field: "attrs.Attribute[Any]", space: dict[str, Any]) -> str:
        """Return the part of the f-string that spells a field; it says nothing at the field's default."""
        name, its, default = field.name, f"its_{field.name}", field.default
        space[f"{name}_text"] = self._text(field.type)
        text = f"{name}_text({its})"
        for declared, test, inline in _INLINE:
            if _holds(field.type, declared):
                text = f"{inline.format(its)} if {test.format(its)} else {text}"
                break
        if default is attrs.NOTHING:
            return f',"{name}":{{{text}}}'
        if isinstance(default, attrs.Factory):  # type: ignore[arg-type]
            space[f"{name}_factory"] = default.factory  # type: ignore[union-attr]
            absent = f"{its} == {name}_factory()"
        else:
            space[f"{name}_default"] = default
            absent = f"{its} is {name}_default or {its} == {name}_default"
        return f"""{{"" if {absent} else f',"{name}":{{{text}}}'}}"""

    def _text(self, declared: Any) -> Text:
        """Return how values of a declared type are spelt."""
        if attrs.has(declared):
            return lambda value: self[declared](value)
        if get_origin(declared) is tuple and attrs.has(get_args(declared)[0]):
            item = self._text(get_args(declared)[0])
            return lambda values: f"[{','.join([item(value) for value in values])}]"
        if declared == tuple[str, ...]:
            return _strings
        if _is_plain(declared):
            return compact
        unstructure = self._converter.get_unstructure_hook(declared)
        return lambda value: compact(unstructure(value))


def _strings(values: tuple[Any, ...]) -> str:
    return f"[{','.join([quote(value) if type(value) is str else compact(value) for value in values])}]"


def _parts(declared: Any) -> tuple[Any, ...]:
    return get_args(declared) if get_origin(declared) in (Union, types.UnionType) else (declared,)


def _holds(declared: Any, cls: type) -> bool:
    first = _parts(declared)[0]
    return first is cls or (cls is enum.StrEnum and isinstance(first, type) and issubclass(first, cls))


def _is_plain(declared: Any) -> bool:
    """Return whether JSON has the values of a declared type as they are."""
    if declared in (Any, str, int, float, bool, type(None)) or _holds(declared, enum.StrEnum):
        return all(map(_is_plain, _parts(declared)[1:]))
    if get_origin(declared) is tuple:
        return all(map(_is_plain, [part for part in get_args(declared) if part is not Ellipsis]))
    parts = _parts(declared)
    return len(parts) > 1 and all(map(_is_plain, parts))
