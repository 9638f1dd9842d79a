"""Tools that are wrong in one way each."""

import copy
import os
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, ClassVar

import anyio
import attrs

import orket
from mutants import Mutant
from orket.contracts import CommentRequest, EffectClass, Settlement, Tool, ToolContext, ToolResult
from orket.errors import ToolError


async def _note(text: str, context: ToolContext, count: int = 1, folders: tuple[str, ...] = ()) -> str:
    """Note a text in a file that is named by the effect key."""
    await anyio.lowlevel.checkpoint()
    (context.workspace / context.key[:8]).write_text(text * min(abs(count), 3), "utf-8")
    return f"{text!r:.50} {count} {len(folders)}"


RIGHT = orket.tool(name="note", effect=EffectClass.IDEMPOTENT)(_note)


class Wrapped:
    """A tool that does as another one does; a subclass spoils it."""

    inner: ClassVar[Tool] = RIGHT
    changes: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, **changes: Any) -> None:
        self._spec = attrs.evolve(self.inner.spec, **{**self.changes, **changes})

    @property
    def spec(self) -> Any:
        return self._spec

    def bind(self, arguments: Mapping[str, Any], /) -> Any:
        return self.inner.bind(arguments)

    async def run(self, bound: Any, context: ToolContext, /) -> Any:
        return await self.inner.run(bound, context)


class Prompt(Wrapped):
    def run(self, bound: Any, context: ToolContext, /) -> Any:
        (context.workspace / context.key[:8]).write_text(bound.text, "utf-8")
        return ToolResult(ok=True, output=f"{bound.text!r:.50}")


class Unstable(Wrapped):
    async def run(self, bound: Any, context: ToolContext, /) -> Any:
        self._spec = attrs.evolve(self._spec, description="Was run.")
        return await super().run(bound, context)


class Picky(Wrapped):
    def bind(self, arguments: Mapping[str, Any], /) -> Any:
        if not repr(dict(arguments)).isascii():
            raise ToolError(f"only plain letters, found {dict(arguments)}")
        return super().bind(arguments)


class Generous(Wrapped):
    """Drops what it does not know."""

    def bind(self, arguments: Mapping[str, Any], /) -> Any:
        return super().bind({key: value for key, value in arguments.items() if key in ("text", "count", "folders")})


class Guesses(Wrapped):
    def bind(self, arguments: Mapping[str, Any], /) -> Any:
        return super().bind({"text": "", **arguments})


class Coerces(Wrapped):
    def bind(self, arguments: Mapping[str, Any], /) -> Any:
        count = arguments.get("count", 1)
        return super().bind({**arguments, "count": int(count) if isinstance(count, str) else count})


class Mumbles(Wrapped):
    def bind(self, arguments: Mapping[str, Any], /) -> Any:
        try:
            return super().bind(arguments)
        except ToolError:
            raise ToolError("invalid") from None


class Bare(Wrapped):
    def bind(self, arguments: Mapping[str, Any], /) -> Any:
        if "text" not in arguments:
            raise KeyError("text")
        return super().bind(arguments)


class Pops(Wrapped):
    def bind(self, arguments: Mapping[str, Any], /) -> Any:
        bound = super().bind(arguments)
        if isinstance(arguments, dict):
            arguments.pop("count", None)
        return bound


class Counts(Wrapped):
    def bind(self, arguments: Mapping[str, Any], /) -> Any:
        bound = super().bind(arguments)
        return attrs.evolve(bound, count=os.getpid() + time.perf_counter_ns())


class Chatty(Wrapped):
    def bind(self, arguments: Mapping[str, Any], /) -> Any:
        print("bound")
        return super().bind(arguments)


class Spoils(Wrapped):
    """Spoils results of texts beyond ASCII."""

    def __init__(self, spoil: Callable[[ToolResult], Any]) -> None:
        super().__init__()
        self._spoil = spoil

    async def run(self, bound: Any, context: ToolContext, /) -> Any:
        result = await super().run(bound, context)
        return result if bound.text.isascii() else self._spoil(result)


@attrs.frozen(kw_only=True, repr=False, eq=False)
class Signed(CommentRequest):
    by: object


class Exits(Wrapped):
    async def run(self, bound: Any, context: ToolContext, /) -> Any:
        if not bound.text.isascii():
            raise SystemExit(1)
        return await super().run(bound, context)


class Clears(Wrapped):
    async def run(self, bound: Any, context: ToolContext, /) -> Any:
        result = await super().run(bound, context)
        object.__setattr__(bound, "count", 0)
        return result


class Appends(Wrapped):
    async def run(self, bound: Any, context: ToolContext, /) -> Any:
        with (context.workspace / "log").open("a", encoding="utf-8") as log:
            log.write("once more\n")
        return await super().run(bound, context)


