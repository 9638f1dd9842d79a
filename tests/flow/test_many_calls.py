"""Replies that ask for very much: more calls than anybody reads, and texts that take long to judge."""

import json
import threading
from pathlib import Path

import pytest
from small_world import diligent, issue, open_world, organization

import orket
from orket.contracts import ModelReply, ModelRequest, RawToolCall, ToolCall, TurnKind
from orket.events import CallJudged
from orket.governance import GateQuestion, ToolGate, Verdict

pytestmark = pytest.mark.anyio
MANY = 5_000


class Eager:
    """A model client that asks thousands of times for what its issue says, and then does its work."""

    def __init__(self, first: ModelReply) -> None:
        self.first, self.requests = first, list[ModelRequest]()

    async def complete(self, request: ModelRequest, /) -> ModelReply:
        self.requests.append(request)
        if len(self.requests) == 1:
            return self.first
        assert request.brief is not None
        status = "done" if request.brief.kind is TurnKind.REVIEW else "code_review"
        return ModelReply(text=json.dumps({"tool": "update_issue_status", "args": {"status": status}}))


@pytest.mark.parametrize("native", [True, False], ids=["native", "text"])
async def test_a_reply_of_very_many_calls_is_read_to_the_limit(tmp_path: Path, native: bool) -> None:
    """The 65th call is refused, what is behind it leaves no trace, and each call that the model sees has a result."""
    calls = tuple([RawToolCall(name="get_issue_context", arguments="{}", id=str(number)) for number in range(MANY)])
    wanted = ['{"tool": "get_issue_context", "args": {}}'] * MANY
    model = Eager(ModelReply(tool_calls=calls) if native else ModelReply(text=f"[{', '.join(wanted)}]"))
    async with open_world(organization(tmp_path, [issue("a")]), model) as crew:  # type: ignore[arg-type]
        result = await crew.run_epic("launch")
        judged = [entry.record async for entry in crew.history() if isinstance(entry.record, CallJudged)]
    assert (result.outcome, result.refused) == (orket.RunOutcome.DONE, 1)
    first = [one for one in judged if (one.turn, one.round) == (1, 1)]
    assert [one.allowed for one in first] == [True] * 64 + [False]
    assert (first[-1].rule, first[-1].detail) == ("call-limit", f"call 65 of {MANY} in one reply; at most 64 are read")
    told = [message for message in model.requests[1].messages if message.role in ("assistant", "tool")]
    asked = [call.id for message in told for call in message.calls]
    assert asked == [message.call_id for message in told if message.role == "tool"]
    assert len(asked) == (65 if native else 0)


async def test_a_long_text_is_judged_beside_the_event_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules that read source code may take seconds for it: they are asked in a thread, about all else at once."""
    here, places = threading.get_ident(), list[tuple[str, bool]]()
    judge = ToolGate.judge

    def note(gate: ToolGate, question: GateQuestion) -> Verdict:
        places.append((question.call.name, threading.get_ident() == here))
        return judge(gate, question)

    monkeypatch.setattr(ToolGate, "judge", note)

    def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        if request.brief.kind is TurnKind.WORK and request.brief.round == 1:
            arguments = {"path": "engines/long_engine.py", "content": "x = 1\n" * 10_000}
            return ToolCall(name="write_file", arguments=arguments)
        return diligent(request)

    root = organization(tmp_path, [issue("a")], architecture_governance={"idesign": True})
    async with open_world(root, agent) as crew:
        assert (await crew.run_epic("launch")).outcome is orket.RunOutcome.DONE
    assert places == [("write_file", False), *[("update_issue_status", True)] * 2]
