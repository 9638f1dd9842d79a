"""Frozen questions and answers of the nodes that decide within a turn.

Every question has a ``reference``: the scalars that identify it (ids with versions, names, numbers). The core records
the reference instead of the whole question: with the card versions in the journal it says exactly what was asked.
Every answer carries a ``reason`` for the people who ask "why did this card do that?".
"""

import enum
from collections.abc import Iterator, Mapping
from typing import Protocol, TypeAlias

from attrs import field, frozen

from orket._value import Value
from orket.cards import CardStatus, Epic, Issue, VerificationResult, WaitReason
from orket.contracts._ports import Message, ToolSpec
from orket.events import TurnKind
from orket.organization import Dialect, Environment, Organization, Role, Seat, Team

Reference: TypeAlias = tuple[object, ...]


def _cards(issues: tuple[Issue, ...]) -> str:
    return ",".join([f"{issue.id}@{issue.version}" for issue in issues])


class Backlog(Protocol):
    """A read-only, lazy view of all issues of the build, for planners that want more than the window."""

    def __len__(self) -> int:
        """Return the number of issues."""
        ...

    def __iter__(self) -> Iterator[Issue]:
        """Iterate over the issues in the order they joined the board."""
        ...

    def get(self, issue_id: str, /) -> Issue | None:
        """Return one issue, or None."""
        ...

    def dependents(self, issue_id: str, /) -> tuple[str, ...]:
        """Return the ids of the issues that wait for *issue_id*."""
        ...


@frozen(kw_only=True, repr=False, eq=False)
class PlanQuestion(Value):
    """Which candidates take a turn now.

    ``review`` and ``ready`` are windows of the candidates in domain order (priority plus critical-path weight, then
    age); ``backlog`` reaches all other issues. ``slots`` ≥ 1 is how many turns may start now.
    """

    review: tuple[Issue, ...]
    ready: tuple[Issue, ...]
    running: tuple[Issue, ...]
    slots: int
    target_issue_id: str | None = None
    backlog: Backlog = field(eq=False)

    @property
    def reference(self) -> Reference:
        """Cards by id and version, slots and target."""
        return (_cards(self.review), _cards(self.ready), _cards(self.running), self.slots, self.target_issue_id)


@frozen(kw_only=True, repr=False, eq=False)
class Plan(Value):
    """Issues that take a turn now, first one first; may be empty while something runs."""

    issue_ids: tuple[str, ...]
    reason: str = ""


@frozen(kw_only=True, repr=False, eq=False)
class RouteQuestion(Value):
    """Which seat of the team takes this turn? ``busy`` names the seats of turns that run now."""

    issue: Issue
    team: Team
    kind: TurnKind
    busy: tuple[str, ...] = ()

    @property
    def reference(self) -> Reference:
        """The card, the team, the kind of turn."""
        return (self.issue.id, self.issue.version, self.team.name, self.kind, *self.busy)


@frozen(kw_only=True, repr=False, eq=False)
class Route(Value):
    """The seat (its key in the team) that takes the turn; None when the team has none for it."""

    seat: str | None
    reason: str = ""


@frozen(kw_only=True, repr=False, eq=False)
class ModelQuestion(Value):
    """Which model answers? The fields stand in order of precedence; "" or a missing key means: not said.

    ``epic`` comes without its issues, which are on the board.
    """

    issue: Issue
    epic: Epic
    role: str
    environment: Environment
    host_override: str = ""
    user_preference: str = ""
    organization_default: str = ""

    @property
    def reference(self) -> Reference:
        """Epic, role, environment and the three overrides."""
        return (
            self.epic.id,
            self.role,
            self.environment.name,
            self.host_override,
            self.user_preference,
            self.organization_default,
        )


@frozen(kw_only=True, repr=False, eq=False)
class ModelChoice(Value):
    """The model's name as its server knows it."""

    model: str
    reason: str = ""


@frozen(kw_only=True, repr=False, eq=False)
class DialectQuestion(Value):
    """In which dialect is the model spoken to? ``families`` are the dialects there are, ``generic`` among them."""

    model: str
    families: tuple[str, ...]

    @property
    def reference(self) -> Reference:
        """Model and families."""
        return (self.model, *self.families)


@frozen(kw_only=True, repr=False, eq=False)
class DialectChoice(Value):
    """The family whose dialect is used: one of the question's families."""

    family: str
    reason: str = ""


