"""The portfolio: every rock, epic and issue of an organization, as assets and record have them, and what ails them.

An orchestrator makes it: ``Orchestrator.portfolio``, ``queue``, ``critical_path``, ``sprint`` and ``reconcile``.
"""

from orket.portfolio._adoptions import Adoption
from orket.portfolio._orphans import Reconciliation, Stray
from orket.portfolio._queue import CriticalPath, QueuedIssue
from orket.portfolio._sprints import Sprint
from orket.portfolio._views import Alert, AlertKind, EpicView, IssueView, Portfolio, Progress, RockView, Severity

__all__ = [
    "Adoption",
    "Alert",
    "AlertKind",
    "CriticalPath",
    "EpicView",
    "IssueView",
    "Portfolio",
    "Progress",
    "QueuedIssue",
    "Reconciliation",
    "RockView",
    "Severity",
    "Sprint",
    "Stray",
]
