"""The seam where tools run, and what becomes of what they return or raise."""

import math
import threading
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any

import anyio
import anyio.lowlevel
import anyio.to_thread
import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orket.contracts import CommentRequest, EffectClass, JsonValue, Settlement, ToolContext, ToolResult, ToolSpec
from orket.errors import EffectUnknownError, ToolError
from orket.tools import ToolRuntimeExecutor, effect_key, tool
from orket.tools._results import MAX_MESSAGE, MAX_OUTPUT, failure, normalize

pytestmark = pytest.mark.anyio


class Unprintable(Exception):  # noqa: N818 - it is what it says
    def __str__(self) -> str:
        raise ValueError


class ForeignTool:
    """A tool that is none of orket's own."""

    spec = ToolSpec(name="foreign", description="", parameters={"type": "object"})

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def bind(self, arguments: Mapping[str, JsonValue], /) -> object:
        return dict(arguments)

    async def run(self, bound: object, context: ToolContext, /) -> ToolResult:
        return self.answer


async def execute(function: Callable[..., Any], context: ToolContext, *, seconds: float = 10) -> ToolResult:
    made = tool(function)
    return await ToolRuntimeExecutor().execute(made, made.bind({}), context, timeout=seconds)


@pytest.mark.parametrize(
    ("error", "output"),
    [
        (ValueError("no"), "ValueError: no"),
        (KeyError(), "KeyError"),
        (ToolError("not there"), "not there"),
        (SystemExit(3), "SystemExit: 3"),
        (TimeoutError("late"), "TimeoutError: late"),
        (Unprintable(), "Unprintable: (its message cannot be read)"),
        (ExceptionGroup("two", [ValueError("a"), ValueError("b")]), "ExceptionGroup: two (2 sub-exceptions)"),
    ],
)
@pytest.mark.parametrize("blocking", [True, False])
async def test_what_a_tool_raises(error: BaseException, output: str, blocking: bool, context: ToolContext) -> None:
    """Everything raised becomes a failed result of type and message, in a thread or not."""

    def fail() -> None:
        raise error

    async def fail_async() -> None:
        raise error

    assert await execute(fail if blocking else fail_async, context) == ToolResult(ok=False, output=output)


async def test_what_a_tool_took_too_long_for(context: ToolContext) -> None:
    """A tool out of time does not pretend to know whether it acted: it failed, or its effect is of unknown outcome."""
    release = threading.Event()

    def block() -> None:
        release.wait(10)

    said = "did not finish within 0.01 seconds; whether it acted is not known"
    for function in (block, anyio.sleep_forever):
        made = tool(effect=EffectClass.READ)(function)
        result = await ToolRuntimeExecutor().execute(made, made.bind({}), context, timeout=0.01)
        assert not result.ok
        assert said in result.output
        with pytest.raises(EffectUnknownError, match=said) as caught:
            await execute(function, context, seconds=0.01)
        assert (caught.value.rule, caught.value.key) == ("effect_unknown", context.key)
    release.set()


@pytest.mark.parametrize("effect", [EffectClass.READ, EffectClass.AT_MOST_ONCE])
async def test_a_tool_may_say_that_it_does_not_know(context: ToolContext, effect: EffectClass) -> None:
    """EffectUnknownError of a tool that runs at most once passes; of any other it is a failed result."""

    async def send() -> None:
        raise EffectUnknownError("the server hung up")

    made, executor = tool(effect=effect)(send), ToolRuntimeExecutor()
    if effect is EffectClass.READ:
        assert (await executor.execute(made, {}, context, timeout=1)).ok is False
        return
    with pytest.raises(EffectUnknownError, match="hung up"):
        await executor.execute(made, made.bind({}), context, timeout=1)


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (None, ""),
        (Settlement(ran=True, output="sent"), Settlement(ran=True, output="sent")),
        (Settlement(ran=1), "reconcile returned a Settlement that is no settlement"),  # type: ignore[arg-type]
        ("sent", "reconcile returned a str that is no settlement"),
        (ValueError("no"), "reconcile failed: ValueError: no"),
    ],
)
@pytest.mark.parametrize("is_async", [False, True], ids=["def", "async"])
async def test_a_tool_is_asked_what_became_of_an_effect(answer: Any, found: object, is_async: bool) -> None:
    """A settlement is taken as it is; what is none, and what is raised, becomes a reason for not knowing."""

    def ask(key: str) -> Any:
        assert key == "k"
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def ask_async(key: str) -> Any:
        return ask(key)

    made = tool(name="send", reconcile=ask_async if is_async else ask)(lambda: None)
    assert await ToolRuntimeExecutor().reconcile(made, "k", timeout=5) == found


async def test_a_tool_that_cannot_be_asked_does_not_know() -> None:
    """A tool without reconcile, or one that does not answer in time, leaves the outcome unknown."""

    async def ask(_key: str) -> None:
        await anyio.sleep_forever()

    executor, silent = ToolRuntimeExecutor(), tool(name="send", reconcile=ask)(lambda: None)
    assert await executor.reconcile(ForeignTool(None), "k", timeout=1) == ""
    assert await executor.reconcile(tool(name="send")(lambda: None), "k", timeout=1) == ""
    assert await executor.reconcile(silent, "k", timeout=0.01) == "reconcile did not answer within 0.01 seconds"


async def test_asking_that_hangs_keeps_no_thread_that_others_need() -> None:
    """As often as a tool that hangs is asked, worker threads for everything else are left."""
    release = threading.Event()

    def ask(_key: str) -> None:
        release.wait(60)

    hanging = tool(name="send", reconcile=ask)(lambda: None)
    try:
        for _ in range(41):
            said = await ToolRuntimeExecutor().reconcile(hanging, "k", timeout=0.001)
            assert said.startswith("reconcile did not answer")  # type: ignore[union-attr]
        with anyio.fail_after(50):
            await anyio.to_thread.run_sync(int)
    finally:
        release.set()


