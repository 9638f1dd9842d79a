"""Sandboxes: products that run in containers on this machine, built and taken away on record."""

from orket.sandbox._orchestrator import Followed, SandboxOrchestrator
from orket.sandbox._ports import PortRanges
from orket.sandbox._reconcile import Reconciled
from orket.sandbox._settings import SandboxLimits, passed_environment
from orket.sandbox._states import TRANSITIONS, Sandbox, SandboxState

__all__ = [
    "TRANSITIONS",
    "Followed",
    "PortRanges",
    "Reconciled",
    "Sandbox",
    "SandboxLimits",
    "SandboxOrchestrator",
    "SandboxState",
    "passed_environment",
]
