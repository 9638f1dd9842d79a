"""What was found: assets as the loader read them, and builds as the record has them."""

from collections.abc import Mapping

from attrs import field, frozen

from orket._value import Value
from orket.cards import Epic, EpicReference, Issue, Rock
from orket.contracts import CardRow, RunRow
from orket.errors import OrketError
from orket.organization import Team


@frozen(kw_only=True, repr=False, eq=False)
class RockAsset(Value):
    """A rock; ``rock`` is None where it cannot be read.

    ``files`` says of each epic that it lists which file it is, "" where there is none. ``adopted`` are those that it
    has by reconciliation. ``errors`` are of epics that exist nowhere.
    """

    file: str
    name: str
    department: str
    rock: Rock | None
    error: OrketError | None = field(default=None, eq=False)
    files: Mapping[EpicReference, str] = field(factory=dict)
    adopted: frozenset[str] = frozenset()
    errors: Mapping[EpicReference, OrketError] = field(factory=dict, eq=False)


@frozen(kw_only=True, repr=False, eq=False)
class EpicAsset(Value):
    """An epic with its issues; ``epic`` is None where it cannot be read.

    ``team`` is None where it cannot be. ``error`` is what a run of the epic would be refused with.
    """

    file: str
    name: str
    department: str
    epic: Epic | None
    team: Team | None = None
    error: OrketError | None = field(default=None, eq=False)


@frozen(kw_only=True, repr=False, eq=False)
class IssueAsset(Value):
    """An issue with a file of its own; ``issue`` is None where it cannot be read."""

    file: str
    name: str
    department: str
    issue: Issue | None
    error: OrketError | None = field(default=None, eq=False)


@frozen(kw_only=True, repr=False, eq=False)
class Survey(Value):
    """All assets that are cards, each file once. ``adopted`` are files of issues that an epic has by reconciliation."""

    rocks: tuple[RockAsset, ...] = ()
    epics: tuple[EpicAsset, ...] = ()
    issues: tuple[IssueAsset, ...] = ()
    adopted: frozenset[str] = frozenset()


@frozen(kw_only=True, repr=False, eq=False)
class RecordedBuild(Value):
    """A build: its cards in the order they joined, its runs oldest first.

    ``files`` says of each epic that its cards belong to which file it is; of those that are gone it says nothing.
    """

    build: str
    cards: tuple[CardRow, ...]
    runs: tuple[RunRow, ...] = ()
    files: Mapping[str, str] = field(factory=dict)

    def department_of(self, epic: str) -> str:
        """Return the department whose epic of this name worked on the build."""
        return next((run.department for run in self.runs if run.card == epic), self.department)

    @property
    def department(self) -> str:
        """The department that the build's first run was asked of."""
        return self.runs[0].department if self.runs else "core"
