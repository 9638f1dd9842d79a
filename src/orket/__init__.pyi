from orket import bugfix as bugfix
from orket import cards as cards
from orket import contracts as contracts
from orket import errors as errors
from orket import events as events
from orket import governance as governance
from orket import models as models
from orket import organization as organization
from orket import portfolio as portfolio
from orket import reporting as reporting
from orket import review as review
from orket import stores as stores
from orket import tools as tools
from orket._config import ConfigLoader
from orket._flow import Limits, UnsettledEffect
from orket._orchestrator import (
    BoardView,
    BuildView,
    ExplainedDecision,
    ExplainedEffect,
    Explanation,
    Obstacle,
    Orchestrator,
    Run,
    Wake,
    run_sync,
)
from orket._pipeline import ExecutionPipeline, RunResult
from orket._registry import DecisionNodeRegistry
from orket._replay import Difference, Disagreement, FollowUp, Replay, Unasked, WhatIf, replay
from orket.cards import CardStatus, CardType, Epic, Issue, Rock, WaitReason
from orket.errors import (
    AssetNotFoundError,
    ConfigError,
    GovernanceError,
    ModelError,
    NodeError,
    OrketError,
    ResumeError,
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
    "Difference",
    "Disagreement",
    "Epic",
    "ExecutionPipeline",
    "ExplainedDecision",
    "ExplainedEffect",
    "Explanation",
    "FollowUp",
    "GovernanceError",
    "Issue",
    "Limits",
    "MemoryStore",
    "ModelError",
    "NodeError",
    "Obstacle",
    "Orchestrator",
    "Organization",
    "OrketError",
    "Replay",
    "ResumeError",
    "Rock",
    "Run",
    "RunError",
    "RunOutcome",
    "RunResult",
    "StoreError",
    "ToolError",
    "ToolGate",
    "ToolRuntimeExecutor",
    "Unasked",
    "UnknownCardError",
    "UnsettledEffect",
    "WaitReason",
    "Wake",
    "WhatIf",
    "WiringError",
    "replay",
    "run_sync",
    "tool",
]
