"""Tools: what hosts define with, the stock ones, and the one seam where they run."""

from orket.tools._binding import Arguments
from orket.tools._define import ClassTool, FunctionTool, tool
from orket.tools._effects import effect_key
from orket.tools._runtime import ToolRuntimeExecutor
from orket.tools.board import board_tools
from orket.tools.workspace import workspace_tools

__all__ = [
    "Arguments",
    "ClassTool",
    "FunctionTool",
    "ToolRuntimeExecutor",
    "board_tools",
    "effect_key",
    "tool",
    "workspace_tools",
]
