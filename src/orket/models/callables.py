"""A Python function as the model: scripted agents, tests, and models that orket has no client for."""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import anyio.to_thread
from attrs import field, frozen

from orket._value import Value
from orket.contracts import ModelReply, ModelRequest, RawToolCall, ToolCall
from orket.errors import ModelError, ModelReplyError, ModelTimeoutError, WiringError

Answer: TypeAlias = ModelReply | str | ToolCall | Sequence[ToolCall]
_AT_ONCE: Final = (ModelReply, str, ToolCall)  # answers that nobody has to wait for
_OBJECT: Final = (dict, Mapping)  # in this order: every call asks, and an abstract class takes its time to answer
_ROW: Final = (list, tuple)
Agent: TypeAlias = Callable[[ModelRequest], Answer | Awaitable[Answer]]


def _check_callable(_instance: object, _attribute: object, function: Any) -> None:
    if not callable(function):
        raise WiringError([f"CallableModel needs a function that takes a ModelRequest, found {_kind(function)}"])
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some that are written in C have none
        return
    try:
        signature.bind(None)
    except TypeError as error:
        name = _name_of(function)
        raise WiringError([f"the model {name}{signature} cannot be called as {name}(request): {error}"]) from None


def _check_flag(_instance: object, _attribute: object, flag: object) -> None:
    if not isinstance(flag, bool):
        raise WiringError([f"in_thread is {flag!r:.80}; valid: True or False"])


@frozen(repr=False, eq=False)
class CallableModel(Value):
    """Let *function* answer.

    A plain function runs inline, so it must be quick; with ``in_thread=True`` it runs in a worker thread instead. A
    coroutine function is awaited for at most the request's timeout. Code that runs inline or in a thread cannot be
    stopped: there the timeout has no effect, and a cancelled exchange ends when the function does.

    Args:
        function: takes a ModelRequest; returns a ModelReply, the reply's text, a ToolCall, or a list or tuple of them.
            May be ``async def``.
        in_thread: run a plain function in a worker thread.

    Raises:
        WiringError: it is no function, or none that takes one argument.
    """

    function: Agent = field(validator=_check_callable)
    in_thread: bool = field(default=False, kw_only=True, validator=_check_flag)

    async def complete(self, request: ModelRequest, /) -> ModelReply:
        """Answer *request*.

        Raises:
            ModelReplyError: the function returned something else.
            ModelTimeoutError: a coroutine function took longer than the request's timeout.
            ModelError: the function raised; the cause is chained. A ModelError that it raises itself is passed on.
        """
        try:
            if self.in_thread:
                answer = await anyio.to_thread.run_sync(self.function, request)
            else:
                answer = self.function(request)
            if not isinstance(answer, _AT_ONCE) and inspect.isawaitable(answer):
                answer = await _within(request.timeout, answer)
        except ModelError:
            raise
        except (Exception, SystemExit) as error:  # the seam that calls foreign code
            raise ModelError(f"{self._name} raised {type(error).__name__}: {error}") from error
        return self._reply(answer)

    def _reply(self, answer: object) -> ModelReply:
        match answer:
            case ModelReply() if _is_sound(answer):
                return answer
            case str():
                return ModelReply(text=answer)
            case ToolCall():
                return self._calling((answer,))
            case list() | tuple() if _all(answer, ToolCall):
                return self._calling(answer)
            case _:
                raise ModelReplyError(
                    f"{self._name} returned {_kind(answer)}; "
                    "a sound ModelReply, a str, a ToolCall, or a list or tuple of ToolCalls is valid"
                )

    def _calling(self, calls: Sequence[ToolCall]) -> ModelReply:
        for call in calls:
            if not _is_call(call):
                raise ModelReplyError(f"{self._name} returned a ToolCall that is not one: {call!r:.200}")
        raw = tuple([RawToolCall(name=call.name, arguments=call.arguments, id=call.id) for call in calls])
        return ModelReply(tool_calls=raw, finish_reason="tool_calls" if raw else "stop")

    @property
    def _name(self) -> str:
        return _name_of(self.function)


def _name_of(function: object) -> str:
    return str(getattr(function, "__qualname__", None) or type(function).__qualname__)


async def _within(seconds: float, answer: Awaitable[Answer]) -> Answer:
    with anyio.move_on_after(seconds):
        return await answer
    raise ModelTimeoutError(f"the function did not answer within {seconds:g} s", timeout=seconds)


def _is_sound(reply: Any) -> bool:
    return isinstance(reply.text, str) and _all(reply.tool_calls, RawToolCall)


def _is_call(call: Any) -> bool:
    return isinstance(call.name, str) and isinstance(call.arguments, _OBJECT) and isinstance(call.id, str)


def _all(values: Any, cls: type) -> bool:
    return isinstance(values, _ROW) and all(isinstance(value, cls) for value in values)


def _kind(value: object) -> str:
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of {', '.join(sorted({type(item).__name__ for item in value})) or 'nothing'}"
    return f"a value of type {type(value).__name__}"
