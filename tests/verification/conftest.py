"""What tests of verification share."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Return a workspace with the two folders that verification knows."""
    root = tmp_path / "workspace"
    for name in ("verification", "agent_output"):
        (root / name).mkdir(parents=True)
    return root


@pytest.fixture
def write_fixture(workspace: Path) -> Callable[[str], None]:
    """Return a writer of the fixture ``verification/check.py``."""

    def write(source: str) -> None:
        (workspace / "verification" / "check.py").write_text(dedent(source), encoding="utf-8")

    return write
