"""What a host reads of its portfolio: rocks, epics and issues as they stand, and what is wrong with them."""

import enum
from collections.abc import Iterable, Iterator
from typing import Final

from attrs import evolve, field, frozen

from orket._value import Value
from orket.cards import CardStatus, Epic, EpicReference, Issue, Rock, WaitReason
from orket.errors import OrketError
from orket.portfolio._sprints import Sprint, same_sprint


class Severity(enum.StrEnum):
    """How much an alert presses."""

    NOTICE = "notice"  # worth a look
    WARNING = "warning"  # something stands still, or will
    CRITICAL = "critical"  # much stands still


class AlertKind(enum.StrEnum):
    """What an alert is about."""

    RESOURCE = "resource"  # cards wait for free slots
    DEPENDENCY = "dependency"  # too many of the waiting cards wait for others
    ATTENTION = "attention"  # cards wait for a person
    STALLED_EPIC = "stalled_epic"  # its last run came to rest with unfinished issues
    MISSING_EPIC = "missing_epic"  # a rock names an epic that exists nowhere
    BROKEN_ASSET = "broken_asset"  # a run of it would be refused
    MISSING_SEAT = "missing_seat"  # unfinished issues whose seat the team does not have
    AMBIGUOUS_ID = "ambiguous_id"  # several epics have an issue of one id
    STATUS = "status"  # an asset calls finished what is not


_PRESSING: Final = tuple(reversed(Severity))
_KINDS: Final = tuple(AlertKind)


@frozen(kw_only=True, repr=False, eq=False)
class Alert(Value):
    """Something that a person should know: about ``subject``, the name of a card, or "" for all boards.

    ``error`` is what a run would be refused with, where it would be.
    """

    kind: AlertKind
    severity: Severity
    subject: str
    detail: str
    error: OrketError | None = field(default=None, eq=False)


def sorted_alerts(alerts: Iterable[Alert]) -> tuple[Alert, ...]:
    """Return alerts, the most pressing first."""
    return tuple(sorted(alerts, key=_pressing))


def _pressing(alert: Alert) -> tuple[int, int, str, str]:
    return _PRESSING.index(alert.severity), _KINDS.index(alert.kind), alert.subject, alert.detail


@frozen(kw_only=True, repr=False, eq=False)
class Progress(Value):
    """How many issues stand where. ``planned``: no run has taken them to a board yet; they count as unfinished."""

    total: int = 0
    done: int = 0
    canceled: int = 0
    running: int = 0
    waiting: int = 0
    planned: int = 0

    @property
    def unfinished(self) -> int:
        """Issues that are neither done nor canceled (nor archived, which counts as canceled)."""
        return self.total - self.done - self.canceled


@frozen(kw_only=True, repr=False, eq=False)
class IssueView(Value):
    """An issue as it stands: as the record has it on the board of ``build``, or as an asset has it (``build`` None).

    ``wait`` is why it waits; None where it is terminal, running, or on no board yet. ``sprint`` is its own, else its
    epic's.
    """

    issue: Issue
    build: str | None = None
    wait: tuple[WaitReason, str] | None = None
    is_running: bool = False
    sprint: str | None = None


@frozen(kw_only=True, repr=False, eq=False)
class EpicView(Value):
    """An epic with its issues, those of its builds first.

    ``department`` is the first that can use it, ``file`` where it lies ("": only the record has it). ``epic`` is the
    asset without its issues, None where it cannot be read; ``error`` is what a run of it would be refused with.
    ``status`` follows from the issues; where there is none it is the asset's. ``adopted``: a rock has it by
    reconciliation.
    """

    name: str
    department: str
    file: str
    epic: Epic | None
    status: CardStatus | None
    issues: tuple[IssueView, ...] = ()
    builds: tuple[str, ...] = ()
    progress: Progress = Progress()
    adopted: bool = False
    error: OrketError | None = field(default=None, eq=False)


@frozen(kw_only=True, repr=False, eq=False)
class RockView(Value):
    """A rock with its epics.

    ``shared`` are epics that stand below an earlier rock, which has them, too; ``missing`` those that exist nowhere.
    ``rock`` is None where the asset cannot be read; ``error`` says why.
    """

    name: str
    department: str
    file: str
    rock: Rock | None
    status: CardStatus | None
    epics: tuple[EpicView, ...] = ()
    shared: tuple[EpicReference, ...] = ()
    missing: tuple[EpicReference, ...] = ()
    progress: Progress = Progress()
    error: OrketError | None = field(default=None, eq=False)


@frozen(kw_only=True, repr=False, eq=False)
class Portfolio(Value):
    """All rocks, epics and issues of an organization, as assets and record have them; each of them once.

    ``orphan_epics`` are in no rock. ``orphan_issues`` are in no epic: they stand on a board of an epic that is gone, or
    are assets of their own. ``alerts`` are sorted, the most pressing first. ``sprint`` is the present one, if any.
    """

    rocks: tuple[RockView, ...] = ()
    orphan_epics: tuple[EpicView, ...] = ()
    orphan_issues: tuple[IssueView, ...] = ()
    alerts: tuple[Alert, ...] = ()
    sprint: Sprint | None = None

    def epics(self) -> Iterator[EpicView]:
        """Iterate over all epics, those without a rock last."""
        for rock in self.rocks:
            yield from rock.epics
        yield from self.orphan_epics

    def issues(self) -> Iterator[IssueView]:
        """Iterate over all issues, those without an epic last."""
        for epic in self.epics():
            yield from epic.issues
        yield from self.orphan_issues

    def of_sprint(self, label: str) -> "Portfolio":
        """Return only the issues of a sprint, with the epics and rocks that have some; alerts stay as they are.

        Args:
            label: such as ``Q1 S6``; spaces and capitals do not matter.
        """
        rocks = [evolve(rock, epics=_of_sprint(rock.epics, label), shared=()) for rock in self.rocks]
        return evolve(
            self,
            rocks=tuple([evolve(rock, progress=progress_of_all(rock.epics)) for rock in rocks if rock.epics]),
            orphan_epics=_of_sprint(self.orphan_epics, label),
            orphan_issues=_issues_of_sprint(self.orphan_issues, label),
        )


def _of_sprint(epics: Iterable[EpicView], label: str) -> tuple[EpicView, ...]:
    kept = [evolve(epic, issues=_issues_of_sprint(epic.issues, label)) for epic in epics]
    return tuple([evolve(epic, progress=progress_of(epic.issues)) for epic in kept if epic.issues])


def _issues_of_sprint(issues: Iterable[IssueView], label: str) -> tuple[IssueView, ...]:
    return tuple([one for one in issues if one.sprint is not None and same_sprint(one.sprint, label)])


def progress_of(issues: Iterable[IssueView]) -> Progress:
    """Count where issues stand."""
    total = done = canceled = running = planned = waiting = 0
    for one in issues:
        total += 1
        if one.issue.status is CardStatus.DONE:
            done += 1
        elif one.issue.status.is_terminal:
            canceled += 1
        elif one.is_running:
            running += 1
        elif one.build is None:
            planned += 1
        else:
            waiting += 1
    return Progress(total=total, done=done, canceled=canceled, running=running, waiting=waiting, planned=planned)


def progress_of_all(epics: Iterable[EpicView]) -> Progress:
    """Add up how far epics are."""
    return progress_of([one for epic in epics for one in epic.issues])
