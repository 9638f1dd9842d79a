"""What is sent to model servers and what is read from them, field by field."""

import json
import os
from types import MappingProxyType
from typing import Any

import httpx2
import pytest
from anyio.abc import SocketStream
from http_double import Heard, answer, http_double

from orket.contracts import Message, ModelReply, ModelRequest, RawToolCall, ToolCall, ToolSpec, Usage
from orket.errors import ModelContextExceededError, ModelError, ModelReplyError, WiringError
from orket.models import OllamaModel, OpenAICompatibleModel

pytestmark = pytest.mark.anyio

TOOL = ToolSpec(name="look", description="Look.", parameters=MappingProxyType({"type": "object", "properties": {}}))
FUNCTION = {"name": "look", "description": "Look.", "parameters": {"type": "object", "properties": {}}}
SCHEMA = {"type": "object"}
TALK = (
    Message(role="system", content="s"),
    Message(role="user", content="u", name="ann"),
    Message(role="assistant", content="", calls=(ToolCall(name="look", arguments={"at": 1}, id="a1"),)),
    Message(role="tool", content="r1", call_id="a1"),
    Message(role="assistant", content="t", calls=(ToolCall(name="peek", arguments=MappingProxyType({})),)),
    Message(role="tool", content="r2", name="peek"),
    Message(role="tool", content="r3", call_id="unknown"),
    Message(role="tool", content="r4"),
)
FULL = ModelRequest(
    model="m", messages=TALK, tools=(TOOL,), temperature=0.5, seed=4, params={"top_p": 0.9}, response_schema=SCHEMA
)
BARE = ModelRequest(model="m", messages=(Message(role="user", content="hi"),))
CHAT = {"choices": [{"message": {"content": "ok"}, "finish_reason": "stop"}]}
OLLAMA = {"message": {"content": "ok"}, "done": True, "done_reason": "stop"}


async def sent(make: Any, request: ModelRequest, payload: Any, **options: Any) -> Heard:
    """Send *request* to a double that answers *payload*; return what it heard."""
    async with http_double(answer(200, payload)) as double:
        await make(double.url, **options).complete(request)
    return double.heard[0]


async def read(make: Any, payload: Any) -> ModelReply:
    """Return what a client makes of *payload*."""
    async with http_double(answer(200, payload)) as double:
        return await make(double.url).complete(BARE)


async def test_a_full_chat_completions_request() -> None:
    """Every field of a request is sent as the chat completions protocol has it; results find their calls."""
    heard = await sent(
        OpenAICompatibleModel, FULL, CHAT, tool_choice="auto", parallel_tool_calls=False, params={"user": "me"}
    )
    assert heard.path == "/v1/chat/completions"
    assert heard.headers["content-type"] == "application/json"
    assert "authorization" not in heard.headers
    look = {"id": "a1", "type": "function", "function": {"name": "look", "arguments": '{"at": 1}'}}
    peek = {"id": "call_text_1", "type": "function", "function": {"name": "peek", "arguments": "{}"}}
    assert heard.body == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": "u", "name": "ann"},
            {"role": "assistant", "content": None, "tool_calls": [look]},
            {"role": "tool", "content": "r1", "tool_call_id": "a1"},
            {"role": "assistant", "content": "t", "tool_calls": [peek]},
            {"role": "tool", "content": "r2", "tool_call_id": "call_text_1"},
            {"role": "tool", "content": "r3", "tool_call_id": "unknown"},
            {"role": "tool", "content": "r4", "tool_call_id": ""},
        ],
        "temperature": 0.5,
        "seed": 4,
        "tools": [{"type": "function", "function": FUNCTION}],
        "tool_choice": "auto",
        "parallel_tool_calls": False,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "reply", "schema": SCHEMA, "strict": True},
        },
        "user": "me",
        "top_p": 0.9,
    }


async def test_a_bare_chat_completions_request() -> None:
    """Nothing is sent that nobody asked for; the client's name wins over the request's."""
    options = {"name": "other", "tool_choice": "auto", "parallel_tool_calls": True}
    heard = await sent(OpenAICompatibleModel, BARE, CHAT, **options)
    assert heard.body == {
        "model": "other",
        "messages": [{"role": "user", "content": "hi"}],
        "temperature": 0.0,
    }


