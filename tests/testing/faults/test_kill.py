"""A crew may die anywhere: the one that takes over finishes its work, and nothing is lost or done twice."""

from pathlib import Path

import pytest
from nightly import scaled

from orket.testing.faults import Killing, KillReport

pytestmark = [pytest.mark.nightly, pytest.mark.thorough]
ISSUES = scaled(6, 100)


def show(report: KillReport) -> None:
    """Pass, or say what is wrong."""
    print(report)  # pytest -rP shows it
    report.check()


def test_a_crew_may_die_at_every_point(tmp_path: Path) -> None:
    """Before and after every call of store, model and tools a process exits, and a new one takes over."""
    report = Killing(folder=tmp_path, options={"issues": ISSUES}, workers=scaled(1, 2)).everywhere()
    show(report)
    assert report.points == report.cases == report.deaths > 25 * ISSUES
    assert report.settled > 0


def test_a_crew_may_die_on_trio(tmp_path: Path) -> None:
    """The same at every tenth point, on the other event loop."""
    report = Killing(folder=tmp_path, backend="trio").everywhere(points=range(3, 250, scaled(10, 1)))
    show(report)
    assert report.deaths > 10


def test_crews_may_die_again_and_again(tmp_path: Path) -> None:
    """Each crew dies after some twenty points of its own, until one is left that has nothing to do."""
    report = Killing(folder=tmp_path).everywhere(points=range(5, 25, scaled(6, 1)), again=23)
    show(report)
    assert report.deaths >= 5 * report.cases


@pytest.mark.parametrize("deaths", [1, 3])
def test_a_crew_may_be_killed_at_any_moment(tmp_path: Path, deaths: int) -> None:
    """SIGKILL, wherever it finds the process, also in the middle of a transaction."""
    killing = Killing(folder=tmp_path, workers=scaled(1, 2))
    report = killing.at_random(scaled(12, 1000), deaths=deaths)
    show(report)
    assert report.deaths > 0


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
