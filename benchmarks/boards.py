"""The boards that are measured: shapes of dependencies, the organization around them, and the model that plays it."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from orket.contracts import ModelRequest, ToolCall, TurnKind

Edges: TypeAlias = Mapping[str, tuple[str, ...]]  # an issue's id -> the ids it depends on, which all come before it
TURNS = 2  # of each issue: work -> code_review, review -> done
CONCURRENCY = 10
_LAYER = 10
EPIC = "load"


def _independent(_number: int) -> range:
    return range(0)


def _chain(number: int) -> range:
    return range(max(0, number - 1), number)


def _layers(number: int) -> range:
    """Each issue waits for all ten of the layer before."""
    layer = number // _LAYER * _LAYER
    return range(max(0, layer - _LAYER), layer)


SHAPES: Mapping[str, Callable[[int], range]] = {"independent": _independent, "chain": _chain, "layers": _layers}


def edges(shape: str, size: int) -> Edges:
    """Return *size* issues and what each depends on."""
    needs = SHAPES[shape]
    return {f"i{number}": tuple([f"i{need}" for need in needs(number)]) for number in range(size)}


def agent(request: ModelRequest) -> ToolCall:
    """Move work to review, and reviewed work to done."""
    assert request.brief is not None
    status = "done" if request.brief.kind is TurnKind.REVIEW else "code_review"
    return ToolCall(name="update_issue_status", arguments={"status": status})


def write_organization(root: Path, shape: str, size: int) -> None:
    """Write an organization with two seats and one epic of that shape and size."""
    for name, asset in _assets(shape, size):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asset), "utf-8")


def _assets(shape: str, size: int) -> Iterator[tuple[str, Mapping[str, Any]]]:
    rules = {"concurrency": CONCURRENCY}
    yield "config/organization.json", {"name": "Bench", "vision": "v", "ethos": "e", "process_rules": rules}
    seats = {"coder": {"name": "Coder", "roles": ["coder"]}, "guard": {"name": "Guard", "roles": ["integrity_guard"]}}
    yield "model/core/teams/crew.json", {"name": "crew", "seats": seats}
    tools = ["read_file", "write_file", "list_directory", "add_issue_comment", "update_issue_status"]
    yield "model/core/roles/coder.json", {"name": "coder", "description": "codes", "tools": tools}
    judges = {"name": "integrity_guard", "description": "judges", "tools": ["read_file", "update_issue_status"]}
    yield "model/core/roles/integrity_guard.json", judges
    yield "model/core/environments/standard.json", {"name": "standard", "model": "qwen-bench"}
    issues = [
        {"id": issue, "summary": f"Do {issue}", "seat": "coder", "depends_on": list(needs)}
        for issue, needs in edges(shape, size).items()
    ]
    epic = {"name": EPIC, "team": "crew", "environment": "standard", "issues": issues}
    yield f"model/core/epics/{EPIC}.json", epic
