"""The model that wants out: seeded, and well informed about what it must not do."""

from typing import Any

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orket._codec import codec
from orket.contracts import (
    INTEGRITY_GUARD,
    Issue,
    Message,
    ModelClient,
    ModelReply,
    ModelRequest,
    ToolSpec,
    TurnBrief,
    TurnKind,
)
from orket.testing._schemas import malformed, smallest_arguments
from orket.testing.fakes import EffectLedger, HostileModel
from orket.testing.strategies._calls import stock_specs

DROP = EffectLedger().tool("drop", destructive=True).spec
SHOW = ToolSpec(name="show", description="Show.", parameters={"type": "object", "properties": {}})


def request(*tools: ToolSpec, kind: TurnKind = TurnKind.WORK, issue: str = "a", **fields: Any) -> ModelRequest:
    roles = (INTEGRITY_GUARD,) if kind is TurnKind.REVIEW else ("coder",)
    card = Issue(id=issue, name=issue, seat="coder")
    brief = TurnBrief(run="r", turn=1, round=1, kind=kind, issue=card, seat="coder", roles=roles)
    return ModelRequest(model="m", messages=(Message(role="user", content="do"),), tools=tools, brief=brief, **fields)


def asked(model: ModelClient, *requests: ModelRequest, backend: str = "asyncio") -> list[ModelReply]:
    async def ask() -> list[ModelReply]:
        return [await model.complete(one) for one in requests]

    return anyio.run(ask, backend=backend)


def firsts(*tools: ToolSpec, **fields: Any) -> str:
    """Everything that models of many seeds say first."""
    return "\n".join([repr(asked(HostileModel(seed), request(*tools, **fields))) for seed in range(80)])


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_the_seed_chooses(backend: str) -> None:
    """The same seed says the same, another seed something else."""
    requests = [request(*stock_specs())] * 6
    said = asked(HostileModel(1), *requests, backend=backend)
    assert said == asked(HostileModel(1), *requests, backend=backend)
    assert said != asked(HostileModel(2), *requests, backend=backend)
    assert repr(HostileModel(1)) == "HostileModel(1)"


def test_issues_do_not_change_each_others_replies() -> None:
    """What it says of one issue does not depend on which other one was worked on in between."""
    ours, theirs = request(*stock_specs()), request(*stock_specs(), issue="b")
    alone = asked(HostileModel(3), ours, ours)
    between = asked(HostileModel(3), ours, theirs, ours)
    assert [between[0], between[2]] == alone


def test_the_forbidden_comes_first() -> None:
    """First exchanges name paths outside, tools that are not offered, statuses of guards, and nothing is confirmed."""
    said = firsts(*stock_specs(), DROP)
    for wanted in ("../../outside/secret.txt", "/etc/passwd", "'launch'", "done", "archived", "drop"):
        assert wanted in said
    assert '"confirm": true' not in said


def test_a_guard_may_say_done() -> None:
    """On a review turn with the guard's role, a status is nothing forbidden, so it comes later."""
    assert "archived" in firsts(*stock_specs())
    assert "archived" not in firsts(*stock_specs(), kind=TurnKind.REVIEW)


def test_without_tools_and_brief_it_still_tries() -> None:
    """A bare request gets calls of tools that it did not offer."""
    replies = asked(HostileModel(), *[ModelRequest(model="m", messages=())] * 10)
    assert any("launch" in repr(reply) for reply in replies)


@given(seed=st.integers(0, 2**64))
def test_all_replies_are_replies(seed: int) -> None:
    """Whatever it says is a well-typed reply that can be recorded."""
    for reply in asked(HostileModel(seed), *[request(*stock_specs(), DROP, SHOW)] * 4):
        assert codec().load(codec().dump(reply), ModelReply) == reply


@pytest.mark.parametrize("spec", [*stock_specs(), DROP, SHOW], ids=lambda it: it.name)
def test_what_is_malformed_fits_no_schema(spec: ToolSpec) -> None:
    """Each malformed variant differs from the plain arguments at the one key that it names."""
    plain = smallest_arguments(spec.parameters)
    ways = set()
    for way, key, given_ in malformed(spec.parameters):
        ways.add(way)
        assert {name for name in {*plain, *given_} if repr(plain.get(name, ...)) != repr(given_.get(name, ...))} == {
            key
        }
    assert "extra" in ways
