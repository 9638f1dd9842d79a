"""What is told before and after a run, all of it read from the record."""

from progress import BOLD, DIM, RED, YELLOW, Story, Terminal, plain

import orket
from orket.cards import CardStatus, Issue
from orket.contracts import Store
from orket.events import CallJudged
from orket.reporting import render_board

LATEST = 15  # lines of a card's story that are told


def introduce(organization: str, epic: str, before: orket.BoardView, terminal: Terminal) -> None:
    """Say what is about to happen, and what has happened already."""
    terminal.print(f"{organization}: the crew takes {epic} to done", BOLD)
    issues = [issue for build in before.builds for issue in build.issues]
    if issues:
        done = sum(issue.status is CardStatus.DONE for issue in issues)
        terminal.print(f"continuing: {done} of {len(issues)} issues on the board are done already", DIM)


async def show_record(orchestrator: orket.Orchestrator, terminal: Terminal) -> None:
    """Print the board, every refusal on record, and why one card stands where it stands."""
    board = await orchestrator.board()
    terminal.print("\nThe board", BOLD)
    terminal.print(render_board(board))

    terminal.print("\nRefused by the law", BOLD)
    refusals = [
        f"  {entry.card} turn {call.turn}: {plain(call.tool)} by rule {call.rule}: {plain(call.detail)}"
        async for entry in orchestrator.history()
        if isinstance(call := entry.record, CallJudged) and not call.allowed
    ]
    terminal.print("\n".join(refusals) or "  nothing", RED if refusals else DIM)

    if issues := [issue for build in board.builds for issue in build.issues]:
        await show_why(orchestrator, max(issues, key=interest), terminal)


def interest(issue: Issue) -> tuple[bool, int]:
    """Rank issues by how much there is to explain: the unfinished first, then those that changed most often."""
    return issue.status is not CardStatus.DONE, issue.version


async def show_why(orchestrator: orket.Orchestrator, issue: Issue, terminal: Terminal) -> None:
    """Print the chain of events behind one card."""
    found = await orchestrator.explain(issue.id, build=issue.build)
    terminal.print(f"\nWhy is {issue.id} {issue.status.value}?", BOLD)
    story = Story()
    told = [(entry.seq, *line) for entry in found.chain if (line := story.tell(entry))]
    if len(told) > LATEST:
        terminal.print(f"         ... {len(told) - LATEST} earlier lines are in the journal", DIM)
    for seq, style, text in told[-LATEST:]:
        terminal.print(f"{seq:>7}  {text}", style)
    if found.wait:
        reason, detail = found.wait
        terminal.print(f"         waits for {reason.value}: {plain(detail)}", YELLOW)


async def check_journal(store: Store) -> str:
    """Check the whole hash chain; return "verified", or what is broken."""
    try:
        await store.verify()
    except orket.StoreError as error:
        return f"broken: {plain(str(error))}"
    return "verified"
