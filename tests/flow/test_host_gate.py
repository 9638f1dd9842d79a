"""The host's own gate rules: whatever one does but allow, the call does not run."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from attrs import frozen
from small_world import diligent, issue, open_world, organization

import orket
from orket.contracts import ModelRequest, ToolCall, TurnKind
from orket.errors import WiringError
from orket.events import CallJudged
from orket.governance import GateQuestion

pytestmark = pytest.mark.anyio
WRITE = ToolCall(name="write_file", arguments={"path": "agent_output/a.txt", "content": "a"})


@frozen
class Rule:
    """A rule made of a function."""

    name: str
    check: Callable[[GateQuestion], Any]


def writer(request: ModelRequest) -> object:
    """Write a file, and then ask for a review."""
    assert request.brief is not None
    return WRITE if request.brief.kind is TurnKind.WORK and request.brief.round == 1 else diligent(request)


async def judged(tmp_path: Path, *rules: Rule, **options: Any) -> tuple[orket.RunResult, CallJudged]:
    """Run a turn that writes, and return the result and the verdict of the write."""
    root = organization(tmp_path, [issue("a")])
    async with open_world(root, writer, gate_rules=rules, **options) as orchestrator:
        result = await orchestrator.run_epic("launch")
        records = [entry.record async for entry in orchestrator.history()]
    return result, next(one for one in records if isinstance(one, CallJudged) and one.tool == "write_file")


def raises(_question: GateQuestion) -> str:
    raise LookupError("no book of rules")


async def check_later(_question: GateQuestion) -> None:
    """Stand for a rule that was written as async."""


JUNK = (
    raises,
    lambda question: check_later(question),
    lambda _: True,
    lambda _: False,
    lambda _: 0,
    lambda _: "",
    lambda _: ["no"],
)


@pytest.mark.parametrize("check", JUNK, ids=range(len(JUNK)))
async def test_a_rule_that_does_not_allow_denies(tmp_path: Path, check: Callable[[GateQuestion], Any]) -> None:
    """A rule that raises or returns junk, such as a coroutine, refuses the call, and nothing is written."""
    result, verdict = await judged(tmp_path, Rule("mine", check))
    assert (verdict.allowed, verdict.rule) == (False, "mine")
    assert verdict.detail
    assert result.refused >= 1
    assert not (tmp_path / "work" / "space" / "agent_output" / "a.txt").exists()


async def test_a_refusal_carries_the_words_of_the_rule(tmp_path: Path) -> None:
    """The model is told which rule refused and why, and may do without: the turn then ends well."""
    told: list[str] = []

    def agent(request: ModelRequest) -> object:
        told.extend(message.content for message in request.messages[2:])
        return writer(request)

    def check(question: GateQuestion) -> str | None:
        return "not on a Sunday" if question.call.name == "write_file" else None

    root = organization(tmp_path, [issue("a")])
    async with open_world(root, agent, gate_rules=[Rule("sunday", check)]) as orchestrator:
        result = await orchestrator.run_epic("launch")
    assert (result.outcome, result.refused) == (orket.RunOutcome.DONE, 1)
    assert any("refused by rule sunday: not on a Sunday" in text for text in told)


async def test_a_rule_that_hangs_denies_when_its_time_is_up(tmp_path: Path) -> None:
    """A rule that does not answer is left behind in its thread, and the call is refused."""
    answer = threading.Event()
    try:
        _, verdict = await judged(
            tmp_path, Rule("slow", lambda _: answer.wait(60) or None), limits=orket.Limits(rule=0.05)
        )
    finally:
        answer.set()
    assert (verdict.allowed, verdict.rule) == (False, "host-rules")
    assert "0.05 s" in verdict.detail


async def test_rules_that_hang_again_and_again_keep_nothing_but_their_own_threads(tmp_path: Path) -> None:
    """However many calls they are asked about: each is refused, and the run comes to rest while they still hang."""
    answer = threading.Event()

    def hang(question: GateQuestion) -> None:
        if question.call.name == "read_file":
            answer.wait(60)

    def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        if request.brief.round == 1:
            return [ToolCall(name="read_file", arguments={"path": str(number)}) for number in range(45)]
        return diligent(request)

    root, limits = organization(tmp_path, [issue("a")]), orket.Limits(rule=0.01)
    try:
        with anyio.fail_after(60):
            async with open_world(root, agent, gate_rules=[Rule("slow", hang)], limits=limits) as crew:
                result = await crew.run_epic("launch")
                records = [entry.record async for entry in crew.history()]
    finally:
        answer.set()
    judged = [one for one in records if isinstance(one, CallJudged)]
    assert result.reasons["a"].startswith("system: update_issue_status refused by rule host-rules: ")
    assert {(one.allowed, one.rule) for one in judged} == {(False, "host-rules")}
    assert len(judged) > 45


async def test_all_rules_are_asked_what_the_stock_ones_allowed(tmp_path: Path) -> None:
    """A host's rule sees only calls that the stock rules allow, and cannot allow others."""
    seen: list[str] = []

    def note(question: GateQuestion) -> None:
        seen.append(str(question.call.arguments["path"]))

    def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        paths = ("../x", "verification/x", "agent_output/x") if request.brief.round == 1 else ()
        calls = [ToolCall(name="write_file", arguments={"path": path, "content": ""}) for path in paths]
        return calls or "enough"

    root = organization(tmp_path, [issue("a")])
    async with open_world(root, agent, gate_rules=[Rule("first", note), Rule("second", note)]) as orchestrator:
        await orchestrator.run_epic("launch")
    assert seen[:2] == ["agent_output/x"] * 2
    assert set(seen) == {"agent_output/x"}


async def test_rules_that_are_none_are_refused_before_anything_runs(tmp_path: Path) -> None:
    """Rules without a name, two of one name, or one that is async are a WiringError when the orchestrator is opened."""
    root = organization(tmp_path, [issue("a")])
    for rules in ([Rule("", raises)], [Rule("twice", raises)] * 2, [object()], [Rule("late", check_later)]):
        with pytest.raises(WiringError):
            async with open_world(root, writer, gate_rules=rules):
                pass
