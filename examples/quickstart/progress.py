"""What the journal records, as lines for a terminal."""

import os
import sys
from collections.abc import AsyncIterable
from typing import TextIO

from orket.cards import CardStatus
from orket.events import (
    CallJudged,
    CardAdded,
    CardMoved,
    CommentAdded,
    FailureReported,
    JournalEntry,
    Record,
    TurnClosed,
    TurnKind,
    TurnOpened,
    TurnResumed,
    VerificationRecorded,
    WishRefused,
)

PLAIN, BOLD, DIM, RED, GREEN, YELLOW = "", "1", "2", "31", "32", "33"
STYLES = {CardStatus.DONE: GREEN, CardStatus.READY: YELLOW, CardStatus.BLOCKED: RED, CardStatus.CANCELED: YELLOW}


class Story:
    """Tells what matters of journal entries, in their order, each as style and text."""

    def __init__(self) -> None:
        self._in_turn: set[str | None] = set()

    def tell(self, entry: JournalEntry) -> tuple[str, str] | None:
        """Return the line of an entry, or None: a move within a turn is told by the line that closes the turn."""
        if isinstance(entry.record, TurnOpened | TurnResumed):
            self._in_turn.add(entry.card)
        elif isinstance(entry.record, TurnClosed):
            self._in_turn.discard(entry.card)
        elif isinstance(entry.record, CardMoved) and entry.card in self._in_turn:
            return None
        return describe(entry.record)


class Terminal:
    """Prints lines, with a little colour where somebody looks at a terminal."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._coloured = out.isatty() and not os.environ.get("NO_COLOR")

    def print(self, text: str = "", style: str = PLAIN) -> None:
        """Print a line at once."""
        print(f"\x1b[{style}m{text}\x1b[0m" if style and self._coloured else text, file=self._out, flush=True)

    async def follow(self, entries: AsyncIterable[JournalEntry]) -> None:
        """Print entries as they happen: seconds since the first one, the card, and what happened."""
        story, began, width = Story(), None, 10
        async for entry in entries:
            began = entry.at if began is None else began
            width = max(width, len(entry.card or ""))
            if line := story.tell(entry):
                style, text = line
                self.print(f"{entry.at - began:6.1f}s  {entry.card or '':<{width}}  {text}", style)


def describe(record: Record) -> tuple[str, str] | None:
    """Return style and text of a record's line; None for what only an auditor wants to see."""
    return describe_work(record) or describe_judgement(record)


def describe_work(record: Record) -> tuple[str, str] | None:
    """Return the line of what somebody did."""
    match record:
        case TurnOpened():
            does = "reviews" if record.kind is TurnKind.REVIEW else "works"
            return BOLD, f"turn {record.turn}: {record.seat} {does}"
        case TurnResumed():
            return YELLOW, f"turn {record.turn} of run {record.run} is taken up where it was left"
        case CommentAdded():
            return DIM, f"{record.author}: {plain(record.text)}"
        case TurnClosed():
            detail = plain(record.detail) if record.ok else "the turn failed"
            return STYLES.get(record.status, PLAIN), f"-> {record.status.value}: {detail}"
        case CardMoved() if record.after is not CardStatus.IN_PROGRESS:
            return STYLES.get(record.after, PLAIN), f"-> {record.after.value}: {plain(record.reason)}"
        case CardAdded() if record.by != "config":
            return PLAIN, f"joins the board, asked for by {record.by}: {plain(record.issue.name)}"
        case _:
            return None


def describe_judgement(record: Record) -> tuple[str, str] | None:
    """Return the line of what was found or refused."""
    match record:
        case VerificationRecorded():
            verdict = "passed" if record.result.passed else "FAILED"
            return (PLAIN if record.result.passed else YELLOW), f"fixture {verdict}: {plain(record.result.detail)}"
        case CallJudged(allowed=False):
            return RED, f"REFUSED {plain(record.tool)} by rule {record.rule}: {plain(record.detail)}"
        case WishRefused():
            return RED, f"REFUSED {record.wish.value} by rule {record.rule}: {plain(record.detail)}"
        case FailureReported():
            return RED, f"FAILED ({record.violation}): {plain(record.detail)}"
        case _:
            return None


def plain(text: str, limit: int = 160) -> str:
    """Return foreign text as one harmless line: no control characters, not too long."""
    line = "".join(char if char.isprintable() else "?" for char in " ".join(text.split()))
    return line if len(line) <= limit else line[: limit - 3] + "..."
