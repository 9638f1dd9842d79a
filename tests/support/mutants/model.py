"""Model clients that are wrong in one way each."""

import time
from collections.abc import Callable
from typing import Any

import anyio
import attrs

from mutants import Mutant
from orket.contracts import ModelReply, ModelRequest, RawToolCall, ToolCall, Usage
from orket.errors import (
    ModelAuthenticationError,
    ModelConnectionError,
    ModelContextExceededError,
    ModelError,
    ModelReplyError,
    ModelTimeoutError,
)

SECRET = "sk-mutant-0123456789"


class Honest:
    """A client of a model that repeats what it was told; other ways to answer are its *answer*."""

    def __init__(self, answer: Callable[[ModelRequest], Any] | None = None) -> None:
        self._answer = answer or self.reply

    def reply(self, request: ModelRequest) -> ModelReply:
        text = repr([message.content for message in request.messages])[:200]
        calls = tuple([RawToolCall(name=tool.name, arguments="{}", id="c1") for tool in request.tools[:1]])
        return ModelReply(text=text, tool_calls=calls, usage=Usage(prompt_tokens=len(text), completion_tokens=2))

    async def complete(self, request: ModelRequest, /) -> Any:
        await anyio.lowlevel.checkpoint()
        return self._answer(request)


class Slow(Honest):
    async def complete(self, request: ModelRequest, /) -> Any:
        with anyio.move_on_after(request.timeout):
            await anyio.sleep(60)
        raise ModelTimeoutError("too slow", timeout=request.timeout)


def failing(error: Callable[[], BaseException]) -> Callable[[Any], Honest]:
    def fail(_request: ModelRequest) -> None:
        raise error()

    return lambda *_: Honest(fail)


def calling(_suite: object, call: ToolCall) -> Honest:
    raw = RawToolCall(name=call.name, arguments=dict(call.arguments), id="c1")
    return Honest(lambda _: ModelReply(tool_calls=(raw,)))


FULL: dict[str, Any] = {
    "deterministic": True,
    "native_tools": True,
    "counts_tokens": True,
    "can_be_unreachable": True,
    "can_be_slow": True,
    "checks_credentials": True,
    "can_be_garbled": True,
    "limits_context": True,
    "secret": SECRET,
    "patience": 0.5,
    "make_calling": calling,
    "make_unreachable": failing(lambda: ModelConnectionError("gone")),
    "make_slow": lambda _: Slow(),
    "make_unauthorized": failing(lambda: ModelAuthenticationError("refused")),
    "make_garbled": failing(lambda: ModelReplyError("what?")),
    "make_exceeded": failing(lambda: ModelContextExceededError("too long")),
}


class Plain(Honest):
    def complete(self, request: ModelRequest, /) -> Any:
        return self.reply(request)


class Discreet(Honest):
    """Refuses to talk to some of those who say least."""

    def reply(self, request: ModelRequest) -> ModelReply:
        if request.messages[-1].content == "Say hello.":
            raise ModelReplyError("small talk")
        return super().reply(request)


def strange(request: ModelRequest) -> bool:
    return not repr(request).isascii()


def sometimes(wrong: Callable[[ModelReply], Any]) -> Callable[[], Honest]:
    """Return what makes clients whose replies are wrong when the request has letters beyond ASCII."""

    def answer(request: ModelRequest) -> Any:
        reply = Honest().reply(request)
        return wrong(reply) if strange(request) else reply

    return lambda: Honest(answer)


def raising(error: type[BaseException]) -> Callable[[], Honest]:
    def fail(_reply: ModelReply) -> None:
        raise error("only plain letters")

    return sometimes(fail)


class Writes(Honest):
    def reply(self, request: ModelRequest) -> ModelReply:
        if isinstance(request.params, dict):
            request.params["stream"] = False
        return super().reply(request)


class Keeps(Honest):
    def reply(self, request: ModelRequest) -> ModelReply:
        self.last = request
        return super().reply(request)


class Mixes(Honest):
    """Notes what it is asked where the next one overwrites it."""

    async def complete(self, request: ModelRequest, /) -> ModelReply:
        self.asked = request
        await anyio.lowlevel.checkpoint()
        asked, self.asked = self.asked, None  # and keeps nothing
        return self.reply(asked or request)


class OneByOne(Honest):
    busy = 0

    async def complete(self, request: ModelRequest, /) -> ModelReply:
        if self.busy > 2:
            raise ModelConnectionError("one after the other, please")
        self.busy += 1
        try:
            await anyio.lowlevel.checkpoint()
            return self.reply(request)
        finally:
            self.busy -= 1


class Swallows(Honest):
    async def complete(self, request: ModelRequest, /) -> ModelReply:
        try:
            await anyio.lowlevel.checkpoint()
        except anyio.get_cancelled_exc_class():
            pass
        return self.reply(request)


