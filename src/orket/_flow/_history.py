"""How what happened to a card is told to its later turns."""

from typing import Final

from orket.events import CommentAdded, TurnClosed, TurnKind

HISTORY_TEXT: Final = 2_000  # characters of a reply or comment that a later prompt quotes


def turn_line(kind: TurnKind, seat: str, closed: TurnClosed) -> str:
    """Return how a closed turn is told to the turns after it."""
    failed = "" if closed.ok else "failed, "
    return f"{kind} turn by {seat}: {failed}now {closed.status}. {closed.detail}"


def comment_line(comment: CommentAdded) -> str:
    """Return how a comment is told to later turns."""
    return f"comment by {comment.author}: {comment.text[:HISTORY_TEXT]}"
