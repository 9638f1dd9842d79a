"""A host may call off what it has begun at every step of its event loop, in every way that its event loop knows."""

import signal
from pathlib import Path

import cancelled_crews
import pytest
from await_sites import missed, stale
from cancelled_crews import (
    by_move_on_after,
    by_timeout,
    by_trio_scope,
    by_wait_for,
    crew,
    interrupted,
    operate,
    people,
    watch,
)
from evidence import Evidence
from nightly import scaled

import orket
from orket.testing.faults import (
    CancelReport,
    Host,
    as_task,
    cancel_everywhere,
    in_scope,
    out_of_time,
    signalled,
)

pytestmark = [pytest.mark.nightly, pytest.mark.thorough, pytest.mark.fire("cancellation")]
EVERY = scaled(20, 1)  # how many steps apart, where a host is only another one
HOSTS: dict[str, tuple[Host, tuple[str, ...]]] = {
    "a scope": (in_scope, ("asyncio", "trio")),
    "a limit": (out_of_time, ("asyncio", "trio")),
    "SIGINT": (signalled(signal.SIGINT), ("asyncio", "trio")),
    "SIGTERM": (signalled(signal.SIGTERM), ("asyncio", "trio")),
    "task.cancel": (as_task, ("asyncio",)),
    "asyncio.wait_for": (by_wait_for, ("asyncio",)),
    "asyncio.timeout": (by_timeout, ("asyncio",)),
    "trio.CancelScope": (by_trio_scope, ("trio",)),
    "trio.move_on_after": (by_move_on_after, ("trio",)),
}
OTHERS = [(name, backend) for name, (_, backends) in HOSTS.items() for backend in backends if name != "a scope"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The organization that all crews of a test work for."""
    return cancelled_crews.write_organization(tmp_path / "organization")


def passes(report: CancelReport, evidence: Evidence) -> CancelReport:
    """Pass, or say what is wrong."""
    print(report)  # pytest -rP shows it
    evidence(runs=report.cases, failures=len(report.problems))
    report.check()
    return report


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_run_may_be_cancelled_at_every_step(tmp_path: Path, root: Path, backend: str, evidence: Evidence) -> None:
    """Opening, running a rock, asking, answering and closing: nothing is left open, doubled or lost."""
    report = cancel_everywhere(
        tmp_path / "cases", scenario=crew(root, "sqlite"), story=operate, backend=backend, resume_all=EVERY == 1
    )
    passes(report, evidence)
    assert report.cancelled > 0.9 * report.cases > 300


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_whatever_waits_may_be_cancelled(tmp_path: Path, root: Path, backend: str, evidence: Evidence) -> None:
    """Started runs, events, halts, resumes, settling and looking around; no await of the kernel is left out."""
    stories = {
        "operate": (crew(root, "sqlite"), operate, ()),
        "watch": (crew(root, "sqlite"), watch, range(1, 2000, scaled(7, 1))),
        "people": (interrupted(root, tmp_path / "left"), people, range(1, 2000, scaled(12, 1))),
    }
    reached: set[tuple[str, int]] = set()
    for name, (scenario, story, steps) in stories.items():
        report = cancel_everywhere(tmp_path / name, scenario=scenario, story=story, backend=backend, steps=steps)
        reached |= passes(report, evidence).awaits
    assert missed(reached) == []
    assert stale() == set()


@pytest.mark.parametrize(("host", "backend"), OTHERS)
def test_whichever_way_a_host_cancels(tmp_path: Path, root: Path, host: str, backend: str, evidence: Evidence) -> None:
    """Limits that pass, signals, and the means of one event loop alone: it is cancelled, and its host knows."""
    first = 1 + OTHERS.index((host, backend)) % EVERY
    steps, story = range(first, 2000, EVERY), (operate, watch)[first % 2]
    report = cancel_everywhere(
        tmp_path / "cases",
        scenario=crew(root, scaled(("memory", "sqlite")[first % 3 == 0], "sqlite")),
        story=story,
        host=HOSTS[host][0],
        backend=backend,
        steps=steps,
    )
    passes(report, evidence)
    assert report.cancelled > 0.8 * report.cases > 0


@pytest.mark.parametrize("host", ["a scope", "task.cancel"])
@pytest.mark.parametrize("again", [1, 3])
def test_who_is_cancelled_may_be_cancelled_again(
    tmp_path: Path, root: Path, host: str, again: int, evidence: Evidence
) -> None:
    """A second cancellation reaches a crew that is about to close: it is closed all the same."""
    report = cancel_everywhere(
        tmp_path / "cases",
        scenario=crew(root, "sqlite"),
        story=watch,
        host=HOSTS[host][0],
        steps=range(again, 2000, 3 * EVERY),
        again=again,
    )
    passes(report, evidence)
    assert report.cancelled > 0


@pytest.mark.parametrize("host", ["a scope", "task.cancel"])
def test_opening_and_closing_may_be_cancelled(tmp_path: Path, root: Path, host: str, evidence: Evidence) -> None:
    """A crew that was not opened to its end, or is about to be closed, leaves no thread, file or transaction."""

    async def nothing(_crew: orket.Orchestrator) -> None:
        return

    for again in (0, 2):
        report = cancel_everywhere(
            tmp_path / f"cases-{again}", scenario=crew(root, "sqlite"), story=nothing, host=HOSTS[host][0], again=again
        )
        assert passes(report, evidence).cancelled > 10
