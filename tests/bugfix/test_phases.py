"""What follows for a bug-fix phase: a matter of what is known, and of nothing else."""

from typing import Any

import pytest
from bug_world import ROCK, bug, finished
from hypothesis import given
from hypothesis import strategies as st

from orket.bugfix import BugFixRules, bug_fix_rules
from orket.bugfix._phases import advance, begin, report, resolve
from orket.contracts import DAY, BugFixPhase, BugSeverity
from orket.errors import BugFixError, ConfigError
from orket.events import BugFixPhaseEnded, BugFixPhaseExtended, BugFixPhaseStarted, BugReported, BugResolved
from orket.organization import Organization

RULES = BugFixRules()
CRITICAL = BugSeverity.CRITICAL


def begun(rules: BugFixRules = RULES) -> BugFixPhase:
    """Return a phase that begins at 0."""
    change = begin(None, finished(), rules)
    assert change is not None
    return change.phase


def with_bugs(phase: BugFixPhase, *bugs: Any) -> BugFixPhase:
    """Return a phase with further bugs."""
    for one in bugs:
        change = report(phase, one)
        assert change is not None
        phase = change.phase
    return phase


def by(phase: BugFixPhase, days: float, rules: BugFixRules = RULES) -> BugFixPhase:
    """Return a phase as it is so many days after it began."""
    while (change := advance(phase, rules, days * DAY)) is not None:
        phase = change.phase
    return phase


def test_a_phase_begins_with_the_run_that_is_done() -> None:
    """It lasts seven days from then on, and the record says so."""
    change = begin(None, finished(days=2.0), RULES)
    assert change is not None
    phase = change.phase
    assert (phase.rock, phase.run, phase.began_at, phase.ends_at) == (ROCK, "run-1", 2 * DAY, 9 * DAY)
    assert phase.is_open
    assert change.record == BugFixPhaseStarted(number=1, run="run-1", began_at=2 * DAY, ends_at=9 * DAY)


@pytest.mark.parametrize("days", [0.0, 6.999])
def test_nothing_follows_before_the_time_is_up(days: float) -> None:
    """However many bugs there are."""
    phase = with_bugs(begun(), *[bug(f"B{at}", severity=CRITICAL) for at in range(100)])
    assert advance(phase, RULES, days * DAY) is None


@pytest.mark.parametrize(
    ("found", "critical", "days"),
    [
        (0, 0, 7),  # nothing was found
        (35, 0, 7),  # five a day are not more than five a day
        (36, 0, 14),
        (0, 3, 7),
        (0, 4, 14),
    ],
)
def test_too_many_bugs_are_more_than_the_rules_say(found: int, critical: int, days: int) -> None:
    """A phase is extended by seven days for more than five bugs a day, or more than three open critical ones."""
    bugs = [*[bug(f"B{at}") for at in range(found)], *[bug(f"C{at}", severity=CRITICAL) for at in range(critical)]]
    assert by(with_bugs(begun(), *bugs), 7.0).days == days


def test_what_is_resolved_counts_as_found_and_not_as_critical() -> None:
    """Four critical bugs, one of them resolved, are no reason to go on."""
    phase = with_bugs(begun(), *[bug(f"C{at}", severity=CRITICAL) for at in range(4)])
    change = resolve(phase, "C0", actor="bob", reason="mended", now=DAY)
    assert change is not None
    assert change.record == BugResolved(bug="C0", by="bob", reason="mended")
    over = by(change.phase, 7.0)
    assert (over.ended_at, [one.id for one in over.open_bugs]) == (7 * DAY, ["C1", "C2", "C3"])


def test_the_rate_is_that_of_the_last_period() -> None:
    """Many bugs in the first week extend the phase once; a quiet second week ends it."""
    phase = with_bugs(begun(), *[bug(f"B{at}") for at in range(36)])
    extended = by(phase, 7.0)
    assert (extended.days, extended.period, extended.is_open) == (14, 7, True)
    assert by(extended, 14.0).ended_at == 14 * DAY
    busy = with_bugs(extended, *[bug(f"D{at}", days=7.0) for at in range(36)])
    assert by(busy, 14.0).days == 21


def test_four_weeks_are_the_longest() -> None:
    """However bad it is, the phase is over after 28 days, and the record says that it was too much to the end."""
    phase = with_bugs(begun(), *[bug(f"C{at}", severity=CRITICAL) for at in range(9)])
    before = by(phase, 27.9)
    assert (before.days, before.is_open) == (28, True)
    change = advance(before, RULES, 28 * DAY)
    assert change is not None
    assert isinstance(change.record, BugFixPhaseEnded)
    assert "9 critical bugs are open, more than 3, after the longest time" in change.record.reason
    assert (change.record.sequel, len(change.record.remaining)) == (f"{ROCK}-phase2", 9)


