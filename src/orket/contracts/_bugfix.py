"""The bug-fix phase of a finished rock: what is known of it, and the port that keeps it."""

import enum
from typing import Final, Protocol, runtime_checkable

from attrs import frozen

from orket._value import Value

DAY: Final = 86_400.0  # seconds


class BugSeverity(enum.StrEnum):
    """How bad a bug is, the worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@frozen(kw_only=True, repr=False, eq=False)
class Bug(Value):
    """A bug of a finished rock.

    ``card`` is the issue that it is in, "" where nobody said. ``epic``, ``department`` and ``seat`` say who would mend
    it. Times are seconds since the epoch.
    """

    id: str
    title: str
    severity: BugSeverity
    by: str
    found_at: float
    detail: str = ""
    card: str = ""
    epic: str = ""
    department: str = "core"
    seat: str = ""
    resolved_at: float | None = None
    resolved_by: str = ""
    resolution: str = ""

    @property
    def is_open(self) -> bool:
        """Whether nobody has resolved it."""
        return self.resolved_at is None


@frozen(kw_only=True, repr=False, eq=False)
class FinishedRock(Value):
    """A rock whose run is done, since ``at``; ``worked``: the run took turns, and did not just find everything done."""

    rock: str
    department: str
    run: str
    at: float
    worked: bool = True


@frozen(kw_only=True, repr=False, eq=False)
class BugFixPhase(Value):
    """A bug-fix phase: of which rock, after which of its runs, for how long, with which bugs.

    ``number`` counts the rock's phases. ``days`` is how long it lasts, ``period`` how much of that came last: at first
    all of it, then the extension. ``ended_at`` is None while it goes on. ``sequel`` is the rock that the remaining
    bugs went to. ``version`` grows with every change; ``stamps`` of the last changes tell apart two that wanted the
    same version.
    """

    rock: str
    department: str
    run: str
    began_at: float
    days: float
    period: float
    number: int = 1
    ended_at: float | None = None
    sequel: str = ""
    bugs: tuple[Bug, ...] = ()
    version: int = 0
    stamps: tuple[str, ...] = ()

    @property
    def ends_at(self) -> float:
        """When it is over, or extended."""
        return self.began_at + self.days * DAY

    @property
    def is_open(self) -> bool:
        """Whether it goes on, as far as anybody has looked."""
        return self.ended_at is None

    @property
    def open_bugs(self) -> tuple[Bug, ...]:
        """The bugs that nobody has resolved."""
        return tuple([bug for bug in self.bugs if bug.is_open])


@runtime_checkable
class BugFixManager(Protocol):
    """Keeps the bug-fix phases of rocks. ``Orchestrator`` calls it; nothing happens in the background.

    Every method first sees to the phases that are over by now. Rocks that remain after a phase are documents of the
    kind ``sequel``, which hold an ``orket.bugfix.Sequel``: ``run_rock`` finds them there.
    """

    async def begin(self, finished: FinishedRock, /) -> BugFixPhase:
        """Begin the phase of a rock whose run is done, and return it; where the rock has one, return that.

        Must do nothing when it is called again for the same run. A rock whose phase is over gets another one when a
        later run of it has worked.
        """
        ...

    async def report(self, rock: str, department: str, bug: Bug, /) -> BugFixPhase:
        """Add a bug to the phase of a rock. The same bug reported again changes nothing.

        Raises:
            BugFixError: the rock has no phase, it is over, or has another bug of this id.
        """
        ...

    async def resolve(self, rock: str, department: str, bug: str, actor: str, reason: str, /) -> BugFixPhase:
        """Resolve a bug. One that is resolved stays as it is.

        Raises:
            BugFixError: the rock has no phase, it is over, or has no such bug.
        """
        ...

    async def find(self, rock: str, department: str, /) -> BugFixPhase | None:
        """Return the last phase of a rock, or None."""
        ...

    async def advance(self) -> tuple[BugFixPhase, ...]:
        """Extend or end every phase whose time is up, and return these phases as they are now."""
        ...

    async def aclose(self) -> None:
        """Release what it holds."""
        ...
