"""Tool calls and the replies that carry them: well formed, malformed, hostile."""

from collections.abc import Mapping, Sequence
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from orket.cards import JsonValue
from orket.contracts import ModelReply, ToolCall, ToolSpec
from orket.testing._attacks import PATHS, TEXTS, attacks, broken_replies
from orket.testing._forms import NATIVE_FORMS, WRITTEN_FORMS, native, written
from orket.testing._schemas import choices_of, kinds, malformed, properties, required
from orket.testing.strategies._cards import json_values, texts
from orket.tools import board_tools, workspace_tools

_IDS: Final = st.sampled_from(("call-1", "call-2", "", "вызов"))
_PATHS: Final = st.sampled_from(("agent_output/a.py", "README.md", ".", "agent_output/ö/deep.txt", *PATHS))


@cache
def stock_specs() -> tuple[ToolSpec, ...]:
    """Return the specs of orket's own tools: what the strategies here call where no tools are given."""
    return tuple([tool.spec for tool in (*workspace_tools(), *board_tools())])


def tool_calls(tools: Sequence[ToolSpec] | None = None) -> SearchStrategy[ToolCall]:
    """Generate calls whose name is offered and whose arguments fit the tool's schema.

    Args:
        tools: The tools on offer; default: orket's own.
    """
    return st.one_of(
        [
            st.builds(ToolCall, name=st.just(tool.name), arguments=arguments_for(tool.parameters), id=_IDS)
            for tool in _offered(tools)
        ]
    )


def arguments_for(schema: Mapping[str, JsonValue]) -> SearchStrategy[dict[str, JsonValue]]:
    """Generate arguments that fit the JSON Schema of a tool.

    Args:
        schema: Of type ``object``; of its keywords ``type``, ``enum``, ``const``, ``anyOf``, ``properties``,
            ``required``, ``items`` and ``additionalProperties`` are understood. Where a schema says more (lengths,
            patterns), write the strategy by hand.
    """
    named = {name: _values(name, one) for name, one in properties(schema).items()}
    needed = {name: named.pop(name) for name in required(schema)}
    return st.fixed_dictionaries(needed, optional=named)


def _values(name: str, schema: Mapping[str, Any]) -> SearchStrategy[Any]:
    if choices := choices_of(schema):
        return st.sampled_from(choices)
    if "anyOf" in schema:
        return st.one_of([_values(name, one) for one in schema["anyOf"]])
    allowed = kinds(schema)
    if len(allowed) > 1:
        return json_values() if len(allowed) > 6 else st.one_of([_values(name, {"type": it}) for it in sorted(allowed)])
    match next(iter(allowed)):
        case "string":
            return _PATHS if "path" in name else texts()
        case "array":
            return st.lists(_values(name, schema.get("items") or {}), max_size=3)
        case "object" if "properties" in schema:
            return arguments_for(schema)
        case "object":
            extra = schema.get("additionalProperties")
            return st.dictionaries(texts(), _values(name, extra if isinstance(extra, Mapping) else {}), max_size=3)
        case kind:
            return _SCALARS[kind]


_SCALARS: Final[Mapping[str, SearchStrategy[Any]]] = MappingProxyType(
    {
        "integer": st.integers(-(2**53), 2**53),
        "number": st.one_of(st.integers(-(2**53), 2**53), st.floats(-1e9, 1e9)),
        "boolean": st.booleans(),
        "null": st.none(),
    }
)


def malformed_calls(tools: Sequence[ToolSpec] | None = None) -> SearchStrategy[ToolCall]:
    """Generate calls of offered tools whose arguments are wrong in one way: a key too many or too few, a wrong type.

    Args:
        tools: The tools on offer; default: orket's own.
    """
    wrong = [(tool.name, given) for tool in _offered(tools) for _, _, given in malformed(tool.parameters)]
    return st.builds(_call, st.sampled_from(wrong))


def hostile_calls(tools: Sequence[ToolSpec] | None = None) -> SearchStrategy[ToolCall]:
    """Generate calls that an orchestrator must survive.

    Paths outside the workspace, tools that are not offered, statuses that only a guard gives, destructive calls that
    nobody confirmed, arguments that are wrong or that no tool ever had, texts of twenty thousand characters.

    Args:
        tools: The tools on offer; default: orket's own.
    """
    offered = _offered(tools)
    chosen = [(call.name, call.arguments) for call in attacks(offered)]
    names = st.sampled_from([*(tool.name for tool in offered), "launch", "\x00"])
    return st.one_of(st.builds(_call, st.sampled_from(chosen)), st.builds(ToolCall, name=names, arguments=_JUNK))


_JUNK: Final = st.dictionaries(
    st.sampled_from(("path", "content", "status", "confirm", *TEXTS)),
    st.one_of(json_values(), st.sampled_from((*PATHS, *TEXTS))),
    max_size=4,
)


def _call(chosen: tuple[str, Mapping[str, JsonValue]]) -> ToolCall:
    name, arguments = chosen
    return ToolCall(name=name, arguments=dict(arguments))


def replies(calls: SearchStrategy[ToolCall] | None = None, *, max_calls: int = 4) -> SearchStrategy[ModelReply]:
    """Generate replies of models: talk, native calls, and calls written in the shapes that models write.

    Args:
        calls: The calls that they make; default: well-formed calls of orket's own tools.
        max_calls: The largest number of calls in a reply.
    """
    made = st.lists(tool_calls() if calls is None else calls, max_size=max_calls)
    return st.one_of(
        st.builds(native, made, st.integers(0, NATIVE_FORMS - 1)),
        st.builds(written, made, st.integers(0, WRITTEN_FORMS - 1)),
        st.builds(ModelReply, text=texts()),
    )


def hostile_replies(tools: Sequence[ToolSpec] | None = None) -> SearchStrategy[ModelReply]:
    """Generate replies that no honest model gives: hostile calls in every form, broken JSON, floods, giant texts.

    Args:
        tools: The tools on offer; default: orket's own.
    """
    offered = _offered(tools)
    return st.one_of(replies(hostile_calls(offered)), st.sampled_from(tuple(broken_replies(offered))))


def _offered(tools: Sequence[ToolSpec] | None) -> Sequence[ToolSpec]:
    return stock_specs() if tools is None else tools
