"""Orphans that were taken in: what the record says of it, and what rocks and epics are with it.

Assets stay as they are. Each adoption is a document of its own, written once. What it says is applied whenever a rock
or an epic is read.
"""

from collections.abc import Iterable, Mapping
from typing import Final

from attrs import evolve, frozen

from orket._codec import codec, digest
from orket._graph import find_cycle
from orket._value import Value
from orket.cards import CardStatus, CardType, Epic, Issue, JsonValue, Rock
from orket.contracts import Document
from orket.errors import ConfigError, DependencyCycleError

ADOPTIONS: Final = "adoption"  # the kind of their documents
CORE: Final = "core"  # the department of the rock and the epic that take orphans in
_ROCK: Final = "run_the_business_rock"
_EPIC: Final = "unplanned_support_epic"
_LONGEST_ID: Final = 128


@frozen(kw_only=True, repr=False, eq=False)
class Adoption(Value):
    """An orphan was taken in.

    ``type`` and ``name`` say what: an epic of ``department``, an issue with a file of its own, or, where ``build`` is
    given, a card on a board. ``into`` is the epic or rock that has it now; "" for a rock that was made to take epics
    in. ``rock`` and ``epic`` are what was made because no asset defines it. ``issue`` is what a card goes on as: it
    has an id of its own. ``version`` counts how often it was taken in, each time by another.
    """

    type: CardType
    name: str
    into: str
    by: str
    at: float
    reason: str = ""
    department: str = CORE
    build: str | None = None
    rock: Rock | None = None
    epic: Epic | None = None
    issue: Issue | None = None
    version: int = 1
    stamp: str = ""

    @property
    def key(self) -> str:
        """What tells adoptions apart: nothing is taken in twice."""
        return f"card/{self.build}/{self.name}" if self.build else f"{self.type.value}/{self.department}/{self.name}"

    def document(self) -> Document:
        """Return what is stored."""
        return Document(kind=ADOPTIONS, key=self.key, body=codec().dump(self))


@frozen(kw_only=True, repr=False, eq=False)
class Shelters(Value):
    """The rock and the epic that take orphans in."""

    rock: str = "run_the_business"
    epic: str = "unplanned_support"


def shelters(process_rules: Mapping[str, JsonValue]) -> Shelters:
    """Return the rock and the epic that take orphans in, as process rules name them.

    Raises:
        ConfigError: a rule is no name.
    """
    names = {rule: process_rules.get(rule) for rule in (_ROCK, _EPIC)}
    problems = [
        f"process rule {rule!r} is {name!r:.80}; valid: the name of an asset"
        for rule, name in names.items()
        if name is not None and not (isinstance(name, str) and name.strip())
    ]
    if problems:
        raise ConfigError("orphans cannot be taken in", problems=problems)
    return Shelters(rock=names[_ROCK] or Shelters().rock, epic=names[_EPIC] or Shelters().epic)


def read_adoptions(documents: Iterable[Document]) -> tuple[Adoption, ...]:
    """Return the adoptions that documents hold, the oldest first.

    Raises:
        StoreVersionError: a newer orket wrote one.
    """
    found = [codec().load(document.body, Adoption) for document in documents]
    return tuple(sorted(found, key=lambda one: (one.at, one.key)))


def with_issues(epic: Epic, taken_in: Iterable[Issue]) -> Epic:
    """Return an epic with issues that were taken in; those whose ids it has itself are its own.

    Raises:
        ConfigError: two of them have one id.
        DependencyCycleError: issues wait for each other.
    """
    known = {issue.id for issue in epic.issues}
    issues = {issue.id: issue for issue in epic.issues}
    for issue in taken_in:
        if issue.id in known:
            continue
        if issue.id in issues:
            raise ConfigError(f"{epic.id!r} has taken in two issues with the id {issue.id!r}; give one another id")
        issues[issue.id] = issue
    if len(issues) == len(known):
        return epic
    if cycle := find_cycle({name: issue.depends_on for name, issue in issues.items()}):
        raise DependencyCycleError(
            f"issues that {epic.id!r} has taken in wait for each other: {' -> '.join(cycle)}", cycle=cycle
        )
    return evolve(epic, issues=tuple(issues.values()))


def new_id(build: str, card: str) -> str:
    """Return the id that a card of a build goes on with: no other card has it, and people still recognize it."""
    plain = f"{card}@{build}"
    return plain if len(plain) <= _LONGEST_ID else f"{plain[: _LONGEST_ID - 13]}-{digest(plain)[:12]}"


def goes_on_as(issue: Issue, board: Mapping[str, Issue]) -> Issue:
    """Return what an unfinished card of a board goes on as elsewhere: new to the record, its retries begun anew.

    It keeps waiting for what it waited for. Of the cards it depends on, those that are done are let go; the others have
    new ids, too.
    """
    build = issue.build or ""
    needs = [name for name in issue.depends_on if name not in board or board[name].status is not CardStatus.DONE]
    return evolve(
        issue,
        id=new_id(build, issue.id),
        status=CardStatus.READY if issue.status is CardStatus.IN_PROGRESS else issue.status,
        depends_on=tuple([new_id(build, name) for name in needs]),
        build=None,
        parent=None,
        retry_count=0,
        version=0,
    )
