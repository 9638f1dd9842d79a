"""Models behind the chat completions protocol: OpenAI, llama.cpp, vLLM, LM Studio, and most gateways."""

import json
from collections.abc import Mapping
from typing import Any, Final, Unpack

from orket.cards import EMPTY, JsonValue
from orket.contracts import Message, ModelReply, ModelRequest, ToolCall, Usage
from orket.models._chat import HttpModel, function_tools, identified, need, raw_calls, tokens
from orket.models._http import HttpOptions, server_url

_RESERVED: Final = frozenset({"model", "messages", "tools", "stream", "n"})


class OpenAICompatibleModel(HttpModel):
    """Ask a server that speaks ``POST …/chat/completions``.

    Args:
        base_url: address up to the version, such as ``https://api.openai.com/v1``; without a path, ``/v1`` is added.
        name: the model's name on the server; "" leaves the choice to each request.
        params: further fields of every request. They win over the client's own (``{"temperature": None}`` leaves the
            temperature out, which some models insist on), and a request's own params win over them.
        tool_choice: ``"auto"``, ``"required"`` … or an object; sent only with requests that offer tools.
        parallel_tool_calls: sent only with requests that offer tools. Servers are known to ignore it.
        strict_schema: ask that the answer fits a request's schema exactly; OpenAI then demands that a schema requires
            every property and forbids others.
        options: how the server is reached; see :class:`~orket.models._http.HttpOptions`.

    Raises:
        WiringError: an argument cannot be used.
    """

    def __init__(
        self,
        base_url: str,
        *,
        name: str = "",
        params: Mapping[str, JsonValue] = EMPTY,
        tool_choice: str | Mapping[str, JsonValue] | None = None,
        parallel_tool_calls: bool | None = None,
        strict_schema: bool = True,
        **options: Unpack[HttpOptions],
    ) -> None:
        url = server_url(base_url, default_path="/v1") + "/chat/completions"
        super().__init__(url, name=name, params=params, reserved=_RESERVED, **options)
        self._tool_choice = tool_choice
        self._parallel_tool_calls = parallel_tool_calls
        self._strict_schema = strict_schema

    def _fields(self, request: ModelRequest, model: str) -> dict[str, JsonValue]:
        fields: dict[str, JsonValue] = {
            "model": model,
            "messages": [_message(*each) for each in identified(request.messages)],
            "temperature": request.temperature,
            "seed": request.seed,
        }
        if request.tools:
            fields["tools"] = function_tools(request.tools)
            fields["tool_choice"] = self._tool_choice
            fields["parallel_tool_calls"] = self._parallel_tool_calls
        if request.response_schema is not None:
            schema = {"name": "reply", "schema": request.response_schema, "strict": self._strict_schema}
            fields["response_format"] = {"type": "json_schema", "json_schema": schema}
        return fields

    def _reply(self, payload: Mapping[str, JsonValue], model: str) -> ModelReply:
        choices: list[Any] = need(payload.get("choices"), list, "choices")
        choice: dict[str, Any] = need(choices[0] if choices else None, dict, "choices[0]")
        message: dict[str, Any] = need(choice.get("message"), dict, "choices[0].message")
        usage = payload.get("usage")
        counts = usage if isinstance(usage, dict) else {}
        refusal = need(message.get("refusal") or "", str, "choices[0].message.refusal")
        finish_reason = need(choice.get("finish_reason") or "unknown", str, "choices[0].finish_reason")
        return ModelReply(
            text=refusal or _text(message.get("content")),
            tool_calls=raw_calls(message.get("tool_calls"), "choices[0].message.tool_calls"),
            usage=Usage(
                prompt_tokens=tokens(counts.get("prompt_tokens")),
                completion_tokens=tokens(counts.get("completion_tokens")),
            ),
            model=need(payload.get("model") or model, str, "model"),
            finish_reason="refusal" if refusal else finish_reason,
        )


def _message(message: Message, calls: tuple[ToolCall, ...], answered: ToolCall | None) -> dict[str, JsonValue]:
    sent: dict[str, JsonValue] = {"role": message.role, "content": message.content}
    if message.role == "tool":
        return sent | {"tool_call_id": answered.id if answered else message.call_id}
    if message.name:
        sent["name"] = message.name
    if calls:
        sent["content"] = message.content or None  # servers disagree about "" beside calls
        sent["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": json.dumps(dict(call.arguments))},
            }
            for call in calls
        ]
    return sent


def _text(content: JsonValue) -> str:
    """Return the text of a message: a string, nothing, or parts of which only text counts (reasoning is not text)."""
    where = "choices[0].message.content"
    if isinstance(content, list):
        parts = [need(part, dict, f"{where}[{index}]") for index, part in enumerate(content)]
        texts = [part.get("text") for part in parts if part.get("type") == "text"]
        return "".join([need(text, str, f"{where} (text part)") for text in texts])
    return need(content or "", str, where)
