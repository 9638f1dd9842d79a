"""The twelve decision nodes.

Each method takes one frozen question, positional only, and returns one frozen answer. Planner, router, prompt strategy,
tool strategy and evaluator may be ``def`` or ``async def``; all others are plain ``def`` and promise purity. A node
*must not* change or keep its question, *must not* call the orchestrator that asks it, and *may* raise: the core turns
whatever
it raises, and every answer that breaks the contract, into a :class:`~orket.errors.NodeError`. No answer is ever
replaced by a default.

Several loop, id and path policies are so small that they take plain values.
"""

from collections.abc import Awaitable, Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

from orket.cards import BoardCounts, CardStatus, Issue, Rock
from orket.contracts._memory import Memory
from orket.contracts._policies import (
    AssetQuestion,
    EnvironmentQuestion,
    LoopQuestion,
    MissingSeat,
    RestAnswer,
    SandboxPorts,
    SandboxQuestion,
    ServiceQuestion,
    SubPipeline,
    TechStack,
)
from orket.contracts._ports import Service, Verifier
from orket.contracts._questions import (
    DialectChoice,
    DialectQuestion,
    FailureAnswer,
    FailureQuestion,
    ModelChoice,
    ModelQuestion,
    Plan,
    PlanQuestion,
    Prompt,
    PromptQuestion,
    Route,
    RouteQuestion,
    SuccessAnswer,
    SuccessQuestion,
    Toolset,
    ToolsetQuestion,
)
from orket.organization import Organization, Team

CONTRACT_VERSION = 1  # a node may declare ``contract_version = 1``; another number is refused when it is loaded


@runtime_checkable
class PlannerNode(Protocol):
    """Decides which candidates take a turn now."""

    def plan(self, question: PlanQuestion, /) -> Plan | Awaitable[Plan]:
        """Choose issues.

        Must choose only from ``review`` and ``ready`` (or candidates found through ``backlog``: in code review, or
        ready with
        every dependency done), name none twice, choose at most ``slots``, and none but ``target_issue_id`` when that is
        set. May choose none. Must not assume that an issue it passed over comes again in the same order.
        """
        ...


@runtime_checkable
class RouterNode(Protocol):
    """Decides which seat takes the turn."""

    def route(self, question: RouteQuestion, /) -> Route | Awaitable[Route]:
        """Choose a seat.

        Must name a key of ``team.seats``, or None when the team has no seat for this issue. Should prefer a seat that
        holds ``integrity_guard`` on review turns.
        """
        ...


@runtime_checkable
class PromptStrategyNode(Protocol):
    """Decides which model answers and what it is told."""

    def select_model(self, question: ModelQuestion, /) -> ModelChoice | Awaitable[ModelChoice]:
        """Choose the model. Must be a non-empty name."""
        ...

    def select_dialect(self, question: DialectQuestion, /) -> DialectChoice | Awaitable[DialectChoice]:
        """Choose the dialect. Must be one of ``families``."""
        ...

    def compose(self, question: PromptQuestion, /) -> Prompt | Awaitable[Prompt]:
        """Write the prompt. Must have at least one message; the core adds no text of its own to it."""
        ...


@runtime_checkable
class ToolStrategyNode(Protocol):
    """Decides which tools a turn is offered."""

    def compose(self, question: ToolsetQuestion, /) -> Toolset | Awaitable[Toolset]:
        """Choose tools. Must be available ones, each once. An offer is no permission: the gate decides."""
        ...


@runtime_checkable
class EvaluatorNode(Protocol):
    """Decides what the outcome of a turn means."""

    def evaluate_success(self, question: SuccessQuestion, /) -> SuccessAnswer | Awaitable[SuccessAnswer]:
        """Judge a turn that ended well. Must wish for one of ``wishes``, or for nothing; the law has the last word."""
        ...

    def evaluate_failure(self, question: FailureQuestion, /) -> FailureAnswer | Awaitable[FailureAnswer]:
        """Judge a turn that failed.

        Must not shrink the retry count, must not retry past ``max_retries``, must give a wait reason unless it retries.
        """
        ...


@runtime_checkable
class OrchestrationLoopPolicyNode(Protocol):
    """Decides the bounds of the loop and what its edges mean. All methods are pure and total."""

    def concurrency_limit(self, question: LoopQuestion, /) -> int:
        """Return how many turns may run at once; ≥ 1."""
        ...

    def turn_budget(self, question: LoopQuestion, /) -> int:
        """Return how many turns the run may take in all; ≥ 1."""
        ...

    def context_window(self, question: LoopQuestion, /) -> int:
        """Return how many entries of an issue's history enter a prompt; ≥ 1."""
        ...

    def is_review_turn(self, status: CardStatus, /) -> bool:
        """Return whether an issue in *status* takes a review turn (rather than a work turn)."""
        ...

    def role_order(self, roles: tuple[str, ...], is_review: bool, /) -> tuple[str, ...]:
        """Return the roles of the turn, the leading one first. Must keep all of *roles*, and add none on work turns.

        On review turns ``integrity_guard`` must be among them.
        """
        ...

    def missing_seat(self, issue: Issue, team: Team, /) -> MissingSeat:
        """Return what becomes of an issue whose seat the team lacks: canceled, or blocked with a wait reason."""
        ...

    def is_done(self, counts: BoardCounts, /) -> bool:
        """Return whether the board is done. Must be False while an issue is unfinished."""
        ...

    def no_candidates(self, counts: BoardCounts, /) -> RestAnswer:
        """Return how a run with unfinished issues, none of which may take a turn, comes to rest."""
        ...

    def exhausted(self, turns: int, counts: BoardCounts, /) -> RestAnswer:
        """Return how a run that used its whole turn budget comes to rest."""
        ...


