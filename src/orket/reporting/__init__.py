"""What people read of a board."""

from orket.reporting._text import render_board

__all__ = ["render_board"]
