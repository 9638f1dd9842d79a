"""The place that a running turn takes among those that may run at once."""

from collections.abc import Callable

from attrs import define

from orket._board import Board
from orket.cards import Issue


@define(repr=False, eq=False)
class Slot:
    """The slot of one turn. ``wake`` lets the run look what may start now."""

    board: Board
    issue_id: str
    wake: Callable[[], None]
    is_left: bool = False

    def leave(self, issue: Issue) -> None:
        """Give the slot back while the turn's last commit, which leaves *issue* so, is on its way.

        The next turn begins meanwhile, and what it writes goes behind that commit, often into the same transaction.
        """
        self.is_left = True
        self.board.leave(issue)
        self.wake()

    def come_back(self, issue: Issue) -> None:
        """Take the slot again: the commit failed, and *issue* is as the record has it.

        Not where the issue has a next turn already: that one is refused, because what it rests on never came to be.
        """
        is_next = issue.id in self.board.running
        if not is_next:
            self.is_left = False
            self.board.leaving -= 1
            self.board.running[issue.id] = issue
        self.board.put(issue)

    def close(self) -> None:
        """Say that the turn is over, whatever became of it."""
        if self.is_left:
            self.board.leaving -= 1
        else:
            self.board.stop(self.issue_id)
        self.wake()