async def test_params_win_and_can_leave_fields_out() -> None:
    """The client's params win over its fields, None leaves one out, and a request's params win over both."""
    request = ModelRequest(model="m", messages=(), params={"max_tokens": 7, "stop": None})
    params = {"temperature": None, "max_tokens": 5, "top_p": 0.1}
    heard = await sent(OpenAICompatibleModel, request, CHAT, params=params)
    assert heard.body == {"model": "m", "messages": [], "max_tokens": 7, "top_p": 0.1, "stop": None}


async def test_a_path_in_the_address_is_kept() -> None:
    """The version in an address is the host's choice; a slash at its end changes nothing."""
    for path, expected in {"/api/v3/": "/api/v3", "/": "/v1"}.items():
        async with http_double(answer(200, CHAT)) as double:
            await OpenAICompatibleModel(double.url + path).complete(BARE)
        assert double.heard[0].path == f"{expected}/chat/completions"


async def test_a_full_ollama_request() -> None:
    """Every field of a request is sent as Ollama's own protocol has it."""
    options = {"num_ctx": 4096, "keep_alive": "5m", "think": False, "params": {"options": {"top_k": 3, "seed": 5}}}
    request = ModelRequest(
        model="m",
        messages=TALK,
        tools=(TOOL,),
        temperature=0.5,
        seed=4,
        params={"options": {"num_predict": 9}, "logprobs": True},
        response_schema=SCHEMA,
    )
    heard = await sent(OllamaModel, request, OLLAMA, **options)
    assert heard.path == "/api/chat"
    look = {"id": "a1", "function": {"name": "look", "arguments": {"at": 1}}}
    peek = {"id": "call_text_1", "function": {"name": "peek", "arguments": {}}}
    assert heard.body == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": "u"},
            {"role": "assistant", "content": "", "tool_calls": [look]},
            {"role": "tool", "content": "r1", "tool_name": "look", "tool_call_id": "a1"},
            {"role": "assistant", "content": "t", "tool_calls": [peek]},
            {"role": "tool", "content": "r2", "tool_name": "peek", "tool_call_id": "call_text_1"},
            {"role": "tool", "content": "r3", "tool_call_id": "unknown"},
            {"role": "tool", "content": "r4"},
        ],
        "tools": [{"type": "function", "function": FUNCTION}],
        "stream": False,
        "format": SCHEMA,
        "keep_alive": "5m",
        "think": False,
        "truncate": False,
        "shift": False,
        "options": {"temperature": 0.5, "seed": 5, "num_ctx": 4096, "top_k": 3, "num_predict": 9},
        "logprobs": True,
    }


async def test_params_must_not_touch_what_the_client_sets() -> None:
    """Params that name the messages, the tools or streaming are refused where they are given."""
    for make in (OpenAICompatibleModel, OllamaModel):
        with pytest.raises(WiringError, match="must not name messages, stream"):
            make("http://x", params={"stream": True, "messages": []})
        with pytest.raises(ModelError, match="must not name tools"):
            await make("http://x").complete(ModelRequest(model="m", messages=(), params={"tools": []}))


@pytest.mark.parametrize("value", [float("nan"), object(), {1, 2}])
async def test_params_must_be_json(value: Any) -> None:
    """Params that JSON does not have are ModelError before anything is sent."""
    with pytest.raises(ModelError, match="cannot be written as JSON"):
        await OpenAICompatibleModel("http://127.0.0.1:1").complete(
            ModelRequest(model="m", messages=(), params={"x": value})
        )


def chat(message: Any, **fields: Any) -> dict[str, Any]:
    return {"choices": [{"message": message, "finish_reason": "stop", **fields}]}


