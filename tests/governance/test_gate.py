"""The tool gate: who decides, in which order, and what a broken rule does."""

import sys
from typing import Any

import pytest
from attrs import evolve, frozen
from gate_questions import TOOLS, question_of
from hypothesis import given, settings
from hypothesis import strategies as st

from orket.contracts import ToolCall, ToolSpec
from orket.errors import WiringError
from orket.governance import STOCK_RULES, GateQuestion, GateRule, StockRule, ToolGate, Verdict

STOCK_NAMES = (
    "known-tool",
    "role-tools",
    "arguments",
    "workspace-boundary",
    "file-type",
    "idesign-structure",
    "idesign-naming",
    "layer-imports",
    "status-change",
    "confirm",
    "issue-limit",
)


@frozen
class Rule:
    """A rule that answers, or raises, what it was given."""

    name: str
    answer: Any

    def check(self, question: GateQuestion, /) -> str | None:
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer


async def slow() -> None:
    """Stand for a rule that was written as async."""


def test_the_stock_rules_have_stable_names() -> None:
    """The names that refusals carry do not change."""
    assert ToolGate().rules == STOCK_NAMES
    assert all(isinstance(rule, GateRule) for rule in STOCK_RULES)


def test_a_call_that_every_rule_allows_runs() -> None:
    """The verdict of an allowed call names no rule."""
    assert ToolGate().judge(question_of("write_file", {"path": "a.py", "content": ""})) == Verdict(allowed=True)


def test_every_rule_must_allow() -> None:
    """Extra rules are asked after the stock ones, and the first refusal is the verdict."""
    gate = ToolGate(extra=[Rule("yes", None), Rule("no", "not today"), Rule("never", "never")])
    assert gate.judge(question_of("read_file", {"path": "a"})) == Verdict(allowed=False, rule="no", detail="not today")
    assert gate.judge(question_of("read_file", {"path": "../a"})).rule == "workspace-boundary"


@pytest.mark.parametrize(
    "answer",
    [ValueError("secret"), SystemExit(3), RecursionError(), True, False, 0, [], object(), "", b"no", NotImplemented],
    ids=lambda value: type(value).__name__,
)
def test_a_rule_that_raises_or_returns_junk_denies(answer: object) -> None:
    """Whatever a rule does but return None refuses the call under its name; what it raised is not quoted."""
    verdict = ToolGate([Rule("broken", answer)]).judge(question_of("read_file", {"path": "a"}))
    assert (verdict.allowed, verdict.rule) == (False, "broken")
    assert verdict.detail
    assert "secret" not in verdict.detail


def test_an_async_rule_denies() -> None:
    """A rule that returns a coroutine refuses, and leaves nothing that was never awaited."""
    rule = StockRule("slow", lambda _: slow())  # type: ignore[arg-type,return-value]
    verdict = ToolGate([rule]).judge(question_of("read_file"))
    assert (verdict.rule, verdict.detail) == ("slow", "the rule returned coroutine, neither None nor text")


def test_interrupting_the_process_is_not_an_answer() -> None:
    """Ctrl-C within a rule goes through."""
    with pytest.raises(KeyboardInterrupt):
        ToolGate([Rule("broken", KeyboardInterrupt())]).judge(question_of("read_file"))


class Named:
    name = "named"

    def check(self, question: object, /) -> None: ...


class Waiting:
    name = "waiting"

    async def check(self, question: object, /) -> None: ...


class Blind:
    name = "blind"

    def check(self) -> None: ...


@pytest.mark.parametrize(
    ("rules", "problem"),
    [
        ([], "without rules"),
        ([Rule("", None)], "needs a name"),
        ([Rule(3, None)], "needs a name"),  # type: ignore[arg-type]
        ([object()], "needs a name"),
        ([Rule("a", None), Rule("a", None)], "two gate rules are named 'a'"),
        ([ToolSpec(name="x", description="", parameters={})], "'x' has no method check"),
        ([Named], "the gate rule 'named' is the class Named, not an instance of it"),
        ([Waiting()], r"the gate rule 'waiting' has an async check\(question\); it must be a plain def"),
        ([Blind()], r"the gate rule 'blind' cannot be called as check\(question\)"),
    ],
)
def test_a_gate_is_made_of_rules(rules: list[Any], problem: str) -> None:
    """What is no rule, has no name or another's name is refused when the gate is made."""
    with pytest.raises(WiringError, match=problem):
        ToolGate(rules)


TEXT = st.text(st.characters(), max_size=12) | st.sampled_from(
    ["..", "/", "a.py", "managers/a.py", "true", "done", "blocked", "input", "\x00", "import x", "(" * 300]
)
KEYS = TEXT | st.sampled_from(
    ["path", "file", "paths", "content", "status", "wait_reason", "confirm", "summary", "seat"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=10,
)
ARGUMENTS = st.dictionaries(KEYS, JSON, max_size=5)
NAMES = st.sampled_from(["write_file", "read_file", "update_issue_status", "request_excuse", "create_issue"])


@settings(max_examples=300)
@given(NAMES, ARGUMENTS, st.booleans())
def test_any_arguments_get_a_verdict(name: str, arguments: dict[str, Any], idesign: bool) -> None:
    """No JSON whatever makes a stock rule fail: each refusal is one that the rule meant."""
    verdict = ToolGate().judge(question_of(name, arguments, idesign=idesign))
    assert verdict.allowed == (verdict.rule == "") == (verdict.detail == "")
    assert verdict.rule in {"", *STOCK_NAMES}
    assert "the rule failed" not in verdict.detail
    verdict.detail.encode()


@settings(max_examples=100)
@given(st.text(st.characters(), max_size=30), ARGUMENTS)
def test_an_unknown_tool_is_always_refused(name: str, arguments: dict[str, Any]) -> None:
    """A call of a tool that does not exist is refused, whatever it is called and given."""
    question = question_of("nothing", arguments, call=ToolCall(name=name, arguments=arguments))
    verdict = ToolGate().judge(question)
    assert (verdict.allowed, verdict.rule) == (False, "known-tool")
    assert not any(
        ToolGate().judge(evolve(question, spec=question_of(tool).spec)).allowed for tool in TOOLS if tool != name
    )


def test_deep_arguments_do_not_recurse() -> None:
    """Arguments nested deeper than Python's stack get a verdict."""
    deep: Any = "x"
    for _ in range(sys.getrecursionlimit() * 2):
        deep = {"a": [deep]}
    assert ToolGate().judge(question_of("write_file", {"path": "a.txt", "content": "", "extra": deep})).allowed
