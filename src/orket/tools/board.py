"""Tools that ask something of the board.

They touch nothing: each returns requests, which the core applies in the turn's own commit as far as the law grants
them. So their effect is ``NONE``, and they run without a thread.
"""

import json
from collections.abc import Callable
from typing import Any, Final

from attrs import frozen

from orket._value import Value
from orket.contracts import (
    BoardRequest,
    CardStatus,
    CardType,
    CommentRequest,
    CreditsRequest,
    EffectClass,
    Issue,
    IssueRequest,
    NominationRequest,
    NoteRequest,
    RefinementRequest,
    StatusWish,
    Tool,
    ToolContext,
    ToolResult,
    WaitReason,
)
from orket.errors import ToolError
from orket.tools._define import ClassTool

DEFAULT_PRIORITY: Final = 2.0


@frozen(kw_only=True, repr=False, eq=False)
class CreateIssue(Value):
    """Arguments of ``create_issue``.

    Args:
        summary: what is to be done, in one sentence
        seat: the seat of the team that is to do it
        priority: larger is more urgent: 3 high, 2 medium, 1 low
        note: what whoever takes it should know
        depends_on: ids of the issues that must be done first
    """

    summary: str
    seat: str
    priority: float = DEFAULT_PRIORITY
    note: str = ""
    depends_on: tuple[str, ...] = ()


@frozen(kw_only=True, repr=False, eq=False)
class UpdateIssueStatus(Value):
    """Arguments of ``update_issue_status``.

    Args:
        status: where your issue should stand now
        reason: why
        wait_reason: what it waits for; needed for blocked and waiting_for_developer
    """

    status: CardStatus
    reason: str = ""
    wait_reason: WaitReason | None = None


@frozen(kw_only=True, repr=False, eq=False)
class AddIssueComment(Value):
    """Arguments of ``add_issue_comment``.

    Args:
        comment: what to say
    """

    comment: str


@frozen(kw_only=True, repr=False, eq=False)
class LeaveNote(Value):
    """Arguments of ``leave_note``.

    Args:
        to: a seat or a role of your team, or all
        note: what they should know
    """

    to: str
    note: str


@frozen(kw_only=True, repr=False, eq=False)
class GetIssueContext(Value):
    """Arguments of ``get_issue_context``.

    Args:
        issue_id: an issue of the board; your own when left out
    """

    issue_id: str | None = None


@frozen(kw_only=True, repr=False, eq=False)
class NominateCard(Value):
    """Arguments of ``nominate_card``.

    Args:
        kind: what kind of card it would be
        summary: what it would be about
        reason: why it is worth doing
    """

    kind: CardType
    summary: str
    reason: str = ""


@frozen(kw_only=True, repr=False, eq=False)
class ReportCredits(Value):
    """Arguments of ``report_credits``.

    Args:
        amount: credits spent, 0 or more
        detail: what they were spent on
    """

    amount: float
    detail: str = ""


@frozen(kw_only=True, repr=False, eq=False)
class RefinementProposal(Value):
    """Arguments of ``refinement_proposal``.

    Args:
        target: the asset of the organization to be changed
        proposal: what should change, and why
    """

    target: str
    proposal: str


@frozen(kw_only=True, repr=False, eq=False)
class RequestExcuse(Value):
    """Arguments of ``request_excuse``.

    Args:
        reason: why you cannot do this issue without a person's help
    """

    reason: str


def board_tools() -> tuple[Tool, ...]:
    """Return the tools that ask something of the board, in the order a model is told of them."""
    return (
        _tool("get_issue_context", GetIssueContext, _get_issue_context),
        _tool("add_issue_comment", AddIssueComment, _add_issue_comment),
        _tool("leave_note", LeaveNote, _leave_note),
        _tool("update_issue_status", UpdateIssueStatus, _update_issue_status),
        _tool("create_issue", CreateIssue, _create_issue),
        _tool("nominate_card", NominateCard, _nominate_card),
        _tool("report_credits", ReportCredits, _report_credits),
        _tool("refinement_proposal", RefinementProposal, _refinement_proposal),
        _tool("request_excuse", RequestExcuse, _request_excuse),
    )


def _tool(name: str, arguments: type[Any], action: Callable[[Any, ToolContext], ToolResult]) -> Tool:
    return ClassTool(name=name, arguments=arguments, action=action, effect=EffectClass.NONE)


