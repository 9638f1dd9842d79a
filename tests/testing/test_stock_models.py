"""The stock model clients, and the scripted one, keep their contract."""

import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import anyio
import pytest
from hypothesis import settings
from hypothesis.strategies import SearchStrategy, just
from model_double import SECRET, model_double

from orket.contracts import ModelClient, ModelRequest, ToolCall
from orket.errors import (
    ModelAuthenticationError,
    ModelConnectionError,
    ModelContextExceededError,
)
from orket.models import CallableModel, OllamaModel, OpenAICompatibleModel
from orket.testing import ModelClientContract
from orket.testing.fakes import RecordingModel, ScriptedModel


def echo(request: ModelRequest) -> str:
    return repr([(message.role, message.content) for message in request.messages])


def raising(error: type[Exception]) -> Callable[[ModelRequest], Any]:
    def fail(_request: ModelRequest) -> str:
        raise error("no")

    return fail


async def sluggish(_request: ModelRequest) -> str:
    await anyio.sleep(60)
    return "at last"


class TestCallableModel(ModelClientContract):
    settings = settings(max_examples=50)
    native_tools = True
    can_be_unreachable = True
    can_be_slow = True
    checks_credentials = True
    can_be_garbled = True
    limits_context = True

    def make_client(self) -> ModelClient:
        return CallableModel(echo)

    def make_calling(self, call: ToolCall) -> ModelClient:
        return CallableModel(lambda _: call)

    def make_unreachable(self) -> ModelClient:
        return CallableModel(raising(ModelConnectionError))

    def make_slow(self) -> ModelClient:
        return CallableModel(sluggish)

    def make_unauthorized(self) -> ModelClient:
        return CallableModel(raising(ModelAuthenticationError))

    def make_garbled(self) -> ModelClient:
        return CallableModel(lambda _: {"not": "a reply"})  # type: ignore[arg-type,return-value]

    def make_exceeded(self) -> ModelClient:
        return CallableModel(raising(ModelContextExceededError))


async def awaited_echo(request: ModelRequest) -> str:
    await anyio.lowlevel.checkpoint()
    return echo(request)


class TestAwaitedCallableModel(ModelClientContract):
    settings = settings(max_examples=30)
    can_be_slow = True

    def make_client(self) -> ModelClient:
        return CallableModel(awaited_echo)

    def make_slow(self) -> ModelClient:
        return CallableModel(sluggish)


class TestThreadedCallableModel(ModelClientContract):
    settings = settings(max_examples=10)

    def make_client(self) -> ModelClient:
        return CallableModel(echo, in_thread=True)


class TestScriptedModel(ModelClientContract):
    settings = settings(max_examples=30)
    native_tools = True
    can_be_unreachable = True
    can_be_slow = True
    can_be_garbled = True

    def make_client(self) -> ModelClient:
        return ScriptedModel(echo)

    def make_calling(self, call: ToolCall) -> ModelClient:
        return ScriptedModel([call])

    def make_unreachable(self) -> ModelClient:
        return ScriptedModel([ModelConnectionError("no")])

    def make_slow(self) -> ModelClient:
        return ScriptedModel(sluggish)

    def make_garbled(self) -> ModelClient:
        return ScriptedModel([7])  # type: ignore[list-item]


class TestReplayingModel(ModelClientContract):
    """Of a cassette that has one request several times; all others are drift, which tests of their own are about."""

    deterministic = False
    path: ClassVar[Path]

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def recorded(cls, tmp_path_factory: pytest.TempPathFactory) -> None:
        path = tmp_path_factory.mktemp("cassette") / "c.json"
        cls.path = path

        async def record() -> None:
            model = RecordingModel(CallableModel(echo), path)
            for _ in range(6):
                await model.complete(cls.ordinary())

        anyio.run(record)

    @classmethod
    def requests(cls) -> SearchStrategy[ModelRequest]:
        return just(cls.ordinary())

    def make_client(self) -> ModelClient:
        return ScriptedModel.replaying(self.path)


class OverHttp(ModelClientContract):
    native_tools = True
    counts_tokens = True
    can_be_unreachable = True
    can_be_slow = True
    checks_credentials = True
    can_be_garbled = True
    limits_context = True
    secret = SECRET
    settings = settings(max_examples=10)
    url: ClassVar[str] = ""
    deaf: ClassVar[socket.socket]

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def served(cls) -> Iterator[None]:
        with model_double() as cls.url, socket.socket() as cls.deaf:
            cls.deaf.bind(("127.0.0.1", 0))  # its port is nobody else's, and nobody listens there
            yield

    def at(self, behaviour: str, **options: Any) -> ModelClient:
        raise NotImplementedError

    def make_calling(self, _call: ToolCall) -> ModelClient:
        return self.at("calling")

    def make_unreachable(self) -> ModelClient:
        return type(self.make_client())(f"http://127.0.0.1:{self.deaf.getsockname()[1]}", retries=0)

    def make_slow(self) -> ModelClient:
        return self.at("slow")

    def make_unauthorized(self) -> ModelClient:
        return self.at("unauthorized", api_key=SECRET)

    def make_garbled(self) -> ModelClient:
        return self.at("garbled")

    def make_exceeded(self) -> ModelClient:
        return self.at("exceeded")


class TestOpenAICompatibleModel(OverHttp):
    def at(self, behaviour: str, **options: Any) -> ModelClient:
        return OpenAICompatibleModel(f"{self.url}/{behaviour}", retries=0, **options)

    def make_client(self) -> ModelClient:
        return self.at("ok")


class TestOllamaModel(OverHttp):
    def at(self, behaviour: str, **options: Any) -> ModelClient:
        return OllamaModel(f"{self.url}/{behaviour}", retries=0, **options)

    def make_client(self) -> ModelClient:
        return self.at("ok")


class TestRealModel(ModelClientContract):
    """OpenAICompatibleModel with a real llama.cpp server behind it."""

    counts_tokens = True
    deterministic = False  # what is computed in one batch with others may differ in the last digit
    settings = settings(max_examples=5)
    url: ClassVar[str] = ""

    @pytest.fixture(autouse=True, scope="class")
    @classmethod
    def served(cls, model_url: str) -> None:
        cls.url = model_url

    def make_client(self) -> ModelClient:
        return OpenAICompatibleModel(self.url, retries=0)