@runtime_checkable
class LoaderStrategyNode(Protocol):
    """Decides where assets are looked for. Paths must lie inside the given root; nothing is read here."""

    def organization_paths(self, root: Path, /) -> tuple[Path, ...]:
        """Return files whose objects are merged, in order, into the organization; used when the first exists."""
        ...

    def organization_fallback_paths(self, root: Path, /) -> tuple[Path, ...]:
        """Return files of which the first that exists is the organization."""
        ...

    def department_paths(self, root: Path, department: str, /) -> tuple[Path, ...]:
        """Return files of which the first that exists describes the department."""
        ...

    def asset_paths(self, root: Path, department: str, category: str, name: str, /) -> tuple[Path, ...]:
        """Return files of which the first that exists is the asset."""
        ...

    def search_folders(self, root: Path, department: str, category: str, /) -> tuple[Path, ...]:
        """Return the folders that hold assets of a category, in order of precedence."""
        ...

    def override_organization(self, organization: Organization, environ: Mapping[str, str], /) -> Organization:
        """Return the organization with what the environment says instead."""
        ...


@runtime_checkable
class ExecutionRuntimeStrategyNode(Protocol):
    """Decides ids. A given id is kept; every id is a safe file name (``[A-Za-z0-9._-]``, not starting with a dot)."""

    def select_run_id(self, given: str | None, token: str, /) -> str:
        """Return the id of an epic's run; *token* is 32 random hex digits: a node needs no randomness of its own."""
        ...

    def select_epic_build_id(self, given: str | None, epic: str, /) -> str:
        """Return the id of the board an epic is worked on. Must be the same for the same arguments."""
        ...

    def select_rock_run_id(self, given: str | None, token: str, /) -> str:
        """Return the id of a rock's run."""
        ...

    def select_rock_build_id(self, given: str | None, rock: str, /) -> str:
        """Return the id of the board a rock is worked on. Must be the same for the same arguments."""
        ...


@runtime_checkable
class EngineRuntimePolicyNode(Protocol):
    """Decides the process-level inputs. Must never change ``os.environ``."""

    def environment(self, question: EnvironmentQuestion, /) -> Mapping[str, str]:
        """Return the mapping that stands for the environment from here on."""
        ...

    def config_root(self, given: Path, environ: Mapping[str, str], /) -> Path:
        """Return the folder that holds ``config/`` and ``model/``."""
        ...


@runtime_checkable
class PipelineWiringStrategyNode(Protocol):
    """Decides which services a pipeline gets. None means: this pipeline has no such service."""

    def create_verifier(self, question: ServiceQuestion, /) -> Verifier | None:
        """Return what runs fixtures before review turns."""
        ...

    def create_sandbox_orchestrator(self, question: ServiceQuestion, /) -> Service | None:
        """Return what builds sandboxes."""
        ...

    def create_bug_fix_manager(self, question: ServiceQuestion, /) -> Service | None:
        """Return what runs the bug-fix phase of a finished rock."""
        ...

    def create_memory(self, question: ServiceQuestion, /) -> Memory | None:
        """Return what searches remembered decisions; None: no prompt is offered any."""
        ...

    def select_sub_pipelines(self, rock: Rock, /) -> tuple[SubPipeline, ...]:
        """Return how the rock's epics are run, in order. Must name each of the rock's epics exactly once."""
        ...


@runtime_checkable
class SandboxPolicyNode(Protocol):
    """Decides what a sandbox looks like. Names are ``[a-z0-9-]``; compose files have no privileges or host mounts."""

    def build_sandbox_id(self, rock_id: str, /) -> str:
        """Return the sandbox's id. Must be the same for the same rock."""
        ...

    def build_compose_project(self, sandbox_id: str, /) -> str:
        """Return the compose project's name."""
        ...

    def database_url(self, stack: TechStack, ports: SandboxPorts, password: str, /) -> str:
        """Return the URL under which the product reaches its database; "" for a stack without one."""
        ...

    def compose_file(self, question: SandboxQuestion, /) -> str:
        """Return the compose file's text (JSON, which every compose implementation reads as YAML)."""
        ...


@runtime_checkable
class ApiRuntimeStrategyNode(Protocol):
    """Decides three things for hosts that have an API of their own. All methods are total."""

    def parse_allowed_origins(self, value: str, /) -> tuple[str, ...]:
        """Return the allowed origins. Must not return a wildcard for an empty value."""
        ...

    def resolve_asset_id(self, question: AssetQuestion, /) -> str | None:
        """Return the asset id a request means, or None."""
        ...

    def create_session_id(self, token: str, /) -> str:
        """Return a session id made of *token* (32 random hex digits)."""
        ...
