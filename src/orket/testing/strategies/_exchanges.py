"""Requests that the core sends to models."""

from typing import Final, Literal

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from orket.cards import JsonValue
from orket.contracts import Message, ModelRequest, ToolCall, ToolSpec, TurnBrief, TurnKind
from orket.testing.strategies._calls import stock_specs
from orket.testing.strategies._cards import issues, texts

Talk = tuple[Message, ...]
_ROUNDS: Final = st.integers(0, 2)
_SEEDS: Final = st.sampled_from((None, 0, 7, 2**31 - 1))
_TEMPERATURES: Final = st.sampled_from((0.0, 0.7, 2.0))
_FORM: Final = st.sampled_from(("none", "some", "stock"))
_SCHEMAS: Final = st.sampled_from((None, None, None, "verdict"))
LOOK: Final = ToolSpec(
    name="look",
    description="Look at something.",
    parameters={"type": "object", "properties": {"at": {"type": "integer"}}, "required": ["at"]},
)


def model_requests() -> SearchStrategy[ModelRequest]:
    """Generate requests as the core makes them: a prompt, rounds of calls and results, tools, a schema, a brief.

    Their mappings are plain dicts of their own, so that a client that writes into them can be seen to.
    """
    return st.builds(
        _request,
        text=texts(),
        rounds=_ROUNDS,
        offered=_FORM,
        seed=_SEEDS,
        temperature=_TEMPERATURES,
        schema=_SCHEMAS,
        brief=st.one_of(st.none(), _BRIEFS),
    )


def _request(
    *,
    text: str,
    rounds: int,
    offered: Literal["none", "some", "stock"],
    seed: int | None,
    temperature: float,
    schema: str | None,
    brief: TurnBrief | None,
) -> ModelRequest:
    tools = {"none": (), "some": (LOOK,), "stock": stock_specs()}[offered]
    verdict: dict[str, JsonValue] = {"type": "object", "properties": {"verdict": {"enum": ["pass", "fail"]}}}
    return ModelRequest(
        model="tiny",
        messages=_talk(text, rounds, ids=rounds == 1),
        tools=tuple([_copied(tool) for tool in tools]),
        temperature=temperature,
        seed=seed,
        timeout=20.0,
        params={"max_tokens": 16},
        response_schema=verdict if schema and not tools else None,
        brief=brief,
    )


def _copied(spec: ToolSpec) -> ToolSpec:
    return ToolSpec(name=spec.name, description=spec.description, parameters=dict(spec.parameters))


def _talk(text: str, rounds: int, *, ids: bool) -> Talk:
    talk = [Message(role="system", content="You are a coder."), Message(role="user", content=text)]
    for number in range(rounds):
        call_id = f"call-{number}" if ids else ""
        call = ToolCall(name="look", arguments={"at": number}, id=call_id)
        talk.append(Message(role="assistant", content="", calls=(call,)))
        talk.append(Message(role="tool", content=text, call_id=call_id, name="look"))
    return tuple(talk)


_BRIEFS: Final = st.builds(
    TurnBrief,
    run=st.just("run-1"),
    turn=st.integers(1, 3),
    round=st.integers(1, 3),
    kind=st.sampled_from(TurnKind),
    issue=issues(),
    seat=st.just("coder"),
    roles=st.just(("coder",)),
)
