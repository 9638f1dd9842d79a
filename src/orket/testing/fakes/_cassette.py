"""Exchanges with a real model, recorded once and replayed ever after.

A cassette is a JSON file::

    {"format": 1, "exchanges": [{"digest": "…", "request": {…}, "reply": {…}}, …]}

A request is known by what a model sees of it: its brief and its time limit are not part of it, because they name a run
and a machine. Exchanges of the same request are replayed in the order of their recording; different requests may come
in any order, as they do where turns run at the same time.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from attrs import define, field, frozen

from orket._codec import canonical_json, codec, digest
from orket.cards import JsonValue
from orket.contracts import ModelClient, ModelReply, ModelRequest
from orket.errors import StoreVersionError
from orket.testing.fakes._errors import ScriptError

FORMAT: Final = 1
_SHOWN: Final = 60  # characters on either side of where two texts part
_UNSEEN: Final = ("brief", "timeout")


class CassetteDriftError(ScriptError):
    """A request is not on the cassette: ``differences`` says what has changed since the closest one was recorded."""

    differences: tuple[str, ...]


@frozen(kw_only=True)
class Exchange:
    """A request as the model saw it, its digest, and the reply."""

    digest: str
    request: Mapping[str, Any]
    reply: ModelReply


def seen(request: ModelRequest) -> dict[str, Any]:
    """Return what a model sees of a request, as plain JSON data."""
    dumped: dict[str, Any] = json.loads(canonical_json(codec().dump(request)))
    return {key: value for key, value in dumped.items() if key not in _UNSEEN}


def digest_of(request: Mapping[str, JsonValue]) -> str:
    """Return the digest that an exchange is found by."""
    return digest(canonical_json(request))


class RecordingModel:
    """A model client that answers as another one does, and keeps each exchange in a cassette.

    The file is written anew after every reply, whole or not at all. What raises is not recorded.

    Args:
        model: The client that is really asked.
        path: The cassette; a file that is there already is replaced with the first reply.
    """

    def __init__(self, model: ModelClient, path: str | os.PathLike[str]) -> None:
        self._model = model
        self._path = Path(path)
        self._exchanges: list[dict[str, Any]] = []

    async def complete(self, request: ModelRequest, /) -> ModelReply:
        """Answer *request* as the wrapped client does."""
        try:
            asked = seen(request)
        except (TypeError, ValueError) as error:
            raise ScriptError(f"the request cannot be written as JSON: {error}") from error
        reply = await self._model.complete(request)
        self._exchanges.append({"digest": digest_of(asked), "request": asked, "reply": codec().dump(reply)})
        self._write()
        return reply

    def _write(self) -> None:
        text = json.dumps({"format": FORMAT, "exchanges": self._exchanges}, indent=1)
        unfinished = self._path.with_name(self._path.name + ".tmp")
        unfinished.write_text(text + "\n", "utf-8")
        unfinished.replace(self._path)


@define
class Cassette:
    """Recorded exchanges, and how many of each were replayed."""

    path: Path
    exchanges: Sequence[Exchange]
    _played: dict[str, int] = field(factory=dict, init=False)

    @classmethod
    def load(cls, path: Path) -> "Cassette":
        """Read a cassette.

        Raises:
            ScriptError: The file is no cassette, or was changed by hand so that its digests no longer fit.
        """
        try:
            data = json.loads(path.read_text("utf-8"))
            if data["format"] != FORMAT:
                raise ScriptError(f"{path} is a cassette of format {data['format']!r}; valid: {FORMAT}")
            exchanges = tuple([_exchange(one) for one in data["exchanges"]])
        except (OSError, ValueError, KeyError, TypeError, AttributeError, StoreVersionError) as error:
            raise ScriptError(f"{path} is no cassette: {type(error).__name__}: {error}") from error
        for number, one in enumerate(exchanges):
            if one.digest != digest_of(one.request):
                raise ScriptError(f"{path}: the request of exchange {number} was changed after it was recorded")
        return cls(path=path, exchanges=exchanges)

    def play(self, request: ModelRequest) -> ModelReply:
        """Return the reply that was recorded for *request*.

        Raises:
            CassetteDriftError: Nothing was recorded for it, or all that was has been replayed.
        """
        asked = seen(request)
        key = digest_of(asked)
        recorded = [one.reply for one in self.exchanges if one.digest == key]
        played = self._played.get(key, 0)
        if played < len(recorded):
            self._played[key] = played + 1
            return recorded[played]
        if recorded:
            found: tuple[str, ...] = (
                f"it was recorded {len(recorded)} times, and this is request {played + 1} of the kind",
            )
        else:
            found = self._closest(asked)
        text = f"the cassette {self.path} has no reply to this request: {'; '.join(found)}"
        raise CassetteDriftError(text, differences=found)

    def _closest(self, asked: Mapping[str, Any]) -> tuple[str, ...]:
        """Return how the request differs from the most similar one, of those not replayed if there are any."""
        left = [one for one in self.exchanges if one.digest not in self._played] or self.exchanges
        wanted = canonical_json(asked)
        found = [(tuple(differences(it.request, asked)), _common(canonical_json(it.request), wanted)) for it in left]
        return min(found, key=lambda it: (len(it[0]), -it[1]), default=(("it is empty",), 0))[0]


def _exchange(data: Mapping[str, Any]) -> Exchange:
    return Exchange(digest=data["digest"], request=data["request"], reply=codec().load(data["reply"], ModelReply))


def differences(recorded: Mapping[str, Any], asked: Mapping[str, Any]) -> Iterator[str]:
    """Yield a sentence for each message, tool and field in which two requests differ."""
    yield from _unlike_tools(recorded.get("tools", []), asked.get("tools", []))
    yield from _unlike_messages(recorded.get("messages", []), asked.get("messages", []))
    for name in sorted({*recorded, *asked} - {"tools", "messages"}):
        if recorded.get(name) != asked.get(name):
            yield f"{name}: recorded {recorded.get(name)!r:.80}, asked {asked.get(name)!r:.80}"


def _unlike_tools(recorded: Sequence[Mapping[str, Any]], asked: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    before, after = {it["name"]: it for it in recorded}, {it["name"]: it for it in asked}
    yield from [f"tool {name!r} is no longer offered" for name in before if name not in after]
    yield from [f"tool {name!r} is new" for name in after if name not in before]
    for name in before:
        if name in after and before[name] != after[name]:
            unlike = [
                key for key in sorted({*before[name], *after[name]}) if before[name].get(key) != after[name].get(key)
            ]
            yield f"tool {name!r} has another {' and another '.join(unlike)}"
    if before.keys() == after.keys() and list(before) != list(after):
        yield "the tools come in another order"


def _unlike_messages(recorded: Sequence[Mapping[str, Any]], asked: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for index, (before, after) in enumerate(zip(recorded, asked, strict=False)):
        for key in sorted({*before, *after}):
            if before.get(key) != after.get(key):
                yield f"messages[{index}] ({after['role']}), {key}: {_parting(before.get(key), after.get(key))}"
    if len(recorded) != len(asked):
        yield f"recorded with {len(recorded)} messages, asked with {len(asked)}"


def _parting(before: object, after: object) -> str:
    """Return two values from a little before the place where they part."""
    first, second = [it if isinstance(it, str) else json.dumps(it, ensure_ascii=False) for it in (before, after)]
    place = _common(first, second)
    start = max(0, place - _SHOWN // 2)
    shown = [text[start : place + _SHOWN] for text in (first, second)]
    return f"recorded {shown[0]!r}, asked {shown[1]!r} (from character {start})"


def _common(first: str, second: str) -> int:
    """Return how many characters two texts begin with alike."""
    pairs = enumerate(zip(first, second, strict=False))
    return next((at for at, (one, other) in pairs if one != other), min(len(first), len(second)))