CALL = {"id": "c", "function": {"name": "look", "arguments": "{"}}
REPLIES = {
    "text": (chat({"content": "hi"}), ModelReply(text="hi", model="m")),
    "no text": (chat({"content": None}), ModelReply(model="m")),
    "nothing": (chat({}), ModelReply(model="m")),
    "reasoning is not text": (chat({"content": "hi", "reasoning_content": "hm"}), ModelReply(text="hi", model="m")),
    "parts": (
        chat(
            {
                "content": [
                    {"type": "thinking", "thinking": "hm"},
                    {"type": "text", "text": "h"},
                    {"type": "text", "text": "i"},
                ]
            }
        ),
        ModelReply(text="hi", model="m"),
    ),
    "refusal": (chat({"content": None, "refusal": "no"}), ModelReply(text="no", finish_reason="refusal", model="m")),
    "call beside empty text": (
        chat({"content": "", "tool_calls": [CALL]}, finish_reason="tool_calls"),
        ModelReply(
            tool_calls=(RawToolCall(name="look", arguments="{", id="c"),), finish_reason="tool_calls", model="m"
        ),
    ),
    "arguments as object, none, no id": (
        chat({"tool_calls": [{"function": {"name": "a", "arguments": {"b": 1}}}, {"function": {"name": "c"}}]}),
        ModelReply(
            tool_calls=(RawToolCall(name="a", arguments={"b": 1}), RawToolCall(name="c", arguments={})), model="m"
        ),
    ),
    "usage": (
        chat({"content": "hi"}) | {"usage": {"prompt_tokens": 3, "completion_tokens": 4}, "model": "served"},
        ModelReply(text="hi", usage=Usage(prompt_tokens=3, completion_tokens=4), model="served"),
    ),
    "odd usage": (
        chat({"content": "hi"}) | {"usage": {"prompt_tokens": -3, "completion_tokens": 1e3}},
        ModelReply(text="hi", model="m"),
    ),
    "huge usage": (
        chat({"content": "hi"}) | {"usage": {"prompt_tokens": 10**30, "completion_tokens": True}},
        ModelReply(text="hi", model="m"),
    ),
    "no finish reason": (
        chat({"content": "hi"}, finish_reason=None),
        ModelReply(text="hi", finish_reason="unknown", model="m"),
    ),
}


@pytest.mark.parametrize(("payload", "expected"), REPLIES.values(), ids=REPLIES.keys())
async def test_chat_completions_replies_are_read(payload: Any, expected: ModelReply) -> None:
    """Each form that servers are known to answer in is read as what it means."""
    assert await read(OpenAICompatibleModel, payload) == expected


WRONG = {
    "empty": ({}, "NoneType at choices; list is valid"),
    "no choice": ({"choices": []}, r"NoneType at choices\[0\]"),
    "choice": ({"choices": ["hi"]}, r"str at choices\[0\]; dict is valid"),
    "message": (chat("hi"), r"str at choices\[0\].message"),
    "content": (chat({"content": 7}), r"int at choices\[0\].message.content"),
    "part": (chat({"content": ["hi"]}), r"str at choices\[0\].message.content\[0\]"),
    "text part": (chat({"content": [{"type": "text"}]}), r"NoneType at .*text part"),
    "calls": (chat({"tool_calls": {"a": 1}}), r"dict at choices\[0\].message.tool_calls"),
    "call": (chat({"tool_calls": [None]}), r"NoneType at .*tool_calls\[0\]"),
    "function": (chat({"tool_calls": [CALL, {}]}), r"NoneType at .*tool_calls\[1\].function"),
    "name": (chat({"tool_calls": [{"function": {}}]}), r"NoneType at .*tool_calls\[0\].function.name"),
    "arguments": (chat({"tool_calls": [{"function": {"name": "a", "arguments": [1]}}]}), "list at .*arguments"),
    "id": (chat({"tool_calls": [{"id": 7, "function": {"name": "a"}}]}), r"int at .*tool_calls\[0\].id"),
    "model": (chat({}) | {"model": 7}, "int at model"),
    "finish reason": (chat({}, finish_reason=["stop"]), "list at .*finish_reason"),
}


@pytest.mark.parametrize(("payload", "words"), WRONG.values(), ids=WRONG.keys())
async def test_wrong_shapes_are_reply_errors(payload: Any, words: str) -> None:
    """A reply of another shape is ModelReplyError that says what was found where, and what is valid."""
    with pytest.raises(ModelReplyError, match=words):
        await read(OpenAICompatibleModel, payload)


async def test_ollama_replies_are_read() -> None:
    """Text, calls with arguments as objects, and Ollama's own counts are read; thinking is not text."""
    message = {"content": "hi", "thinking": "hm", "tool_calls": [{"function": {"name": "a", "arguments": {"b": 1}}}]}
    counts = {"prompt_eval_count": 3, "eval_count": 4}
    payload = {"model": "qwen", "message": message, "done": True, "done_reason": "length", **counts}
    assert await read(OllamaModel, payload) == ModelReply(
        text="hi",
        tool_calls=(RawToolCall(name="a", arguments={"b": 1}),),
        usage=Usage(prompt_tokens=3, completion_tokens=4),
        model="qwen",
        finish_reason="length",
    )


