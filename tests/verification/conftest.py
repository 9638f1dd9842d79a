"""What tests of verification share."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from textwrap import dedent
from typing import Any

import anyio
import pytest

from orket.contracts import Isolation, Scenario, Verification, VerificationResult, Verifier
from orket.errors import VerificationError
from orket.verification import Limits, SubprocessVerifier
from orket.verification._ladder import Machine

MIB = 1024**2


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


@cache
def offered(level: Isolation) -> Machine | str:
    """Return what this machine has at a level, tried once; or why it has not."""
    try:
        return anyio.run(SubprocessVerifier(levels=(level,)).probe)
    except VerificationError as error:
        return str(error)


@pytest.fixture(params=list(Isolation), ids=[level.name.lower() for level in Isolation])
def level(request: pytest.FixtureRequest) -> Isolation:
    """Run a test at every level of isolation that this machine has."""
    if isinstance(why := offered(request.param), str):
        pytest.skip(why)
    return request.param


@pytest.fixture
def verify(workspace: Path) -> Callable[..., Any]:
    """Return a runner of the fixture in the workspace, at a level."""
    assert isinstance(offered(Isolation.RLIMITS), Machine)  # tried here: within a test another loop is running

    async def run(
        *scenarios: Scenario,
        level: Isolation = Isolation.RLIMITS,
        fixture: str | None = "check.py",
        root: Path = workspace,
        **limits: Any,
    ) -> VerificationResult:
        usual = {"wall_time": 10.0, "cpu_time": 5, "memory": 512 * MIB}
        verifier = SubprocessVerifier(limits=Limits(**(usual | limits)), levels=(level,))
        assert isinstance(verifier, Verifier)
        machine = offered(level)
        assert isinstance(machine, Machine), machine
        verifier._found.machine = machine
        return await verifier.verify(Verification(fixture=fixture, scenarios=scenarios), root)

    return run
