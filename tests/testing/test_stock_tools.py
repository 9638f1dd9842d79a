"""The stock tools, and those that hosts make with the decorator, keep the contract of tools."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, ClassVar, Literal

import attrs
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

import orket
from orket.contracts import EffectClass, Issue, Settlement, Tool, ToolContext
from orket.testing import ToolContract
from orket.testing.fakes import EffectLedger
from orket.tools import board_tools, workspace_tools

FEW = settings(max_examples=10)  # of one implementation for many tools
STOCK = {tool.spec.name: tool for tool in (*workspace_tools(), *board_tools())}


class Stock(ToolContract):
    name: ClassVar[str] = ""
    settings = FEW

    def make_tool(self) -> Tool:
        makers = workspace_tools if self.name in ("read_file", "write_file", "list_directory") else board_tools
        return next(tool for tool in makers() if tool.spec.name == self.name)

    def make_context(self, workspace: Path, key: str) -> ToolContext:
        (workspace / "notes").mkdir()
        (workspace / "notes" / "ö.txt").write_text("Grüße\n", "utf-8")
        (workspace / "README.md").write_text("read me\n", "utf-8")
        other = Issue(id="I-2", name="Review it", seat="guard")
        context = super().make_context(workspace, key)
        return attrs.evolve(context, find_issue={"I-2": other}.get, comments=("once", "twice"))


STRICT = {
    "read_file": st.fixed_dictionaries({"path": st.sampled_from(("README.md", "notes/ö.txt", "./README.md"))}),
    "list_directory": st.fixed_dictionaries({}, optional={"path": st.sampled_from((".", "notes"))}),
    "write_file": st.fixed_dictionaries(
        {
            "path": st.sampled_from(("README.md", "new.txt", "deep/er/é.txt")),
            "content": st.sampled_from(("", "text\n", "ö" * 999)),
        }
    ),
    "get_issue_context": st.sampled_from(({}, {"issue_id": "I-1"}, {"issue_id": "I-2"}, {"issue_id": None})),
    "report_credits": st.fixed_dictionaries({"amount": st.integers(0, 9) | st.floats(0, 9)}),
}


def suite_of(name: str) -> type[ToolContract]:
    """Return the suite of a stock tool; arguments that the schema cannot describe are written out above."""
    members: dict[str, Any] = {"name": name, "__module__": __name__}
    if name in STRICT:
        members["arguments"] = classmethod(lambda _cls: STRICT[name])
    return type(f"Test_{name}", (Stock,), members)


for _name in STOCK:
    globals()[f"Test_{_name}"] = suite_of(_name)


@orket.tool(effect=EffectClass.READ)
def measure(
    text: str,
    unit: Literal["words", "letters"] = "words",
    factor: float = 1.0,
    limits: tuple[int, ...] = (),
    within: dict[str, int] | None = None,
    *,
    loud: bool = False,
) -> dict[str, Any]:
    """Measure a text.

    Args:
        text: what is measured
        loud: in capitals
    """
    size = len(text.split()) if unit == "words" else len(text)
    return {"size": size * factor, "limits": list(limits), "within": within, "loud": loud}


class TestDecorated(ToolContract):
    settings = settings(max_examples=50)

    def make_tool(self) -> Tool:
        return measure


@orket.tool(effect=EffectClass.NONE)
async def ponder(question: str, confirm: bool, context: ToolContext) -> str:
    """Think about a question."""
    return f"{context.issue.id}: {question} {confirm}"


class TestAwaited(ToolContract):
    settings = settings(max_examples=50)

    def make_tool(self) -> Tool:
        return ponder


class TestReconciling(ToolContract):
    """A tool whose service knows the keys that it was called with."""

    settings = FEW
    service: ClassVar[dict[str, str]] = {}

    def make_tool(self) -> Tool:
        @orket.tool(reconcile=lambda key: Settlement(ran=key in self.service, output=self.service.get(key, "")))
        async def order(item: str, context: ToolContext) -> str:
            """Order an item."""
            return self.service.setdefault(context.key, item)

        return order

    def observe(self, context: ToolContext) -> object:
        return self.service.get(context.key)


@pytest.mark.parametrize("effect", EffectClass)
def test_all_stock_effects_are_covered(effect: EffectClass) -> None:
    """There is a tool of each effect class among those that are tested here."""
    tested = {tool.spec.effect for tool in (*STOCK.values(), measure, ponder, EffectLedger().tool("x"))}
    assert effect in tested


class OfLedger(ToolContract):
    """What the tool does is seen in the ledger, not in the workspace."""

    effect: ClassVar[EffectClass]
    ledger: ClassVar[EffectLedger] = EffectLedger()
    keys: ClassVar[Iterator[int]] = count()
    settings = FEW

    def make_tool(self) -> Tool:
        return self.ledger.tool("act", effect=self.effect)

    def observe(self, context: ToolContext) -> object:
        return {it.key for it in self.ledger.effects if it.key == context.key}

    def make_context(self, workspace: Path, key: str) -> ToolContext:
        return super().make_context(workspace, f"{key}{next(self.keys)}")


class TestIdempotentEffect(OfLedger):
    effect = EffectClass.IDEMPOTENT


class TestEffectAtMostOnce(OfLedger):
    effect = EffectClass.AT_MOST_ONCE

    @classmethod
    def arguments(cls) -> SearchStrategy[dict[str, Any]]:
        return st.fixed_dictionaries({"note": st.sampled_from(("", "once"))})
