"""Requests that the core sends to models."""

from collections.abc import Iterator
from itertools import product
from typing import Final, Literal

from attrs import frozen
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from orket.cards import Issue, JsonValue
from orket.contracts import Message, ModelRequest, ToolCall, ToolSpec, TurnBrief, TurnKind
from orket.testing.strategies._calls import stock_specs
from orket.testing.strategies._cards import texts

Talk = tuple[Message, ...]
LOOK: Final = ToolSpec(
    name="look",
    description="Look at something.",
    parameters={"type": "object", "properties": {"at": {"type": "integer"}}, "required": ["at"]},
)


def model_requests() -> SearchStrategy[ModelRequest]:
    """Generate requests as the core makes them: a prompt, rounds of calls and results, tools, a schema, a brief.

    Their mappings are plain dicts of their own, so that a client that writes into them can be seen to.
    """
    return st.builds(_request, text=texts(), form=_FORMS, brief=_BRIEFS)


@frozen
class _Form:
    """What requests differ in beside their texts: rounds so far, tools on offer, sampling, and a schema or none."""

    rounds: int = 0
    offered: Literal["nothing", "one", "stock"] = "nothing"
    seed: int | None = None
    temperature: float = 0.0
    schema: bool = False


_FORMS: Final = st.sampled_from(
    [
        _Form(),
        _Form(offered="one"),
        _Form(offered="stock"),
        *[
            _Form(rounds, offered, seed, temperature)
            for rounds in (1, 2)
            for offered in ("one", "stock")
            for seed, temperature in ((0, 0.7), (2**31 - 1, 2.0))
        ],
        _Form(rounds=1),
        _Form(seed=7, schema=True),
    ]
)


def _request(*, text: str, form: _Form, brief: TurnBrief | None) -> ModelRequest:
    tools = {"nothing": (), "one": (LOOK,), "stock": stock_specs()}[form.offered]
    verdict: dict[str, JsonValue] = {"type": "object", "properties": {"verdict": {"enum": ["pass", "fail"]}}}
    return ModelRequest(
        model="tiny",
        messages=_talk(text, form.rounds, ids=form.rounds == 1),
        tools=tuple([_copied(tool) for tool in tools]),
        temperature=form.temperature,
        seed=form.seed,
        timeout=20.0,
        params={"max_tokens": 16},
        response_schema=verdict if form.schema else None,
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


def _briefs() -> Iterator[TurnBrief]:
    for number, (kind, name) in enumerate(product(TurnKind, ("I1", "課題", "O'Neil"))):
        issue = Issue(id=name, name=name, seat="coder")
        yield TurnBrief(
            run="run-1", turn=number + 1, round=1 + number % 3, kind=kind, issue=issue, seat="coder", roles=("coder",)
        )


_BRIEFS: Final = st.sampled_from((None, *_briefs()))
