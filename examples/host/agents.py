"""The crew: a Python function that answers where a model would.

What it answers follows from the request alone, so a turn that was cut off can be taken up by another process.
"""

from collections.abc import Awaitable, Callable
from typing import Final

import anyio

from orket.contracts import ModelRequest, ToolCall, TurnBrief, TurnKind

PEOPLE: Final = "comment by "  # how the prompt tells what a person has said; the page's form signs with a name
WORK: Final = {  # issue -> the file that it leaves, and what is in it
    "name": ("name.txt", "Harbour Teas"),
    "menu": ("menu.txt", "Green tea\nBlack tea\nSmoke & salt\n"),
    "prices": ("prices.txt", "Green 3.50\nBlack 3.00\nSmoke & salt 4.20\n"),
    "sign": ("sign.txt", "H A R B O U R   T E A S\n"),
    "page": ("index.html", "<!doctype html><title>Harbour Teas</title><h1>Smoke &amp; salt</h1>\n"),
}


def crew(pace: float) -> Callable[[ModelRequest], Awaitable[list[ToolCall]]]:
    """Return the agents; each takes *pace* seconds to think, so that there is something to watch."""

    async def answer(request: ModelRequest) -> list[ToolCall]:
        """Answer for whichever seat takes this turn."""
        if request.brief is None:
            raise ValueError("these agents need to know which turn they are asked for")
        await anyio.sleep(pace)
        return review(request.brief) if request.brief.kind is TurnKind.REVIEW else work(request, request.brief)

    return answer


def work(request: ModelRequest, brief: TurnBrief) -> list[ToolCall]:
    """Do the work of an issue, and ask for a review."""
    issue = brief.issue.id
    if issue == "front" and (colour := told(request)) is None:
        return [wish("blocked", "Which colour shall the front have?", wait_reason="input")]
    if issue == "sign" and brief.round == 1:
        return [write("../sign.txt", "on the neighbour's wall")]  # beside the workspace, where nobody may write
    if issue == "front" and brief.round == 1:
        return [write("agent_output/front.txt", f"The front: {colour}")]
    if issue in WORK and brief.round == (2 if issue == "sign" else 1):
        name, text = WORK[issue]
        return [write(f"agent_output/{name}", text)]
    return [wish("code_review", "it is made")]


def told(request: ModelRequest) -> str | None:
    """Return what a person has said about the issue, if anybody has."""
    lines = [line for message in request.messages for line in message.content.splitlines() if PEOPLE in line]
    return lines[-1].partition(PEOPLE)[2].partition(": ")[2] if lines else None


def review(brief: TurnBrief) -> list[ToolCall]:
    """Take the work as it is: these agents trust each other."""
    return [wish("done", f"{brief.issue.id} is as it should be")]


def write(path: str, content: str) -> ToolCall:
    """Ask for a file to be written."""
    return ToolCall(name="write_file", arguments={"path": path, "content": content})


def wish(status: str, reason: str, **more: str) -> ToolCall:
    """Ask for a status; the law grants it or not. Granted, it ends the turn."""
    return ToolCall(name="update_issue_status", arguments={"status": status, "reason": reason, **more})
