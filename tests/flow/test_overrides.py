"""Every one of the twelve seams is replaced by rules, environment and host, and the run shows it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from small_world import diligent, issue, open_world, organization

import orket
from orket.contracts import (
    MissingSeat,
    Organization,
    Plan,
    PlanQuestion,
    Prompt,
    PromptQuestion,
    Route,
    RouteQuestion,
    ServiceQuestion,
    SuccessAnswer,
    SuccessQuestion,
    Toolset,
    ToolsetQuestion,
    Verification,
    VerificationResult,
)
from orket.errors import NodeError, WiringError
from orket.events import DecisionMade, RunStarted, VerificationRecorded
from orket.nodes.api_runtime import DefaultApiRuntimeStrategyNode
from orket.nodes.engine_runtime import DefaultEngineRuntimePolicyNode
from orket.nodes.evaluator import DefaultEvaluatorNode
from orket.nodes.execution_runtime import DefaultExecutionRuntimeStrategyNode
from orket.nodes.loader_strategy import DefaultLoaderStrategyNode
from orket.nodes.orchestration_loop import DefaultOrchestrationLoopPolicyNode
from orket.nodes.pipeline_wiring import DefaultPipelineWiringStrategyNode
from orket.nodes.planner import DefaultPlannerNode
from orket.nodes.prompt_strategy import DefaultPromptStrategyNode
from orket.nodes.router import DefaultRouterNode
from orket.nodes.sandbox_policy import DefaultSandboxPolicyNode
from orket.nodes.tool_strategy import DefaultToolStrategyNode

pytestmark = pytest.mark.anyio


class LastFirst(DefaultPlannerNode):
    def plan(self, question: PlanQuestion, /) -> Plan:
        candidates = (*question.review, *question.ready)
        return Plan(issue_ids=(candidates[-1].id,), reason="last first")


class AsyncRouter(DefaultRouterNode):
    async def route(self, question: RouteQuestion, /) -> Route:  # type: ignore[override]
        return evolve(super().route(question), reason="asked nicely")


class Terse(DefaultPromptStrategyNode):
    def compose(self, question: PromptQuestion, /) -> Prompt:
        prompt = super().compose(question)
        return Prompt(messages=prompt.messages[-1:], reason="terse")


class StatusOnly(DefaultToolStrategyNode):
    def compose(self, question: ToolsetQuestion, /) -> Toolset:
        tools = super().compose(question).tools
        return Toolset(tools=tuple(t for t in tools if t.name == "update_issue_status"), reason="status only")


class Archivist(DefaultEvaluatorNode):
    def evaluate_success(self, question: SuccessQuestion, /) -> SuccessAnswer:
        return evolve(super().evaluate_success(question), remember=f"remember {question.issue.id}")


class OneByOne(DefaultOrchestrationLoopPolicyNode):
    def __init__(self) -> None:
        super().__init__(concurrency=1)

    def missing_seat(self, issue: Any, team: Any, /) -> MissingSeat:
        return MissingSeat(status=orket.CardStatus.CANCELED, reason="one by one")


class Renamer(DefaultLoaderStrategyNode):
    def override_organization(self, organization: Organization, environ: Mapping[str, str], /) -> Organization:
        return evolve(organization, name="Renamed")


class LongIds(DefaultExecutionRuntimeStrategyNode):
    def select_run_id(self, given: str | None, token: str, /) -> str:
        return given or f"run-{token}"


class FixedEnvironment(DefaultEngineRuntimePolicyNode):
    def environment(self, question: Any, /) -> Mapping[str, str]:
        return {**question.environ, "ORKET_ORG_NAME": "From the environment"}


class Prover:
    async def verify(self, verification: Verification, workspace: Path, /) -> VerificationResult:
        return VerificationResult(passed=True, isolation="prover")


class ProverWiring(DefaultPipelineWiringStrategyNode):
    def create_verifier(self, question: ServiceQuestion, /) -> Prover:
        return Prover()


class OwnSandbox(DefaultSandboxPolicyNode):
    pass


class OwnApi(DefaultApiRuntimeStrategyNode):
    pass


NODES: Mapping[str, type] = {
    "planner": LastFirst,
    "router": AsyncRouter,
    "prompt_strategy": Terse,
    "tool_strategy": StatusOnly,
    "evaluator": Archivist,
    "orchestration_loop": OneByOne,
    "loader_strategy": Renamer,
    "execution_runtime": LongIds,
    "engine_runtime": FixedEnvironment,
    "pipeline_wiring": ProverWiring,
    "sandbox_policy": OwnSandbox,
    "api_runtime": OwnApi,
}
SOURCES = ("host", "environment", "process_rules")


def world(tmp_path: Path, kind: str, source: str, chosen: str = "own") -> orket.Orchestrator:
    """Return an orchestrator whose node of *kind* is chosen by *source*."""
    rules = {f"{kind}_node": chosen} if source == "process_rules" else {}
    verification = {"fixture": "proof.py"}
    root = organization(
        tmp_path, [issue("a", verification=verification), issue("b", "a"), issue("c")], process_rules=rules
    )
    registry = orket.DecisionNodeRegistry()
    registry.register(kind, "own", NODES[kind])
    return open_world(
        root,
        diligent,
        registry=registry,
        environ={f"ORKET_{kind.upper()}_NODE": chosen} if source == "environment" else {},
        nodes={kind: chosen}
        if source == "host"
        else {"pipeline_wiring": ProverWiring}
        if kind != "pipeline_wiring"
        else {},
    )


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("kind", NODES)
async def test_a_replaced_seam_takes_part_in_a_run(tmp_path: Path, kind: str, source: str) -> None:
    """An epic runs to done with the node that the source chose, and the journal says which and why."""
    orchestrator = world(tmp_path, kind, source)
    if kind == "pipeline_wiring" or source == "host":
        orchestrator = with_prover(orchestrator, tmp_path, kind, source)
    async with orchestrator:
        result = await orchestrator.run_epic("launch")
        assert result.outcome is orket.RunOutcome.DONE, result
        entries = [entry.record async for entry in orchestrator.history()]
        started = next(record for record in entries if isinstance(record, RunStarted))
        resolution = {one.kind: one for one in started.resolutions}[kind]
        assert (resolution.name, resolution.source) == ("own", source)
        evidence = [record.answer | {"reason": record.reason} for record in entries if _decided(record, kind)]
        await _check_effect(kind, orchestrator, result, evidence, entries)


def with_prover(orchestrator: orket.Orchestrator, tmp_path: Path, kind: str, source: str) -> orket.Orchestrator:
    """Return the orchestrator with a verifier that passes, unless the kind under test brings it itself."""
    registry = orket.DecisionNodeRegistry()
    registry.register(kind, "own", NODES[kind])
    nodes: dict[str, object] = {} if kind == "pipeline_wiring" else {"pipeline_wiring": ProverWiring}
    if source == "host":
        nodes[kind] = "own"
    return open_world(
        tmp_path,
        diligent,
        registry=registry,
        nodes=nodes,
        environ={f"ORKET_{kind.upper()}_NODE": "own"} if source == "environment" else {},
    )


def _decided(record: object, kind: str) -> bool:
    return isinstance(record, DecisionMade) and record.kind == kind and isinstance(record.answer, dict)


async def _check_effect(
    kind: str, orchestrator: orket.Orchestrator, result: orket.RunResult, evidence: list[Any], entries: list[Any]
) -> None:
    match kind:
        case "planner":
            assert {one["reason"] for one in evidence} == {"last first"}
        case "router":
            assert {one["reason"] for one in evidence} == {"asked nicely"}
        case "prompt_strategy":
            assert {1} == {one["messages"] for one in evidence if "messages" in one}
        case "tool_strategy":
            assert all(one["tools"] == ["update_issue_status"] for one in evidence)
        case "evaluator":
            assert len(await orchestrator.store.find("memory")) == result.turns
        case "loader_strategy":
            assert orchestrator.organization.name == "Renamed"
        case "engine_runtime":
            assert orchestrator.organization.name == "From the environment"
        case "execution_runtime":
            assert result.run.startswith("run-")
        case "pipeline_wiring":
            proofs = [record.result for record in entries if isinstance(record, VerificationRecorded)]
            assert [proof.isolation for proof in proofs] == ["prover"]
        case _:
            assert result.done == 3


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("kind", NODES)
async def test_an_unknown_node_is_refused_by_name(tmp_path: Path, kind: str, source: str) -> None:
    """A name that nobody offers is an error that names it and what there is, never a fallback."""
    with pytest.raises(WiringError, match=r"'nonesuch'.*default"):
        async with world(tmp_path, kind, source, chosen="nonesuch"):
            pass


class Raiser:
    """Every method raises."""

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(name)


class BrokenPlanner:
    def plan(self, question: PlanQuestion, /) -> Plan:
        return Plan(issue_ids=("nobody",))


class BrokenRouter:
    def route(self, question: RouteQuestion, /) -> Route:
        raise LookupError("no map")


class BrokenEvaluator(DefaultEvaluatorNode):
    def evaluate_success(self, question: SuccessQuestion, /) -> SuccessAnswer:
        return SuccessAnswer(wish=orket.CardStatus.ARCHIVED)


@pytest.mark.parametrize(("kind", "node"), [("planner", BrokenPlanner), ("evaluator", BrokenEvaluator)])
async def test_a_node_that_breaks_its_contract_stops_the_run(tmp_path: Path, kind: str, node: type) -> None:
    """Planner and evaluator faults are NodeErrors at the boundary, recorded, and the build can be taken up again."""
    root = organization(tmp_path, [issue("a")])
    store = tmp_path / "record" / "j.db"
    async with open_world(root, diligent, store=store, nodes={kind: node}) as orchestrator:
        with pytest.raises(NodeError) as caught:
            await orchestrator.run_epic("launch")
        assert caught.value.kind == kind
        (row,) = await orchestrator.store.runs()
        assert row.outcome is orket.RunOutcome.FAILED
    async with open_world(root, diligent, store=store) as orchestrator:
        assert (await orchestrator.run_epic("launch")).outcome is orket.RunOutcome.DONE


async def test_a_broken_router_fails_turns_and_not_the_host(tmp_path: Path) -> None:
    """A node that fails within a turn fails the turn: it is retried, reported, and at last stops the run."""
    root = organization(tmp_path, [issue("a", max_retries=1)])
    async with open_world(root, diligent, nodes={"router": BrokenRouter}) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert (result.outcome, result.turns) == (orket.RunOutcome.FAILED, 2)
        assert "no map" in result.reason


async def test_a_class_that_is_no_node_is_refused_with_the_host_named(tmp_path: Path) -> None:
    """A host's object without the methods of its kind is refused before anything runs."""
    root = organization(tmp_path, [issue("a")])
    with pytest.raises(WiringError, match="router"):
        async with open_world(root, diligent, nodes={"router": Raiser}):
            pass
