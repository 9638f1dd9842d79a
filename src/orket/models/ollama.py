"""Models behind Ollama's own protocol, which can set the context size; its OpenAI-compatible one cannot."""

from collections.abc import Mapping
from typing import Any, Final, Unpack

from orket.cards import EMPTY, JsonValue
from orket.contracts import Message, ModelReply, ModelRequest, ToolCall, Usage
from orket.errors import ModelReplyError
from orket.models._chat import HttpModel, function_tools, identified, need, raw_calls, tokens
from orket.models._http import HttpOptions, server_url

_RESERVED: Final = frozenset({"model", "messages", "tools", "stream"})


class OllamaModel(HttpModel):
    """Ask an Ollama server (``POST /api/chat``).

    Args:
        base_url: the server's address.
        name: the model's name on the server, such as ``qwen3:8b``; "" leaves the choice to each request.
        num_ctx: size of the context in tokens. None: what the server chooses.
        keep_alive: how long the model stays in memory afterwards: seconds, or text such as ``"10m"``; -1 is forever.
        think: whether (or how much) a reasoning model thinks; its thoughts are never part of the reply's text.
        truncate: let the server cut a prompt that is too long. By default it is asked to refuse such a prompt; servers
            older than 0.12.6 cut it silently all the same.
        options: how the server is reached; see :class:`~orket.models._http.HttpOptions`.
        params: further fields of every request; ``options`` among them is merged, key by key, into the options that the
            client sets (``temperature``, ``seed``, ``num_ctx``), and so is a request's own.

    Raises:
        WiringError: an argument cannot be used.
    """

    def __init__(
        self,
        base_url: str = "http://127.0.0.1:11434",
        *,
        name: str = "",
        params: Mapping[str, JsonValue] = EMPTY,
        num_ctx: int | None = None,
        keep_alive: str | float | None = None,
        think: bool | str | None = None,
        truncate: bool = False,
        **options: Unpack[HttpOptions],
    ) -> None:
        super().__init__(server_url(base_url) + "/api/chat", name=name, params=params, reserved=_RESERVED, **options)
        self._num_ctx = num_ctx
        self._keep_alive = keep_alive
        self._think = think
        self._truncate = truncate

    def _fields(self, request: ModelRequest, model: str) -> dict[str, JsonValue]:
        return {
            "model": model,
            "messages": [_message(*each) for each in identified(request.messages)],
            "tools": function_tools(request.tools) or None,
            "stream": False,
            "format": request.response_schema,
            "keep_alive": self._keep_alive,
            "think": self._think,
            "truncate": self._truncate,
            "shift": self._truncate,
        }

    def _extra(self, request: ModelRequest, fields: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        sampling = {"temperature": request.temperature, "seed": request.seed, "num_ctx": self._num_ctx}
        merged = {**sampling, **(fields.get("options") or {})}
        chosen = {key: value for key, value in merged.items() if value is not None}
        return {**request.params, "options": {**chosen, **(request.params.get("options") or {})}}

    def _reply(self, payload: Mapping[str, JsonValue], model: str) -> ModelReply:
        if payload.get("done") is not True:
            raise ModelReplyError("the model server's reply is not its whole reply: done is not true")
        message: dict[str, Any] = need(payload.get("message"), dict, "message")
        return ModelReply(
            text=need(message.get("content") or "", str, "message.content"),
            tool_calls=raw_calls(message.get("tool_calls"), "message.tool_calls"),
            usage=Usage(
                prompt_tokens=tokens(payload.get("prompt_eval_count")),
                completion_tokens=tokens(payload.get("eval_count")),
            ),
            model=need(payload.get("model") or model, str, "model"),
            finish_reason=need(payload.get("done_reason") or "unknown", str, "done_reason"),
        )


def _message(message: Message, calls: tuple[ToolCall, ...], answered: ToolCall | None) -> dict[str, JsonValue]:
    sent: dict[str, JsonValue] = {"role": message.role, "content": message.content}
    if message.role == "tool":
        if named := message.name or (answered.name if answered else ""):
            sent["tool_name"] = named
        if identity := answered.id if answered else message.call_id:
            sent["tool_call_id"] = identity
    if calls:
        sent["tool_calls"] = [
            {"id": call.id, "function": {"name": call.name, "arguments": dict(call.arguments)}} for call in calls
        ]
    return sent
