"""Turn numbers begin at 1 in every run, so nothing that is stored may be named by a turn's number alone."""

from pathlib import Path

import anyio
import pytest
from small_world import diligent, issue, open_world, organization, wish

import orket
from orket.contracts import ModelReply, ModelRequest, RawToolCall, ToolCall, TurnKind
from orket.events import TurnClosed, TurnResumed

pytestmark = pytest.mark.anyio

SERIAL = {"concurrency": 1}


async def test_no_commit_of_a_turn_is_taken_for_that_of_another(tmp_path: Path) -> None:
    """A run takes up turn 2 of a run that died, then takes its own turn 2 on the same issue: both are stored."""
    root, store = organization(tmp_path, [issue("a")]), tmp_path / "record" / "j.db"
    scope, verdicts = anyio.CancelScope(), ["done", "ready"]

    async def dies_in_review(request: ModelRequest) -> object:
        if request.brief is not None and request.brief.kind is TurnKind.REVIEW:
            scope.cancel()
            await anyio.sleep_forever()
        return wish("code_review")

    def sends_back_once(request: ModelRequest) -> object:
        assert request.brief is not None
        return wish(verdicts.pop() if request.brief.kind is TurnKind.REVIEW else "code_review")

    with scope:
        async with open_world(root, dies_in_review, store=store) as orchestrator:
            await orchestrator.run_epic("launch")
    async with open_world(root, sends_back_once, store=store) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert result.outcome is orket.RunOutcome.DONE
        records = [entry.record async for entry in orchestrator.history(card="a")]
        assert [record.turn for record in records if isinstance(record, TurnResumed)] == [2]
        assert [record.turn for record in records if isinstance(record, TurnClosed)] == [1, 2, 2, 3]
        (row,) = await orchestrator.store.load_board("build-launch")
        assert row.issue.status is orket.CardStatus.DONE


async def test_issues_created_in_turns_of_one_number_are_two(tmp_path: Path) -> None:
    """Two runs create an issue in their turns 1 on the same issue: both issues join the board."""
    root, halts = organization(tmp_path, [issue("a")], process_rules=SERIAL), [True]

    def agent(request: ModelRequest) -> object:
        brief = request.brief
        assert brief is not None
        if brief.kind is TurnKind.REVIEW and brief.issue.id == "a" and halts:
            halts.pop()
            orchestrator.halt()
            return wish("ready")
        if brief.kind is TurnKind.WORK and brief.issue.id == "a" and brief.round == 1:
            return ToolCall(name="create_issue", arguments={"summary": "more", "seat": "coder"})
        return diligent(request)

    async with open_world(root, agent) as orchestrator:
        assert (await orchestrator.run_epic("launch")).outcome is orket.RunOutcome.HALTED
        result = await orchestrator.run_epic("launch")
        assert (result.outcome, result.done) == (orket.RunOutcome.DONE, 3)


async def test_decisions_of_turns_of_one_number_are_both_remembered(tmp_path: Path) -> None:
    """Two runs remember a decision in their turns 1 on the same issue: a third run is told of both."""
    root, told = organization(tmp_path, [issue("a")], process_rules=SERIAL), ["second", "first"]
    prompts: list[str] = []

    def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        prompts.append(request.messages[-1].content)
        if request.brief.kind is TurnKind.WORK:
            call = RawToolCall(name="update_issue_status", arguments={"status": "code_review"})
            return ModelReply(text=f"DECISION: the {told.pop()} one", tool_calls=(call,))
        if not told:
            return wish("done")
        orchestrator.halt()
        return wish("ready")

    async with open_world(root, agent) as orchestrator:
        await orchestrator.run_epic("launch")
        result = await orchestrator.run_epic("launch")
        assert result.outcome is orket.RunOutcome.DONE
        found = await orchestrator.store.find("memory")
        assert sorted(document.body["text"] for document in found) == ["the first one", "the second one"]
    assert "the first one" in prompts[-1]
    assert "the second one" in prompts[-1]
