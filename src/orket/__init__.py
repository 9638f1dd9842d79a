"""Governed multi-agent work that you embed in your own application."""

# The house, floor by floor; a file imports only from floors below its own.
#
#   0  errors · cards · organization · events       values
#      contracts                                     what plugin authors import: nodes, questions, ports, store
#   1  _codec · _graph · _wiring · _answers          helpers: JSON, dependency graph, chosen nodes, what answers must be
#      _decide · _board                              the one way to call a node; one build in memory
#   2  governance                                    the law: state machine, tool gate, structure, budgets
#      _parse · _config · _registry                  parts: model text, assets, installed nodes
#      nodes · stores · models · tools · verification · review · sandbox · portfolio · memory · bugfix
#   3  _flow                                         the story of a turn
#   4  _pipeline · _replay                           one epic to rest; what the journal can be asked afterwards
#      reporting · _orchestrator                     text for people; the host's face
#
# Importing orket itself imports none of it: each name comes from its module when it is first asked for (PEP 562), and
# Orchestrator and run_sync bring all that a run needs. Type checkers read __init__.pyi, which says the same.

from importlib import import_module
from types import MappingProxyType
from typing import Final

_HOMES: Final = MappingProxyType(
    {
        "AssetNotFoundError": "orket.errors",
        "BoardView": "orket._orchestrator",
        "BuildView": "orket._orchestrator",
        "CallableModel": "orket.models",
        "CardStatus": "orket.cards",
        "CardType": "orket.cards",
        "ConfigError": "orket.errors",
        "ConfigLoader": "orket._config",
        "DecisionNodeRegistry": "orket._registry",
        "Difference": "orket._replay",
        "Disagreement": "orket._replay",
        "Epic": "orket.cards",
        "ExecutionPipeline": "orket._pipeline",
        "ExplainedDecision": "orket._orchestrator",
        "ExplainedEffect": "orket._orchestrator",
        "Explanation": "orket._orchestrator",
        "FollowUp": "orket._replay",
        "GovernanceError": "orket.errors",
        "Issue": "orket.cards",
        "Limits": "orket._flow",
        "MemoryStore": "orket.stores",
        "ModelError": "orket.errors",
        "NodeError": "orket.errors",
        "Obstacle": "orket._orchestrator",
        "Orchestrator": "orket._orchestrator",
        "Organization": "orket.organization",
        "OrketError": "orket.errors",
        "Replay": "orket._replay",
        "ResumeError": "orket.errors",
        "Rock": "orket.cards",
        "Run": "orket._orchestrator",
        "RunError": "orket.errors",
        "RunOutcome": "orket.events",
        "RunResult": "orket._pipeline",
        "StoreError": "orket.errors",
        "ToolError": "orket.errors",
        "ToolGate": "orket.governance",
        "ToolRuntimeExecutor": "orket.tools",
        "Unasked": "orket._replay",
        "UnknownCardError": "orket.errors",
        "UnsettledEffect": "orket._flow",
        "WaitReason": "orket.cards",
        "Wake": "orket._orchestrator",
        "WhatIf": "orket._replay",
        "WiringError": "orket.errors",
        "replay": "orket._replay",
        "run_sync": "orket._orchestrator",
        "tool": "orket.tools",
    }
)
_MODULES: Final = frozenset(
    {
        "bugfix",
        "cards",
        "contracts",
        "errors",
        "events",
        "governance",
        "models",
        "organization",
        "portfolio",
        "reporting",
        "review",
        "stores",
        "tools",
    }
)

__all__ = list(_HOMES)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> object:
    """Import what is asked for the first time, and keep it."""
    if name in _MODULES:
        return import_module(f"{__name__}.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found: object = getattr(import_module(_HOMES[name]), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES, *_MODULES})
