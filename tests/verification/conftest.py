"""What tests of verification share."""

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent, indent
from typing import Any

import anyio
import pytest
from attrs import frozen
from bait import Bait, bait

from orket.contracts import Isolation, Scenario, Verification, VerificationResult, Verifier
from orket.errors import VerificationError
from orket.verification import Limits, SubprocessVerifier, _verifier
from orket.verification._ladder import Machine
from orket.verification._process import Command, Finished, run_command

MIB = 1024**2
NEVER = "no fixture knows this"


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
        usual = {"wall_time": 60.0, "cpu_time": 5, "memory": 512 * MIB}
        verifier = SubprocessVerifier(limits=Limits(**(usual | limits)), levels=(level,))
        assert isinstance(verifier, Verifier)
        machine = offered(level)
        assert isinstance(machine, Machine), machine
        verifier._found.machine = machine
        return await verifier.verify(Verification(fixture=fixture, scenarios=scenarios), root)

    return run


@frozen(kw_only=True)
class Attempt:
    """What came of a hostile fixture: its result, all that it said, and what it got at."""

    result: VerificationResult
    said: str
    escapes: set[str]


@pytest.fixture
def tempted() -> Iterator[Bait]:
    """Lay out bait."""
    with TemporaryDirectory(prefix="bait-") as folder, bait(Path(folder)) as laid:
        yield laid


@pytest.fixture
def attack(
    workspace: Path, write_fixture: Callable[[str], None], verify: Callable[..., Any], tempted: Bait
) -> Callable[..., Any]:
    """Return what runs a hostile fixture, of which the bodies of ``verify(bait)`` are given, and looks what it got at.

    Whatever it returns is not what is expected of it. Each body runs in a folder of its own.
    """

    async def run(*bodies: str, level: Isolation, **limits: Any) -> Attempt:
        start = "import os; os.chdir(os.environ['HOME']); os.mkdir(f'_{here}'); os.chdir(f'_{here}')"
        texts = [
            f"def verify_{here}(bait):\n    {start.replace('{here}', str(here))}\n{indent(dedent(body), '    ')}\n"
            for here, body in enumerate(bodies)
        ]
        write_fixture("\n".join(texts))
        before = tempted.look()
        scenarios = [Scenario(id=str(here), input=tempted.asked, expected=NEVER) for here in range(len(bodies))]
        with anyio.fail_after(120):
            result = await verify(*scenarios, level=level, **limits)
        said = "\n".join([*[one.detail for one in result.scenarios], result.log])
        escapes = tempted.escapes(before, said, workspace)
        assert not any(one.passed for one in result.scenarios)
        assert len(result.log) < 70_000
        return Attempt(result=result, said=said, escapes=escapes)

    return run


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return a list that will hold how a fixture's process ended, and its scratch folder."""
    kept: list[Any] = []

    async def run(command: Command) -> Finished:
        finished = await run_command(command)
        kept[:] = [finished, command.cwd]
        return finished

    monkeypatch.setattr(_verifier, "run_command", run)
    return kept
