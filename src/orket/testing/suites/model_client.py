"""What a model client owes."""

import gc
import json
import time
import weakref
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Final

import anyio
import attrs
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from orket._codec import canonical_json, codec
from orket._fit import misfits
from orket.contracts import ModelClient, ModelReply, ModelRequest, RawToolCall, ToolCall, Usage
from orket.errors import (
    ModelAuthenticationError,
    ModelConnectionError,
    ModelContextExceededError,
    ModelError,
    ModelReplyError,
    ModelTimeoutError,
)
from orket.testing._outcome import LIMIT, Outcome, answered, check_cancelling, least, outcome, quickest, shown
from orket.testing._suite import rule
from orket.testing._watch import Steps, unchanged_process
from orket.testing.strategies._exchanges import LOOK
from orket.testing.suites._model_hooks import ModelHooks, own

_LARGEST_COUNT: Final = 2**53  # of tokens; what JSON numbers and the record both hold
_TIMEOUT: Final = 0.1  # seconds that a request to a slow model may take
_CALL: Final = ToolCall(name="look", arguments={"at": 7})


def _requests(suite: "type[ModelClientContract]") -> SearchStrategy[ModelRequest]:
    return suite.requests()


def _batches(suite: "type[ModelClientContract]") -> SearchStrategy[list[ModelRequest]]:
    return st.lists(suite.requests(), min_size=2, max_size=3)


