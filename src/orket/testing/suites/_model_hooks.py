"""What a subclass of the model clients' suite says of its client, and how the rules ask it."""

import abc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import ClassVar, Final

import attrs
from hypothesis import reject
from hypothesis.strategies import SearchStrategy

from orket.contracts import Message, ModelClient, ModelReply, ModelRequest, ToolCall
from orket.testing._outcome import Outcome, outcome
from orket.testing._suite import ContractSuite
from orket.testing.strategies import model_requests

_ORDINARY: Final = ModelRequest(
    model="tiny",
    messages=(Message(role="system", content="You are a coder."), Message(role="user", content="Say hello.")),
    timeout=20.0,
    params={"max_tokens": 16},
)


class ModelHooks(ContractSuite, abc.ABC):
    """What makes clients and requests; a subclass replaces what it declares a power of."""

    subject: ClassVar[str] = "make_client"

    @abc.abstractmethod
    def make_client(self) -> ModelClient:
        """Return a new client of a model that answers; called again and again, within an event loop."""

    def make_calling(self, call: ToolCall) -> ModelClient:
        """Return a client of a model that answers with *call*, which the request offers."""
        raise NotImplementedError("native_tools = True needs make_calling()")

    def make_unreachable(self) -> ModelClient:
        """Return a client of a model that cannot be reached."""
        raise NotImplementedError("can_be_unreachable = True needs make_unreachable()")

    def make_slow(self) -> ModelClient:
        """Return a client of a model that takes a minute to answer."""
        raise NotImplementedError("can_be_slow = True needs make_slow()")

    def make_unauthorized(self) -> ModelClient:
        """Return a client whose credentials are refused."""
        raise NotImplementedError("checks_credentials = True needs make_unauthorized()")

    def make_garbled(self) -> ModelClient:
        """Return a client of a model that answers what is no reply."""
        raise NotImplementedError("can_be_garbled = True needs make_garbled()")

    def make_exceeded(self) -> ModelClient:
        """Return a client of a model whose context is too small for any prompt."""
        raise NotImplementedError("limits_context = True needs make_exceeded()")

    async def close_client(self, client: ModelClient) -> None:
        """Release what a client holds when a rule is through with it; by default there is nothing to do."""

    @classmethod
    def requests(cls) -> SearchStrategy[ModelRequest]:
        """Return what generates requests: every well-formed one, the strange ones among them."""
        return model_requests()

    @classmethod
    def ordinary(cls) -> ModelRequest:
        """Return a request that every model answers."""
        return _ORDINARY

    def alike(self, first: ModelReply, second: ModelReply) -> bool:
        """Return whether two replies say the same; ids of calls and counts of tokens may differ."""
        said = [(it.text, [(call.name, call.arguments) for call in it.tool_calls]) for it in (first, second)]
        return said[0] == said[1]

    @asynccontextmanager
    async def client(self, make: Callable[[], ModelClient] | None = None) -> AsyncIterator[ModelClient]:
        """Give a new client, and close it."""
        client = (make or self.make_client)()
        try:
            yield client
        finally:
            await self.close_client(client)

    async def ask(self, request: ModelRequest, make: Callable[[], ModelClient] | None = None) -> Outcome:
        """Return what came of a request to a new client."""
        async with self.client(make) as client:
            return await outcome(lambda: client.complete(own(request)))

    async def reply(self, request: ModelRequest) -> ModelReply:
        """Return the reply of a new client; an example in which there is none does not count."""
        found = (await self.ask(request)).answer
        if not isinstance(found, ModelReply):
            reject()
        return found


def own(request: ModelRequest) -> ModelRequest:
    """Return a request whose mappings nobody else has, so that what is written there has no effect on other rules."""
    return attrs.evolve(
        request,
        params=dict(request.params),
        tools=tuple([attrs.evolve(tool, parameters=dict(tool.parameters)) for tool in request.tools]),
        response_schema=None if request.response_schema is None else dict(request.response_schema),
    )
