"""Every suite of the contract kit with its mutants."""

from collections.abc import Mapping
from typing import Final

from mutants import (
    Mutant,
    api_runtime,
    engine_runtime,
    evaluator,
    execution_runtime,
    loader_strategy,
    memory,
    model,
    orchestration_loop,
    pipeline_wiring,
    planner,
    prompt_strategy,
    router,
    sandbox_policy,
    store,
    tool,
    tool_strategy,
)
from orket.testing import (
    ApiRuntimeContract,
    ContractSuite,
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

SUITES: Final[Mapping[type[ContractSuite], tuple[Mutant, ...]]] = {
    PlannerContract: planner.MUTANTS,
    RouterContract: router.MUTANTS,
    PromptStrategyContract: prompt_strategy.MUTANTS,
    ToolStrategyContract: tool_strategy.MUTANTS,
    EvaluatorContract: evaluator.MUTANTS,
    OrchestrationLoopContract: orchestration_loop.MUTANTS,
    LoaderStrategyContract: loader_strategy.MUTANTS,
    ExecutionRuntimeContract: execution_runtime.MUTANTS,
    EngineRuntimeContract: engine_runtime.MUTANTS,
    PipelineWiringContract: pipeline_wiring.MUTANTS,
    SandboxPolicyContract: sandbox_policy.MUTANTS,
    ApiRuntimeContract: api_runtime.MUTANTS,
    ModelClientContract: model.MUTANTS,
    MemoryContract: memory.MUTANTS,
    StoreContract: store.MUTANTS,
    ToolContract: tool.MUTANTS,
}
