"""Several orchestrators may share one record: every piece of work is done once, whoever stops or dies."""

import re
from pathlib import Path

import pytest
from evidence import Evidence
from nightly import drawn

from orket.testing.faults import Sharing, SharingReport

pytestmark = [pytest.mark.nightly, pytest.mark.thorough]


def show(report: SharingReport, evidence: Evidence) -> None:
    """Pass, or say what is wrong."""
    print(report)  # pytest -rP shows it
    evidence(runs=report.claims, failures=len(report.problems), note=str(report))
    report.check()


@pytest.mark.fire("processes")
@pytest.mark.parametrize("count", [2, 8])
def test_processes_share_a_file(tmp_path: Path, count: int, evidence: Evidence) -> None:
    """Each of them works, all of them finish, and nobody has to wait for a lease to expire."""
    for seed in drawn(1, 40):
        report = Sharing(folder=tmp_path, options={"issues": 150}, pause=0.05).in_processes(count, seed=seed)
        show(report, evidence)
        assert len(report.shares) == count
        assert (report.taken_over, report.fenced, report.settled) == (0, 0, 0)


@pytest.mark.fire("processes")
@pytest.mark.parametrize("count", [2, 4, 8])
def test_processes_may_stop_and_die(tmp_path: Path, count: int, evidence: Evidence) -> None:
    """Some stop for longer than their lease, some are killed; their work is taken over, and is not theirs any more.

    How many commits are fenced out depends on what a process is about when it is stopped: it may be waiting.
    """
    sharing = Sharing(folder=tmp_path, options={"issues": 200}, lease=1.0, pause=0.05 * count)
    for seed in drawn(1, 60):
        report = sharing.in_processes(count, stops=4, kills=3, seed=seed)
        show(report, evidence)
        assert report.crews == count + report.killed
        assert min(report.stopped, report.killed, report.taken_over) > 0


@pytest.mark.anyio
@pytest.mark.fire("processes")
@pytest.mark.parametrize("scenario", ["orket.testing.faults:chains_and_fans", "mortal_crews:in_memory"])
@pytest.mark.parametrize("count", [2, 4])
async def test_orchestrators_of_one_process_share_a_store(
    tmp_path: Path, scenario: str, count: int, evidence: Evidence
) -> None:
    """On one event loop, in one file or in memory, it is the same."""
    for seed in drawn(1, 20):
        for again in range(5):  # a crew whose thread begins when the others are done gets nothing
            sharing = Sharing(folder=tmp_path / f"{seed}-{again}", scenario=scenario, options={"issues": 30})
            report = await sharing.in_one_process(count)
            if not any("got no claim" in problem for problem in report.problems):
                break
        show(report, evidence)
        assert len(report.shares) == count


@pytest.mark.parametrize(
    ("crew", "told"),
    [
        ("unfenced", r"I0 goes from version"),
        (
            "unrenewed",
            r"I0: orchestrator-.* got it .* while orchestrator-.* had it|were lost by who had neither stopped",
        ),
    ],
)
def test_a_crew_that_cannot_share_is_found(tmp_path: Path, crew: str, told: str) -> None:
    """Tokens that nobody looks at, and claims that are not renewed, are problems."""
    sharing = Sharing(folder=tmp_path, scenario=f"mortal_crews:{crew}", options={"issues": 4}, lease=0.3, patience=60)
    report = sharing.in_processes(2)
    assert [problem for problem in report.problems if re.search(told, problem)], report.problems
    with pytest.raises(AssertionError, match="problems"):
        report.check()


def test_a_crew_that_takes_nothing_over_is_found(tmp_path: Path) -> None:
    """Claims that never expire are a problem, as soon as a process is killed that has one."""
    scenario, options = "mortal_crews:undying", {"issues": 12}
    for seed in range(5):  # nobody knows what a process has when it is killed
        sharing = Sharing(
            folder=tmp_path / f"{seed}", scenario=scenario, options=options, lease=0.5, pause=0.5, patience=6
        )
        report = sharing.in_processes(3, kills=2, seed=seed)
        if any("had not finished after" in problem for problem in report.problems):
            return
    pytest.fail(f"the last of five was {report}: {report.problems}")


def test_who_gets_no_share_is_named(tmp_path: Path) -> None:
    """One issue is no work for so many."""
    report = Sharing(folder=tmp_path, options={"issues": 1}).in_processes(8)
    assert report.problems
    assert all("got no claim" in problem for problem in report.problems)