@frozen(kw_only=True, repr=False, eq=False)
class PromptQuestion(Value):
    """What is the model told? ``history`` is this issue's past, oldest first, already cut to the context window.

    ``epic`` comes without its issues, which are on the board. ``remembered`` are decisions that go with the issue, the
    most relevant first, ``notes`` what seats of this build have left for this seat, its roles or all, the newest last;
    of each as many as the context window holds. Models of other turns said both.
    """

    issue: Issue
    epic: Epic
    organization: Organization
    seat: Seat
    roles: tuple[Role, ...]
    kind: TurnKind
    dialect: Dialect
    tools: tuple[ToolSpec, ...]
    history: tuple[str, ...] = ()
    remembered: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    verification: VerificationResult | None = None

    @property
    def reference(self) -> Reference:
        """Card, seat, roles, kind of turn, dialect, tools, and how much history there is."""
        return (
            self.issue.id,
            self.issue.version,
            self.seat.id,
            ",".join([role.name for role in self.roles]),
            self.kind,
            self.dialect.model_family,
            ",".join([tool.name for tool in self.tools]),
            len(self.history),
            len(self.remembered),
        )


@frozen(kw_only=True, repr=False, eq=False)
class Prompt(Value):
    """The messages of the first round; at least one."""

    messages: tuple[Message, ...]
    reason: str = ""


@frozen(kw_only=True, repr=False, eq=False)
class ToolsetQuestion(Value):
    """Which tools is a turn offered? ``available`` are all tools of the orchestrator by name.

    ``wishes`` are the statuses that the law could grant this seat now.
    """

    issue: Issue
    seat: Seat
    roles: tuple[Role, ...]
    kind: TurnKind
    available: Mapping[str, ToolSpec]
    wishes: tuple[CardStatus, ...]

    @property
    def reference(self) -> Reference:
        """Card, seat, roles, kind of turn, wishes."""
        roles = ",".join([role.name for role in self.roles])
        return (self.issue.id, self.issue.version, self.seat.id, roles, self.kind, ",".join(self.wishes))


@frozen(kw_only=True, repr=False, eq=False)
class Toolset(Value):
    """The tools offered: unique names, each available. A schema may be narrowed; the gate judges by the tool's own."""

    tools: tuple[ToolSpec, ...]
    reason: str = ""


class FailureKind(enum.StrEnum):
    """What went wrong in a turn."""

    GOVERNANCE = "governance"  # the turn ended on a refused call
    MODEL = "model"  # the model did not answer, after all retries of the exchange
    REPLY = "reply"  # the answer could not be read, or asked for nothing
    TOOL = "tool"  # the turn ended on a failed tool
    NODE = "node"  # a decision node, or the memory, failed or broke its contract within the turn
    ROUNDS = "rounds"  # the turn used up its rounds


@frozen(kw_only=True, repr=False, eq=False)
class TurnReport(Value):
    """What a turn came to, as the evaluator sees it. ``wish`` is the last status asked for and allowed."""

    turn: int
    kind: TurnKind
    seat: str
    roles: tuple[str, ...]
    rounds: int
    text: str
    wish: CardStatus | None
    wait_reason: WaitReason | None = None
    calls: int = 0
    refused: int = 0
    verification: VerificationResult | None = None


@frozen(kw_only=True, repr=False, eq=False)
class SuccessQuestion(Value):
    """The turn ended well: what does it mean? ``wishes`` are the statuses that the law could grant now."""

    issue: Issue
    report: TurnReport
    wishes: tuple[CardStatus, ...]

    @property
    def reference(self) -> Reference:
        """Card, turn, wish and wishes."""
        return (self.issue.id, self.issue.version, self.report.turn, self.report.wish, ",".join(self.wishes))


@frozen(kw_only=True, repr=False, eq=False)
class SuccessAnswer(Value):
    """A wish for a status (None: leave it), a decision worth remembering, whether a sandbox is wanted.

    ``wait_reason`` goes with a wish for a status that needs one, and with no other.
    """

    wish: CardStatus | None = None
    wait_reason: WaitReason | None = None
    remember: str | None = None
    sandbox: bool = False
    reason: str = ""


@frozen(kw_only=True, repr=False, eq=False)
class FailureQuestion(Value):
    """The turn failed: what now? ``issue`` carries ``retry_count`` and ``max_retries``.

    ``retryable`` is False where no further turn can succeed until somebody repairs something.
    """

    issue: Issue
    report: TurnReport
    kind: FailureKind
    detail: str
    retryable: bool = True

    @property
    def reference(self) -> Reference:
        """Card, turn, kind of failure, retries so far."""
        return (self.issue.id, self.issue.version, self.report.turn, self.kind, self.issue.retry_count)


class FailureAction(enum.StrEnum):
    """What to do with an issue whose turn failed."""

    RETRY = "retry"  # back to ready
    BLOCK = "block"  # blocked, with a wait reason
    ABORT = "abort"  # blocked, and the run stops


@frozen(kw_only=True, repr=False, eq=False)
class FailureAnswer(Value):
    """What to do, the new retry count (never smaller), and the wait reason when it blocks."""

    action: FailureAction
    retry_count: int
    wait_reason: WaitReason | None = None
    remedy: str = ""
    reason: str = ""
