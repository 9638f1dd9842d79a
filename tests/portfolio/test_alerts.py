"""What a person is told, and what nobody is bothered with."""

import pytest
from attrs import evolve
from cards_at_hand import CREW, REVIEWS, card, epic_asset, recorded, rock_asset, survey
from hypothesis import given
from hypothesis import strategies as st

from orket.cards import CardStatus, EpicReference, WaitReason
from orket.errors import AssetNotFoundError, ConfigError
from orket.events import RunOutcome
from orket.organization import BottleneckThresholds
from orket.portfolio._alerts import bottlenecks, structure_alerts
from orket.portfolio._found import RecordedBuild, Survey
from orket.portfolio._tree import grow
from orket.portfolio._views import Alert, AlertKind, IssueView, Severity, sorted_alerts

STOCK = BottleneckThresholds()


def waiting(reason: WaitReason, count: int, status: str = "ready") -> list[IssueView]:
    """Return cards on a board that wait for a reason."""
    return [
        IssueView(issue=card(f"{reason}-{number}", status=status), build="b", wait=(reason, "why"))
        for number in range(count)
    ]


def levels(issues: list[IssueView], thresholds: BottleneckThresholds = STOCK) -> dict[AlertKind, Severity]:
    return {alert.kind: alert.severity for alert in bottlenecks(issues, thresholds)}


@pytest.mark.parametrize(
    ("count", "level"),
    [
        (0, None),
        (3, None),
        (4, Severity.NOTICE),
        (10, Severity.NOTICE),
        (11, Severity.CRITICAL),
        (99, Severity.CRITICAL),
    ],
)
def test_waiting_for_slots_has_three_levels(count: int, level: Severity | None) -> None:
    """Up to 3 are normal, up to 10 a notice, from 11 on critical, as the stock thresholds say."""
    assert levels(waiting(WaitReason.RESOURCE, count)).get(AlertKind.RESOURCE) is level


def test_between_warning_and_critical_lies_a_warning() -> None:
    """Thresholds that leave room between them fill it with a warning."""
    wide = BottleneckThresholds(resource_normal=1, resource_warning=2, resource_critical=5)
    found = [levels(waiting(WaitReason.RESOURCE, count), wide).get(AlertKind.RESOURCE) for count in range(1, 6)]
    assert found == [None, Severity.NOTICE, Severity.WARNING, Severity.WARNING, Severity.CRITICAL]


@pytest.mark.parametrize(("others", "rest", "warned"), [(1, 1, False), (2, 2, False), (3, 2, True), (1, 0, True)])
def test_waiting_for_others_is_a_share(others: int, rest: int, warned: bool) -> None:
    """More than half of the waiting cards must wait for others; exactly half is no alert."""
    issues = [*waiting(WaitReason.DEPENDENCY, others), *waiting(WaitReason.REVIEW, rest)]
    assert (AlertKind.DEPENDENCY in levels(issues)) is warned


def test_waiting_for_a_person_counts_cards_that_are_blocked() -> None:
    """Cards that are blocked or wait for a developer need a person, whatever they say they wait for; reviews do not."""
    issues = [*waiting(WaitReason.SYSTEM, 1, "blocked"), *waiting(WaitReason.INPUT, 1, "waiting_for_developer")]
    three = evolve(STOCK, human_attention_threshold=3)
    assert AlertKind.ATTENTION in levels(issues)
    assert AlertKind.ATTENTION not in levels(issues, three)
    assert AlertKind.ATTENTION in levels([*issues, *waiting(WaitReason.RESOURCE, 1, "blocked")], three)
    assert AlertKind.ATTENTION not in levels(waiting(WaitReason.REVIEW, 5, "code_review"))


def test_nothing_that_waits_is_no_bottleneck() -> None:
    """Thresholds of zero find nothing where nothing waits."""
    zero = BottleneckThresholds(
        resource_normal=0,
        resource_warning=0,
        resource_critical=0,
        dependency_warning_pct=0,
        human_attention_threshold=0,
    )
    assert levels([IssueView(issue=card("a")), IssueView(issue=card("b", status="done"), build="b")], zero) == {}
    assert levels(waiting(WaitReason.RESOURCE, 1), zero) == {AlertKind.RESOURCE: Severity.CRITICAL}


THRESHOLDS = st.builds(
    BottleneckThresholds,
    resource_normal=st.integers(0, 6),
    resource_warning=st.integers(0, 6),
    resource_critical=st.integers(0, 6),
    dependency_warning_pct=st.sampled_from([0.0, 0.25, 0.5, 1.0]),
    human_attention_threshold=st.integers(0, 4),
)


