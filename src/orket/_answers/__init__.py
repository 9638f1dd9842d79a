"""What an answer must be: for every method of every kind of node one pure check.

``CHECKS[kind, method]`` is a function of the answer and the method's arguments that returns None for a good answer, or
a text: which clause of the contract is broken, what was found, what is valid.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from orket._answers import _policies, _sandbox, _turn
from orket._answers._exact import Check
from orket._answers._ports import wrong_recollection, wrong_reply, wrong_result, wrong_results
from orket.contracts import Memory, Service, Verifier

CHECKS: Final[Mapping[tuple[str, str], Check]] = MappingProxyType(
    {
        ("planner", "plan"): _turn.plan,
        ("router", "route"): _turn.route,
        ("prompt_strategy", "select_model"): _turn.model,
        ("prompt_strategy", "select_dialect"): _turn.dialect,
        ("prompt_strategy", "compose"): _turn.prompt,
        ("tool_strategy", "compose"): _turn.toolset,
        ("evaluator", "evaluate_success"): _turn.success,
        ("evaluator", "evaluate_failure"): _turn.failure,
        ("orchestration_loop", "concurrency_limit"): _policies.positive,
        ("orchestration_loop", "turn_budget"): _policies.positive,
        ("orchestration_loop", "context_window"): _policies.positive,
        ("orchestration_loop", "is_review_turn"): _policies.boolean,
        ("orchestration_loop", "role_order"): _policies.role_order,
        ("orchestration_loop", "missing_seat"): _policies.missing_seat,
        ("orchestration_loop", "is_done"): _policies.is_done,
        ("orchestration_loop", "no_candidates"): _policies.rest,
        ("orchestration_loop", "exhausted"): _policies.rest,
        ("loader_strategy", "organization_paths"): _policies.paths,
        ("loader_strategy", "organization_fallback_paths"): _policies.paths,
        ("loader_strategy", "department_paths"): _policies.paths,
        ("loader_strategy", "asset_paths"): _policies.paths,
        ("loader_strategy", "search_folders"): _policies.paths,
        ("loader_strategy", "override_organization"): _policies.organization,
        ("execution_runtime", "select_run_id"): _policies.identifier,
        ("execution_runtime", "select_epic_build_id"): _policies.identifier,
        ("execution_runtime", "select_rock_run_id"): _policies.identifier,
        ("execution_runtime", "select_rock_build_id"): _policies.identifier,
        ("engine_runtime", "environment"): _policies.environment,
        ("engine_runtime", "config_root"): _policies.folder,
        ("pipeline_wiring", "create_verifier"): _policies.service(Verifier),
        ("pipeline_wiring", "create_sandbox_orchestrator"): _policies.service(Service),
        ("pipeline_wiring", "create_bug_fix_manager"): _policies.service(Service),
        ("pipeline_wiring", "create_memory"): _policies.service(Memory),
        ("pipeline_wiring", "select_sub_pipelines"): _policies.sub_pipelines,
        ("sandbox_policy", "build_sandbox_id"): _sandbox.name,
        ("sandbox_policy", "build_compose_project"): _sandbox.name,
        ("sandbox_policy", "database_url"): _sandbox.url,
        ("sandbox_policy", "compose_file"): _sandbox.compose_file,
        ("api_runtime", "parse_allowed_origins"): _policies.origins,
        ("api_runtime", "resolve_asset_id"): _policies.asset_id,
        ("api_runtime", "create_session_id"): _policies.session_id,
    }
)

__all__ = ["CHECKS", "wrong_recollection", "wrong_reply", "wrong_result", "wrong_results"]
