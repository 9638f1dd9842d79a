"""Generated inputs: cards, boards, teams, organizations, tool calls, replies, and the questions of every kind."""

from orket.testing.strategies._cards import (
    SHAPES,
    Shape,
    boards,
    edges_of,
    epics,
    identifiers,
    issues,
    json_values,
    large_board,
    rocks,
    texts,
)
from orket.testing.strategies._outcomes import failure_questions, success_questions
from orket.testing.strategies._people import organizations, process_rules, roles, teams
from orket.testing.strategies._plans import Backlog, large_plan_questions, plan_question, plan_questions
from orket.testing.strategies._questions import alone, route_questions
from orket.testing.strategies._turns import dialect_questions, model_questions, prompt_questions, toolset_questions

__all__ = [
    "SHAPES",
    "Backlog",
    "Shape",
    "alone",
    "boards",
    "dialect_questions",
    "edges_of",
    "epics",
    "failure_questions",
    "identifiers",
    "issues",
    "json_values",
    "large_board",
    "large_plan_questions",
    "model_questions",
    "organizations",
    "plan_question",
    "plan_questions",
    "process_rules",
    "prompt_questions",
    "rocks",
    "roles",
    "route_questions",
    "success_questions",
    "teams",
    "texts",
    "toolset_questions",
]
