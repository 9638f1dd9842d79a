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
from orket.testing.strategies._people import organizations, process_rules, roles, teams
from orket.testing.strategies._questions import alone, route_questions

__all__ = [
    "SHAPES",
    "Shape",
    "alone",
    "boards",
    "edges_of",
    "epics",
    "identifiers",
    "issues",
    "json_values",
    "large_board",
    "organizations",
    "process_rules",
    "rocks",
    "roles",
    "route_questions",
    "teams",
    "texts",
]