class ModelClientContract(ModelHooks):
    """The rules of model clients. A subclass defines :meth:`make_client`, and the hook of each power that it declares.

    Attributes:
        deterministic: The same request gets the same reply from a client made anew.
        native_tools: Tool calls come back natively; the suite defines :meth:`make_calling`.
        counts_tokens: Replies say what the prompt cost.
        can_be_unreachable: The model may be out of reach; the suite defines :meth:`make_unreachable`.
        can_be_slow: The model may take longer than a request allows; the suite defines :meth:`make_slow`.
        checks_credentials: The model may refuse credentials; the suite defines :meth:`make_unauthorized`.
        can_be_garbled: The model may answer what is no reply; the suite defines :meth:`make_garbled`.
        limits_context: The model may refuse a prompt as too long; the suite defines :meth:`make_exceeded`.
        secret: The credentials that :meth:`make_unauthorized` uses, which no error may show; "" where there are none.
        budget: Seconds for which one step of an exchange may keep the event loop.
        patience: Seconds that an exchange may take beyond its request's timeout.
    """

    prefix: ClassVar[str] = "model-client"
    deterministic: ClassVar[bool] = True
    native_tools: ClassVar[bool] = False
    counts_tokens: ClassVar[bool] = False
    can_be_unreachable: ClassVar[bool] = False
    can_be_slow: ClassVar[bool] = False
    checks_credentials: ClassVar[bool] = False
    can_be_garbled: ClassVar[bool] = False
    limits_context: ClassVar[bool] = False
    secret: ClassVar[str] = ""
    budget: ClassVar[float] = 0.25
    patience: ClassVar[float] = 1.0

    @rule("20")
    async def fits_its_port(self) -> None:
        """A client has a method complete that takes a request and returns what can be awaited."""
        async with self.client() as client:
            faults = list(misfits(client, ModelClient))
            assert not faults, f"{type(client).__name__} {'; '.join(faults)}"
            made = (await outcome(lambda: (client.complete(own(self.ordinary())),))).answer
            if made is not None:  # else it raised at once, which rule 21 is about
                awaitable = hasattr(type(made[0]), "__await__")
                assert awaitable, f"complete returns a {type(made[0]).__name__}, not something to await"
                await outcome(lambda: made[0])

    @rule("21")
    async def answers_an_ordinary_request(self) -> None:
        """A request that asks for nothing special is answered."""
        found = await self.ask(self.ordinary())
        assert found.error is None, f"complete {found.words}"

    @rule("22", request=_requests)
    async def raises_only_model_errors(self, request: ModelRequest) -> None:
        """A client answers every well-formed request, or raises a ModelError."""
        error = (await self.ask(request)).error
        assume(error is None or isinstance(error, Exception))
        assert error is None or isinstance(error, ModelError), f"complete raises {error!r}"

    @rule("23", request=_requests)
    async def never_ends_the_process(self, request: ModelRequest) -> None:
        """A client never raises what would end its host: no SystemExit, KeyboardInterrupt or GeneratorExit."""
        error = (await self.ask(request)).error
        assert error is None or isinstance(error, Exception), f"complete raises {error!r}"

    @rule("24", request=_requests)
    async def answers_with_a_reply(self, request: ModelRequest) -> None:
        """What a client returns is a ModelReply."""
        found = await self.ask(request)
        assume(found.error is None)
        assert isinstance(found.answer, ModelReply), f"complete answers a {type(found.answer).__name__}"

    @rule("25", request=_requests)
    async def says_words(self, request: ModelRequest) -> None:
        """The text, the model's name and the finish reason of a reply are texts."""
        reply = await self.reply(request)
        for name in ("text", "model", "finish_reason"):
            assert isinstance(getattr(reply, name), str), f"{name} is {getattr(reply, name)!r:.100}"

    @rule("26", request=_requests)
    async def calls_are_raw_calls(self, request: ModelRequest) -> None:
        """The tool calls of a reply are a tuple of RawToolCalls: a name, an id, and JSON text or an object."""
        calls: Any = (await self.reply(request)).tool_calls
        assert isinstance(calls, tuple), f"tool_calls is a {type(calls).__name__}"
        for call in calls:
            assert isinstance(call, RawToolCall), f"tool_calls has a {type(call).__name__}"
            assert isinstance(call.name, str), f"a call's name is {call.name!r:.100}"
            assert isinstance(call.id, str), f"a call's id is {call.id!r:.100}"
            assert isinstance(call.arguments, str | Mapping), f"arguments are a {type(call.arguments).__name__}"

    @rule("27", request=_requests)
    async def counts_are_counts(self, request: ModelRequest) -> None:
        """The usage of a reply is a Usage of whole numbers from 0 up."""
        usage: Any = (await self.reply(request)).usage
        assert isinstance(usage, Usage), f"usage is a {type(usage).__name__}"
        for count in (usage.prompt_tokens, usage.completion_tokens):
            assert type(count) is int, f"a count of tokens is {count!r:.100}"
            assert 0 <= count < _LARGEST_COUNT, f"a count of tokens is {count!r:.100}"

    @rule("28", request=_requests)
    async def replies_can_be_recorded(self, request: ModelRequest) -> None:
        """The calls of a reply are the same after they were written to JSON and read back."""
        calls: Any = (await self.reply(request)).tool_calls
        assume(isinstance(calls, tuple))
        assume(all(isinstance(getattr(call, "arguments", None), str | Mapping) for call in calls))
        kept = ModelReply(tool_calls=calls)
        try:
            canonical_json(codec().dump(kept))
            again = codec().load(codec().dump(kept), ModelReply)
        except (TypeError, ValueError) as error:
            raise AssertionError(f"calls cannot be written to JSON: {error}") from error
        assert again == kept

    @rule("29", request=_requests)
    async def changes_no_request(self, request: ModelRequest) -> None:
        """A client leaves its request as it was."""
        given = own(request)
        async with self.client() as client:
            await outcome(lambda: client.complete(given))
        assert repr(given) == repr(request), "complete changed its request"

    @rule("30", request=_requests, share=0.5)
    async def keeps_no_request(self, request: ModelRequest) -> None:
        """A client lets go of a request once it is answered."""
        given = [own(request)]
        watched = weakref.ref(given[0])
        async with self.client() as client:
            await outcome(lambda: client.complete(given[0]))
            given.clear()
            if watched() is not None:
                gc.collect()
            assert watched() is None, "complete keeps its request after it has answered"

    @rule("31", needs="deterministic", requests=_batches, share=0.5)
    async def answers_one_by_one(self, requests: list[ModelRequest]) -> None:
        """What a client is asked at the same time does not mix into its reply."""
        beside = await self._together(requests)
        for request, found in zip(requests, beside, strict=True):
            if not isinstance(found.answer, ModelReply):
                continue
            alone = await self.reply(request)
            assume(self.alike(alone, await self.reply(request)))  # else it only claims to be deterministic
            assert self.alike(found.answer, alone), f"{found.words} beside others, and {alone!r:.300} alone"

    @rule("32")
    async def serves_several_at_once(self) -> None:
        """Exchanges at the same time are all answered."""
        for found in await self._together([self.ordinary()] * 4):
            assert found.error is None, f"beside others complete {found.words}"

    async def _together(self, requests: list[ModelRequest]) -> list[Outcome]:
        found: dict[int, Outcome] = {}

        async def ask(client: ModelClient, index: int) -> None:
            found[index] = await outcome(lambda: client.complete(own(requests[index])))

        async with self.client() as client, anyio.create_task_group() as group:
            for index in range(len(requests)):
                group.start_soon(ask, client, index)
        return [found[index] for index in range(len(requests))]

    @rule("33", request=_requests, after=st.integers(0, 3), share=0.3)
    async def can_be_cancelled(self, request: ModelRequest, after: int) -> None:
        """A cancelled exchange ends at once with the cancellation, and leaves no task behind."""
        async with self.client() as client:
            await check_cancelling(lambda: client.complete(own(request)), after=after)

    @rule("34", after=st.integers(0, 3), share=0.1)
    async def answers_after_a_cancellation(self, after: int) -> None:
        """A client answers as before after an exchange was cancelled."""
        request, scope, steps = self.ordinary(), anyio.CancelScope(), Steps()
        steps.on_suspend = lambda count: scope.cancel() if count > after else None
        async with self.client() as client:
            with scope:
                await outcome(lambda: client.complete(own(request)), steps)
            await answered(lambda: self.make_client().complete(own(request)))  # else rule 21 is broken
            with anyio.move_on_after(LIMIT) as limit:
                found = await outcome(lambda: client.complete(own(request)))
                assert found.error is None, f"after a cancellation complete {found.words}"
        assert not limit.cancelled_caught, f"after a cancellation complete does not answer within {LIMIT:g} s"

    @rule("35", needs="can_be_slow")
    async def waiting_can_be_cancelled(self) -> None:
        """An exchange that waits for a slow model ends at once when it is cancelled, and leaves no task behind."""

        async def cancel() -> float:
            begun = time.perf_counter()
            async with self.client(self.make_slow) as client:
                await check_cancelling(lambda: client.complete(own(self.ordinary())), seconds=0.05)
            return time.perf_counter() - begun

        taken = await least(cancel, self.patience)
        assert taken <= self.patience, f"ended {taken:.1f} s after it was begun"

    @rule("36", request=_requests, share=0.1)
    async def keeps_the_loop_free(self, request: ModelRequest) -> None:
        """No step of an exchange keeps the event loop longer than the declared budget."""

        async def ask(steps: Steps) -> None:
            async with self.client() as client:
                await outcome(lambda: client.complete(own(request)), steps)

        longest = await quickest(ask, self.budget)
        assert longest <= self.budget, f"keeps the event loop for {longest:.3f} s; its budget is {self.budget:g} s"

    @rule("37", request=_requests, share=0.2)
    async def leaves_the_process_alone(self, request: ModelRequest) -> None:
        """A client prints nothing and changes nothing of its process: environment, working directory, random state."""
        with unchanged_process() as changed:
            await self.ask(request)
        assert not changed, f"complete changes {', '.join(changed)}"

    @rule("38", needs="native_tools")
    async def tool_calls_arrive(self) -> None:
        """A call that the model makes natively arrives in the reply, with its name and its arguments."""
        request = attrs.evolve(self.ordinary(), tools=(LOOK,))
        reply = (await self.ask(request, lambda: self.make_calling(_CALL))).answer
        assert isinstance(reply, ModelReply), f"complete answers {reply!r:.300}"
        calls = [(call.name, _parsed(call.arguments)) for call in reply.tool_calls]
        assert calls == [(_CALL.name, dict(_CALL.arguments))], f"the reply has {calls!r:.300}"

    @rule("39", needs="counts_tokens")
    async def says_what_a_prompt_cost(self) -> None:
        """A reply to a prompt that is not empty has tokens of the prompt in its usage."""
        usage = getattr((await self.ask(self.ordinary())).answer, "usage", None)
        assert getattr(usage, "prompt_tokens", 1) != 0, "prompt_tokens is 0"

    @rule("40", needs="can_be_unreachable")
    async def unreachable_is_a_connection_error(self) -> None:
        """A model that cannot be reached is a ModelConnectionError."""
        await self._raises(ModelConnectionError, self.make_unreachable)

    @rule("41", needs="can_be_slow")
    async def slow_is_a_timeout_error(self) -> None:
        """A model that does not answer within the request's timeout is a ModelTimeoutError."""
        await self._raises(ModelTimeoutError, self.make_slow, timeout=_TIMEOUT)

    @rule("42", needs="can_be_slow")
    async def timeouts_are_kept_to(self) -> None:
        """An exchange ends when the request's timeout is over, whatever the model does."""
        allowed = _TIMEOUT + self.patience

        async def wait() -> float:
            begun = time.perf_counter()
            with anyio.move_on_after(allowed):
                await self.ask(attrs.evolve(self.ordinary(), timeout=_TIMEOUT), self.make_slow)
            return time.perf_counter() - begun

        taken = await least(wait, allowed)
        assert taken <= allowed, f"still runs after {taken:.2f} s of {_TIMEOUT:g} s"

    @rule("43", needs="checks_credentials")
    async def refused_credentials_are_an_authentication_error(self) -> None:
        """Credentials that are refused are a ModelAuthenticationError."""
        await self._raises(ModelAuthenticationError, self.make_unauthorized)

    @rule("44", needs="can_be_garbled")
    async def garbage_is_a_reply_error(self) -> None:
        """An answer of the model that is no reply is a ModelReplyError."""
        await self._raises(ModelReplyError, self.make_garbled)

    @rule("45", needs="limits_context")
    async def long_prompts_are_a_context_error(self) -> None:
        """A prompt that the model refuses as too long is a ModelContextExceededError."""
        await self._raises(ModelContextExceededError, self.make_exceeded)

    @rule("46", needs="secret")
    async def errors_show_no_secret(self) -> None:
        """No error shows the credentials, neither itself nor what it was raised from."""
        error = (await self.ask(self.ordinary(), self.make_unauthorized)).error
        assert error is None or self.secret not in shown(error), f"a {type(error).__name__} shows the credentials"

    async def _raises(
        self,
        wanted: type[ModelError],
        make: Callable[[], ModelClient],
        *,
        timeout: float = 20.0,  # noqa: ASYNC109 - the request's
    ) -> None:
        found: Outcome | None = None
        with anyio.move_on_after(timeout + 2 * self.patience):
            found = await self.ask(attrs.evolve(self.ordinary(), timeout=timeout), make)
        if found is None:
            return  # rule 42 is about this
        assert isinstance(found.error, wanted), f"complete {found.words}"


def _parsed(arguments: object) -> object:
    return json.loads(arguments) if isinstance(arguments, str) else arguments