async def test_half_an_ollama_reply_is_none() -> None:
    """A reply that is not done, as a stream would begin, is ModelReplyError."""
    with pytest.raises(ModelReplyError, match="not its whole reply"):
        await read(OllamaModel, OLLAMA | {"done": False})


async def test_ollama_refuses_a_prompt_that_is_too_long() -> None:
    """The refusal that Ollama passes on from its runner, JSON within JSON, is ModelContextExceededError."""
    inner = '{"error":{"code":400,"message":"too long","type":"exceed_context_size_error"}}'
    async with http_double(answer(400, {"error": inner})) as double:
        with pytest.raises(ModelContextExceededError, match="exceed_context_size_error"):
            await OllamaModel(double.url).complete(BARE)


def as_ollama(url: str) -> Any:
    """Speak Ollama's protocol to the client and pass everything on to a real llama.cpp server."""

    async def behave(stream: SocketStream, heard: Heard) -> None:
        body = heard.body
        body |= {"max_tokens": 200, **body.pop("options")}
        for call in [call for message in body["messages"] for call in message.get("tool_calls", [])]:
            call["type"] = "function"
            call["function"]["arguments"] = json.dumps(call["function"]["arguments"])
        if schema := body.pop("format", None):
            body["response_format"] = {"type": "json_schema", "json_schema": {"schema": schema}}
        async with httpx2.AsyncClient(base_url=url, verify=False, trust_env=False, timeout=60) as client:
            got = (await client.post("/v1/chat/completions", json=body)).raise_for_status().json()
        message = got["choices"][0]["message"]
        for call in message.get("tool_calls", []):
            call["function"]["arguments"] = json.loads(call["function"]["arguments"])
        done = {"message": message, "done": True, "done_reason": got["choices"][0]["finish_reason"]}
        await answer(200, done | {"eval_count": got["usage"]["completion_tokens"]})(stream, heard)

    return behave


async def test_ollamas_protocol_drives_a_real_model(model_url: str) -> None:
    """Through Ollama's protocol a real model calls an offered tool, answers after its result, and keeps a schema."""
    async with http_double(*[as_ollama(model_url)] * 3) as double, OllamaModel(double.url) as model:
        reply = await model.complete(ModelRequest(model="tiny", messages=BARE.messages, tools=(TOOL,)))
        assert {(call.name, str(call.arguments)) for call in reply.tool_calls} == {("look", "{}")}
        calls = tuple(ToolCall(name=raw.name, arguments=raw.arguments, id=raw.id) for raw in reply.tool_calls)
        results = [Message(role="tool", content="ok", call_id=call.id) for call in calls]
        talk = (*BARE.messages, Message(role="assistant", content=reply.text, calls=calls), *results)
        assert (await model.complete(ModelRequest(model="tiny", messages=talk, tools=(TOOL,)))).tool_calls == ()
        schema = {"enum": ["pass", "fail"]}
        last = await model.complete(ModelRequest(model="tiny", messages=BARE.messages, response_schema=schema))
        assert last.text in ('"pass"', '"fail"')
        assert last.usage.completion_tokens > 0


@pytest.mark.live
@pytest.mark.skipif("ORKET_TEST_OLLAMA" not in os.environ, reason="ORKET_TEST_OLLAMA names no model (NAME or NAME@URL)")
async def test_a_real_ollama_server() -> None:
    """A real Ollama server calls an offered tool, and refuses a prompt longer than its context."""
    name, _, url = os.environ["ORKET_TEST_OLLAMA"].partition("@")
    async with OllamaModel(url or "http://127.0.0.1:11434", name=name, num_ctx=2048) as model:
        ask = Message(role="user", content="Use the tool look now.")
        reply = await model.complete(ModelRequest(model="", messages=(ask,), tools=(TOOL,)))
        assert reply.tool_calls or reply.text
        assert reply.usage.prompt_tokens > 0
        with pytest.raises(ModelContextExceededError):
            await model.complete(ModelRequest(model="", messages=(Message(role="user", content="word " * 9000),)))
