"""What follows for a phase from what is known of it: plain functions, without time, store or chance of their own."""

from attrs import evolve, frozen

from orket._value import Value
from orket.bugfix._rules import BugFixRules
from orket.bugfix._sequel import Sequel
from orket.contracts import DAY, Bug, BugFixPhase, BugSeverity, FinishedRock
from orket.errors import BugFixError
from orket.events import (
    BugFixPhaseEnded,
    BugFixPhaseExtended,
    BugFixPhaseStarted,
    BugReported,
    BugResolved,
    Record,
)


@frozen(kw_only=True, repr=False, eq=False)
class Change(Value):
    """A phase as it is to be, and what the journal says of it; ``bug`` is the one that changes, if one does."""

    phase: BugFixPhase
    record: Record
    bug: Bug | None = None
    sequel: Sequel | None = None


def begin(phase: BugFixPhase | None, finished: FinishedRock, rules: BugFixRules) -> Change | None:
    """Return the beginning of a phase; None where the rock has one that this run belongs to."""
    if phase is not None:
        is_later = finished.run != phase.run and phase.ended_at is not None and finished.at > phase.ended_at
        if not (is_later and finished.worked):
            return None
    begun = BugFixPhase(
        rock=finished.rock,
        department=finished.department,
        run=finished.run,
        began_at=finished.at,
        days=rules.days,
        period=rules.days,
        number=phase.number + 1 if phase else 1,
        version=phase.version if phase else 0,
        stamps=phase.stamps if phase else (),
    )
    record = BugFixPhaseStarted(number=begun.number, run=begun.run, began_at=begun.began_at, ends_at=begun.ends_at)
    return Change(phase=begun, record=record)


def no_phase(rock: str) -> BugFixError:
    """Return the error for a rock that has no phase."""
    return BugFixError(f"rock {rock!r:.100} has no bug-fix phase; it begins when a run of the rock is done", rock=rock)


def report(phase: BugFixPhase, bug: Bug) -> Change | None:
    """Return a phase with one more bug; None where it has the very same.

    Raises:
        BugFixError: the phase is over, or another bug has this id.
    """
    _require_open(phase, f"bug {bug.id!r} cannot be reported")
    known = next((one for one in phase.bugs if one.id == bug.id), None)
    if known is not None:
        if _same(known, bug):
            return None
        raise BugFixError(
            f"rock {phase.rock} has another bug {bug.id!r}, {known.title!r:.100}; give this one an id of its own",
            rock=phase.rock,
            bug=bug.id,
        )
    record = BugReported(bug=bug.id, title=bug.title, severity=bug.severity.value, by=bug.by, found_in=bug.card)
    return Change(phase=evolve(phase, bugs=(*phase.bugs, bug)), record=record, bug=bug)


def _same(known: Bug, bug: Bug) -> bool:
    return (known.title, known.severity, known.detail, known.card) == (bug.title, bug.severity, bug.detail, bug.card)


def resolve(phase: BugFixPhase, bug: str, *, actor: str, reason: str, now: float) -> Change | None:
    """Return a phase with a bug resolved; None where it is.

    Raises:
        BugFixError: the phase is over, or has no such bug.
    """
    _require_open(phase, f"bug {bug!r} cannot be resolved")
    known = next((one for one in phase.bugs if one.id == bug), None)
    if known is None:
        listed = ", ".join(one.id for one in phase.bugs[-20:]) or "none"
        raise BugFixError(f"rock {phase.rock} has no bug {bug!r:.100}; it has: {listed}", rock=phase.rock, bug=bug)
    if not known.is_open:
        return None
    resolved = evolve(known, resolved_at=now, resolved_by=actor, resolution=reason)
    bugs = tuple([resolved if one.id == bug else one for one in phase.bugs])
    record = BugResolved(bug=bug, by=actor, reason=reason)
    return Change(phase=evolve(phase, bugs=bugs), record=record, bug=resolved)


def _require_open(phase: BugFixPhase, what: str) -> None:
    if phase.is_open:
        return
    where = f"what remained is rock {phase.sequel}" if phase.sequel else "nothing remained"
    raise BugFixError(
        f"{what}: the bug-fix phase of rock {phase.rock} is over, {where}",
        rock=phase.rock,
        sequel=phase.sequel,
    )


def advance(phase: BugFixPhase, rules: BugFixRules, now: float) -> Change | None:
    """Return what becomes of a phase whose time is up: it is extended, or over; None while it is not up.

    What counts is how things stand when its time is up. Nothing is reported or resolved later without this being asked
    before, so it does not matter how late it is asked.
    """
    if not phase.is_open or now < phase.ends_at:
        return None
    days = min(phase.days + rules.days, max(rules.longest, phase.days))
    too_many = _too_many(phase, rules)
    if too_many and days > phase.days:
        extended = evolve(phase, days=days, period=days - phase.days)
        record = BugFixPhaseExtended(number=phase.number, ends_at=extended.ends_at, reason=too_many)
        return Change(phase=extended, record=record)
    return _end(phase, f"{too_many}, after the longest time" if too_many else "its time is up")


def _too_many(phase: BugFixPhase, rules: BugFixRules) -> str:
    """Return in which way there are too many bugs, or ""."""
    since = phase.ends_at - phase.period * DAY
    rate = sum(bug.found_at >= since for bug in phase.bugs) / phase.period
    if rate > rules.per_day:
        return f"{rate:.3g} bugs a day were found, more than {rules.per_day:g}"
    critical = sum(bug.severity is BugSeverity.CRITICAL for bug in phase.open_bugs)
    if critical > rules.critical:
        return f"{critical} critical bugs are open, more than {rules.critical}"
    return ""


def _end(phase: BugFixPhase, reason: str) -> Change:
    remaining = phase.open_bugs
    name = f"{phase.rock}-phase{phase.number + 1}" if remaining else ""
    sequel = Sequel(name=name, department=phase.department, rock=phase.rock, bugs=remaining) if name else None
    return Change(
        phase=evolve(phase, ended_at=phase.ends_at, sequel=name),
        record=BugFixPhaseEnded(
            number=phase.number, reason=reason, remaining=tuple([bug.id for bug in remaining]), sequel=name
        ),
        sequel=sequel,
    )