def test_the_last_extension_is_as_long_as_is_left() -> None:
    """Seven days, up to ten, are seven and three."""
    rules = BugFixRules(longest=10.0)
    phase = with_bugs(begun(rules), *[bug(f"C{at}", severity=CRITICAL) for at in range(4)])
    assert (by(phase, 7.0, rules).days, by(phase, 7.0, rules).period) == (10, 3)
    assert by(phase, 30.0, rules).ended_at == 10 * DAY


def test_a_longest_time_that_was_lowered_ends_a_phase_when_its_time_is_up() -> None:
    """A phase that lasts longer than the rules allow now is not made shorter, and not longer."""
    phase = with_bugs(begun(), *[bug(f"C{at}", severity=CRITICAL) for at in range(4)])
    assert by(by(phase, 7.0), 30.0, BugFixRules(days=3.0, longest=5.0)).ended_at == 14 * DAY


def test_what_remains_is_a_rock_of_its_own() -> None:
    """Open bugs are issues of epics that are those of the rock, the worst first by priority."""
    bugs = [bug("B1", card="a", seat="coder", detail="see log"), bug("B2", severity=CRITICAL, seat="coder")]
    change = advance(with_bugs(begun(), *bugs), RULES, 7 * DAY)
    assert change is not None
    assert change.sequel is not None
    rock = change.sequel.as_rock()
    assert (rock.id, [(one.epic, one.department) for one in rock.epics]) == (
        f"{ROCK}-phase2",
        [(f"{ROCK}-phase2-first", "core")],
    )


def test_a_clean_phase_leaves_nothing() -> None:
    """Without open bugs there is no further rock."""
    change = advance(begun(), RULES, 7 * DAY)
    assert change is not None
    assert change.sequel is None
    assert change.record == BugFixPhaseEnded(number=1, reason="its time is up")


def test_a_bug_is_reported_once() -> None:
    """The same bug changes nothing, and another one of its id is refused."""
    phase = with_bugs(begun(), bug("B1"))
    assert report(phase, bug("B1", days=3.0)) is None
    with pytest.raises(BugFixError, match="another bug 'B1', 'B1 is wrong'") as caught:
        report(phase, bug("B1", severity=CRITICAL))
    assert caught.value.rock == ROCK


def test_an_unknown_bug_is_not_resolved() -> None:
    """The error names those that there are; one that is resolved stays as it is."""
    phase = with_bugs(begun(), bug("B1"))
    with pytest.raises(BugFixError, match="no bug 'B9'; it has: B1"):
        resolve(phase, "B9", actor="bob", reason="", now=1.0)
    change = resolve(phase, "B1", actor="bob", reason="", now=1.0)
    assert change is not None
    assert resolve(change.phase, "B1", actor="eve", reason="", now=2.0) is None


@pytest.mark.parametrize(("bugs", "where"), [((), "nothing remained"), ((bug("B1"),), f"rock {ROCK}-phase2")])
def test_a_phase_that_is_over_takes_nothing_in(bugs: tuple[Any, ...], where: str) -> None:
    """Who comes too late is told where the bugs went."""
    over = by(with_bugs(begun(), *bugs), 7.0)
    for late in (lambda: report(over, bug("B2")), lambda: resolve(over, "B1", actor="bob", reason="", now=1.0)):
        with pytest.raises(BugFixError, match=where) as caught:
            late()
        assert caught.value.sequel == over.sequel


def test_a_later_run_that_has_worked_begins_another_phase() -> None:
    """Only when the phase before is over, and only once for a run; a run that found all done begins none."""
    open_phase = begun()
    assert begin(open_phase, finished("run-2", days=3.0), RULES) is None
    over = by(open_phase, 7.0)
    assert begin(over, finished("run-1", days=9.0), RULES) is None
    assert begin(over, finished("run-2", days=6.0), RULES) is None
    assert begin(over, finished("run-2", days=9.0, worked=False), RULES) is None
    change = begin(over, finished("run-2", days=9.0), RULES)
    assert change is not None
    assert (change.phase.number, change.phase.began_at, change.phase.is_open) == (2, 9 * DAY, True)
    again = by(with_bugs(change.phase, bug("B1", days=9.0)), 16.0)
    assert again.sequel == f"{ROCK}-phase3"


