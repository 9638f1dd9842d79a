"""One suite for each kind of node, and one for each port that packages offer."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from orket.testing._nodes import NodeContract
from orket.testing.suites.evaluator import EvaluatorContract
from orket.testing.suites.planner import PlannerContract
from orket.testing.suites.prompt_strategy import PromptStrategyContract
from orket.testing.suites.router import RouterContract
from orket.testing.suites.tool_strategy import ToolStrategyContract

NODE_SUITES: Final[Mapping[str, type[NodeContract[Any]]]] = MappingProxyType(
    {
        suite.kind: suite
        for suite in (
            PlannerContract,
            RouterContract,
            PromptStrategyContract,
            ToolStrategyContract,
            EvaluatorContract,
        )
    }
)

__all__ = [
    "NODE_SUITES",
    "EvaluatorContract",
    "PlannerContract",
    "PromptStrategyContract",
    "RouterContract",
    "ToolStrategyContract",
]
