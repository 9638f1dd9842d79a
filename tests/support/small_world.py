"""A small organization on disk, and agents that work in it."""

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import orket
from orket.contracts import ModelRequest, Store, ToolCall, TurnKind

WORKER_TOOLS = [
    "read_file",
    "write_file",
    "list_directory",
    "add_issue_comment",
    "get_issue_context",
    "update_issue_status",
    "create_issue",
]


def write_json(path: Path, data: Any) -> None:
    """Write an asset."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data), "utf-8")


def organization(
    root: Path,
    issues: Iterable[Mapping[str, Any]],
    *,
    epic: str = "launch",
    guard: bool = True,
    process_rules: Mapping[str, Any] | None = None,
    tools: Iterable[str] = WORKER_TOOLS,
    **epic_fields: Any,
) -> Path:
    """Write an organization with one epic, a coder seat and (unless ``guard=False``) a guard seat; return its root."""
    write_json(
        root / "config" / "organization.json",
        {"name": "Small", "vision": "v", "ethos": "e", "process_rules": dict(process_rules or {})},
    )
    core = root / "model" / "core"
    seats = {"coder": {"name": "Coder", "roles": ["coder"]}}
    if guard:
        seats["guard"] = {"name": "Guard", "roles": ["integrity_guard"]}
    write_json(core / "teams" / "crew.json", {"name": "crew", "seats": seats})
    write_json(core / "roles" / "coder.json", {"name": "coder", "description": "codes", "tools": list(tools)})
    write_json(
        core / "roles" / "integrity_guard.json",
        {"name": "integrity_guard", "description": "judges", "tools": ["read_file", "update_issue_status"]},
    )
    write_json(core / "environments" / "standard.json", {"name": "standard", "model": "qwen-test"})
    fields = {"name": epic, "team": "crew", "environment": "standard", "issues": list(issues), **epic_fields}
    write_json(core / "epics" / f"{epic}.json", fields)
    return root


def issue(name: str, *depends_on: str, **fields: Any) -> dict[str, Any]:
    """Return an issue as an asset has it."""
    return {"id": name, "summary": f"Do {name}", "seat": "coder", "depends_on": list(depends_on), **fields}


def wish(status: str, **arguments: Any) -> ToolCall:
    """Return a call of the status tool."""
    return ToolCall(name="update_issue_status", arguments={"status": status, **arguments})


def diligent(request: ModelRequest) -> ToolCall:
    """Move work to review, and reviewed work to done."""
    assert request.brief is not None
    return wish("done" if request.brief.kind is TurnKind.REVIEW else "code_review")


def open_world(
    root: Path, model: Callable[[ModelRequest], Any], *, store: Store | Path | None = None, **options: Any
) -> orket.Orchestrator:
    """Return an orchestrator over the organization at *root* that sees nothing of this machine's environment."""
    options.setdefault("environ", {})
    return orket.Orchestrator(
        config=root, workspace=root / "work" / "space", store=store or orket.MemoryStore(), model=model, **options
    )