STEPS = st.lists(
    st.tuples(st.floats(0.01, 9.0), st.sampled_from(["low", "critical", "resolve"]), st.integers(1, 45)), max_size=12
)
NUMBERS = st.floats(0.5, 10.0)
ANY_RULES = st.builds(
    lambda days, more, per_day, critical: BugFixRules(
        days=days, longest=days + more, per_day=per_day, critical=critical
    ),
    NUMBERS,
    st.floats(0.0, 30.0),
    NUMBERS,
    st.integers(0, 5),
)


@given(STEPS, ANY_RULES)
def test_every_story_of_a_phase_ends_in_time(steps: list[tuple[float, str, int]], rules: BugFixRules) -> None:
    """Whatever is found and resolved, a phase is never longer than allowed, and what remains is what is open."""
    phase, records, now, count = begun(rules), [], 0.0, 0

    def look(phase: BugFixPhase) -> BugFixPhase:
        while (change := advance(phase, rules, now * DAY)) is not None:
            records.append(change.record)
            assert change.phase != phase
            phase = change.phase
        return phase

    for wait, what, number in steps:
        now += wait
        phase = look(phase)
        if not phase.is_open:
            break
        for _ in range(number):
            if what == "resolve":
                change = phase.open_bugs and resolve(
                    phase, phase.open_bugs[0].id, actor="bob", reason="", now=now * DAY
                )
            else:
                count += 1
                change = report(phase, bug(f"B{count}", days=now, severity=BugSeverity(what)))
            if change:
                assert isinstance(change.record, BugReported | BugResolved)
                phase = change.phase
    now = 1_000.0
    phase = look(phase)
    assert not phase.is_open
    assert rules.days <= phase.days <= rules.longest
    assert phase.ended_at == phase.ends_at
    *extensions, ended = records
    assert isinstance(ended, BugFixPhaseEnded)
    assert all(isinstance(one, BugFixPhaseExtended) for one in extensions)
    assert [one.ends_at for one in extensions] == sorted({one.ends_at for one in extensions})
    assert ended.remaining == tuple(one.id for one in phase.open_bugs)
    assert bool(ended.sequel) is bool(phase.open_bugs)


@given(STEPS)
def test_it_does_not_matter_how_late_somebody_looks(steps: list[tuple[float, str, int]]) -> None:
    """Looked at every day or once in the end: a phase whose bugs were found early on ends the same."""
    phase, now = begun(), 0.0
    for count, (wait, what, number) in enumerate(steps):
        now = min(now + wait / 10, 6.9)
        severity = CRITICAL if what == "critical" else BugSeverity.LOW
        phase = with_bugs(phase, *[bug(f"B{count}-{at}", days=now, severity=severity) for at in range(number)])
    daily = phase
    for day in range(1, 60):
        daily = by(daily, float(day))
    assert daily == by(phase, 60.0)


def test_rules_are_the_organizations() -> None:
    """Four process rules say how long a phase lasts; what is not said is as it is without an organization."""
    said = {"bug_fix_days": 3, "bug_fix_longest_days": 9.5, "bug_fix_bugs_per_day": 0, "bug_fix_critical_bugs": 1}
    rules = bug_fix_rules(Organization(name="O", process_rules=said))
    assert rules == BugFixRules(days=3, longest=9.5, per_day=0, critical=1)
    assert bug_fix_rules(Organization(name="O")) == BugFixRules()


@pytest.mark.parametrize(
    "rule", ["bug_fix_days", "bug_fix_longest_days", "bug_fix_bugs_per_day", "bug_fix_critical_bugs"]
)
@pytest.mark.parametrize(
    "value",
    ["7", None, True, -1, float("nan"), float("inf"), 1_000_001, pytest.param(10**400, id="huge"), [7]],
)
def test_wrong_rules_are_named(rule: str, value: object) -> None:
    """What is no such number is a ConfigError that says what is valid; all of them come at once."""
    with pytest.raises(ConfigError, match=f"{rule} is .*; valid: a") as caught:
        bug_fix_rules(Organization(name="O", process_rules={"bug_fix_days": 0, rule: value}))
    assert len(caught.value.problems) == len({rule, "bug_fix_days"})


def test_the_longest_time_is_no_shorter_than_the_first() -> None:
    """Seven days of five at most are refused; half a critical bug is, too."""
    with pytest.raises(ConfigError, match="bug_fix_longest_days is 5; valid: at least bug_fix_days, 7"):
        bug_fix_rules(Organization(name="O", process_rules={"bug_fix_longest_days": 5}))
    with pytest.raises(ConfigError, match=r"bug_fix_critical_bugs is 1\.5"):
        bug_fix_rules(Organization(name="O", process_rules={"bug_fix_critical_bugs": 1.5}))