class Mixes(Wrapped):
    """Keeps what it runs where the next run overwrites it."""

    async def run(self, bound: Any, context: ToolContext, /) -> Any:
        self.bound = copy.copy(bound)
        await anyio.lowlevel.checkpoint()
        return await super().run(self.bound, context)


class Swallows(Wrapped):
    async def run(self, bound: Any, context: ToolContext, /) -> Any:
        try:
            return await super().run(bound, context)
        except anyio.get_cancelled_exc_class():
            return ToolResult(ok=False, output="cancelled")


class Blocks(Wrapped):
    async def run(self, bound: Any, context: ToolContext, /) -> Any:
        time.sleep(0.01)  # noqa: ASYNC251 - that is what is wrong
        return await super().run(bound, context)


class Prints(Wrapped):
    async def run(self, bound: Any, context: ToolContext, /) -> Any:
        print("running")
        return await super().run(bound, context)


class Panics(Wrapped):
    async def reconcile(self, key: str, /) -> Settlement | None:
        raise KeyError(key)


class Denies(Wrapped):
    """Remembers what this very tool has run, and is sure that nothing else ever happened."""

    def __init__(self) -> None:
        super().__init__()
        self._keys: set[str] = set()

    async def run(self, bound: Any, context: ToolContext, /) -> Any:
        self._keys.add(context.key)
        return await super().run(bound, context)

    async def reconcile(self, key: str, /) -> Settlement | None:
        return Settlement(ran=key in self._keys)


class Probes(Wrapped):
    """Leaves a note of having been asked."""

    async def run(self, bound: Any, context: ToolContext, /) -> Any:
        self._workspace = context.workspace
        return await super().run(bound, context)

    async def reconcile(self, key: str, /) -> Settlement | None:
        (self._workspace / "asked").write_text(key, "utf-8")
        return None


def mutant(number: str, make: Callable[[], Any], how: str, *also: str, **attributes: Any) -> Mutant:
    rules = tuple([f"tool-{it}" for it in also])
    return Mutant(rule=f"tool-{number}", make=make, how=how, also=rules, attributes=attributes)


SCHEMA: Mapping[str, Any] = RIGHT.spec.parameters
UNREADABLE = {**SCHEMA, "default": {1: "a key that is a number"}}
COMMENT = Signed(text="done", by=object())

MUTANTS = (
    mutant("20", Prompt, "has a plain run"),
    mutant("21", partial(Wrapped, name="take a note"), "has a name with spaces"),
    mutant("22", partial(Wrapped, description=" "), "has a blank for a description"),
    mutant("23", partial(Wrapped, parameters={**SCHEMA, "type": "array"}), "has a schema of type array"),
    mutant("24", partial(Wrapped, parameters=UNREADABLE), "has a key in its schema that JSON does not have"),
    mutant("25", partial(Wrapped, effect="careful"), "makes an effect class up"),
    mutant("26", partial(Wrapped, destructive=True), "destroys without a confirmation"),
    mutant("27", Unstable, "describes itself otherwise after a run"),
    mutant("28", Picky, "refuses letters beyond ASCII"),
    mutant("29", Generous, "drops keys that it does not know"),
    mutant("30", Guesses, "takes what is missing for empty"),
    mutant("31", Coerces, "reads numbers in texts"),
    mutant("32", Mumbles, "says that something is invalid"),
    mutant("33", Bare, "raises KeyError for what is missing"),
    mutant("34", Pops, "takes arguments out of what it is given"),
    mutant("35", Counts, "binds the time of day", "45"),
    mutant("36", Chatty, "prints what it binds"),
    mutant("37", partial(Spoils, lambda it: it.output), "returns bare text"),
    mutant("38", partial(Spoils, lambda it: attrs.evolve(it, output=7)), "has a number for its output"),
    mutant("39", partial(Spoils, lambda it: attrs.evolve(it, requests=("more",))), "asks the board in words"),
    mutant(
        "40", partial(Spoils, lambda it: attrs.evolve(it, requests=(COMMENT,))), "asks with what JSON does not have"
    ),
    mutant("41", Exits, "calls sys.exit on letters beyond ASCII"),
    mutant("42", Clears, "writes into its arguments"),
    mutant("43", partial(Wrapped, effect=EffectClass.READ), "writes, and calls it reading"),
    mutant("44", Appends, "appends at every run"),
    mutant("45", Mixes, "mixes runs at the same time"),
    mutant("46", Swallows, "catches its cancellation"),
    mutant("47", Blocks, "sleeps on the event loop", budget=0.004),
    mutant("48", Prints, "prints while it runs"),
    mutant("49", Panics, "raises for keys that it does not know"),
    mutant("50", Denies, "is sure that what another one ran did not happen"),
    mutant("51", Probes, "writes when it is asked"),
)
