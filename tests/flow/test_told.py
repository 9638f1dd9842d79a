"""What a model is told: comments, history, remembered decisions; and which model and dialect it is asked in."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from small_world import diligent, issue, open_world, organization, wish, write_json

import orket
from orket.contracts import ModelReply, ModelRequest, RawToolCall, ToolCall, TurnKind
from orket.errors import ConfigError
from orket.events import CommentAdded, DecisionRemembered, SandboxRequested, TurnOpened
from orket.stores import SQLiteStore

pytestmark = pytest.mark.anyio


def user_prompt(request: ModelRequest) -> str:
    return next(message.content for message in request.messages if message.role == "user")


def saying(text: str, status: str) -> ModelReply:
    """Return a reply with words and a wish."""
    call = RawToolCall(name="update_issue_status", arguments={"status": status})
    return ModelReply(text=text, tool_calls=(call,))


class Recorder:
    """Sends an issue back some times; comments on each work turn; keeps the first prompt of each turn."""

    def __init__(self, back: int) -> None:
        self.prompts: list[str] = []
        self._back = back

    def __call__(self, request: ModelRequest) -> object:
        assert request.brief is not None
        if request.brief.round == 1:
            self.prompts.append(user_prompt(request))
        turn = len(self.prompts)
        if request.brief.kind is TurnKind.WORK:
            if request.brief.round == 1:
                return ToolCall(name="add_issue_comment", arguments={"comment": f"remark {turn}"})
            return wish("code_review", reason=f"worked {turn}")
        self._back -= 1
        return wish("done" if self._back < 0 else "ready", reason=f"judged {turn}")


async def test_comments_and_turns_are_told_to_later_turns(tmp_path: Path) -> None:
    """Each prompt has all that happened to the issue before, in order, and nothing of other issues."""
    root, agent = organization(tmp_path, [issue("a")]), Recorder(1)
    async with open_world(root, agent) as orchestrator:
        assert (await orchestrator.run_epic("launch")).turns == 4
        comments = [e.record async for e in orchestrator.history() if isinstance(e.record, CommentAdded)]
    assert [(one.author, one.text) for one in comments] == [("coder", "remark 1"), ("coder", "remark 3")]
    lines = ["comment by coder: remark 1", "work turn by coder: now code_review. worked 1", "judged 2", "remark 3"]
    for turn, prompt in enumerate(agent.prompts):
        known = lines[: (0, 2, 3, 4)[turn]]
        assert all(line in prompt for line in known)
        assert not any(line in prompt for line in lines[len(known) :])
        places = [prompt.index(line) for line in known]
        assert places == sorted(places)


async def test_history_is_cut_to_the_context_window(tmp_path: Path) -> None:
    """A prompt quotes as many of the latest entries as the policy's window says, and no more."""
    root, agent = organization(tmp_path, [issue("a")], process_rules={"context_window": 2}), Recorder(2)
    async with open_world(root, agent) as orchestrator:
        await orchestrator.run_epic("launch")
    last = agent.prompts[-1]
    assert "remark 5" in last
    assert "worked 5" in last
    assert "judged 4" not in last
    assert "remark 3" not in last


async def test_history_is_told_in_a_later_run_too(tmp_path: Path) -> None:
    """A run that takes up an issue tells what the journal holds of it."""
    root, path, agent = organization(tmp_path, [issue("a")]), tmp_path / "j.db", Recorder(0)

    def halting(request: ModelRequest) -> object:
        first.halt()
        return agent(request)

    async with open_world(root, halting, store=path) as first:
        assert (await first.run_epic("launch")).outcome is orket.RunOutcome.HALTED
    async with open_world(root, agent, store=path) as second:
        assert (await second.run_epic("launch")).outcome is orket.RunOutcome.DONE
    assert "comment by coder: remark 1" in agent.prompts[1]
    assert "now code_review. worked 1" in agent.prompts[1]


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
async def test_decisions_are_remembered_for_other_issues_and_runs(tmp_path: Path, kind: str) -> None:
    """A decision of one issue's turn is in the prompts of turns behind it, and in those of a later run of the build."""
    root = organization(tmp_path, [issue("a"), issue("b", "a"), issue("c", "b")])
    store = orket.MemoryStore() if kind == "memory" else SQLiteStore(tmp_path / "j.db")
    prompts: dict[tuple[str, TurnKind], str] = {}

    def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        brief = request.brief
        prompts[brief.issue.id, brief.kind] = user_prompt(request)
        if brief.kind is TurnKind.WORK:
            return saying(f"I thought.\nDECISION: use colour {brief.issue.id}", "code_review")
        if brief.issue.id == "b":
            orchestrator.halt()
        return diligent(request)

    for _ in range(2):
        async with open_world(root, agent, store=store) as orchestrator:
            result = await orchestrator.run_epic("launch")
    async with open_world(root, agent, store=store) as orchestrator:
        kept = [e.record async for e in orchestrator.history() if isinstance(e.record, DecisionRemembered)]
        assert result.outcome is orket.RunOutcome.DONE
        assert [one.text for one in kept] == ["use colour a", "use colour b", "use colour c"]
    assert "use colour a" not in prompts["a", TurnKind.WORK]
    assert "use colour a" in prompts["b", TurnKind.WORK]
    assert "use colour a" in prompts["c", TurnKind.WORK]
    assert "use colour b" in prompts["c", TurnKind.WORK]


