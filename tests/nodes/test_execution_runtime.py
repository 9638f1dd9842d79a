"""The stock ids of runs and builds."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orket._answers import CHECKS
from orket.contracts import ExecutionRuntimeStrategyNode
from orket.nodes.execution_runtime import DefaultExecutionRuntimeStrategyNode

TOKEN = "0123456789abcdef" * 2
NODE = DefaultExecutionRuntimeStrategyNode()


def test_satisfies_the_protocol() -> None:
    """The node has every method of its protocol."""
    assert isinstance(NODE, ExecutionRuntimeStrategyNode)


def test_runs_get_eight_characters() -> None:
    """The id of a run is the beginning of its token."""
    assert NODE.select_run_id(None, TOKEN) == NODE.select_rock_run_id(None, TOKEN) == "01234567"


def test_builds_are_named_after_what_is_built() -> None:
    """Names are sanitized as assets are: lower case, words joined by ``_``."""
    assert NODE.select_epic_build_id(None, "core_baseline") == "build-core_baseline"
    assert NODE.select_epic_build_id(None, "Unplanned Support") == "build-unplanned_support"
    assert NODE.select_rock_build_id(None, "Rock-Nomination-x") == "rock-build-rock-nomination-x"


@pytest.mark.parametrize(
    "method", ["select_run_id", "select_epic_build_id", "select_rock_run_id", "select_rock_build_id"]
)
def test_a_given_id_is_kept(method: str) -> None:
    """Whoever gives an id gets it."""
    assert getattr(NODE, method)("Mine.1", TOKEN) == "Mine.1"
    assert getattr(NODE, method)("", TOKEN) == "", "the contract's check refuses it, not the node"


@settings(max_examples=60)
@given(st.text(min_size=1))
def test_ids_are_safe_file_names(name: str) -> None:
    """Whatever an asset is called, its builds are safe file names, the same every time."""
    for method in ("select_epic_build_id", "select_rock_build_id"):
        answer = getattr(NODE, method)(None, name)
        assert CHECKS["execution_runtime", method](answer, None, name) is None
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,120}", answer)
        assert answer == getattr(NODE, method)(None, name)


@pytest.mark.parametrize(
    ("one", "other"), [("日本", "中国"), ("Überblick", "berblick"), ("x" * 200, "x" * 201), ("!", "?")]
)
def test_names_that_lose_letters_stay_different(one: str, other: str) -> None:
    """Two names that look alike without their special letters do not share a board."""
    assert NODE.select_epic_build_id(None, one) != NODE.select_epic_build_id(None, other)
