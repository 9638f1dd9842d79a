"""The law: what may change, who may do it, which tool calls may run. Pure: no I/O, no clock, nothing remembered."""

from orket.governance._budget import (
    MAX_ADDED_ISSUES,
    MAX_CREATED_ISSUES,
    check_complexity,
    check_review,
)
from orket.governance._gate import ToolGate
from orket.governance._machine import (
    TRANSITIONS,
    WAITING,
    Actor,
    Refusal,
    Transition,
    grantable,
    judge_transition,
    move,
)
from orket.governance._question import PROTECTED, GateQuestion, GateRule, Verdict
from orket.governance._rules import STOCK_RULES, StockRule

__all__ = [
    "MAX_ADDED_ISSUES",
    "MAX_CREATED_ISSUES",
    "PROTECTED",
    "STOCK_RULES",
    "TRANSITIONS",
    "WAITING",
    "Actor",
    "GateQuestion",
    "GateRule",
    "Refusal",
    "StockRule",
    "ToolGate",
    "Transition",
    "Verdict",
    "check_complexity",
    "check_review",
    "grantable",
    "judge_transition",
    "move",
]
