"""What the protocols of model servers have in common."""

import json
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Self, TypeVar, Unpack

from orket.cards import EMPTY, JsonValue
from orket.contracts import Message, ModelReply, ModelRequest, RawToolCall, ToolCall, ToolSpec
from orket.errors import ModelError, ModelReplyError, WiringError
from orket.models._http import Endpoint, HttpOptions

T = TypeVar("T")
_LARGEST_COUNT: Final = 2**53  # of tokens; what JSON numbers and the record both hold


class HttpModel(ABC):
    """A model behind an HTTP server: use it with ``async with`` to keep its connections, or just use it.

    Safe for concurrent exchanges, on any number of event loops.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str = "",
        params: Mapping[str, JsonValue] = EMPTY,
        reserved: frozenset[str],
        **options: Unpack[HttpOptions],
    ) -> None:
        if not isinstance(name, str):
            raise WiringError([f"name is {name!r:.80}; valid: the model's name on the server, or ''"])
        self._name = name
        self._params = dict(params)
        self._reserved = reserved
        if clash := sorted(reserved & self._params.keys()):
            raise WiringError([f"params of a model must not name {', '.join(clash)}: the client sets these"])
        self._endpoint = Endpoint(url, **options)

    def __repr__(self) -> str:
        named = f", name={self._name!r}" if self._name else ""
        return f"<{type(self).__name__} {self._endpoint.url!r}{named}>"

    async def __aenter__(self) -> Self:
        await self._endpoint.hold()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._endpoint.release()

    async def aclose(self) -> None:
        """Close the connections of this event loop. Safe to call twice; a later exchange opens new ones."""
        await self._endpoint.aclose()

    async def complete(self, request: ModelRequest, /) -> ModelReply:
        """Answer *request*, trying again as the options say; the request's timeout is for everything together.

        Raises:
            ModelConnectionError: no connection, or 408, 425, 429 or 5xx until no attempt was left.
            ModelTimeoutError: no whole answer in time.
            ModelAuthenticationError: 401 or 403.
            ModelContextExceededError: the prompt is too long for the model.
            ModelReplyError: another refusal, or an answer that is not one.
            ModelError: the request cannot be written as JSON, or its params name a field that the client sets.
        """
        if clash := sorted(self._reserved & request.params.keys()):
            raise ModelError(f"params of a request must not name {', '.join(clash)}: the client sets these")
        model = self._name or request.model
        fields = self._fields(request, model) | self._params
        body = {key: value for key, value in fields.items() if value is not None} | self._extra(request, fields)
        payload = await self._endpoint.post(_encoded(body), seconds=request.timeout)
        return self._reply(payload, model)

    @abstractmethod
    def _fields(self, request: ModelRequest, model: str) -> dict[str, JsonValue]:
        """Return the body of a request; fields that are None are left out."""

    def _extra(self, request: ModelRequest, _fields: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """Return the fields that the request itself sets, unchanged."""
        return dict(request.params)

    @abstractmethod
    def _reply(self, payload: Mapping[str, JsonValue], model: str) -> ModelReply:
        """Read a reply of *model*."""


def _encoded(body: Mapping[str, JsonValue]) -> bytes:
    try:
        return json.dumps(body, allow_nan=False, separators=(",", ":"), default=_as_object).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ModelError(f"the request cannot be written as JSON: {error}") from error


def _as_object(value: object) -> dict[Any, Any]:
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is not a JSON value")


def function_tools(tools: Iterable[ToolSpec]) -> list[JsonValue]:
    """Return tools in the form that OpenAI introduced and others took over."""
    return [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": tool.parameters},
        }
        for tool in tools
    ]


def identified(messages: Iterable[Message]) -> Iterator[tuple[Message, tuple[ToolCall, ...], ToolCall | None]]:
    """Yield each message with its calls, and the call that it is the result of.

    Calls that were found in text have no id, but servers tie results to calls by id: such calls get one that no other
    call of the prompt has, and results without an id belong to them in order.
    """
    waiting: deque[ToolCall] = deque()
    known: dict[str, ToolCall] = {}
    for message in messages:
        calls = []
        for call in message.calls:
            if not call.id:
                call = ToolCall(name=call.name, arguments=call.arguments, id=f"call_text_{len(known)}")
                waiting.append(call)
            known[call.id] = call
            calls.append(call)
        answered = None
        if message.role == "tool":
            if message.call_id:
                answered = known.get(message.call_id)
            elif waiting:
                answered = waiting.popleft()
        yield message, tuple(calls), answered


def need(value: object, kind: type[T], where: str) -> T:
    """Return *value*, which must be of a *kind*.

    Raises:
        ModelReplyError: it is not; *where* says of which part of the reply this is.
    """
    if isinstance(value, kind):
        return value
    raise ModelReplyError(f"the model server's reply has {type(value).__name__} at {where}; {kind.__name__} is valid")


def raw_calls(value: JsonValue, where: str) -> tuple[RawToolCall, ...]:
    """Return native tool calls, arguments as they came; no arguments at all mean none."""
    calls = []
    for index, item in enumerate(need(value or [], list, where)):
        place = f"{where}[{index}]"
        call: dict[str, Any] = need(item, dict, place)
        function: dict[str, Any] = need(call.get("function"), dict, f"{place}.function")
        arguments = function.get("arguments")
        if arguments is None:
            arguments = {}
        elif not isinstance(arguments, str):
            arguments = need(arguments, dict, f"{place}.function.arguments")
        name = need(function.get("name"), str, f"{place}.function.name")
        calls.append(RawToolCall(name=name, arguments=arguments, id=need(call.get("id") or "", str, f"{place}.id")))
    return tuple(calls)


def tokens(count: JsonValue) -> int:
    """Return a number of tokens, or 0 where the server did not give one."""
    return count if type(count) is int and 0 <= count < _LARGEST_COUNT else 0
