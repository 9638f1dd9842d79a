"""Contract suites for nodes and ports, generated inputs, and fakes; needs the extra ``testing``.

A package proves its own router with three lines, run by pytest::

    class TestCostAwareRouter(RouterContract):
        def make_node(self):
            return CostAwareRouter(prices={"coder": 2, "senior": 7})
"""

import importlib.util

if _missing := [name for name in ("pytest", "hypothesis") if importlib.util.find_spec(name) is None]:
    raise ImportError(f"orket.testing needs {' and '.join(_missing)}: pip install 'orket[testing]'")

import pytest

# Before anything of them is imported: their assertions explain themselves like those of a test module.
pytest.register_assert_rewrite("orket.testing._nodes", "orket.testing.suites")

from orket.testing._nodes import NodeContract, TurnNodeContract  # noqa: E402 - see above
from orket.testing._suite import ContractSuite, Rule, rule  # noqa: E402
from orket.testing.fakes import (  # noqa: E402
    CassetteDriftError,
    Effect,
    EffectLedger,
    HostileModel,
    MemoryStore,
    RecordingModel,
    ScriptedModel,
    ScriptError,
    SimulatedClock,
)
from orket.testing.suites import (  # noqa: E402
    ApiRuntimeContract,
    EngineRuntimeContract,
    EvaluatorContract,
    ExecutionRuntimeContract,
    LoaderStrategyContract,
    MemoryContract,
    ModelClientContract,
    OrchestrationLoopContract,
    PipelineWiringContract,
    PlannerContract,
    PromptStrategyContract,
    RouterContract,
    SandboxPolicyContract,
    StoreContract,
    ToolContract,
    ToolStrategyContract,
)

__all__ = [
    "ApiRuntimeContract",
    "CassetteDriftError",
    "ContractSuite",
    "Effect",
    "EffectLedger",
    "EngineRuntimeContract",
    "EvaluatorContract",
    "ExecutionRuntimeContract",
    "HostileModel",
    "LoaderStrategyContract",
    "MemoryContract",
    "MemoryStore",
    "ModelClientContract",
    "NodeContract",
    "OrchestrationLoopContract",
    "PipelineWiringContract",
    "PlannerContract",
    "PromptStrategyContract",
    "RecordingModel",
    "RouterContract",
    "Rule",
    "SandboxPolicyContract",
    "ScriptError",
    "ScriptedModel",
    "SimulatedClock",
    "StoreContract",
    "ToolContract",
    "ToolStrategyContract",
    "TurnNodeContract",
    "rule",
]
