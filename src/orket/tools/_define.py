"""Tools made of functions.

A tool has one description of its arguments: the signature of a function, or a frozen attrs class. The JSON Schema that
the model is told and the strict binding of a call both come from it, so that they cannot disagree.
"""

import inspect
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Generic, ParamSpec, TypeVar, cast, get_args, get_type_hints, overload

import attrs
from anyio import CapacityLimiter, to_thread

from orket.cards import JsonValue
from orket.contracts import EffectClass, Settlement, ToolContext, ToolResult, ToolSpec
from orket.errors import ToolError
from orket.tools._binding import Arguments
from orket.tools._results import normalize
from orket.tools._schema import parse_docstring
from orket.tools._threads import WorkerThreads

A = TypeVar("A")
P = ParamSpec("P")
R = TypeVar("R")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,63}")


@attrs.frozen(kw_only=True, eq=False)
class ClassTool(Generic[A]):
    """A tool whose arguments are an attrs class.

    Args:
        name: letters, digits, ``_`` and ``-``, at most 64 (what model servers accept).
        arguments: a frozen attrs class; its docstring, or ``metadata["description"]`` of its fields, describes them.
        action: called with the arguments and the :class:`ToolContext`; ``def`` or ``async def``. It may return a
            ToolResult, text, JSON data or None.
        description: what the model is told; by default the docstring of *action*.
        effect: what running it again would do. The default is the safe one: it is never run twice.
        destructive: the gate asks for an argument ``confirm: true``, which the class must have.
        abandon: whether a ``def`` action that is still running when its time is up is left behind in its thread. False
            makes the turn wait for it, so that what it did is known.
        reconcile: called with an effect's key, says as a :class:`Settlement` what became of it, None where that cannot
            be known; ``def`` (in a worker thread) or ``async def``.

    A ``def`` action runs in a worker thread, unless its effect is ``NONE``: then it must not block.
    """

    name: str
    arguments: type[A]
    action: Callable[[A, ToolContext], object]
    description: str | None = None
    effect: EffectClass = EffectClass.AT_MOST_ONCE
    destructive: bool = False
    abandon: bool = True
    _reconcile: Callable[[str], object] | None = attrs.field(default=None, alias="reconcile", repr=False)
    spec: ToolSpec = attrs.field(init=False)
    _compiled: Arguments[A] = attrs.field(init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ToolError(f"a tool cannot be named {self.name!r}; valid: {_NAME.pattern}", found=self.name)
        if self._reconcile is not None and not callable(self._reconcile):
            raise ToolError(f"tool {self.name!r}: reconcile is {self._reconcile!r:.80}; valid: a function of a key")
        compiled = Arguments(self.arguments, self.name)
        text = parse_docstring(self.action.__doc__ or "")[0] if self.description is None else self.description
        if self.destructive and "confirm" not in compiled.schema["properties"]:
            raise ToolError(f"tool {self.name!r} is destructive: it needs an argument confirm: bool", found=self.name)
        spec = ToolSpec(
            name=self.name,
            description=text,
            parameters=compiled.schema,
            effect=self.effect,
            destructive=self.destructive,
        )
        object.__setattr__(self, "_compiled", compiled)
        object.__setattr__(self, "spec", spec)

    def bind(self, arguments: Mapping[str, JsonValue], /) -> A:
        """Return the typed arguments, or raise ToolError naming each path, what was found and what is valid."""
        return self._compiled.bind(arguments)

    async def run(self, bound: object, context: ToolContext, /, *, threads: WorkerThreads | None = None) -> ToolResult:
        """Run the action; *threads* is where it may block (None: a thread for this call only)."""
        value = self.start(bound, context, threads=threads)
        return normalize(await value if inspect.isawaitable(value) else value)

    async def reconcile(self, key: str, /) -> Settlement | None:
        """Ask what became of the effect of *key*; None: it is not known."""
        if self._reconcile is None:
            return None
        if inspect.iscoroutinefunction(self._reconcile):
            return cast("Settlement | None", await self._reconcile(key))
        alone = CapacityLimiter(1)  # one that hangs keeps no thread that anybody else waits for
        answer = await to_thread.run_sync(self._reconcile, key, abandon_on_cancel=True, limiter=alone)
        return cast("Settlement | None", answer)

    def start(self, bound: object, context: ToolContext, *, threads: WorkerThreads | None = None) -> object:
        """Return the value of an action that runs inline, else what is to be awaited for it."""
        if not isinstance(bound, self.arguments):
            raise ToolError(f"tool {self.name!r} runs what its bind returned, not {type(bound).__name__}", found=bound)
        if self.effect is EffectClass.NONE or inspect.iscoroutinefunction(self.action):
            return self.action(bound, context)
        return self._in_thread(bound, context, threads or WorkerThreads(1))

    async def _in_thread(self, bound: A, context: ToolContext, threads: WorkerThreads) -> object:
        value = await threads.run(partial(self.action, bound, context), abandon=self.abandon, ticket=context.key)
        return await value if inspect.isawaitable(value) else value


@attrs.frozen(kw_only=True, eq=False)
class FunctionTool(ClassTool[Any], Generic[P, R]):
    """A tool that :func:`tool` made of a function; calling it calls the function."""

    function: Callable[P, R]

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Call the function itself, without schema, binding or thread."""
        return self.function(*args, **kwargs)


@overload
def tool(function: Callable[P, R], /) -> FunctionTool[P, R]: ...
@overload
def tool(
    *,
    name: str | None = None,
    effect: EffectClass = EffectClass.AT_MOST_ONCE,
    destructive: bool = False,
    reconcile: Callable[[str], object] | None = None,
) -> Callable[[Callable[P, R]], FunctionTool[P, R]]: ...
def tool(
    function: Callable[P, R] | None = None,
    /,
    *,
    name: str | None = None,
    effect: EffectClass = EffectClass.AT_MOST_ONCE,
    destructive: bool = False,
    reconcile: Callable[[str], object] | None = None,
) -> FunctionTool[P, R] | Callable[[Callable[P, R]], FunctionTool[P, R]]:
    """Make a tool of a function; use it as ``@tool`` or ``@tool(effect=…)``.

    The signature is the schema: every parameter needs a type hint, those with a default may be left out of a call, the
    docstring describes the tool and (in an ``Args:`` section or as ``:param x:``) its parameters. A parameter annotated
    :class:`ToolContext` is filled in by the core and is not part of the schema.

    Args:
        function: ``def`` (runs in a worker thread) or ``async def``.
        name: the tool's name; by default the function's.
        effect: what running it again would do. By default it is never run twice, so name a weaker class where it holds.
        destructive: the gate asks for ``confirm: true``; the function must have a parameter ``confirm: bool``.
        reconcile: a function that says what became of the effect of a key, see :class:`ClassTool`.

    Raises:
        ToolError: naming the parameter that has no type hint, or one that is not supported; or it is no function that
            returns its result.
    """
    if not isinstance(effect, EffectClass):
        raise ToolError(f"effect is {effect!r:.80}; valid: {', '.join(f'EffectClass.{it.name}' for it in EffectClass)}")

    def define(function: Callable[P, R]) -> FunctionTool[P, R]:
        title = _title(function, name)
        arguments, injected = _signature_class(function, title)
        return FunctionTool(
            name=title,
            arguments=arguments,
            action=_action(function, [field.name for field in attrs.fields(arguments)], injected),
            description=parse_docstring(function.__doc__ or "")[0],
            effect=effect,
            destructive=destructive,
            reconcile=reconcile,
            function=function,
        )

    return define if function is None else define(function)


def _title(function: Callable[..., Any], name: str | None) -> str:
    """Return what a tool made of *function* is called.

    Raises:
        ToolError: it is no function that returns its result, or nothing says its name.
    """
    if not callable(function):
        raise ToolError(f"a tool is made of a function, found {function!r:.80}; options are keywords", found=function)
    title = getattr(function, "__name__", None) if name is None else name
    if title is None:
        raise ToolError(f"{function!r:.80} has no name of its own; valid: tool(name=…)", found=function)
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise ToolError(f"tool {title!r} yields; valid: a def or async def that returns its result", found=function)
    return str(title)


def _action(function: Callable[..., Any], names: list[str], injected: str | None) -> Callable[[Any, ToolContext], Any]:
    def call(bound: Any, context: ToolContext) -> Any:
        arguments = {name: getattr(bound, name) for name in names}
        return function(**arguments, **({injected: context} if injected else {}))

    async def call_async(bound: Any, context: ToolContext) -> Any:
        return await call(bound, context)

    return call_async if inspect.iscoroutinefunction(function) else call


def _signature_class(function: Callable[..., Any], title: str) -> tuple[type, str | None]:
    """Return the signature as an attrs class, and the name of the parameter that takes the context."""
    try:
        hints = get_type_hints(function, include_extras=True)
    except (NameError, TypeError, AttributeError) as error:
        raise ToolError(f"tool {title!r}: its type hints cannot be resolved: {error}", found=function) from error
    described = parse_docstring(function.__doc__ or "")[1]
    fields: dict[str, Any] = {}
    injected: str | None = None
    for parameter in inspect.signature(function).parameters.values():
        where = f"tool {title!r}, parameter {parameter.name!r}"
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise ToolError(
                f"{where}: {parameter.kind.description} is not supported; valid: named ones", found=parameter
            )
        if parameter.name not in hints:
            raise ToolError(f"{where}: has no type hint", found=parameter)
        if hints[parameter.name] is ToolContext:
            if injected:
                raise ToolError(f"{where}: there is a ToolContext already: {injected!r}", found=parameter)
            injected = parameter.name
            continue
        if ToolContext in get_args(hints[parameter.name]):
            raise ToolError(f"{where}: valid is ToolContext alone, there always is one", found=parameter)
        default = attrs.NOTHING if parameter.default is parameter.empty else parameter.default
        note = {"description": described[parameter.name]} if parameter.name in described else {}
        fields[parameter.name] = attrs.field(type=hints[parameter.name], default=default, metadata=note)
    for name in fields:
        if name.startswith("_"):
            raise ToolError(f"tool {title!r}, parameter {name!r}: names must not begin with an underscore", found=name)
    return attrs.make_class(f"{title}_arguments", fields, frozen=True, kw_only=True), injected
