"""Governed multi-agent work that you embed in your own application."""

# The house, floor by floor; a file imports only from floors below its own.
#
#   0  errors · cards · organization · events       values
#      contracts                                     what plugin authors import: nodes, questions, ports, store
#   1  _codec · _graph · _wiring · _answers          helpers: JSON, dependency graph, chosen nodes, what answers must be
#      _decide · _board                              the one way to call a node; one build in memory
#   2  governance                                    the law: state machine, tool gate, structure, budgets
#      _parse · _config · _registry                  parts: model text, assets, installed nodes
#      nodes · stores · models · tools · verification
#   3  _flow                                         the story of a turn
#   4  _pipeline · reporting · _orchestrator         one epic to rest; text for people; the host's face

from orket._config import ConfigLoader
from orket._flow import Limits
from orket._orchestrator import BoardView, BuildView, Explanation, Orchestrator, Run, run_sync
from orket._pipeline import ExecutionPipeline, RunResult
from orket._registry import DecisionNodeRegistry
from orket.cards import CardStatus, CardType, Epic, Issue, Rock, WaitReason
from orket.errors import (
    AssetNotFoundError,
    ConfigError,
    GovernanceError,
    ModelError,
    NodeError,
    OrketError,
    RunError,
    StoreError,
    ToolError,
    UnknownCardError,
    WiringError,
)
from orket.events import RunOutcome
from orket.governance import ToolGate
from orket.models import CallableModel
from orket.organization import Organization
from orket.stores import MemoryStore
from orket.tools import ToolRuntimeExecutor, tool

__all__ = [
    "AssetNotFoundError",
    "BoardView",
    "BuildView",
    "CallableModel",
    "CardStatus",
    "CardType",
    "ConfigError",
    "ConfigLoader",
    "DecisionNodeRegistry",
    "Epic",
    "ExecutionPipeline",
    "Explanation",
    "GovernanceError",
    "Issue",
    "Limits",
    "MemoryStore",
    "ModelError",
    "NodeError",
    "Orchestrator",
    "Organization",
    "OrketError",
    "Rock",
    "Run",
    "RunError",
    "RunOutcome",
    "RunResult",
    "StoreError",
    "ToolError",
    "ToolGate",
    "ToolRuntimeExecutor",
    "UnknownCardError",
    "WaitReason",
    "WiringError",
    "run_sync",
    "tool",
]
