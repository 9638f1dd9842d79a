"""The stock tool strategy against the clauses of its contract."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orket.contracts import (
    CardStatus,
    EffectClass,
    Issue,
    Role,
    Seat,
    Toolset,
    ToolsetQuestion,
    ToolSpec,
    ToolStrategyNode,
    TurnKind,
    WaitReason,
)
from orket.nodes.tool_strategy import DefaultToolStrategyNode

NAMES = ["read_file", "write_file", "list_directory", "update_issue_status", "not_here"]
WAITING = {CardStatus.BLOCKED, CardStatus.WAITING_FOR_DEVELOPER}
STATUS_TOOL = ToolSpec(
    name="update_issue_status",
    description="Ask for a status.",
    parameters={
        "type": "object",
        "properties": {
            "status": {"type": "string", "enum": [status.value for status in CardStatus], "description": "Where to."},
            "reason": {"type": "string"},
            "wait_reason": {"anyOf": [{"enum": [reason.value for reason in WaitReason]}, {"type": "null"}]},
        },
        "required": ["status"],
        "additionalProperties": False,
    },
    effect=EffectClass.NONE,
)


def make_tool(name: str) -> ToolSpec:
    return ToolSpec(name=name, description=name, parameters={"type": "object", "properties": {}})


AVAILABLE = {name: make_tool(name) for name in NAMES[:3]} | {STATUS_TOOL.name: STATUS_TOOL}


def ask(
    *tools: tuple[str, ...], wishes: tuple[CardStatus, ...] = (CardStatus.CODE_REVIEW,), status: ToolSpec = STATUS_TOOL
) -> Toolset:
    """Ask for a turn of a seat that holds one role per tuple of tools."""
    question = ToolsetQuestion(
        issue=Issue(id="I", name="I", seat="coder"),
        seat=Seat(id="coder", name="Coder"),
        roles=tuple(Role(name=f"role{number}", tools=names) for number, names in enumerate(tools)),
        kind=TurnKind.WORK,
        available=AVAILABLE | {STATUS_TOOL.name: status},
        wishes=wishes,
    )
    return DefaultToolStrategyNode().compose(question)


def names(toolset: Toolset) -> list[str]:
    return [tool.name for tool in toolset.tools]


def status_schema(toolset: Toolset) -> Any:
    return next(tool for tool in toolset.tools if tool.name == STATUS_TOOL.name).parameters


lists_of_tools = st.lists(st.lists(st.sampled_from(NAMES), max_size=5).map(tuple), max_size=3)
some_wishes = st.lists(st.sampled_from(CardStatus), unique=True, max_size=4).map(tuple)


def test_it_is_a_tool_strategy() -> None:
    """The stock tool strategy satisfies the protocol."""
    assert isinstance(DefaultToolStrategyNode(), ToolStrategyNode)


@given(lists_of_tools, some_wishes)
def test_a_toolset_keeps_the_contract(tools: list[tuple[str, ...]], wishes: tuple[CardStatus, ...]) -> None:
    """The tools are those that a role lists and that exist, each once; the status tool only with a wish."""
    listed = {name for held in tools for name in held}
    offered = names(ask(*tools, wishes=wishes))
    assert len(set(offered)) == len(offered)
    expected = listed & set(AVAILABLE)
    assert set(offered) == (expected if wishes else expected - {STATUS_TOOL.name})


@given(some_wishes.filter(bool))
def test_the_status_tool_offers_exactly_the_wishes(wishes: tuple[CardStatus, ...]) -> None:
    """The status takes just the wishes; a wait reason is there, and demanded, as far as they need one."""
    schema = status_schema(ask((STATUS_TOOL.name,), wishes=wishes))
    assert schema["properties"]["status"]["enum"] == list(wishes)
    assert all(type(status) is str for status in schema["properties"]["status"]["enum"])
    assert ("wait_reason" in schema["properties"]) is bool(WAITING.intersection(wishes))
    assert ("wait_reason" in schema["required"]) is WAITING.issuperset(wishes)
    assert set(schema["required"]) <= set(schema["properties"])


def test_tools_come_in_the_order_of_roles() -> None:
    """The union keeps the order of the roles and of their lists."""
    assert names(ask(("write_file", "read_file"), ("list_directory", "write_file"))) == [
        "write_file",
        "read_file",
        "list_directory",
    ]


def test_missing_tools_are_named() -> None:
    """A tool that a role lists and nobody has is not offered, and the reason names it."""
    toolset = ask(("read_file", "not_here"), ("nor_here",))
    assert names(toolset) == ["read_file"]
    assert toolset.reason == "tools of role0, role1; not available: not_here, nor_here"


def test_a_tool_that_is_all_there_needs_no_remark() -> None:
    """The reason names the roles only, when nothing is missing."""
    assert ask(("read_file",)).reason == "tools of role0"


def test_a_seat_without_roles_gets_no_tools() -> None:
    """Tools are denied by default: no role, no tool."""
    assert ask() == Toolset(tools=(), reason="tools of no role")


def test_the_status_tool_keeps_all_else() -> None:
    """Narrowing changes neither the other properties, nor the description, the effect class, or the original."""
    toolset = ask((STATUS_TOOL.name,), wishes=(CardStatus.CODE_REVIEW, CardStatus.BLOCKED))
    tool, schema = toolset.tools[0], status_schema(toolset)
    assert (tool.name, tool.description, tool.effect) == (STATUS_TOOL.name, "Ask for a status.", EffectClass.NONE)
    assert schema["properties"]["reason"] == {"type": "string"}
    assert schema["properties"]["status"]["description"] == "Where to."
    assert schema["properties"]["wait_reason"] == STATUS_TOOL.parameters["properties"]["wait_reason"]
    assert schema["additionalProperties"] is False
    assert len(STATUS_TOOL.parameters["properties"]["status"]["enum"]) == len(CardStatus)


def test_a_demanded_wait_reason_cannot_be_null() -> None:
    """Where every wish needs a wait reason the schema takes no null for it, whatever shape it has."""
    wishes = (CardStatus.BLOCKED, CardStatus.WAITING_FOR_DEVELOPER)
    schema = status_schema(ask((STATUS_TOOL.name,), wishes=wishes))
    assert schema["properties"]["wait_reason"] == {"anyOf": [{"enum": [reason.value for reason in WaitReason]}]}
    plain = reshaped(properties={"status": {}, "wait_reason": {"enum": ["input"]}}, required=["status"])
    schema = status_schema(ask((plain.name,), wishes=wishes, status=plain))
    assert schema["properties"]["wait_reason"] == {"enum": ["input"]}
    assert schema["required"] == ["status", "wait_reason"]


def reshaped(**parameters: Any) -> ToolSpec:
    return ToolSpec(name=STATUS_TOOL.name, description="", parameters={"type": "object", **parameters})


def test_a_narrower_tool_is_never_widened() -> None:
    """A host's status tool that takes fewer statuses keeps its own bounds."""
    mine = reshaped(properties={"status": {"enum": ["done"]}}, required=["status"])
    wishes = (CardStatus.CODE_REVIEW, CardStatus.DONE)
    assert status_schema(ask((mine.name,), wishes=wishes, status=mine))["properties"]["status"]["enum"] == ["done"]
    assert ask((mine.name,), wishes=(CardStatus.READY,), status=mine).tools == ()


def test_a_status_by_reference_is_replaced_by_its_values() -> None:
    """A schema that refers to a definition ends up with the plain values, which every server understands."""
    mine = reshaped(properties={"status": {"$ref": "#/$defs/CardStatus"}}, required=["status"])
    schema = status_schema(ask((mine.name,), status=mine))
    assert schema["properties"]["status"] == {"type": "string", "enum": ["code_review"]}


@pytest.mark.parametrize("parameters", [{}, {"properties": {"to": {"type": "string"}}}])
def test_a_tool_of_another_shape_is_passed_as_it_is(parameters: dict[str, Any]) -> None:
    """A host's status tool without a ``status`` is offered unchanged while there are wishes, and not at all without."""
    mine = reshaped(**parameters)
    assert ask((mine.name,), status=mine).tools == (mine,)
    assert ask((mine.name,), wishes=(), status=mine).tools == ()


def test_a_wait_reason_the_tool_does_not_have_is_not_demanded() -> None:
    """Only an argument that the tool takes is ever demanded."""
    mine = reshaped(properties={"status": {"type": "string"}}, required=["status"])
    assert status_schema(ask((mine.name,), wishes=(CardStatus.BLOCKED,), status=mine))["required"] == ["status"]
