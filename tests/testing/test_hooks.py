"""A suite that declares a power without the hook for it says which one is missing."""

import pytest

from orket.contracts import ToolCall
from orket.models import CallableModel
from orket.testing import ModelClientContract

CALL = ToolCall(name="look", arguments={})


class Minimal(ModelClientContract):
    def make_client(self) -> CallableModel:
        return CallableModel(lambda _: "yes")


def test_three_lines_are_enough() -> None:
    """A suite with nothing but make_client has all rules as tests; those of powers are skipped."""
    rules = Minimal.rules()
    assert [rule.needs for rule in rules].count("can_be_slow") == 3
    for rule in rules:
        marks = [mark.name for mark in getattr(Minimal, rule.test).pytestmark]
        assert ("skip" in marks) == (rule.needs not in ("", "deterministic"))


@pytest.mark.parametrize("hook", ["unreachable", "slow", "unauthorized", "garbled", "exceeded"])
def test_a_missing_hook_is_named(hook: str) -> None:
    """Each hook that a declared power needs and that is not defined raises, naming both."""
    with pytest.raises(NotImplementedError, match=rf"= True needs make_{hook}\(\)"):
        getattr(Minimal(), f"make_{hook}")()
    with pytest.raises(NotImplementedError, match=r"native_tools = True needs make_calling\(\)"):
        Minimal().make_calling(CALL)
