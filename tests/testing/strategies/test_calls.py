"""Generated tool calls are what they say: the stock tools accept the well-formed ones, and refuse the malformed."""

from typing import Any

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from orket._codec import codec
from orket._parse import parse_reply
from orket.contracts import ModelReply, ModelRequest, ToolCall, ToolSpec
from orket.errors import ToolError
from orket.testing.fakes import EffectLedger
from orket.testing.strategies import (
    arguments_for,
    hostile_calls,
    hostile_replies,
    malformed_calls,
    model_requests,
    replies,
    tool_calls,
)
from orket.tools import board_tools, workspace_tools

TOOLS = {tool.spec.name: tool for tool in (*board_tools(), *workspace_tools())}
SCHEMA = {
    "type": "object",
    "properties": {
        "count": {"type": "integer"},
        "mode": {"const": "fast"},
        "either": {"type": ["string", "null"]},
        "maybe": {"anyOf": [{"type": "number"}, {"type": "null"}]},
        "names": {"type": "array", "items": {"type": "string"}},
        "deep": {"type": "object", "properties": {"on": {"type": "boolean"}}, "required": ["on"]},
        "loose": {"type": "object", "additionalProperties": {"type": "integer"}},
        "open": {"type": "object"},
        "anything": {},
        "choice": {"enum": [1, 2]},
    },
    "required": ["count", "mode"],
}


@given(call=tool_calls())
def test_well_formed_calls_are_bound(call: ToolCall) -> None:
    """Every stock tool binds the calls that are generated for it."""
    TOOLS[call.name].bind(call.arguments)


@given(call=malformed_calls())
def test_malformed_calls_are_refused(call: ToolCall) -> None:
    """Every stock tool refuses what is generated to be wrong in one way."""
    with pytest.raises(ToolError):
        TOOLS[call.name].bind(call.arguments)


@given(arguments=arguments_for(SCHEMA))
def test_arguments_fit_their_schema(arguments: dict[str, Any]) -> None:
    """Each keyword that is understood is kept to."""
    assert {"count", "mode"} <= arguments.keys() <= SCHEMA["properties"].keys()
    assert type(arguments["count"]) is int
    assert arguments["mode"] == "fast"
    types = {"either": str | None, "maybe": int | float | None, "names": list, "loose": dict, "open": dict}
    for name, kind in types.items():
        assert name not in arguments or isinstance(arguments[name], kind)
    assert type(arguments.get("deep", {"on": True})["on"]) is bool
    assert all(type(value) is int for value in arguments.get("loose", {}).values())
    assert arguments.get("choice", 1) in (1, 2)


@pytest.mark.parametrize("wanted", ["launch", "/etc/passwd", "'confirm': False", "'done'", "__class__"])
def test_hostile_calls_try_everything(wanted: str) -> None:
    """Tools not offered, paths outside, unconfirmed destruction, guards' statuses and unknown keys are all tried."""
    tools = [*(tool.spec for tool in TOOLS.values()), EffectLedger().tool("drop", destructive=True).spec]
    quick = settings(max_examples=2000, database=None, derandomize=True)
    assert find(hostile_calls(tools), lambda call: wanted in f"{call.name!r} {dict(call.arguments)!r}", settings=quick)


@given(reply=st.one_of(replies(), hostile_replies()))
def test_replies_are_replies(reply: ModelReply) -> None:
    """Generated replies can be recorded and parsed, whatever they say."""
    assert codec().load(codec().dump(reply), ModelReply) == reply
    parse_reply(reply)


@given(reply=replies(tool_calls([TOOLS["read_file"].spec])))
def test_replies_make_the_calls_that_they_are_given(reply: ModelReply) -> None:
    """Native calls of a reply are those that were put in."""
    assert {call.name for call in reply.tool_calls} <= {"read_file"}


@given(request=model_requests())
def test_requests_can_be_recorded(request: ModelRequest) -> None:
    """Generated requests are whole: they survive the record, and each result follows the call it answers."""
    assert codec().load(codec().dump(request), ModelRequest) == request
    for before, message in zip(request.messages, request.messages[1:], strict=False):
        if message.role == "tool":
            assert [call.id for call in before.calls] == [message.call_id]


def test_no_tools_mean_no_calls_of_theirs() -> None:
    """Hostile calls do not depend on tools being offered."""
    only: list[ToolSpec] = []
    quick = settings(max_examples=500, database=None, derandomize=True)
    assert find(hostile_calls(only), lambda call: call.name == "rm", settings=quick).arguments
