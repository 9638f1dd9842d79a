"""Tools of the host in a run: every effect class, sync and async, and everything that can go wrong with them."""

import math
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anyio
import pytest
from small_world import WORKER_TOOLS, diligent, issue, open_world, organization, wish

import orket
from orket.contracts import (
    BoardRequest,
    CardStatus,
    CommentRequest,
    CreditsRequest,
    EffectClass,
    IssueRequest,
    JsonValue,
    ModelRequest,
    NominationRequest,
    RefinementRequest,
    StatusWish,
    ToolCall,
    ToolContext,
    ToolResult,
    ToolSpec,
    TurnKind,
)
from orket.errors import ToolError
from orket.events import CardMoved, CommentAdded, EffectIntended, EffectRecorded, FailureReported

pytestmark = pytest.mark.anyio


class Seen:
    """What a run left: its result, its records, and what the model was told of tools."""

    def __init__(self, result: orket.RunResult, records: list[object], told: list[str]) -> None:
        self.result, self.records, self.told = result, records, told

    def of(self, kind: type) -> list[Any]:
        return [record for record in self.records if isinstance(record, kind)]


async def use(tmp_path: Path, tool: Any, *calls: ToolCall, **options: Any) -> Seen:
    """Let the coder make *calls* in the first round of its first turn, with *tool* in its role's list."""
    told: list[str] = []
    made: list[bool] = []

    def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        told.extend(message.content for message in request.messages[2:])
        if request.brief.kind is TurnKind.WORK and not made:
            made.append(True)
            return list(calls) or [ToolCall(name=tool.spec.name, arguments={"x": 1})]
        return diligent(request)

    root = organization(tmp_path, [issue("a", max_retries=1)], tools=[*WORKER_TOOLS, tool.spec.name])
    async with open_world(root, agent, tools=[tool], **options) as orchestrator:
        result = await orchestrator.run_epic("launch")
        return Seen(result, [entry.record async for entry in orchestrator.history(card="a")], told)


@pytest.mark.parametrize("is_async", [False, True], ids=["def", "async"])
@pytest.mark.parametrize("effect", list(EffectClass))
async def test_a_tool_of_each_effect_class_runs_once(tmp_path: Path, effect: EffectClass, is_async: bool) -> None:
    """The model is told what the tool returned; what acts outside the record is intended and recorded, once."""
    ran: list[int] = []

    if is_async:

        @orket.tool(effect=effect)
        async def work(x: int) -> dict[str, int]:
            await anyio.lowlevel.checkpoint()
            ran.append(x)
            return {"twice": 2 * x}
    else:

        @orket.tool(effect=effect)
        def work(x: int) -> dict[str, int]:
            ran.append(x)
            return {"twice": 2 * x}

    seen = await use(tmp_path, work)
    assert (seen.result.outcome, ran) == (orket.RunOutcome.DONE, [1])
    assert any('{"twice":2}' in text.replace(" ", "") for text in seen.told)
    acts = 0 if effect is EffectClass.NONE else 1
    assert [one.effect for one in seen.of(EffectIntended)] == [effect.value] * acts
    assert [one.ok for one in seen.of(EffectRecorded)] == [True] * acts


async def test_a_tool_that_raises_fails_and_the_turn_may_go_on(tmp_path: Path) -> None:
    """What a tool raised is told to the model, which may do without: the turn ends well."""

    @orket.tool
    def work(x: int) -> str:
        raise LookupError("the drawer is empty")

    seen = await use(tmp_path, work)
    assert seen.result.outcome is orket.RunOutcome.DONE
    assert any("LookupError: the drawer is empty" in text for text in seen.told)
    assert [one.ok for one in seen.of(EffectRecorded)] == [False]
    assert not seen.of(FailureReported)


@pytest.mark.parametrize("is_async", [False, True], ids=["def", "async"])
async def test_a_slow_tool_fails_when_its_time_is_up(tmp_path: Path, is_async: bool) -> None:
    """A tool that does not end in time is told to the model as one of which nobody knows whether it acted."""
    release = threading.Event()

    if is_async:

        @orket.tool(effect=EffectClass.IDEMPOTENT)
        async def work(x: int) -> None:
            await anyio.sleep_forever()
    else:

        @orket.tool(effect=EffectClass.IDEMPOTENT)
        def work(x: int) -> None:
            release.wait(60)

    try:
        seen = await use(tmp_path, work, limits=orket.Limits(tool=0.05))
    finally:
        release.set()
    assert seen.result.outcome is orket.RunOutcome.DONE
    assert any("did not finish within 0.05 seconds" in text for text in seen.told)


class Foreign:
    """A tool that no check of ours has seen: it returns, binds and raises what it likes."""

    def __init__(self, value: Any, effect: EffectClass = EffectClass.NONE, bind: Any = None) -> None:
        self.spec = ToolSpec(name="foreign", description="", parameters={"type": "object"}, effect=effect)
        self._value, self._bind = value, bind

    def bind(self, arguments: Mapping[str, JsonValue], /) -> object:
        if self._bind is not None:
            raise self._bind
        return dict(arguments)

    async def run(self, bound: object, context: ToolContext, /) -> ToolResult:
        return self._value