async def test_decisions_that_nothing_speaks_for_are_told_the_newest_first(tmp_path: Path) -> None:
    """A later run lists what shares no word with its issue from the latest on, whatever the issues are called."""
    root, prompts = organization(tmp_path, [issue("z"), issue("b", "z"), issue("m", "b")]), list[str]()
    store = orket.MemoryStore()

    def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        prompts.append(user_prompt(request))
        if request.brief.kind is TurnKind.WORK:
            return saying(f"DECISION: by {request.brief.issue.id}", "code_review")
        return diligent(request)

    async with open_world(root, agent, store=store) as orchestrator:
        for name in ("z", "b"):
            await orchestrator.run_issue(name)
        await orchestrator.run_issue("m")
    assert prompts[-2].index("by b") < prompts[-2].index("by z")


async def test_a_sandbox_is_asked_for_where_the_issue_says_so(tmp_path: Path) -> None:
    """The evaluator's word stands in the journal of the issue that asked for it, and of no other."""
    root = organization(tmp_path, [issue("a", params={"sandbox": True}), issue("b")])
    async with open_world(root, diligent) as orchestrator:
        await orchestrator.run_epic("launch")
        asked = [e.card async for e in orchestrator.history() if isinstance(e.record, SandboxRequested)]
    assert asked == ["a"]


PRECEDENCE: list[tuple[Mapping[str, Any], Mapping[str, Any], Mapping[str, Any], str]] = [
    ({}, {}, {}, "qwen-test"),
    ({"default_model": "org"}, {}, {}, "org"),
    ({"default_model": ""}, {}, {}, "qwen-test"),
    ({"default_model": "org"}, {}, {"user_preference": "mine"}, "mine"),
    ({"default_model": "org"}, {"model_overrides": {"coder": "epic"}}, {"user_preference": "mine"}, "epic"),
    ({}, {"model_overrides": {"coder": "epic"}}, {"model_override": "host", "user_preference": "mine"}, "host"),
]


@pytest.mark.parametrize(("rules", "params", "options", "model"), PRECEDENCE)
async def test_the_strongest_source_names_the_model(
    tmp_path: Path, rules: Mapping[str, Any], params: Mapping[str, Any], options: Mapping[str, Any], model: str
) -> None:
    """Host, epic, user, organization, environment, in that order; request and journal agree."""
    asked: list[str] = []

    def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        if request.brief.kind is TurnKind.WORK:
            asked.append(request.model)
        return diligent(request)

    root = organization(tmp_path, [issue("a")], process_rules=rules, params=params)
    async with open_world(root, agent, **options) as orchestrator:
        await orchestrator.run_epic("launch")
        opened = [e.record.model async for e in orchestrator.history() if isinstance(e.record, TurnOpened)]
    assert asked == opened[:1] == [model]


async def test_a_broken_dialect_matters_only_where_it_is_used(tmp_path: Path) -> None:
    """An epic whose model speaks another dialect runs; one whose model needs the broken file gets its error."""
    root = organization(tmp_path, [issue("a")])
    dialects = root / "model" / "core" / "dialects"
    write_json(dialects / "phi.json", {"model_family": "phi", "constraints": 7})
    async with open_world(root, diligent) as orchestrator:
        assert (await orchestrator.run_epic("launch")).outcome is orket.RunOutcome.DONE
    async with open_world(root, diligent, model_override="phi-4") as orchestrator:
        with pytest.raises(ConfigError, match=r"phi\.json"):
            await orchestrator.run_epic("launch")
        (row,) = await orchestrator.store.runs()
        assert row.outcome is orket.RunOutcome.FAILED
