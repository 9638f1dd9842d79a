"""A crew that a seed makes up: its organization, its board, its model and its tools."""

import json
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from orket._flow import Limits
from orket._orchestrator import Orchestrator
from orket._registry import DecisionNodeRegistry
from orket.contracts import EffectClass, ModelReply, ModelRequest, RawToolCall, Settlement, Tool, ToolContext, TurnKind
from orket.stores import MemoryStore
from orket.testing.fakes import Effect, EffectLedger
from orket.testing.simulation._chance import Chance
from orket.tools import ClassTool

_LEDGER_TOOLS: Final = (
    ("ring", EffectClass.AT_MOST_ONCE),
    ("note", EffectClass.IDEMPOTENT),
    ("look", EffectClass.READ),
)
_BOARD_TOOLS: Final = ("add_issue_comment", "create_issue", "update_issue_status", "get_issue_context", "write_file")
_MOST: Final = 8  # issues of a board


def random_crew(
    folder: Path, ledger: EffectLedger, *, seed: int, registry: DecisionNodeRegistry | None = None
) -> Orchestrator:
    """Return a crew that works on the epic ``launch``: the same for the same seed.

    Args:
        folder: Where organization and workspace are; made where missing.
        ledger: What its tools write into.
        seed: Chooses the graph of the issues, seats, reviewers, priorities, retries, limits, and what the model says.
        registry: Where nodes are found; None for a new one, which reads what is installed.
    """
    chance = Chance(seed, "crew")
    assets = _assets(chance)
    if not (root := folder / "organization").exists():
        for name, asset in assets.items():
            path = root / f"{name}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(asset), "utf-8")
    limits = Limits(
        rounds=chance.randint(2, 6),
        lease=chance.choice((5.0, 30.0, 60.0)),
        tool=chance.choice((2.0, 20.0, 120.0)),
        node=60.0,
    )
    return Orchestrator(
        config=root,
        workspace=folder / "workspace",
        store=MemoryStore(),
        model=RandomAgent(seed),
        tools=[*[ledger.tool(name, effect=effect) for name, effect in _LEDGER_TOOLS], wire(ledger)],
        registry=registry or DecisionNodeRegistry(),
        environ={"ORKET_CONCURRENCY": str(chance.randint(1, 4)), "ORKET_TURN_BUDGET": "1000"},
        limits=limits,
        separation_of_duties=chance.happens(0.2),
    )


def _assets(chance: Chance) -> dict[str, Any]:
    coders = [f"coder{number}" for number in range(chance.randint(1, 3))]
    guards = [f"guard{number}" for number in range(chance.randint(1, 2))]
    seats: dict[str, Any] = {name: {"roles": ["coder"]} for name in coders}
    seats |= {name: {"roles": ["integrity_guard"]} for name in guards}
    count = chance.randint(1, _MOST)
    dense = chance.uniform(0.0, 0.6)
    issues = [
        {
            "id": f"I{number}",
            "summary": f"Do I{number}",
            "seat": chance.choice(coders),
            "priority": chance.choice((1.0, 2.0, 2.5, 3.0)),
            "requirements": chance.choice(("", "as fast as possible", "with tests")),
            "max_retries": chance.randint(0, 4),
            "depends_on": [f"I{other}" for other in range(number) if chance.happens(dense)],
        }
        for number in range(count)
    ]
    tools = [*[name for name, _ in _LEDGER_TOOLS], "wire", *_BOARD_TOOLS]
    return {
        "config/organization": {"name": "Simulated"},
        "model/core/teams/crew": {"seats": seats},
        "model/core/roles/coder": {"description": "works", "tools": tools},
        "model/core/roles/integrity_guard": {"description": "judges", "tools": ["look", "update_issue_status"]},
        "model/core/environments/standard": {"model": "none", "timeout": 60.0},
        "model/core/epics/launch": {"team": "crew", "environment": "standard", "issues": issues},
    }


class RandomAgent:
    """A model that plays every seat in good faith. What it says depends on nothing but seed, issue, kind and round.

    Args:
        seed: Chooses what it says.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    async def complete(self, request: ModelRequest, /) -> ModelReply:
        """Answer."""
        brief = request.brief
        if brief is None:
            return ModelReply(text="there is nothing to do")
        issue = brief.issue
        chance = Chance(self._seed, f"{issue.id}/{issue.version}/{brief.kind}/{brief.round}")
        if brief.kind is TurnKind.REVIEW:
            verdict = "ready" if chance.happens(0.1) else "done"
            return _calling([("update_issue_status", {"status": verdict})])
        calls = [_call(chance, issue.id) for _ in range(chance.choice((0, 1, 1, 2, 3)))]
        if calls and brief.round == 1:
            return _calling(calls)
        if chance.happens(0.05):
            asked = {"status": "waiting_for_developer", "wait_reason": "input", "reason": "which colour?"}
            return _calling([("update_issue_status", asked)])
        return _calling([("update_issue_status", {"status": "code_review"})])


def _call(chance: Chance, issue: str) -> tuple[str, dict[str, Any]]:
    said = f"{issue}: {chance.randrange(1000)}"
    choices: list[tuple[str, dict[str, Any]]] = [
        *[(name, {"note": said}) for name in ("ring", "ring", "wire", "wire", "note", "look")],
        ("add_issue_comment", {"comment": said}),
        ("write_file", {"path": f"agent_output/{issue}.txt", "content": said}),
        ("get_issue_context", {}),
    ]
    if issue.startswith("I") and chance.happens(0.1):  # what joins later lets nothing join
        return "create_issue", {"summary": f"what {said} left", "seat": "coder0"}
    return chance.choice(choices)


def _calling(calls: list[tuple[str, dict[str, Any]]]) -> ModelReply:
    raw = [RawToolCall(name=name, arguments=arguments, id=f"call-{at}") for at, (name, arguments) in enumerate(calls)]
    return ModelReply(tool_calls=tuple(raw))


@frozen(kw_only=True)
class _Note:
    """Arguments of the wire.

    Args:
        note: what is to be sent
    """

    note: str


def wire(ledger: EffectLedger) -> Tool:
    """Return an at-most-once tool that can be asked whether it acted: its ledger knows the keys."""

    async def send(arguments: _Note, context: ToolContext) -> str:
        """Send a line."""
        ledger.record(Effect(key=context.key, tool="wire", effect=EffectClass.AT_MOST_ONCE, note=arguments.note))
        return "sent"

    async def ask(key: str) -> Settlement:
        ran = any(effect.key == key for effect in ledger.effects)
        return Settlement(ran=ran, output="sent" if ran else "")

    return ClassTool(name="wire", arguments=_Note, action=send, reconcile=ask, effect=EffectClass.AT_MOST_ONCE)
