"""A model that cannot answer fails the turn, not the host: each kind of error, and replies that are none."""

import threading
from pathlib import Path
from typing import Any

import pytest
from small_world import diligent, issue, open_world, organization, wish

import orket
from orket import errors
from orket._flow import _converse
from orket._parse import ParsedReply, parse_reply
from orket.contracts import ModelReply, ModelRequest, RawToolCall, TurnKind, Usage
from orket.events import CardMoved, FailureReported, ModelReplied, TurnClosed

pytestmark = pytest.mark.anyio

KINDS = [
    errors.ModelConnectionError("nobody listens"),
    errors.ModelTimeoutError("too slow"),
    errors.ModelReplyError("what is that"),
    errors.ModelError("odd"),
]
PERMANENT = [errors.ModelAuthenticationError("who are you"), errors.ModelContextExceededError("too long")]


class Client:
    """A model client that does what it is told to, once; then it is diligent."""

    def __init__(self, first: Any) -> None:
        self._first = first

    async def complete(self, request: ModelRequest, /) -> ModelReply:
        first, self._first = self._first, None
        if isinstance(first, BaseException):
            raise first
        if first is not None:
            return first
        call = diligent(request)
        return ModelReply(tool_calls=(RawToolCall(name=call.name, arguments=call.arguments),))


async def survive(tmp_path: Path, first: Any) -> list[Any]:
    """Run an epic whose model begins with *first*; return what was reported of the failed turn."""
    root = organization(tmp_path, [issue("a")])
    async with open_world(root, Client(first)) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert (result.outcome, result.turns) == (orket.RunOutcome.DONE, 3)
        records = [entry.record async for entry in orchestrator.history(card="a")]
        await orchestrator.store.verify()
    moved = [record.after.value for record in records if isinstance(record, CardMoved)]
    assert moved == ["in_progress", "ready", "in_progress", "code_review", "done"]
    return [record for record in records if isinstance(record, FailureReported)]


async def test_a_long_reply_does_not_hold_the_event_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a long hostile reply is read, other tasks run on: it is read in another thread."""
    readers: list[bool] = []

    def watched(reply: ModelReply) -> ParsedReply:
        readers.append(threading.current_thread() is threading.main_thread())
        return parse_reply(reply)

    monkeypatch.setattr(_converse, "parse_reply", watched)
    world = open_world(organization(tmp_path, [issue("a")]), Client(ModelReply(text="[{" * 150_000)))
    async with world as orchestrator:
        result = await orchestrator.run_epic("launch")
    assert result.outcome is orket.RunOutcome.DONE
    assert readers[0] is False
    assert all(readers[1:]), "short ones are read at once"


@pytest.mark.parametrize("error", PERMANENT, ids=lambda error: type(error).__name__)
async def test_what_no_retry_can_mend_blocks_at_once(tmp_path: Path, error: errors.ModelError) -> None:
    """Refused credentials and a prompt too long block the issue in its first turn, with a remedy; others go on."""
    root = organization(tmp_path, [issue("a", priority="High"), issue("b")], process_rules={"concurrency": 1})
    async with open_world(root, Client(error)) as orchestrator:
        result = await orchestrator.run_epic("launch")
        records = [entry.record async for entry in orchestrator.history(card="a")]
        waiting = (await orchestrator.explain("a")).issue
    assert (result.outcome, result.done, result.turns) == (orket.RunOutcome.STALLED, 1, 3)
    assert result.reasons == {"a": f"system: {type(error).__name__}: {error}"}
    assert waiting.retry_count == 0
    (report,) = [record for record in records if isinstance(record, FailureReported)]
    assert report.remedy.startswith("No retry can mend this.")


@pytest.mark.parametrize("error", KINDS, ids=lambda error: type(error).__name__)
async def test_each_model_error_fails_the_turn_and_is_reported(tmp_path: Path, error: errors.ModelError) -> None:
    """The report names the error's kind and words; the issue is tried again."""
    (report,) = await survive(tmp_path, error)
    assert report.violation == "model"
    assert type(error).__name__ in report.detail
    assert str(error) in report.detail


FOREIGN = [KeyError("foreign"), ExceptionGroup("two", [OSError("one")]), SystemExit(3)]


@pytest.mark.parametrize("error", FOREIGN, ids=["plain", "group", "exit"])
async def test_what_a_foreign_client_raises_fails_the_turn(tmp_path: Path, error: BaseException) -> None:
    """An error that is none of orket's is told as the model client's."""
    (report,) = await survive(tmp_path, error)
    assert report.violation == "model"
    assert "the model client raised" in report.detail


