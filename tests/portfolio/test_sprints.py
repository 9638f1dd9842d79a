"""Sprints are counted from a day and a length."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orket.errors import ConfigError
from orket.portfolio._sprints import SprintRules, same_sprint, sprint_at, sprint_rules

QUARTERS = SprintRules()
PLAIN = SprintRules(start=date(2026, 1, 5), days=14, per_quarter=0)


def noon(day: str) -> float:
    return datetime.fromisoformat(f"{day}T12:00:00+00:00").timestamp()


@pytest.mark.parametrize(
    ("day", "label"),
    [
        ("2025-12-29", "Q1 S1"),
        ("2026-02-02", "Q1 S6"),
        ("2026-02-08", "Q1 S6"),
        ("2026-02-09", "Q1 S7"),
        ("2026-03-29", "Q1 S13"),
        ("2026-03-30", "Q2 S1"),
        ("2026-12-27", "Q4 S13"),
        ("2026-12-28", "Q1 S1"),
    ],
)
def test_weeks_make_quarters_of_thirteen(day: str, label: str) -> None:
    """Without rules a sprint is a week from Monday on, thirteen are a quarter, and after four the first comes."""
    sprint = sprint_at(QUARTERS, noon(day))
    assert sprint is not None
    assert sprint.label == label
    assert sprint.starts.weekday() == 0
    assert sprint.ends - sprint.starts == timedelta(days=7)


def test_sprints_can_be_numbered_without_quarters() -> None:
    """With no sprints per quarter they are counted on, and before the first day there is none."""
    assert sprint_at(PLAIN, noon("2026-01-04")) is None
    labels = [sprint_at(PLAIN, noon(day)).label for day in ("2026-01-05", "2026-01-18", "2026-01-19")]
    assert labels == ["Sprint 1", "Sprint 1", "Sprint 2"]


@given(
    st.builds(
        SprintRules,
        start=st.dates(date(2020, 1, 1), date(2030, 1, 1)),
        days=st.integers(1, 366),
        per_quarter=st.integers(0, 20),
    ),
    st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC)),
)
def test_each_moment_lies_in_its_sprint(rules: SprintRules, moment: datetime) -> None:
    """A moment lies between the first day of its sprint and the first day after it; none lies before the first."""
    sprint = sprint_at(rules, moment.timestamp())
    if sprint is None:
        assert moment.date() < rules.start
        return
    assert sprint.starts <= moment.date() < sprint.ends
    assert (sprint.starts - rules.start).days == (sprint.number - 1) * rules.days


def test_rules_are_read() -> None:
    """Each of the three process rules counts; what is not said stays as it is."""
    said = {"sprint_start": "2026-01-05", "sprint_days": 14, "sprints_per_quarter": 0}
    assert sprint_rules(said) == PLAIN
    assert sprint_rules({}) == QUARTERS
    assert sprint_rules({"sprint_days": 10}) == SprintRules(days=10)


def test_wrong_rules_come_in_one_error() -> None:
    """A day that is none, no days and half a sprint are named all three, each with what is valid."""
    with pytest.raises(ConfigError) as caught:
        sprint_rules({"sprint_start": "soon", "sprint_days": 0, "sprints_per_quarter": 6.5})
    assert [problem.split("'")[1] for problem in caught.value.problems] == [
        "sprint_start",
        "sprint_days",
        "sprints_per_quarter",
    ]
    with pytest.raises(ConfigError, match="valid: a number of days"):
        sprint_rules({"sprint_days": True})
    with pytest.raises(ConfigError, match="valid: a day"):
        sprint_rules({"sprint_start": 7})


def test_labels_are_compared_as_people_write_them() -> None:
    """Spaces and capitals do not tell sprints apart; numbers do."""
    assert same_sprint("Q1 S6", " q1s6")
    assert not same_sprint("Q1 S6", "Q1 S16")
