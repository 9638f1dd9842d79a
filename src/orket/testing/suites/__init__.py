"""One suite for each kind of node, and one for each port that packages offer."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from orket.testing._nodes import NodeContract
from orket.testing.suites.api_runtime import ApiRuntimeContract
from orket.testing.suites.engine_runtime import EngineRuntimeContract
from orket.testing.suites.evaluator import EvaluatorContract
from orket.testing.suites.execution_runtime import ExecutionRuntimeContract
from orket.testing.suites.loader_strategy import LoaderStrategyContract
from orket.testing.suites.memory import MemoryContract
from orket.testing.suites.model_client import ModelClientContract
from orket.testing.suites.orchestration_loop import OrchestrationLoopContract
from orket.testing.suites.pipeline_wiring import PipelineWiringContract
from orket.testing.suites.planner import PlannerContract
from orket.testing.suites.prompt_strategy import PromptStrategyContract
from orket.testing.suites.router import RouterContract
from orket.testing.suites.sandbox_policy import SandboxPolicyContract
from orket.testing.suites.store import StoreContract
from orket.testing.suites.tool import ToolContract
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
            OrchestrationLoopContract,
            LoaderStrategyContract,
            ExecutionRuntimeContract,
            EngineRuntimeContract,
            PipelineWiringContract,
            SandboxPolicyContract,
            ApiRuntimeContract,
        )
    }
)

__all__ = [
    "NODE_SUITES",
    "ApiRuntimeContract",
    "EngineRuntimeContract",
    "EvaluatorContract",
    "ExecutionRuntimeContract",
    "LoaderStrategyContract",
    "MemoryContract",
    "ModelClientContract",
    "OrchestrationLoopContract",
    "PipelineWiringContract",
    "PlannerContract",
    "PromptStrategyContract",
    "RouterContract",
    "SandboxPolicyContract",
    "StoreContract",
    "ToolContract",
    "ToolStrategyContract",
]
