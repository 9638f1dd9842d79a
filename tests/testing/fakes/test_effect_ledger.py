"""The list of effects that only those who have them write to."""

from pathlib import Path
from typing import Any

import attrs
import pytest

from orket.contracts import EffectClass, Issue, ToolContext
from orket.testing.fakes import Effect, EffectLedger

pytestmark = pytest.mark.anyio


def context(key: str) -> ToolContext:
    fields: dict[str, Any] = {"run": "r", "build": "b", "seat": "coder", "roles": ("coder",), "turn": 1}
    return ToolContext(issue=Issue(id="I", name="I", seat="coder"), workspace=Path(), key=key, **fields)


@pytest.fixture(params=["memory", "file"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path | None:
    return tmp_path / "facts.jsonl" if request.param == "file" else None


async def test_its_tools_write_what_they_do(path: Path | None) -> None:
    """Each run of a ledger's tool is an effect under its context's key, in order."""
    ledger = EffectLedger(path)
    assert ledger.effects == ()
    pay = ledger.tool("pay")
    result = await pay.run(pay.bind({"note": "für\nalle"}), context("k1"))
    assert (result.ok, result.output) == (True, "written by pay")
    await pay.run(pay.bind({}), context("k2"))
    assert [(it.key, it.tool, it.effect, it.note) for it in ledger.effects] == [
        ("k1", "pay", EffectClass.AT_MOST_ONCE, "für\nalle"),
        ("k2", "pay", EffectClass.AT_MOST_ONCE, ""),
    ]


@pytest.mark.parametrize("effect", EffectClass)
async def test_doubled_is_what_must_not_run_twice(path: Path | None, effect: EffectClass) -> None:
    """A key that was used twice is doubled if its tool runs at most once, and harmless otherwise."""
    ledger = EffectLedger(path)
    tool = ledger.tool("act", effect=effect)
    assert tool.spec.effect is effect
    for key in ("k1", "k2", "k1"):
        await tool.run(tool.bind({}), context(key))
    assert ledger.doubled == (("k1",) if effect is EffectClass.AT_MOST_ONCE else ())


async def test_lost_is_what_is_recorded_and_never_took_place(path: Path | None) -> None:
    """Keys that only the journal knows are lost, each once."""
    ledger = EffectLedger(path)
    tool = ledger.tool("act")
    await tool.run(tool.bind({}), context("k1"))
    assert ledger.lost(["k1", "k3", "k2", "k3"]) == ("k3", "k2")


async def test_a_file_outlives_its_ledger(tmp_path: Path) -> None:
    """Two ledgers of one file see each other's effects."""
    first, second = EffectLedger(tmp_path / "f"), EffectLedger(tmp_path / "f")
    effect = Effect(key="k", tool="t", effect=EffectClass.READ)
    first.record(effect)
    second.record(attrs.evolve(effect, key="l"))
    assert [it.key for it in first.effects] == [it.key for it in second.effects] == ["k", "l"]


async def test_a_destructive_tool_wants_a_confirmation() -> None:
    """A destructive tool of a ledger declares the argument that the gate asks for."""
    tool = EffectLedger().tool("drop", destructive=True)
    assert tool.spec.destructive
    assert tool.spec.parameters["required"] == ["confirm"]