class Stuck(Honest):
    """Believes for ever that an exchange goes on that was cancelled."""

    under_way = False

    async def complete(self, request: ModelRequest, /) -> ModelReply:
        if self.under_way:
            raise ModelConnectionError("busy")
        try:
            await anyio.lowlevel.checkpoint()
        except anyio.get_cancelled_exc_class():
            self.under_way = True
            raise
        return self.reply(request)


class Shielded(Honest):
    async def complete(self, request: ModelRequest, /) -> ModelReply:
        with anyio.CancelScope(shield=True):
            await anyio.sleep(min(0.6, request.timeout))
        await anyio.lowlevel.checkpoint()
        raise ModelTimeoutError("too slow", timeout=request.timeout)


class Blocks(Honest):
    def reply(self, request: ModelRequest) -> ModelReply:
        time.sleep(0.004)
        return super().reply(request)


class Prints(Honest):
    def reply(self, request: ModelRequest) -> ModelReply:
        print("asked")
        return super().reply(request)


class Patient(Slow):
    async def complete(self, request: ModelRequest, /) -> Any:
        return await super().complete(attrs.evolve(request, timeout=request.timeout + 1.0))


class Vague(Slow):
    async def complete(self, request: ModelRequest, /) -> Any:
        try:
            return await super().complete(request)
        except ModelTimeoutError as error:
            raise ModelConnectionError("no answer") from error


def guessing(_suite: object, call: ToolCall) -> Honest:
    return Honest(lambda _: ModelReply(text=f"{call.name}({dict(call.arguments)})"))


def telling(_request: ModelRequest) -> None:
    try:
        raise ValueError(f"401 for Bearer {SECRET}")
    except ValueError as error:
        raise ModelAuthenticationError("refused") from error


def free(request: ModelRequest) -> ModelReply:
    return attrs.evolve(Honest().reply(request), usage=Usage())


def called(arguments: Any, **fields: Any) -> Callable[[ModelReply], ModelReply]:
    call = RawToolCall(**{"name": "look", "arguments": arguments, "id": "c1", **fields})
    return lambda reply: attrs.evolve(reply, tool_calls=(call,))


def mutant(number: str, make: Callable[[], Any], how: str, *also: str, **attributes: Any) -> Mutant:
    rules = tuple([f"model-client-{it}" for it in also])
    return Mutant(rule=f"model-client-{number}", make=make, how=how, also=rules, attributes={**FULL, **attributes})


MUTANTS = (
    mutant("20", Plain, "answers at once instead of being awaited"),
    mutant("21", Discreet, "refuses an ordinary request", "32", "34", "39"),
    mutant("22", raising(ValueError), "raises ValueError on letters beyond ASCII"),
    mutant("23", raising(SystemExit), "calls sys.exit on letters beyond ASCII"),
    mutant("24", sometimes(attrs.asdict), "answers with a dict"),
    mutant("25", sometimes(lambda it: attrs.evolve(it, text=None)), "has None for a text"),
    mutant("26", sometimes(called(7)), "has a number for arguments"),
    mutant("27", sometimes(lambda it: attrs.evolve(it, usage=Usage(prompt_tokens=-1))), "counts tokens below 0"),
    mutant("28", sometimes(called({"at": float("nan")})), "has NaN in the arguments of a call"),
    mutant("29", Writes, "writes into the params of its request"),
    mutant("30", Keeps, "remembers its last request"),
    mutant("31", Mixes, "answers what it was asked last"),
    mutant("32", OneByOne, "serves three at once and no more"),
    mutant("33", Swallows, "catches its cancellation"),
    mutant("34", Stuck, "believes that a cancelled exchange goes on"),
    mutant("35", Honest, "shields its waiting", make_slow=lambda _: Shielded()),
    mutant("36", Blocks, "sleeps on the event loop", budget=0.002),
    mutant("37", Prints, "prints"),
    mutant("38", Honest, "gives a native call as text", make_calling=guessing),
    mutant("39", lambda: Honest(free), "says that prompts cost nothing"),
    mutant("40", Honest, "raises a bare ModelError", make_unreachable=failing(lambda: ModelError("gone"))),
    mutant("41", Honest, "calls a timeout a lost connection", make_slow=lambda _: Vague()),
    mutant("42", Honest, "waits a second longer than allowed", make_slow=lambda _: Patient()),
    mutant(
        "43",
        Honest,
        "calls refused credentials a bad reply",
        make_unauthorized=failing(lambda: ModelReplyError("refused")),
    ),
    mutant("44", Honest, "makes an empty reply of garbage", make_garbled=lambda _: Honest(lambda _: ModelReply())),
    mutant("45", Honest, "calls a long prompt a bad reply", make_exceeded=failing(lambda: ModelReplyError("too long"))),
    mutant("46", Honest, "chains an error that shows the key", make_unauthorized=lambda _: Honest(telling)),
)
