"""The units of work: Rock, Epic and Issue, and the words that describe their state."""

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from attrs import field, frozen

from orket._value import Value

JsonValue = Any  # str | int | float | bool | None | list | dict, nested; what ``json.loads`` returns
EMPTY: Final[Mapping[str, JsonValue]] = MappingProxyType({})


class CardStatus(enum.StrEnum):
    """Where a card stands. ``orket.governance`` says who may move it where."""

    READY = "ready"
    IN_PROGRESS = "in_progress"
    BLOCKED = "blocked"
    WAITING_FOR_DEVELOPER = "waiting_for_developer"
    READY_FOR_TESTING = "ready_for_testing"
    CODE_REVIEW = "code_review"
    DONE = "done"
    CANCELED = "canceled"
    ARCHIVED = "archived"

    @property
    def is_terminal(self) -> bool:
        """Whether a card at rest here never takes a turn again by itself."""
        return self in _TERMINAL


_TERMINAL = frozenset({CardStatus.DONE, CardStatus.CANCELED, CardStatus.ARCHIVED})


class CardType(enum.StrEnum):
    """The three levels of a board: rock ▸ epic ▸ issue; only issues take turns."""

    ROCK = "rock"
    EPIC = "epic"
    ISSUE = "issue"


class WaitReason(enum.StrEnum):
    """Why a card waits; every waiting card has exactly one."""

    RESOURCE = "resource"
    DEPENDENCY = "dependency"
    REVIEW = "review"
    INPUT = "input"
    SYSTEM = "system"


@frozen(kw_only=True, repr=False, eq=False)
class Scenario(Value):
    """One check of an issue's work.

    Of a fixture: ``verify_<id>`` (or ``verify``) is called with ``input`` and must return ``expected``. With an
    ``endpoint``, a path such as ``/items``, of the issue's running sandbox instead: ``input`` is sent to it as JSON
    with ``method``, and it must answer ``expected_status``, and ``expected`` where that is not None.
    """

    id: str
    description: str = ""
    input: JsonValue = None
    expected: JsonValue = None
    endpoint: str = ""
    method: str = "GET"
    expected_status: int = 200


@frozen(kw_only=True, repr=False, eq=False)
class ScenarioResult(Value):
    """What one scenario gave."""

    id: str
    passed: bool
    detail: str = ""


@frozen(kw_only=True, repr=False, eq=False)
class VerificationResult(Value):
    """What running an issue's fixture gave.

    ``isolation`` names the isolation that the run really had (``"rlimits"`` …); ``log`` is capped.
    """

    passed: bool
    scenarios: tuple[ScenarioResult, ...] = ()
    detail: str = ""
    isolation: str = ""
    log: str = ""


@frozen(kw_only=True, repr=False, eq=False)
class Verification(Value):
    """How an issue is proven: ``fixture`` is a path below the workspace's ``verification/`` folder."""

    fixture: str | None = None
    scenarios: tuple[Scenario, ...] = ()
    last_run: VerificationResult | None = None

    @property
    def proves(self) -> bool:
        """Whether there is anything to run: a fixture, or an endpoint to call."""
        return bool(self.fixture) or any(scenario.endpoint for scenario in self.scenarios)


@frozen(kw_only=True, repr=False, eq=False)
class Metrics(Value):
    """Quality of a card as somebody scored it; ``score`` and ``shippability_threshold`` are 0–10."""

    score: float = 0.0
    grade: str = ""
    audit_date: str = ""
    criteria_scores: Mapping[str, float] = field(factory=dict)
    summary: str = ""
    shippability_threshold: float = 7.0


@frozen(kw_only=True, repr=False, eq=False)
class Issue(Value):
    """The unit of work that takes turns.

    ``priority`` is a number, larger is more urgent (High/Medium/Low = 3/2/1). ``depends_on`` holds ids of issues of the
    same build. ``version`` counts the changes the record has seen; 0 is an issue that was never stored.
    """

    id: str
    name: str
    seat: str
    status: CardStatus = CardStatus.READY
    priority: float = 2.0
    assignee: str | None = None
    wait_reason: WaitReason | None = None
    wait_detail: str = ""
    note: str = ""
    requirements: str = ""
    depends_on: tuple[str, ...] = ()
    parent: str | None = None
    build: str | None = None
    sprint: str | None = None
    labels: tuple[str, ...] = ()
    params: Mapping[str, JsonValue] = EMPTY
    references: tuple[str, ...] = ()
    retry_count: int = 0
    max_retries: int = 3
    verification: Verification | None = None
    metrics: Metrics | None = None
    created_at: float = 0.0
    version: int = 0

    @property
    def type(self) -> CardType:
        """Always :attr:`CardType.ISSUE`."""
        return CardType.ISSUE


@frozen(kw_only=True, repr=False, eq=False)
class ArchitectureGovernance(Value):
    """How an epic's work is to be structured. ``idesign=None``: not said."""

    idesign: bool | None = None
    pattern: str = ""
    reasoning: str = ""


@frozen(kw_only=True, repr=False, eq=False)
class Epic(Value):
    """A named set of issues, worked by one team in one environment.

    ``id`` is the asset's name (its file stem); ``name`` is what people call it. ``build`` is set when the asset fixes
    it.
    """

    id: str
    name: str
    team: str
    environment: str
    status: CardStatus = CardStatus.READY
    description: str = ""
    department: str = "core"
    requirements: str = ""
    issues: tuple[Issue, ...] = ()
    build: str | None = None
    parent: str | None = None
    sprint: str | None = None
    labels: tuple[str, ...] = ()
    params: Mapping[str, JsonValue] = EMPTY
    references: tuple[str, ...] = ()
    architecture_governance: ArchitectureGovernance = ArchitectureGovernance()
    metrics: Metrics | None = None

    @property
    def type(self) -> CardType:
        """Always :attr:`CardType.EPIC`."""
        return CardType.EPIC


@frozen(kw_only=True, repr=False, eq=False)
class EpicReference(Value):
    """An epic that a rock is made of, and the department whose assets define it."""

    epic: str
    department: str = "core"


@frozen(kw_only=True, repr=False, eq=False)
class Rock(Value):
    """A strategic milestone: epics, driven one after the other in the order listed."""

    id: str
    name: str
    status: CardStatus = CardStatus.READY
    description: str = ""
    owner_department: str = "core"
    task: str = ""
    epics: tuple[EpicReference, ...] = ()
    labels: tuple[str, ...] = ()
    params: Mapping[str, JsonValue] = EMPTY
    references: tuple[str, ...] = ()

    @property
    def type(self) -> CardType:
        """Always :attr:`CardType.ROCK`."""
        return CardType.ROCK


@frozen(kw_only=True, repr=False, eq=False)
class BoardCounts(Value):
    """How many issues of a build stand where."""

    total: int = 0
    done: int = 0
    canceled: int = 0
    ready: int = 0
    running: int = 0
    review: int = 0
    waiting: int = 0

    @property
    def unfinished(self) -> int:
        """Issues that are neither done nor canceled (nor archived, which counts as canceled)."""
        return self.total - self.done - self.canceled
