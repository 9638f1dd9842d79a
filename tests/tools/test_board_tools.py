"""Tools that ask something of the board."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from orket.contracts import (
    BoardRequest,
    CardStatus,
    CommentRequest,
    CreditsRequest,
    EffectClass,
    Issue,
    IssueRequest,
    NominationRequest,
    RefinementRequest,
    StatusWish,
    Tool,
    ToolContext,
    ToolResult,
    WaitReason,
)
from orket.errors import ToolError
from orket.tools import ToolRuntimeExecutor, board_tools

pytestmark = pytest.mark.anyio
TOOLS: dict[str, Tool] = {tool.spec.name: tool for tool in board_tools()}


async def call(name: str, arguments: dict[str, Any], context: ToolContext) -> ToolResult:
    tool = TOOLS[name]
    return await ToolRuntimeExecutor().execute(tool, tool.bind(arguments), context, timeout=60)


@pytest.mark.parametrize(
    ("name", "arguments", "request_"),
    [
        ("update_issue_status", {"status": "code_review"}, StatusWish(status=CardStatus.CODE_REVIEW)),
        (
            "update_issue_status",
            {"status": "blocked", "reason": "no key", "wait_reason": "input"},
            StatusWish(status=CardStatus.BLOCKED, reason="no key", wait_reason=WaitReason.INPUT),
        ),
        ("add_issue_comment", {"comment": "half done"}, CommentRequest(text="half done")),
        ("create_issue", {"summary": "Test it", "seat": "qa"}, IssueRequest(summary="Test it", seat="qa")),
        (
            "create_issue",
            {"summary": "Test it", "seat": "qa", "priority": 3, "note": "soon", "depends_on": ["I-1"]},
            IssueRequest(summary="Test it", seat="qa", priority=3.0, note="soon", depends_on=("I-1",)),
        ),
        (
            "nominate_card",
            {"kind": "epic", "summary": "A second product", "reason": "asked for"},
            NominationRequest(kind="epic", summary="A second product", reason="asked for"),
        ),
        ("report_credits", {"amount": 2, "detail": "images"}, CreditsRequest(amount=2.0, detail="images")),
        (
            "refinement_proposal",
            {"target": "roles/coder", "proposal": "shorter"},
            RefinementRequest(target="roles/coder", proposal="shorter"),
        ),
        (
            "request_excuse",
            {"reason": "I have no browser"},
            StatusWish(
                status=CardStatus.WAITING_FOR_DEVELOPER, reason="I have no browser", wait_reason=WaitReason.INPUT
            ),
        ),
    ],
)
async def test_requests(name: str, arguments: dict[str, Any], request_: BoardRequest, context: ToolContext) -> None:
    """Each tool returns exactly the request that its arguments spell."""
    result = await call(name, arguments, context)
    assert result.ok
    assert result.requests == (request_,)


@pytest.mark.parametrize(
    ("name", "arguments", "output"),
    [
        ("add_issue_comment", {"comment": " \n"}, "comment: found empty text, valid: some text"),
        ("create_issue", {"summary": "", "seat": "qa"}, "summary: found empty text, valid: some text"),
        ("create_issue", {"summary": "a", "seat": ""}, "seat: found empty text, valid: some text"),
        ("report_credits", {"amount": -1}, "amount: found -1, valid: 0 or more"),
        ("request_excuse", {"reason": ""}, "reason: found empty text, valid: some text"),
        ("get_issue_context", {"issue_id": "I-9"}, "there is no issue 'I-9' on this board"),
    ],
)
async def test_failures(name: str, arguments: dict[str, Any], output: str, context: ToolContext) -> None:
    """What asks for nothing sensible fails and requests nothing."""
    assert await call(name, arguments, context) == ToolResult(ok=False, output=output)


def test_no_effect() -> None:
    """No board tool has an effect of its own."""
    assert {tool.spec.effect for tool in TOOLS.values()} == {EffectClass.NONE}


def test_the_status_can_be_narrowed() -> None:
    """The status is a plain enum of strings, so that a schema with fewer of them is still a schema of this tool."""
    status = TOOLS["update_issue_status"].spec.parameters["properties"]["status"]
    assert status["type"] == "string"
    assert status["enum"] == [status.value for status in CardStatus]
    assert all(type(value) is str for value in status["enum"])


@pytest.mark.parametrize("arguments", [{"status": "finished"}, {"status": "done", "issue_id": "I-2"}, {}])
def test_status_of_no_other_issue(arguments: dict[str, Any]) -> None:
    """A wish names one of the statuses and no issue: it is always about the turn's own."""
    with pytest.raises(ToolError):
        TOOLS["update_issue_status"].bind(arguments)


async def test_context(make_context: Callable[..., ToolContext]) -> None:
    """The context of the own issue has its fields, its dependencies as they stand, and its comments."""
    other = Issue(id="I-0", name="Design", seat="architect", status=CardStatus.DONE)
    own = Issue(id="I-1", name="Build", seat="coder", depends_on=("I-0", "I-x"), requirements="fast", labels=("a",))
    context = make_context(issue=own, find_issue={"I-0": other}.get, comments=("architect: mind the gap",))
    for arguments in ({}, {"issue_id": None}, {"issue_id": "I-1"}):
        result = await call("get_issue_context", arguments, context)
        facts = json.loads(result.output)
        assert (facts["id"], facts["status"], facts["requirements"]) == ("I-1", "ready", "fast")
        assert facts["depends_on"] == [
            {"id": "I-0", "summary": "Design", "status": "done"},
            {"id": "I-x", "status": "unknown"},
        ]
        assert facts["comments"] == ["architect: mind the gap"]
        assert result.requests == ()


async def test_context_of_another_issue(make_context: Callable[..., ToolContext]) -> None:
    """Another issue is shown without comments: the turn knows only its own."""
    other = Issue(id="I-0", name="Design", seat="architect")
    context = make_context(find_issue={"I-0": other}.get, comments=("mine",))
    facts = json.loads((await call("get_issue_context", {"issue_id": "I-0"}, context)).output)
    assert facts["summary"] == "Design"
    assert "comments" not in facts
