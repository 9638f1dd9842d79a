"""A build's board, with what runs on it now taken out of the windows, as every run sees it."""

from collections.abc import Collection

from orket._board import Board, is_running
from orket.cards import CardStatus
from orket.portfolio._found import RecordedBuild


def board_of(build: RecordedBuild, reviews: Collection[CardStatus], now: float) -> Board:
    """Return the board of a build.

    Args:
        build: as recorded.
        reviews: statuses in which an issue takes a review turn.
        now: seconds since the epoch.

    Raises:
        DependencyCycleError: issues wait for each other.
    """
    board = Board([row.issue for row in build.cards], is_review=lambda status: status in reviews)
    for row in build.cards:
        if is_running(row, now):
            board.start(row.issue)
    return board