UNSOUND: list[Any] = [
    "text",
    ModelReply(text=None),  # type: ignore[arg-type]
    ModelReply(text=b"bytes"),  # type: ignore[arg-type]
    ModelReply(tool_calls=None),  # type: ignore[arg-type]
    ModelReply(tool_calls=({"name": "read_file"},)),  # type: ignore[arg-type]
    ModelReply(tool_calls=(RawToolCall(name=None, arguments="{}"),)),  # type: ignore[arg-type]
    ModelReply(tool_calls=(RawToolCall(name="read_file", arguments="{}", id=None),)),  # type: ignore[arg-type]
    ModelReply(tool_calls=(RawToolCall(name="read_file", arguments=3),)),  # type: ignore[arg-type]
    ModelReply(text="x", usage=None),  # type: ignore[arg-type]
    ModelReply(text="x", usage=Usage(prompt_tokens=None)),  # type: ignore[arg-type]
    ModelReply(text="x", usage=Usage(completion_tokens=-5)),
    ModelReply(text="x", finish_reason=[]),  # type: ignore[arg-type]
    ModelReply(text="x", model=3),  # type: ignore[arg-type]
]


@pytest.mark.parametrize("reply", UNSOUND, ids=range(len(UNSOUND)))
async def test_a_reply_that_is_none_fails_the_turn(tmp_path: Path, reply: Any) -> None:
    """A foreign client's junk is a bad reply: nothing of it is stored, and the issue is tried again."""
    (report,) = await survive(tmp_path, reply)
    assert report.violation == "model"
    assert "ModelReplyError" in report.detail


@pytest.mark.parametrize("text", ["\ud800", "\x00", "x" * 2_000_000, "NaN", '{"tool": ', "\u202e"], ids=range(6))
async def test_any_text_is_an_answer(tmp_path: Path, text: str) -> None:
    """Half characters, huge texts and torn JSON are read, judged and stored; the run goes on."""
    root = organization(tmp_path, [issue("a")])
    store = tmp_path / "record" / "j.db"
    async with open_world(root, Client(ModelReply(text=text)), store=store) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert result.outcome is orket.RunOutcome.DONE
        await orchestrator.store.verify()


async def test_a_failure_past_all_retries_stops_the_run(tmp_path: Path) -> None:
    """The first issue whose retries are used up aborts the run; the others stay where they are, with their reasons."""
    root = organization(tmp_path, [issue("a", max_retries=1), issue("b", "a")])

    def agent(_request: ModelRequest) -> object:
        raise errors.ModelConnectionError("nobody listens")

    async with open_world(root, agent) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert (result.outcome, result.turns) == (orket.RunOutcome.FAILED, 2)
        assert result.reason == "a: ModelConnectionError: nobody listens"
        assert result.reasons == {"a": "system: ModelConnectionError: nobody listens", "b": "dependency: a is blocked"}


async def test_a_turn_uses_up_its_rounds(tmp_path: Path) -> None:
    """A model that calls tools for ever is stopped, its turn reported, and tried again."""
    asked: list[int] = []

    def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        asked.append(request.brief.round)
        return orket.contracts.ToolCall(name="list_directory", arguments={"path": "."})

    root = organization(tmp_path, [issue("a", max_retries=1)])
    async with open_world(root, agent, limits=orket.Limits(rounds=3)) as orchestrator:
        result = await orchestrator.run_epic("launch")
        records = [entry.record async for entry in orchestrator.history(card="a")]
    assert (result.outcome, asked) == (orket.RunOutcome.FAILED, [1, 2, 3] * 2)
    closed = [record for record in records if isinstance(record, TurnClosed)]
    assert [(one.ok, one.rounds, one.detail) for one in closed] == [(False, 3, "the turn used up its 3 rounds")] * 2


async def test_a_review_without_a_verdict_fails(tmp_path: Path) -> None:
    """A reviewer that only talks has not judged: the issue goes back and is worked on again."""
    verdicts: list[object] = [wish("done"), "I like it."]

    def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        return verdicts.pop() if request.brief.kind is TurnKind.REVIEW else wish("code_review")

    root = organization(tmp_path, [issue("a")])
    async with open_world(root, agent) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert (result.outcome, result.turns) == (orket.RunOutcome.DONE, 4)
        reports = [e.record async for e in orchestrator.history() if isinstance(e.record, FailureReported)]
    assert [report.detail for report in reports] == ["the review turn came to no verdict"]


async def test_tokens_are_charged_to_the_run(tmp_path: Path) -> None:
    """What the model server counted stands in the journal and in the run's row."""

    def agent(request: ModelRequest) -> ModelReply:
        call = diligent(request)
        return ModelReply(
            tool_calls=(RawToolCall(name=call.name, arguments=call.arguments),),
            usage=Usage(prompt_tokens=7, completion_tokens=3),
        )

    root = organization(tmp_path, [issue("a"), issue("b", "a")])
    async with open_world(root, agent) as orchestrator:
        await orchestrator.run_epic("launch")
        (row,) = await orchestrator.store.runs()
        replies = [e.record async for e in orchestrator.history() if isinstance(e.record, ModelReplied)]
    assert (row.turns, row.tokens) == (4, 40)
    assert [(one.prompt_tokens, one.completion_tokens) for one in replies] == [(7, 3)] * 4
