"""What tests of tools share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orket.contracts import Issue, ToolContext


@pytest.fixture
def make_context(tmp_path: Path) -> Callable[..., ToolContext]:
    """Return a maker of contexts of turn 1 of issue I-1, whose workspace is an empty folder."""
    workspace = tmp_path / "workspace"
    workspace.mkdir()

    def make(**changes: Any) -> ToolContext:
        values: dict[str, Any] = {
            "run": "run-1",
            "build": "build-1",
            "issue": Issue(id="I-1", name="Write the parser", seat="coder"),
            "seat": "coder",
            "roles": ("coder",),
            "turn": 1,
            "workspace": workspace,
            "key": "0" * 64,
        }
        return ToolContext(**(values | changes))

    return make


@pytest.fixture
def context(make_context: Callable[..., ToolContext]) -> ToolContext:
    """Return a context as it is in most turns."""
    return make_context()
