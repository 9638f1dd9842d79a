"""The host's face: open an orchestrator over an organization, and drive its cards to done."""

from orket._clock import SystemClock
from orket._orchestrator._causes import ExplainedDecision, ExplainedEffect, Explanation, Wake
from orket._orchestrator._face import Orchestrator
from orket._orchestrator._preflight import Obstacle
from orket._orchestrator._run import Run
from orket._orchestrator._sync import run_sync
from orket._orchestrator._views import BoardView, BuildView

__all__ = [
    "BoardView",
    "BuildView",
    "ExplainedDecision",
    "ExplainedEffect",
    "Explanation",
    "Obstacle",
    "Orchestrator",
    "Run",
    "SystemClock",
    "Wake",
    "run_sync",
]
