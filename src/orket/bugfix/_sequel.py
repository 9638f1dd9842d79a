"""The rock that remains when bugs do: a document of the store, with an issue for each bug."""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from attrs import evolve, frozen

from orket._codec import codec
from orket._value import Value
from orket.cards import ArchitectureGovernance, Epic, EpicReference, Issue, Rock
from orket.contracts import Bug, BugSeverity, Document, Store

SEQUELS: Final = "sequel"
_PRIORITIES: Final[Mapping[BugSeverity, float]] = MappingProxyType(
    {BugSeverity.CRITICAL: 4.0, BugSeverity.HIGH: 3.0, BugSeverity.MEDIUM: 2.0, BugSeverity.LOW: 1.0}
)
_NAMES: Final = re.compile(r".+-phase[0-9]+(-.+)?", re.DOTALL)


@frozen(kw_only=True, repr=False, eq=False)
class Sequel(Value):
    """A rock that is made of the bugs that another one has left.

    It has an epic for each epic that has such bugs, worked by its team in its environment.
    """

    name: str
    department: str
    rock: str
    bugs: tuple[Bug, ...]

    @property
    def sources(self) -> tuple[EpicReference, ...]:
        """The epics that the bugs are in, in the order in which bugs were found in them."""
        return tuple(dict.fromkeys([EpicReference(epic=bug.epic, department=bug.department) for bug in self.bugs]))

    def as_rock(self) -> Rock:
        """Return the rock."""
        return Rock(
            id=self.name,
            name=self.name,
            description=f"What the bug-fix phase of {self.rock} has left.",
            owner_department=self.department,
            epics=tuple([evolve(one, epic=self._epic_name(one)) for one in self.sources]),
        )

    def source_of(self, epic: str, department: str) -> EpicReference:
        """Return the epic whose bugs an epic of this rock holds."""
        return next(one for one in self.sources if one.department == department and self._epic_name(one) == epic)

    def epic_of(self, source: Epic) -> Epic:
        """Return the epic that holds the bugs of *source*, whose team, environment and parameters it has."""
        reference = EpicReference(epic=source.id, department=source.department)
        return evolve(
            source,
            id=self._epic_name(reference),
            name=f"Bugs of {source.name}",
            build=None,  # a board of its own
            parent=self.name,
            issues=tuple([_issue(bug) for bug in self.bugs if (bug.epic, bug.department) == _place(reference)]),
            architecture_governance=_unlimited(source.architecture_governance),
        )

    def _epic_name(self, source: EpicReference) -> str:
        return f"{self.name}-{source.epic}"


def _unlimited(governance: ArchitectureGovernance) -> ArchitectureGovernance:
    """Return a governance without the limit on undesigned issues: it is about what is planned, and bugs are not."""
    return evolve(governance, idesign=governance.idesign or None)


def _place(reference: EpicReference) -> tuple[str, str]:
    return reference.epic, reference.department


def _issue(bug: Bug) -> Issue:
    return Issue(
        id=bug.id,
        name=bug.title,
        seat=bug.seat,
        priority=_PRIORITIES[bug.severity],
        requirements=bug.detail,
        labels=("bug", bug.severity.value),
        references=(bug.card,) if bug.card else (),
    )


def sequel_document(sequel: Sequel) -> Document:
    """Return the document that a sequel is kept as."""
    key = f"{sequel.department}/{sequel.name}"
    return Document(kind=SEQUELS, key=key, body=codec().dump(sequel))


def is_sequel_name(name: str) -> bool:
    """Return whether a rock or an epic of a sequel may be called so."""
    return _NAMES.fullmatch(name) is not None


async def find_sequels(store: Store) -> list[Sequel]:
    """Return all sequels.

    Raises:
        StoreError: the record cannot be read.
    """
    return [codec().load(document.body, Sequel) for document in await store.find(SEQUELS)]
