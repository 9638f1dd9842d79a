"""The crew: Python functions that answer where a model would.

An agent gets what a model gets, a request with the issue, the tools and the conversation so far, and answers with tool
calls. What it writes lies ready in ``drafts/``. Each answer follows from the request alone, so a run that was killed
can be taken up by another process.
"""

from pathlib import Path

from orket.contracts import Issue, ModelRequest, ToolCall, TurnBrief, TurnKind, VerificationResult

DRAFTS = Path(__file__).parent / "drafts"
PRODUCT = "agent_output"


def answer(request: ModelRequest) -> list[ToolCall]:
    """Answer for whichever seat takes this turn."""
    if request.brief is None:
        raise ValueError("these agents need to know which turn they are asked for")
    return review(request.brief) if request.brief.kind is TurnKind.REVIEW else work(request, request.brief)


def work(request: ModelRequest, brief: TurnBrief) -> list[ToolCall]:
    """Write the issue's file in the first round; ask for a review once it is written."""
    path, text = brief.issue.references[0], draft(brief.issue)
    if brief.round == 1 and brief.seat == "writer":
        return [write("../README.md", text)]  # beside the workspace, where nobody may write
    if brief.round == 1:
        return [say(f"I {'correct' if last_failure(brief.issue) else 'write'} {path}."), write(path, text)]
    if "wrote" in request.messages[-1].content:
        return [wish("code_review", f"{path} is written")]
    return [say(f"Refused, so I put it where it belongs: {path}."), write(path, text)]


def review(brief: TurnBrief) -> list[ToolCall]:
    """Judge by the evidence alone: the fixture ran in a process of its own before this turn."""
    found = brief.verification
    if found is None:
        return [wish("ready", "nothing proves this work")]
    if found.passed:
        return [wish("done", f"proven: {found.detail}")]
    return [wish("ready", complaint(found))]


def draft(issue: Issue) -> str:
    """Return the text of an issue's file: where there is a hasty first draft, the better one only after it failed."""
    name = Path(issue.references[0]).relative_to(PRODUCT)
    first, final = DRAFTS / "first" / name, DRAFTS / "final" / name
    return (first if first.exists() and not last_failure(issue) else final).read_text("utf-8")


def last_failure(issue: Issue) -> VerificationResult | None:
    """Return what the issue's fixture found, if it failed when it ran last."""
    last = issue.verification.last_run if issue.verification else None
    return last if last and not last.passed else None


def complaint(found: VerificationResult) -> str:
    """Say what is wrong: one scenario tells more than all of them."""
    for scenario in found.scenarios:
        if not scenario.passed:
            return f"{found.detail}; {scenario.id} {scenario.detail}"
    return found.detail


def write(path: str, content: str) -> ToolCall:
    """Ask for a file to be written."""
    return ToolCall(name="write_file", arguments={"path": path, "content": content})


def say(text: str) -> ToolCall:
    """Ask for a comment on the issue."""
    return ToolCall(name="add_issue_comment", arguments={"comment": text})


def wish(status: str, reason: str) -> ToolCall:
    """Ask for a status; the law grants it or not. Granted, it ends the turn."""
    return ToolCall(name="update_issue_status", arguments={"status": status, "reason": reason})
