"""OpenAICompatibleModel against a real llama.cpp server."""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import anyio
import httpx2
import pytest
from model_server import model_server

from orket.contracts import Message, ModelClient, ModelReply, ModelRequest, ToolCall, ToolSpec
from orket.errors import (
    ModelAuthenticationError,
    ModelContextExceededError,
    ModelReplyError,
    ModelTimeoutError,
)
from orket.models import OpenAICompatibleModel

pytestmark = pytest.mark.anyio

KEY = "sk-orket-test/0123456789+abc=="
CRITERIA = {"status": {"enum": ["doing", "done"]}, "note": {"type": "string", "maxLength": 12}}
SET_STATUS = ToolSpec(
    name="set_status",
    description="Say how far the work is.",
    parameters={
        "type": "object",
        "properties": CRITERIA,
        "required": ["status", "note"],
        "additionalProperties": False,
    },
)
VERDICT = {
    "type": "object",
    "properties": {"verdict": {"enum": ["pass", "fail"]}, "score": {"type": "integer", "minimum": 0, "maximum": 9}},
    "required": ["verdict", "score"],
    "additionalProperties": False,
}
PROMPT = (Message(role="system", content="You are a coder."), Message(role="user", content="Do card 7."))
LONG = {"max_tokens": 1000, "ignore_eos": True}  # most of a second


def request(*messages: Message, tools: tuple[ToolSpec, ...] = (), **fields: object) -> ModelRequest:
    params = {"max_tokens": 400, **fields.pop("params", {})}
    return ModelRequest(
        model="tiny", messages=messages or PROMPT, tools=tools, params=params, **{"timeout": 60.0, **fields}
    )


@pytest.fixture
async def model(model_url: str) -> AsyncIterator[OpenAICompatibleModel]:
    async with OpenAICompatibleModel(model_url, retries=0) as client:
        yield client


def answered(reply: ModelReply) -> tuple[Message, ...]:
    """The messages of a second round: what the model called, and results for it."""
    calls = tuple(ToolCall(name=raw.name, arguments=json.loads(raw.arguments), id=raw.id) for raw in reply.tool_calls)
    results = [Message(role="tool", content="ok", call_id=call.id, name=call.name) for call in calls]
    return (*PROMPT, Message(role="assistant", content=reply.text, calls=calls), *results)


async def test_is_a_model_client(model: OpenAICompatibleModel) -> None:
    """The client satisfies the port."""
    assert isinstance(model, ModelClient)


@pytest.mark.parametrize("seed", range(4))
async def test_calls_an_offered_tool_and_answers_after_its_result(model: OpenAICompatibleModel, seed: int) -> None:
    """Offered a tool the real model calls it with valid arguments, and given the result it answers with text."""
    reply = await model.complete(request(tools=(SET_STATUS,), seed=seed, temperature=0.8))
    assert reply.finish_reason == "tool_calls"
    for call in reply.tool_calls:
        arguments = json.loads(call.arguments)
        assert (call.name, arguments.keys()) == ("set_status", {"status", "note"})
        assert arguments["status"] in ("doing", "done")
        assert call.id
    second = await model.complete(request(*answered(reply), tools=(SET_STATUS,), seed=seed, temperature=0.8))
    assert (second.finish_reason, second.tool_calls) == ("stop", ())
    assert second.usage.prompt_tokens > reply.usage.prompt_tokens > 0
    assert second.usage.completion_tokens > 0


async def test_calls_found_in_text_can_be_answered(model: OpenAICompatibleModel) -> None:
    """A prompt whose calls and results carry no ids is accepted by the real server and read as answered."""
    call = ToolCall(name="set_status", arguments={"status": "done", "note": "n"})
    said = Message(role="assistant", content="", calls=(call, call))
    result = Message(role="tool", content="ok")
    reply = await model.complete(request(*PROMPT, said, result, result, tools=(SET_STATUS,)))
    assert reply.tool_calls == ()


async def test_tool_choice_none_forbids_calls(model_url: str) -> None:
    """``tool_choice="none"`` reaches the server: no call, although a tool is offered."""
    model = OpenAICompatibleModel(model_url, tool_choice="none", parallel_tool_calls=False)
    reply = await model.complete(request(tools=(SET_STATUS,), params={"max_tokens": 40}))
    assert reply.tool_calls == ()


async def test_response_schema_is_kept(model: OpenAICompatibleModel) -> None:
    """With a response schema every reply is a JSON document of that schema."""
    for seed in range(5):
        reply = await model.complete(request(response_schema=VERDICT, seed=seed, temperature=0.8))
        verdict = json.loads(reply.text)
        assert verdict.keys() == {"verdict", "score"}
        assert verdict["score"] in range(10)