@given(THRESHOLDS, st.integers(0, 8), st.integers(0, 8), st.integers(0, 8))
def test_alerts_follow_the_thresholds(limits: BottleneckThresholds, slots: int, others: int, people: int) -> None:
    """Each bottleneck is there exactly when its threshold is reached, and never gets milder with more cards."""
    issues = [
        *waiting(WaitReason.RESOURCE, slots),
        *waiting(WaitReason.DEPENDENCY, others),
        *waiting(WaitReason.INPUT, people, "blocked"),
    ]
    found = levels(issues, limits)
    is_critical = slots > 0 and slots >= limits.resource_critical
    assert (found.get(AlertKind.RESOURCE) is Severity.CRITICAL) == is_critical
    assert (AlertKind.RESOURCE in found) == (is_critical or slots > limits.resource_normal)
    assert (AlertKind.DEPENDENCY in found) == (others > limits.dependency_warning_pct * len(issues))
    assert (AlertKind.ATTENTION in found) == (people > 0 and people >= limits.human_attention_threshold)
    more = levels([*issues, *waiting(WaitReason.RESOURCE, 1)], limits).get(AlertKind.RESOURCE)
    order = [None, *Severity]
    assert order.index(more) >= order.index(found.get(AlertKind.RESOURCE))


def told(found: Survey, *builds: RecordedBuild) -> list[tuple[AlertKind, str]]:
    tree = grow(found, builds, reviews=REVIEWS, now=5.0)
    return [(alert.kind, alert.subject) for alert in structure_alerts(tree, found, builds)]


def test_what_is_whole_is_no_alert() -> None:
    """A rock whose epics exist, with seats for their issues, is nothing to speak of."""
    found = survey(rock_asset("goal", "launch"), epic_asset("launch", card("a")))
    assert told(found, recorded("b", card("a"), outcome=RunOutcome.HALTED)) == []


def test_what_is_missing_or_broken_comes_with_its_error() -> None:
    """A missing epic and a broken asset carry the error that a run would be refused with."""
    lost, wrong = (
        AssetNotFoundError("lost", category="epics", name="ghost", searched=()),
        ConfigError("w", problems=["p"]),
    )
    rock = evolve(rock_asset("goal", missing=["ghost"]), errors={EpicReference(epic="ghost"): lost})
    found = survey(rock, evolve(epic_asset("launch"), error=wrong))
    alerts = list(structure_alerts(grow(found, (), reviews=REVIEWS, now=0.0), found, ()))
    assert [(one.kind, one.subject, one.error) for one in alerts] == [
        (AlertKind.MISSING_EPIC, "goal", lost),
        (AlertKind.BROKEN_ASSET, "launch", wrong),
    ]
    assert alerts[1].detail == "w; p"


def test_a_seat_that_the_team_lacks_is_named_once() -> None:
    """Unfinished issues of a seat that is not there are listed; finished ones need none any more."""
    lost = [card(f"a{number}", seat="nobody") for number in range(7)]
    found = survey(rock_asset("goal", "launch"), epic_asset("launch", *lost, card("z", seat="gone", status="done")))
    (alert,) = structure_alerts(grow(found, (), reviews=REVIEWS, now=0.0), found, ())
    assert alert.detail == "the team crew has no seat nobody, which a0, a1, a2, a3, a4 and 2 more would need"
    assert CREW.find_seat("nobody") is None


def test_only_a_run_that_stopped_with_work_left_is_stalled() -> None:
    """A run that stalled, failed or was blocked is an alert while something is unfinished."""
    found = survey(rock_asset("goal", "launch"), epic_asset("launch"))
    for outcome in (RunOutcome.STALLED, RunOutcome.FAILED, RunOutcome.BLOCKED):
        assert told(found, recorded("b", card("a"), outcome=outcome)) == [(AlertKind.STALLED_EPIC, "launch")]
        assert told(found, recorded("b", card("a", status="done"), outcome=outcome)) == []
    for good in (None, RunOutcome.DONE, RunOutcome.HALTED):
        assert told(found, recorded("b", card("a"), outcome=good)) == []


def test_contradictions_are_told() -> None:
    """An id in two epics, an asset that calls finished what is not, and issues that wait for each other."""
    found = survey(
        rock_asset("goal", "launch", "second", status="done"),
        epic_asset("launch", card("a")),
        epic_asset("second", card("a", status="done"), status=CardStatus.DONE),
    )
    assert told(found) == [(AlertKind.AMBIGUOUS_ID, "a"), (AlertKind.STATUS, "goal")]
    tied = recorded("tied", card("x", "y"), card("y", "x"))
    assert told(survey(rock_asset("goal", "launch"), epic_asset("launch")), tied) == [(AlertKind.BROKEN_ASSET, "tied")]


def test_the_most_pressing_comes_first() -> None:
    """Alerts are sorted by how much they press, then by kind, then by what they are about."""
    made = [
        Alert(kind=kind, severity=severity, subject=subject, detail="d")
        for severity in Severity
        for kind in (AlertKind.STATUS, AlertKind.RESOURCE)
        for subject in "ba"
    ]
    order = [(one.severity, one.kind, one.subject) for one in sorted_alerts(iter(made))]
    assert [one[0] for one in order] == [Severity.CRITICAL] * 4 + [Severity.WARNING] * 4 + [Severity.NOTICE] * 4
    assert [one[1:] for one in order[:4]] == [
        (AlertKind.RESOURCE, "a"),
        (AlertKind.RESOURCE, "b"),
        (AlertKind.STATUS, "a"),
        (AlertKind.STATUS, "b"),
    ]
