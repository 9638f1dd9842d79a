"""CallableModel: a Python function is the model."""

import threading
from collections.abc import Sequence
from typing import Any

import anyio
import pytest

from orket.contracts import Message, ModelClient, ModelReply, ModelRequest, RawToolCall, ToolCall
from orket.errors import ModelConnectionError, ModelError, ModelReplyError, ModelTimeoutError, StoreError, WiringError
from orket.models import CallableModel

pytestmark = pytest.mark.anyio

ASK = ModelRequest(model="m", messages=(Message(role="user", content="hi"),))
CALL = ToolCall(name="read_file", arguments={"path": "a.py"}, id="c1")
RAW = RawToolCall(name="read_file", arguments={"path": "a.py"}, id="c1")
REPLY = ModelReply(text="hello", tool_calls=(RAW,), finish_reason="length")
ANSWERS = {
    "reply": (REPLY, REPLY),
    "text": ("hello", ModelReply(text="hello")),
    "no text": ("", ModelReply()),
    "call": (CALL, ModelReply(tool_calls=(RAW,), finish_reason="tool_calls")),
    "calls": ([CALL, CALL], ModelReply(tool_calls=(RAW, RAW), finish_reason="tool_calls")),
    "tuple": ((CALL,), ModelReply(tool_calls=(RAW,), finish_reason="tool_calls")),
    "no calls": ([], ModelReply()),
}


@pytest.mark.parametrize(("answer", "reply"), ANSWERS.values(), ids=ANSWERS.keys())
async def test_every_kind_of_answer_becomes_a_reply(answer: Any, reply: ModelReply) -> None:
    """Replies, text, a call and sequences of calls are answers, whether the function is plain, in a thread or async."""

    async def later(_request: ModelRequest) -> Any:
        await anyio.lowlevel.checkpoint()
        return answer

    for model in (
        CallableModel(lambda _request: answer),
        CallableModel(lambda _request: answer, in_thread=True),
        CallableModel(later),
    ):
        assert isinstance(model, ModelClient)
        assert await model.complete(ASK) == reply


JUNK: list[Any] = [
    None,
    7,
    b"bytes",
    {"text": "hi"},
    [CALL, "text"],
    [RAW],
    ModelReply(text=None),  # type: ignore[arg-type]
    ModelReply(tool_calls=(CALL,)),  # type: ignore[arg-type]
    ToolCall(name=None, arguments={}),  # type: ignore[arg-type]
    [ToolCall(name="a", arguments="{}")],  # type: ignore[arg-type]
    iter([CALL]),
]


@pytest.mark.parametrize("junk", JUNK, ids=lambda junk: type(junk).__name__)
async def test_anything_else_is_a_reply_error(junk: Any) -> None:
    """What is no answer becomes ModelReplyError that names the function and what it returned."""

    def agent(_request: ModelRequest) -> Any:
        return junk

    with pytest.raises(ModelReplyError, match=r"agent returned a "):
        await CallableModel(agent).complete(ASK)


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), StoreError("no"), ExceptionGroup("g", [OSError()])])
async def test_what_the_function_raises_is_chained(error: BaseException) -> None:
    """Whatever the function raises becomes ModelError with the original as its cause, however the function runs."""

    def agent(_request: ModelRequest) -> str:
        raise error

    async def slow_agent(_request: ModelRequest) -> str:
        await anyio.lowlevel.checkpoint()
        raise error

    for model in (CallableModel(agent), CallableModel(agent, in_thread=True), CallableModel(slow_agent)):
        with pytest.raises(ModelError, match=rf"agent raised {type(error).__name__}") as caught:
            await model.complete(ASK)
        assert caught.value.__cause__ is error
        assert type(caught.value) is ModelError


async def test_model_errors_pass_unchanged() -> None:
    """A function may say exactly what went wrong: the ModelError it raises is not wrapped."""
    error = ModelConnectionError("gone")

    def agent(_request: ModelRequest) -> str:
        raise error

    with pytest.raises(ModelConnectionError) as caught:
        await CallableModel(agent).complete(ASK)
    assert caught.value is error


async def test_a_slow_coroutine_function_runs_into_the_timeout() -> None:
    """An async function is cancelled at the request's timeout; a TimeoutError of its own is its own."""

    async def agent(_request: ModelRequest) -> str:
        await anyio.sleep_forever()
        return ""

    async def impatient(_request: ModelRequest) -> str:
        raise TimeoutError

    with pytest.raises(ModelTimeoutError, match=r"within 0\.01 s"):
        await CallableModel(agent).complete(ModelRequest(model="m", messages=(), timeout=0.01))
    with pytest.raises(ModelError, match="impatient raised TimeoutError"):
        await CallableModel(impatient).complete(ASK)


async def test_cancellation_is_not_an_error() -> None:
    """A cancelled exchange ends as cancelled, not as ModelError."""

    async def agent(_request: ModelRequest) -> str:
        await anyio.sleep_forever()
        return ""

    with anyio.CancelScope() as scope:
        scope.cancel()
        await CallableModel(agent).complete(ASK)
    assert scope.cancelled_caught


async def test_where_functions_run() -> None:
    """A plain function runs where it is called, or in a worker thread when asked for."""
    inline = CallableModel(lambda _request: str(threading.get_ident()))
    threaded = CallableModel(lambda _request: str(threading.get_ident()), in_thread=True)
    assert (await inline.complete(ASK)).text == str(threading.get_ident())
    assert (await threaded.complete(ASK)).text != str(threading.get_ident())


async def test_an_instance_may_be_the_agent() -> None:
    """Any callable will do; it is named by its class."""

    class Agent:
        def __call__(self, request: ModelRequest) -> Sequence[ToolCall]:
            raise KeyError(request.model)

    with pytest.raises(ModelError, match=r"Agent raised KeyError: 'm'"):
        await CallableModel(Agent()).complete(ASK)


def test_it_needs_a_function() -> None:
    """What cannot be called is refused when the model is made."""
    with pytest.raises(WiringError, match="found a value of type str"):
        CallableModel("gpt-5")  # type: ignore[arg-type]


def test_the_function_takes_a_request() -> None:
    """A function that cannot be called with one request is refused when the model is made, with its signature."""
    for wrong in (lambda: "", lambda one, two: "", lambda *, request: ""):
        with pytest.raises(WiringError, match=r"cannot be called as .*<lambda>\(request\): "):
            CallableModel(wrong)  # type: ignore[arg-type]
    with pytest.raises(WiringError, match="in_thread is 'yes'; valid: True or False"):
        CallableModel(lambda request: "", in_thread="yes")  # type: ignore[arg-type]