JUNK = (
    object(),
    {1, 2},
    b"bytes",
    ToolResult(ok=True, output=None),  # type: ignore[arg-type]
    ToolResult(ok="yes", output=""),  # type: ignore[arg-type]
    ToolResult(ok=True, output="", requests=("done",)),  # type: ignore[arg-type]
)


@pytest.mark.parametrize("junk", JUNK, ids=range(len(JUNK)))
async def test_a_tool_that_returns_junk_fails(tmp_path: Path, junk: Any) -> None:
    """What is no result, or asks the board for what is no request, fails the call: it neither acts nor ends the run."""
    seen = await use(tmp_path, Foreign(junk))
    assert (seen.result.outcome, seen.result.cards) == (orket.RunOutcome.DONE, 1)
    assert not seen.of(CommentAdded)
    assert [one.after for one in seen.of(CardMoved)] == ["in_progress", "code_review", "done"]


MISFITS = (
    lambda: StatusWish(status="done"),  # type: ignore[arg-type]
    lambda: StatusWish(status=CardStatus.BLOCKED, wait_reason="input"),  # type: ignore[arg-type]
    lambda: CommentRequest(text=None),  # type: ignore[arg-type]
    lambda: IssueRequest(summary="s", seat="coder", depends_on=[3]),  # type: ignore[arg-type]
    lambda: IssueRequest(summary="s", seat=3),  # type: ignore[arg-type]
    lambda: IssueRequest(summary="s", seat="coder", priority=math.nan),
    lambda: CreditsRequest(amount=True),
    lambda: RefinementRequest(target="t", proposal=b"p"),  # type: ignore[arg-type]
    lambda: NominationRequest(kind="epic", summary=["s"]),  # type: ignore[arg-type]
)


@pytest.mark.parametrize("ask", MISFITS, ids=range(len(MISFITS)))
async def test_a_request_of_the_wrong_types_fails_the_tool_that_makes_it(
    tmp_path: Path, ask: Callable[[], BoardRequest]
) -> None:
    """A misfit never gets behind the tool that made it: the model is told, and the turn may go on."""

    @orket.tool
    def work(x: int) -> ToolResult:
        return ToolResult(ok=True, output="", requests=(ask(),))

    seen = await use(tmp_path, work)
    assert (seen.result.outcome, seen.result.cards) == (orket.RunOutcome.DONE, 1)
    assert any("TypeError" in text for text in seen.told)


@pytest.mark.parametrize("error", [ToolError("x: not that"), LookupError("no such x"), SystemExit(3)], ids=repr)
async def test_arguments_that_a_tool_cannot_read_are_refused(tmp_path: Path, error: BaseException) -> None:
    """Whatever a foreign bind raises refuses the call by the rule of the arguments."""
    seen = await use(tmp_path, Foreign("never", bind=error))
    assert (seen.result.outcome, seen.result.refused) == (orket.RunOutcome.DONE, 1)
    assert any("refused by rule arguments" in text for text in seen.told)


async def test_a_host_tool_asks_the_board_no_more_than_the_law_grants(tmp_path: Path) -> None:
    """A tool that wishes for done on a work turn gets a turn without a verdict of its own, and nothing is done."""
    finish = Foreign(ToolResult(ok=True, output="", requests=(StatusWish(status=CardStatus.DONE),)))
    seen = await use(tmp_path, finish)
    moves = [(one.after.value, one.by) for one in seen.of(CardMoved)]
    assert ("done", "coder") not in moves
    assert moves[-1] == ("done", "guard")


async def test_a_wish_beside_a_refused_or_failed_call_does_not_count(tmp_path: Path) -> None:
    """All calls of a reply must run for its wish to end the turn; the model is told, and asks again."""

    @orket.tool
    def work(x: int) -> str:
        raise LookupError("no")

    for number, beside in enumerate(
        [
            ToolCall(name="write_file", arguments={"path": "../x", "content": ""}),
            ToolCall(name="work", arguments={"x": 1}),
        ]
    ):
        seen = await use(tmp_path / str(number), work, wish("blocked", wait_reason="input"), beside)
        assert seen.result.outcome is orket.RunOutcome.DONE
        assert "blocked" not in [one.after.value for one in seen.of(CardMoved)]


async def test_tools_that_are_none_or_of_one_name_are_refused(tmp_path: Path) -> None:
    """A plain function, and a tool of a stock tool's name, are a ToolError when the orchestrator is opened."""

    @orket.tool(name="write_file")
    def other(x: int) -> None:
        """Do something else."""

    root = organization(tmp_path, [issue("a")])
    for tools, named in (([other], "write_file"), ([lambda x: x], "orket.tool")):
        with pytest.raises(ToolError, match=named):
            async with open_world(root, diligent, tools=tools):
                pass
