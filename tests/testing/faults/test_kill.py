"""A crew may die anywhere: the one that takes over finishes its work, and nothing is lost or done twice."""

from pathlib import Path

import pytest
from evidence import Evidence
from nightly import dealt, drawn, scaled

from orket.testing.faults import Killing, KillReport

pytestmark = [pytest.mark.nightly, pytest.mark.thorough]
LONG = 100  # issues of the epic that is run as a whole


def show(report: KillReport, evidence: Evidence) -> None:
    """Pass, or say what is wrong."""
    print(report)  # pytest -rP shows it
    evidence(runs=report.deaths, failures=len(report.problems), note=str(report))
    report.check()


@pytest.mark.fire("kill points")
def test_a_crew_may_die_at_every_point(tmp_path: Path, evidence: Evidence) -> None:
    """Before and after every call of store, model and tools a process exits, and a new one finishes the work."""
    killing = Killing(folder=tmp_path, options={"issues": scaled(6, LONG)}, workers=2)
    points = killing.everywhere(points=()).points
    report = killing.everywhere(points=dealt(range(1, points + 1)))
    show(report, evidence)
    assert report.points == points > 25 * 6
    assert report.cases == report.deaths == len(dealt(range(points)))
    assert report.settled > 0


@pytest.mark.fire("kill points")
def test_a_crew_of_many_may_die_in_relay(tmp_path: Path, evidence: Evidence) -> None:
    """A hundred issues are finished although process after process exits, at every point there is."""
    killing = Killing(folder=tmp_path, options={"issues": LONG}, workers=2)
    points = killing.everywhere(points=()).points
    report = killing.in_relay(points=dealt(range(1, points + 1)), records=8)
    show(report, evidence)
    assert report.points == points > 16 * LONG
    assert report.deaths == len(dealt(range(points)))
    assert report.settled > 0


@pytest.mark.fire("kill points")
def test_a_crew_may_die_on_trio(tmp_path: Path, evidence: Evidence) -> None:
    """The same at every tenth point, on the other event loop."""
    report = Killing(folder=tmp_path, backend="trio", workers=2).everywhere(points=dealt(range(3, 185, scaled(10, 1))))
    show(report, evidence)
    assert report.deaths == report.cases


@pytest.mark.fire("kill points")
def test_crews_may_die_again_and_again(tmp_path: Path, evidence: Evidence) -> None:
    """Each crew dies after some twenty points of its own, until one is left that has nothing to do."""
    report = Killing(folder=tmp_path, workers=2).everywhere(points=dealt(range(5, 25, scaled(6, 1))), again=23)
    show(report, evidence)
    assert report.deaths >= 5 * report.cases


@pytest.mark.fire("kill -9")
@pytest.mark.parametrize("deaths", [1, 3])
def test_a_crew_may_be_killed_at_any_moment(tmp_path: Path, deaths: int, evidence: Evidence) -> None:
    """SIGKILL, wherever it finds the process, also in the middle of a transaction."""
    cases = drawn(75, 1500)
    report = Killing(folder=tmp_path, workers=2).at_random(len(cases) // deaths, seed=cases.start, deaths=deaths)
    show(report, evidence)
    assert report.deaths > report.cases * deaths / 5  # on a slow machine most shots come too early or too late


def test_a_point_that_nobody_comes_to_is_a_problem(tmp_path: Path) -> None:
    """A relay says which points it could not try."""
    killing = Killing(folder=tmp_path, scenario="mortal_crews:growing")
    report = killing.in_relay()
    assert report.deaths > 0
    assert any("nobody came to die before look" in problem for problem in report.problems)


@pytest.mark.parametrize(
    ("crew", "told"),
    [
        ("forgetful", "was acknowledged, and entries"),
        ("stuttering", "may happen once has happened more often"),
    ],
)
def test_a_crew_that_does_not_survive_is_found(tmp_path: Path, crew: str, told: str) -> None:
    """A record in memory, and an effect that is repeated although it must not be, are problems."""
    killing = Killing(folder=tmp_path, scenario=f"mortal_crews:{crew}")
    report = killing.everywhere(points=range(15, 30))
    assert any(told in problem for problem in report.problems)
    with pytest.raises(AssertionError, match="points="):
        report.check()


@pytest.mark.parametrize(
    ("crew", "told"),
    [
        ("hasty", "no intent of it is on record"),
        ("homeless", "does not outlive its process"),
        ("nobody", "no attribute"),
    ],
)
def test_a_crew_that_fails_undisturbed_is_not_killed(tmp_path: Path, crew: str, told: str) -> None:
    """What is wrong without any death is said at once."""
    with pytest.raises(AssertionError, match=told):
        Killing(folder=tmp_path, scenario=f"mortal_crews:{crew}").everywhere()
