"""What people read of boards and of the portfolio."""

from orket.reporting._portfolio import render_critical_path, render_portfolio, render_queue
from orket.reporting._text import render_board

__all__ = ["render_board", "render_critical_path", "render_portfolio", "render_queue"]
