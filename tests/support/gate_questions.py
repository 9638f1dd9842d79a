"""Questions for the gate."""

from collections.abc import Mapping

from attrs import evolve

from orket.contracts import (
    ArchitectureGovernance,
    CardStatus,
    EffectClass,
    Epic,
    Issue,
    JsonValue,
    Organization,
    Role,
    ToolCall,
    ToolSpec,
    TurnKind,
)
from orket.governance import GateQuestion

EFFECTS = {
    "write_file": EffectClass.IDEMPOTENT,
    "deploy": EffectClass.AT_MOST_ONCE,
    "read_file": EffectClass.READ,
}
TOOLS = ("write_file", "deploy", "read_file", "list_directory", "update_issue_status", "request_excuse", "create_issue")


def question_of(
    tool: str, arguments: Mapping[str, JsonValue] | None = None, *, idesign: bool | None = None, **changes: object
) -> GateQuestion:
    """Return the question of a call that every rule allows, but for what the arguments and changes say."""
    governance = ArchitectureGovernance(idesign=idesign)
    effect = EFFECTS.get(tool, EffectClass.READ if tool == "list_directory" else EffectClass.NONE)
    question = GateQuestion(
        call=ToolCall(name=tool, arguments=arguments or {}),
        spec=ToolSpec(name=tool, description="", parameters={}, effect=effect) if tool in TOOLS else None,
        bound=object(),
        bind_error="",
        issue=Issue(id="i", name="i", seat="s", status=CardStatus.IN_PROGRESS),
        roles=(Role(name="coder", tools=TOOLS),),
        kind=TurnKind.WORK,
        offered=frozenset(TOOLS),
        wishes=(CardStatus.BLOCKED, CardStatus.WAITING_FOR_DEVELOPER, CardStatus.CODE_REVIEW),
        epic=Epic(id="e", name="e", team="t", environment="v", architecture_governance=governance),
        organization=Organization(name="o"),
    )
    return evolve(question, **changes)