async def test_same_seed_same_answer(model: OpenAICompatibleModel) -> None:
    """Seed and temperature reach the server: the same seed gives the same text, another seed another."""
    ask = {"temperature": 0.8, "params": {"max_tokens": 60, "cache_prompt": False}}
    one, again, other = [(await model.complete(request(seed=seed, **ask))).text for seed in (3, 3, 4)]
    assert one == again != other


async def test_a_long_answer_is_cut_off_and_says_so(model: OpenAICompatibleModel) -> None:
    """A call that hits the token limit comes back as it was sent: "length", with arguments that are not JSON."""
    for limit in range(12, 30):
        reply = await model.complete(request(tools=(SET_STATUS,), params={"max_tokens": limit}))
        assert (reply.finish_reason, reply.usage.completion_tokens) == ("length", limit)
        if reply.tool_calls and reply.tool_calls[0].arguments:
            with pytest.raises(json.JSONDecodeError):
                json.loads(reply.tool_calls[0].arguments)
            break
    else:
        pytest.fail("no cut-off call was seen")


async def test_too_long_a_prompt(model: OpenAICompatibleModel) -> None:
    """A prompt above the server's context is ModelContextExceededError with the server's numbers, not retryable."""
    with pytest.raises(ModelContextExceededError, match="context size") as caught:
        await model.complete(request(Message(role="user", content="x" * 5000)))
    assert caught.value.data["n_prompt_tokens"] > 5000
    assert caught.value.data["n_ctx"] == 4096
    assert (caught.value.data["status"], caught.value.retryable) == (400, False)


async def test_a_refused_request_carries_the_servers_words(model: OpenAICompatibleModel) -> None:
    """Any other 4xx is ModelReplyError with what the server said about it."""
    with pytest.raises(ModelReplyError, match=r"answered 400: .*temperature") as caught:
        await model.complete(request(params={"temperature": {"not": "a number"}}))
    assert caught.value.data["attempts"] == 1


async def test_the_whole_exchange_is_timed(model: OpenAICompatibleModel) -> None:
    """An answer that takes longer than the request's timeout is ModelTimeoutError."""
    with pytest.raises(ModelTimeoutError, match=r"within 0\.05 s") as caught:
        await model.complete(request(params=LONG, timeout=0.05))
    assert caught.value.retryable


async def test_a_cancelled_exchange_leaves_the_model_usable(model: OpenAICompatibleModel) -> None:
    """After an exchange was cancelled the same client answers the next one."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(model.complete, request(params=LONG))
        await anyio.wait_all_tasks_blocked()
        tasks.cancel_scope.cancel()
    assert (await model.complete(request(params={"max_tokens": 1}))).usage.completion_tokens == 1


async def test_concurrent_first_exchanges_share_connections(model_url: str) -> None:
    """A model that was never entered answers many first exchanges at once through one client, and keeps none."""
    made = []

    def make() -> httpx2.AsyncClient:
        made.append(httpx2.AsyncClient(verify=False, trust_env=False))
        return made[-1]

    model = OpenAICompatibleModel(model_url, client_factory=make)
    replies: list[ModelReply] = []

    async def ask() -> None:
        replies.append(await model.complete(request(params={"max_tokens": 20})))

    async with anyio.create_task_group() as tasks:
        for _ in range(8):
            tasks.start_soon(ask)
    assert (len(replies), len(made)) == (8, 1)
    assert made[0].is_closed


@pytest.fixture(scope="module")
def locked_url(model_file: Path) -> Iterator[str]:
    """A real server that asks for an API key."""
    with model_server(model_file, model_file.with_name("locked.log"), api_key=KEY) as url:
        yield url


async def test_the_right_key_opens(locked_url: str) -> None:
    """The API key is sent as the server wants it."""
    model = OpenAICompatibleModel(locked_url, api_key=KEY)
    assert (await model.complete(request())).model


@pytest.mark.parametrize("key", [None, "sk-wrong-key-99"])
async def test_a_wrong_key_is_an_authentication_error(locked_url: str, key: str | None) -> None:
    """Without the right key it is ModelAuthenticationError, never tried again, and never shows the key."""
    model = OpenAICompatibleModel(locked_url, api_key=key, retries=3)
    with pytest.raises(ModelAuthenticationError, match="answered 401") as caught:
        await model.complete(request())
    assert caught.value.data["attempts"] == 1
    assert "sk-wrong" not in f"{caught.value!r} {caught.value.data} {model!r}"
