"""A crew to be killed: chains and fan-outs of issues, whose tools of all effect classes write into a ledger."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from orket._orchestrator import Orchestrator
from orket.contracts import EffectClass, ModelReply, ModelRequest, RawToolCall, TurnKind
from orket.testing.fakes import EffectLedger

_WORK_TOOLS: Final = ("ring", "note", "look", "add_issue_comment", "create_issue", "update_issue_status")
_CHAIN: Final = 2  # every group of issues: a chain of so many, then a fan-out of so many, then one that waits for all
_FAN: Final = 3
_GROUP: Final = _CHAIN + _FAN + 1
_THOROUGH: Final = 2 * _GROUP  # so many issues take several rounds; the others act and finish in one


def chains_and_fans(folder: Path, ledger: EffectLedger, *, issues: int = _GROUP) -> Orchestrator:
    """Return a crew that works on the epic ``launch``.

    Its turns are as different as turns can be: with and without effects of each class, several in a round, several
    rounds, comments, a new issue. Only the first twelve issues are that thorough; later ones have one effect, or none.
    What its model says depends on nothing but issue, kind of turn, and round.

    Args:
        folder: Where organization, workspace and record are; made where missing.
        ledger: What its tools write into.
        issues: How many the epic has; one more joins while it is worked.
    """
    epic = {
        "team": "crew",
        "environment": "standard",
        "architecture_governance": {"idesign": True},
        "issues": list(_issues(issues)),
    }
    for name, asset in {**_assets(), "model/core/epics/launch": epic}.items():
        path = folder / "organization" / f"{name}.json"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            half = path.with_suffix(f".{os.getpid()}")  # whoever is killed over it leaves no half asset behind
            half.write_text(json.dumps(asset), "utf-8")
            half.replace(path)
    return Orchestrator(
        config=folder / "organization",
        workspace=folder / "workspace",
        store=folder / "journal.db",
        model=work,
        tools=(
            ledger.tool("ring", effect=EffectClass.AT_MOST_ONCE),
            ledger.tool("note", effect=EffectClass.IDEMPOTENT),
            ledger.tool("look", effect=EffectClass.READ),
        ),
        environ={},
    )


def _assets() -> dict[str, Any]:
    return {
        "config/organization": {"name": "Mortal"},
        "model/core/teams/crew": {"seats": {"coder": {"roles": ["coder"]}, "guard": {"roles": ["integrity_guard"]}}},
        "model/core/roles/coder": {"description": "works", "tools": list(_WORK_TOOLS)},
        "model/core/roles/integrity_guard": {"description": "judges", "tools": ["update_issue_status"]},
        "model/core/environments/standard": {"model": "none"},
    }


def work(request: ModelRequest) -> ModelReply:
    """Play every seat of the crew."""
    brief = request.brief
    if brief is None:
        return ModelReply(text="there is nothing to do")
    if brief.kind is TurnKind.REVIEW:
        return _calling([("update_issue_status", {"status": "done"})])
    number = _number(brief.issue.id)
    finish = ("update_issue_status", {"status": "code_review"})
    if number >= _THOROUGH:
        return _calling([*_only(brief.issue.id, number), finish])
    rounds = (_first(brief.issue.id, number), _second(brief.issue.id, number))
    calls = rounds[brief.round - 1] if brief.round <= len(rounds) else []
    return _calling(calls or [finish])


def _first(issue: str, number: int) -> list[tuple[str, dict[str, Any]]]:
    ring, note, look = [(name, {"note": f"{issue}: first"}) for name in ("ring", "note", "look")]
    comment = ("add_issue_comment", {"comment": f"{issue} is begun"})
    more = ("create_issue", {"summary": f"what {issue} left", "seat": "coder"})
    choices: tuple[list[tuple[str, dict[str, Any]]], ...] = (
        [ring, note, comment],
        [look, ring, ("ring", {"note": f"{issue}: again"})],
        [],
        [note, look],
    )
    return [*choices[number % len(choices)], *([more] if number == 1 else [])]


def _second(issue: str, number: int) -> list[tuple[str, dict[str, Any]]]:
    ring, note = [(name, {"note": f"{issue}: second"}) for name in ("ring", "note")]
    return ([ring], [], [], [ring, note])[number % 4]


def _only(issue: str, number: int) -> list[tuple[str, dict[str, Any]]]:
    tool = ("ring", "note", "look", "")[number % 4]
    return [(tool, {"note": f"{issue}: only"})] if tool else []


def _calling(calls: list[tuple[str, dict[str, Any]]]) -> ModelReply:
    raw = [RawToolCall(name=name, arguments=arguments, id=f"call-{at}") for at, (name, arguments) in enumerate(calls)]
    return ModelReply(tool_calls=tuple(raw))


def _number(issue: str) -> int:
    return int(issue[1:]) if issue[1:].isdigit() else 2  # one that joined later: it has no effects


def _issues(count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        group, place = divmod(number, _GROUP)
        start = group * _GROUP
        if place == 0:
            waits: list[int] = []
        elif place <= _CHAIN - 1:
            waits = [number - 1]
        elif place < _GROUP - 1:
            waits = [start + _CHAIN - 1]
        else:
            waits = list(range(start + _CHAIN, number))
        yield {
            "id": f"I{number}",
            "summary": f"Do I{number}",
            "seat": "coder",
            "depends_on": [f"I{other}" for other in waits],
        }