async def test_threads_that_hang_are_bounded(context: ToolContext) -> None:
    """Hanging tools keep their threads, so later blocking tools fail while others still run."""
    begun, release = threading.Event(), threading.Event()
    executor = ToolRuntimeExecutor(limit=1)
    hanging = tool(name="hang")(lambda: begun.set() or release.wait(60))
    quick = tool(name="quick")(lambda: "done")
    inline = tool(name="inline", effect=EffectClass.NONE)(lambda: "done")
    for seconds in (0.02, 2.0, 30.0):
        with pytest.raises(EffectUnknownError):
            await executor.execute(hanging, hanging.bind({}), context, timeout=seconds)
        if await anyio.to_thread.run_sync(begun.wait, 5):  # its thread may begin late, or too late to begin at all
            break
    results = [await executor.execute(made, made.bind({}), context, timeout=0.02) for made in (quick, inline)]
    assert [result.ok for result in results] == [False, True]
    assert "nothing was run" in results[0].output
    release.set()
    with anyio.fail_after(60):
        while not (await executor.execute(quick, quick.bind({}), context, timeout=60)).ok:
            await anyio.lowlevel.checkpoint()


async def test_cancellation_passes(context: ToolContext) -> None:
    """A cancelled turn is not a failed tool."""
    made = tool(anyio.sleep_forever)
    with anyio.move_on_after(0.01) as scope:
        await ToolRuntimeExecutor().execute(made, made.bind({}), context, timeout=10)
        pytest.fail("the tool returned")
    assert scope.cancelled_caught


@pytest.mark.parametrize("answer", [None, "text", {"a": 1}, ToolResult(ok=False, output="no")])
async def test_foreign_tools(answer: Any, context: ToolContext) -> None:
    """A tool that keeps the protocol loosely is normalized like any other."""
    result = await ToolRuntimeExecutor().execute(ForeignTool(answer), {}, context, timeout=1)
    assert result == normalize(answer)


async def test_a_function_may_return_an_awaitable(context: ToolContext) -> None:
    """A plain function that returns a coroutine is awaited."""

    async def later() -> str:
        return "done"

    def soon() -> Awaitable[str]:
        return later()

    assert (await execute(soon, context)).output == "done"


@pytest.mark.parametrize(
    ("value", "output"),
    [
        (None, "ok"),
        ("text", "text"),
        ("", ""),
        (3, "3"),
        (True, "true"),
        ([1, "ä"], '[1,"ä"]'),
        (MappingProxyType({"a": None}), '{"a":null}'),
    ],
)
def test_what_a_tool_returns(value: object, output: str) -> None:
    """Text stays text, JSON data becomes JSON, nothing becomes "ok"."""
    assert normalize(value) == ToolResult(ok=True, output=output)


@pytest.mark.parametrize("value", [object(), b"bytes", math.nan, {1, 2}, [object()], {("a",): 1}])
def test_junk(value: object) -> None:
    """A value that is neither text nor JSON is a failure that says that the tool ran."""
    result = normalize(value)
    assert not result.ok
    assert result.output.startswith(f"the tool ran, but returned a {type(value).__name__}")


def test_endless_json() -> None:
    """A structure that contains itself is junk, not a crash."""
    endless: list[Any] = []
    endless.append(endless)
    assert not normalize(endless).ok


@pytest.mark.parametrize("change", [{"ok": 1}, {"output": b""}, {"requests": []}, {"requests": ("done",)}])
def test_results_of_wrong_types(change: dict[str, Any]) -> None:
    """A ToolResult whose fields have wrong types is junk."""
    sound = ToolResult(ok=True, output="", requests=(CommentRequest(text="a"),))
    assert normalize(sound) is sound
    assert normalize(attrs.evolve(sound, **change)).output.startswith("the tool ran, but returned a ToolResult")


def test_caps() -> None:
    """Outputs and messages are cut at their caps, and say so; what a result asks for is kept."""
    note = "\n… (1 more characters were cut off)"
    request = CommentRequest(text="a")
    whole = ToolResult(ok=True, output="x" * (MAX_OUTPUT + 1), requests=(request,))
    assert normalize(whole) == ToolResult(ok=True, output="x" * MAX_OUTPUT + note, requests=(request,))
    assert normalize("x" * (MAX_OUTPUT + 1)).output == "x" * MAX_OUTPUT + note
    assert len(failure(ValueError("x" * MAX_OUTPUT)).output) == MAX_MESSAGE + 1


ARGUMENTS = st.dictionaries(
    st.text(max_size=3), st.integers() | st.text(max_size=3) | st.lists(st.integers(), max_size=2)
)


@given(ARGUMENTS, ARGUMENTS)
def test_effect_keys(one: dict[str, Any], other: dict[str, Any]) -> None:
    """Two calls have the same key when and only when everything about them is the same; the order of keys is not."""
    key = effect_key("run", "I-1", 1, 0, "write_file", one)
    assert (key == effect_key("run", "I-1", 1, 0, "write_file", other)) is (one == other)
    assert key == effect_key("run", "I-1", 1, 0, "write_file", MappingProxyType(dict(reversed(one.items()))))
    changed = [
        ("ran", "I-1", 1, 0, "t"),
        ("run", "I-2", 1, 0, "t"),
        ("run", "I-1", 2, 0, "t"),
        ("run", "I-1", 1, 1, "t"),
    ]
    assert len({key, *(effect_key(*call, one) for call in changed), effect_key("run", "I-1", 1, 0, "t", one)}) == 6
