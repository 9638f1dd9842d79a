"""A process that hosts a crew is told to stop by a signal: it closes the record, and another one goes on."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import attrs
import cancelled_crews
import pytest
import stoppable
from cancelled_crews import crew, operate
from evidence import Evidence
from nightly import scaled

import orket
from orket.testing import EffectLedger
from orket.testing.faults import CommitLog, Oracle, WitnessedStore
from orket.testing.faults._again import LaterClock
from orket.testing.faults._ending import settle_all
from orket.testing.faults._stillness import held

pytestmark = [pytest.mark.anyio, pytest.mark.nightly, pytest.mark.thorough, pytest.mark.fire("cancellation")]
CASES = [("receiver", signal.SIGINT), ("receiver", signal.SIGTERM), ("Python's own", signal.SIGINT)]


def stop(root: Path, folder: Path, backend: str, receiver: str, number: signal.Signals, commits: int) -> list[str]:
    """Start a host, let it begin so many commits, send it a signal, and return what else it said."""
    paths = os.pathsep.join([str(Path(stoppable.__file__).parent), *sys.path])
    command = [sys.executable, stoppable.__file__, str(root), str(folder), backend, receiver]
    # Unbuffered: communicate() forgets what readline() has read ahead.
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0, env={**os.environ, "PYTHONPATH": paths}
    ) as child:
        assert child.stdout is not None
        try:
            for _ in range(commits):
                assert child.stdout.readline() == b"commit\n"
            child.send_signal(number)
            said, complaints = child.communicate(timeout=60)
        finally:
            child.kill()
    assert (child.returncode, complaints) == (0, b"")
    return said.decode().split()


@pytest.mark.parametrize("commits", range(scaled(20, 1), 40, scaled(60, 1)))
@pytest.mark.parametrize(("receiver", "number"), CASES)
async def test_a_signal_stops_a_host(
    tmp_path: Path,
    anyio_backend: str,
    receiver: str,
    number: signal.Signals,
    commits: int,
    evidence: Evidence,
) -> None:
    """It ends in peace, with its file closed and its record true; what it was about is brought to its end."""
    root = cancelled_crews.write_organization(tmp_path / "organization")
    said = stop(root, tmp_path, anyio_backend, receiver, number, commits)
    assert said[-1] == "closed"
    assert held(tmp_path / "journal.db") == ()
    ledger, log = EffectLedger(tmp_path / "ledger.jsonl"), CommitLog(tmp_path / "commits.jsonl")
    made = crew(root, "sqlite")(tmp_path, ledger)
    oracle = Oracle(ledger=ledger, commits=log)
    async with attrs.evolve(made, store=WitnessedStore(made._store, log), clock=LaterClock(1000.0)) as orchestrator:
        await oracle.check(orchestrator.store)
        await operate(orchestrator)
        while await settle_all(orchestrator, ledger):
            await operate(orchestrator)
        await oracle.check(orchestrator.store)
        statuses = {issue.status for board in (await orchestrator.board()).builds for issue in board.issues}
    assert statuses == {orket.CardStatus.DONE}
    evidence(runs=1)