def _get_issue_context(arguments: GetIssueContext, context: ToolContext) -> ToolResult:
    """Read an issue of the board: its fields, its dependencies, and the comments on your own."""
    own = arguments.issue_id is None or arguments.issue_id == context.issue.id
    issue = context.issue if own else context.find_issue(arguments.issue_id or "")
    if issue is None:
        raise ToolError(f"there is no issue {arguments.issue_id!r:.100} on this board")
    facts = _facts(issue) | {"depends_on": [_dependency(name, context.find_issue(name)) for name in issue.depends_on]}
    if own:
        facts["comments"] = list(context.comments)
    return ToolResult(ok=True, output=json.dumps(facts, ensure_ascii=False, indent=1))


def _facts(issue: Issue) -> dict[str, Any]:
    return {
        "id": issue.id,
        "summary": issue.name,
        "status": issue.status,
        "wait_reason": issue.wait_reason,
        "wait_detail": issue.wait_detail,
        "seat": issue.seat,
        "priority": issue.priority,
        "requirements": issue.requirements,
        "note": issue.note,
        "labels": list(issue.labels),
        "references": list(issue.references),
        "retry_count": issue.retry_count,
        "max_retries": issue.max_retries,
        "fixture": issue.verification.fixture if issue.verification else None,
    }


def _dependency(name: str, issue: Issue | None) -> dict[str, Any]:
    return {"id": name} | ({"summary": issue.name, "status": issue.status} if issue else {"status": "unknown"})


def _add_issue_comment(arguments: AddIssueComment, _: ToolContext) -> ToolResult:
    """Comment on your issue."""
    return _asked("the comment is noted", CommentRequest(text=_text(arguments.comment, "comment")))


def _leave_note(arguments: LeaveNote, _: ToolContext) -> ToolResult:
    """Leave a note that later turns of a seat, of a role or of all read, whatever issue they work on."""
    request = NoteRequest(to=_text(arguments.to, "to"), text=_text(arguments.note, "note"))
    return _asked(f"the note for {arguments.to} is noted", request)


def _update_issue_status(arguments: UpdateIssueStatus, context: ToolContext) -> ToolResult:
    """Ask for a new status of your issue. This ends your turn."""
    wish = StatusWish(status=arguments.status, reason=arguments.reason, wait_reason=arguments.wait_reason)
    return _asked(f"asked for {arguments.status} of {context.issue.id}", wish)


def _create_issue(arguments: CreateIssue, _: ToolContext) -> ToolResult:
    """Ask for a new issue on this board."""
    request = IssueRequest(
        summary=_text(arguments.summary, "summary"),
        seat=_text(arguments.seat, "seat"),
        priority=arguments.priority,
        note=arguments.note,
        depends_on=arguments.depends_on,
    )
    return _asked(f"asked for a new issue for {arguments.seat}", request)


def _nominate_card(arguments: NominateCard, _: ToolContext) -> ToolResult:
    """Propose work that is not on the board."""
    summary = _text(arguments.summary, "summary")
    request = NominationRequest(kind=arguments.kind.value, summary=summary, reason=arguments.reason)
    return _asked("the nomination is noted", request)


def _report_credits(arguments: ReportCredits, _: ToolContext) -> ToolResult:
    """Report what your work has cost, in credits."""
    if arguments.amount < 0:
        raise ToolError(f"amount: found {arguments.amount:g}, valid: 0 or more")
    return _asked("the report is noted", CreditsRequest(amount=arguments.amount, detail=arguments.detail))


def _refinement_proposal(arguments: RefinementProposal, _: ToolContext) -> ToolResult:
    """Propose a change to an asset of the organization: a role, a team, an epic."""
    target, proposal = _text(arguments.target, "target"), _text(arguments.proposal, "proposal")
    return _asked("the proposal is noted", RefinementRequest(target=target, proposal=proposal))


def _request_excuse(arguments: RequestExcuse, context: ToolContext) -> ToolResult:
    """Ask to be excused from your issue: it waits for a person. This ends your turn."""
    wish = StatusWish(
        status=CardStatus.WAITING_FOR_DEVELOPER,
        reason=_text(arguments.reason, "reason"),
        wait_reason=WaitReason.INPUT,
    )
    return _asked(f"asked to be excused from {context.issue.id}", wish)


def _asked(output: str, request: BoardRequest) -> ToolResult:
    return ToolResult(ok=True, output=output, requests=(request,))


def _text(value: str, where: str) -> str:
    if not value.strip():
        raise ToolError(f"{where}: found empty text, valid: some text")
    return value
