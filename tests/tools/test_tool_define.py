"""Tools made of functions and classes."""

import threading
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any, Literal

import pytest
from attrs import frozen

from orket.contracts import CommentRequest, EffectClass, Tool, ToolContext, ToolResult
from orket.errors import ToolError
from orket.tools import ClassTool, tool

pytestmark = pytest.mark.anyio


@frozen(kw_only=True)
class Delete:
    """Arguments of ``delete``.

    Args:
        path: what to delete
    """

    path: str
    confirm: bool = False


def delete(arguments: Delete, context: ToolContext) -> str:
    """Delete something."""
    return f"{context.seat} deleted {arguments.path}"


@tool
def add(left: int, right: int = 2) -> int:
    """Add two numbers.

    Args:
        left: one of them
        right: the other
    """
    return left + right


@tool(name="say", effect=EffectClass.NONE)
async def speak(context: ToolContext, *, text: str, tone: Literal["low", "high"] = "low") -> ToolResult:
    """Say something."""
    return ToolResult(ok=True, output=tone, requests=(CommentRequest(text=f"{context.seat}: {text}"),))


async def test_a_function_is_a_tool(context: ToolContext) -> None:
    """The signature and docstring of a function make its spec; it still can be called."""
    assert isinstance(add, Tool)
    assert add.spec.name == "add"
    assert add.spec.description == "Add two numbers."
    assert add.spec.effect is EffectClass.AT_MOST_ONCE
    assert add.spec.parameters == {
        "type": "object",
        "properties": {
            "left": {"type": "integer", "description": "one of them"},
            "right": {"type": "integer", "default": 2, "description": "the other"},
        },
        "required": ["left"],
        "additionalProperties": False,
    }
    assert add(2, 3) == 5
    assert await add.run(add.bind({"left": 40}), context) == ToolResult(ok=True, output="42")


async def test_the_context_is_injected(context: ToolContext) -> None:
    """A parameter annotated ToolContext is filled in wherever it stands, and no model is told of it."""
    assert speak.spec.name == "say"
    assert list(speak.spec.parameters["properties"]) == ["text", "tone"]
    result = await speak.run(speak.bind({"text": "hello"}), context)
    assert result == ToolResult(ok=True, output="low", requests=(CommentRequest(text="coder: hello"),))
    with pytest.raises(ToolError, match="unknown arguments context"):
        speak.bind({"text": "hello", "context": None})


async def test_a_class_describes_arguments(context: ToolContext) -> None:
    """A class tool takes its schema from the class and its description from the action."""
    made = ClassTool(name="delete", arguments=Delete, action=delete, destructive=True)
    assert made.spec.destructive
    assert made.spec.description == "Delete something."
    assert made.spec.parameters["properties"]["path"] == {"type": "string", "description": "what to delete"}
    result = await made.run(made.bind({"path": "a", "confirm": True}), context)
    assert result.output == "coder deleted a"
    assert ClassTool(name="d", arguments=Delete, action=delete, description="").spec.description == ""


async def test_where_actions_run(context: ToolContext) -> None:
    """A plain function runs in a worker thread, one without an effect where it is called, and so does a coroutine."""

    def here() -> str:
        return str(threading.get_ident())

    async def there() -> str:
        return str(threading.get_ident())

    own = str(threading.get_ident())
    for made, same in ((tool(here), False), (tool(effect=EffectClass.NONE)(here), True), (tool(there), True)):
        result = await made.run(made.bind({}), context)
        assert (result.output == own) is same


async def test_only_bound_arguments_run(context: ToolContext) -> None:
    """What bind did not return is refused, so that nothing runs past the schema."""
    with pytest.raises(ToolError, match="runs what its bind returned, not dict"):
        await add.run({"left": 1}, context)


def misuse(*parts: Any) -> None: ...
def vague(a: int, b) -> None: ...
def mapped(**parts: int) -> None: ...
def placed(a: int, /) -> None: ...
def twice(a: ToolContext, b: ToolContext) -> None: ...
def private(_a: int) -> None: ...
def odd(a: bytes) -> None: ...
def lost(a: "Nowhere") -> None: ...  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (misuse, "parameter 'parts': variadic positional is not supported"),
        (mapped, "parameter 'parts': variadic keyword is not supported"),
        (placed, "parameter 'a': positional-only is not supported"),
        (vague, "parameter 'b': has no type hint"),
        (twice, "parameter 'b': there is a ToolContext already: 'a'"),
        (private, "parameter '_a': names must not begin with an underscore"),
        (odd, "parameter 'a': the type hint <class 'bytes'> is not supported"),
        (lost, "its type hints cannot be resolved: name 'Nowhere' is not defined"),
    ],
)
def test_signatures_that_cannot_be_tools(function: Callable[..., Any], message: str) -> None:
    """A wrong signature is refused where the tool is defined, naming the parameter."""
    with pytest.raises(ToolError, match=f"^tool '{function.__name__}'.*{message}"):
        tool(function)


def test_wrong_definitions() -> None:
    """A name no model server accepts, and a destructive tool without confirm, are refused."""
    for name in ("", "a b", "1st", "a" * 65, "a.b"):
        with pytest.raises(ToolError, match="cannot be named"):
            tool(name=name)(lambda: None)
    with pytest.raises(ToolError, match="needs an argument confirm"):
        tool(name="wipe", destructive=True)(lambda: None)


def counts(a: int) -> Iterator[int]:
    yield a


async def ticks(a: int) -> AsyncIterator[int]:
    yield a


def perhaps(a: int, context: ToolContext | None) -> None: ...


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: tool("pay"), "a tool is made of a function, found 'pay'; options are keywords"),
        (lambda: tool(partial(misuse)), "has no name of its own; valid: tool.name=…"),
        (lambda: tool(counts), "tool 'counts' yields; valid: a def or async def that returns its result"),
        (lambda: tool(ticks), "tool 'ticks' yields; valid: a def or async def that returns its result"),
        (lambda: tool(perhaps), "parameter 'context': valid is ToolContext alone"),
        (lambda: tool(name="pay", reconcile="ask")(lambda: None), "reconcile is 'ask'; valid: a function of a key"),
    ],
)
def test_what_no_tool_can_be_made_of(make: Callable[[], Any], message: str) -> None:
    """Whatever is no function that returns its result is refused where the tool is defined, in words of orket."""
    with pytest.raises(ToolError, match=message):
        make()


def test_a_parameter_may_be_null() -> None:
    """The hint None takes null and nothing else."""

    @tool
    def forget(what: None) -> None: ...

    assert forget.spec.parameters["properties"] == {"what": {"type": "null"}}
    assert forget.bind({"what": None}).what is None
    with pytest.raises(ToolError, match="found the number 0, valid: null"):
        forget.bind({"what": 0})
