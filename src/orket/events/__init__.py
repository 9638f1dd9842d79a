"""What happened: the records of the journal, frozen and in the past tense.

A :class:`JournalEntry` is one record with its place in the hash-chained journal. ``Record`` is the closed union of
all of them; the codec stores each under the snake-case name of its class, so a class here is never renamed, only
superseded. Long texts (prompts, replies, tool output) are not in records: records name them by the SHA-256 of their
bytes, and the store keeps each such payload once.
"""

import enum
from collections.abc import Mapping
from typing import TypeAlias

from attrs import frozen

from orket._value import Value
from orket.cards import EMPTY, CardStatus, CardType, Issue, JsonValue, VerificationResult, WaitReason
from orket.events._phases import BugFixPhaseEnded as BugFixPhaseEnded
from orket.events._phases import BugFixPhaseExtended as BugFixPhaseExtended
from orket.events._phases import BugFixPhaseStarted as BugFixPhaseStarted
from orket.events._phases import BugReported as BugReported
from orket.events._phases import BugResolved as BugResolved
from orket.events._services import DeliveryAccepted as DeliveryAccepted
from orket.events._services import Digest as Digest
from orket.events._services import SandboxMoved as SandboxMoved


class TurnKind(enum.StrEnum):
    """A work turn moves an issue forward; a review turn judges it."""

    WORK = "work"
    REVIEW = "review"


class RunOutcome(enum.StrEnum):
    """How a run came to rest."""

    DONE = "done"  # every issue is done or canceled
    STALLED = "stalled"  # unfinished issues, and none of them may take a turn
    FAILED = "failed"  # a failure that stops the run: retries or turn budget exhausted
    BLOCKED = "blocked"  # the record could not be read or written; the run can be continued when it can
    HALTED = "halted"  # the host asked it to stop


@frozen(kw_only=True, repr=False, eq=False)
class Resolution(Value):
    """Which node was chosen for a kind, from which distribution, and which source won."""

    kind: str
    name: str
    distribution: str
    version: str
    source: str  # "host" | "environment" | "process_rules" | "default"
    options: Mapping[str, JsonValue] = EMPTY


@frozen(kw_only=True, repr=False, eq=False)
class RunStarted(Value):
    """A run began, or a later run took up the same build.

    ``contract`` is the version of the contracts that its nodes kept.
    """

    build: str
    card: str
    target: str | None
    fingerprint: Digest
    resolutions: tuple[Resolution, ...]
    contract: int = 1


@frozen(kw_only=True, repr=False, eq=False)
class RunFinished(Value):
    """A run came to rest."""

    outcome: RunOutcome
    reason: str
    counts: Mapping[str, int]


@frozen(kw_only=True, repr=False, eq=False)
class CardAdded(Value):
    """An issue joined the board: from the epic's asset (``by="config"``) or created by a seat."""

    issue: Issue
    by: str


@frozen(kw_only=True, repr=False, eq=False)
class CardMoved(Value):
    """The law granted a status change. ``version`` is the card's version after it."""

    before: CardStatus
    after: CardStatus
    by: str
    role: str
    reason: str
    version: int
    retry_count: int = 0
    wait_reason: WaitReason | None = None
    wait_detail: str = ""


@frozen(kw_only=True, repr=False, eq=False)
class CardReprioritized(Value):
    """An operator gave a card another priority. ``version`` is the card's version after it."""

    before: float
    after: float
    by: str
    reason: str
    version: int


@frozen(kw_only=True, repr=False, eq=False)
class CardAdopted(Value):
    """An orphan was taken in: an epic by the rock ``into``, an issue by the epic ``into``.

    ``into`` is "" where a rock was made to take epics in. ``name`` is the orphan's, as ``department`` has it; of a card
    on a board it is the id with which it goes on elsewhere.
    """

    type: CardType
    name: str
    into: str
    by: str
    reason: str = ""
    department: str = "core"


@frozen(kw_only=True, repr=False, eq=False)
class WishRefused(Value):
    """A node or model wished for a status and the law refused it."""

    wish: CardStatus
    by: str
    rule: str
    detail: str


@frozen(kw_only=True, repr=False, eq=False)
class DecisionMade(Value):
    """A decision node answered. ``question`` identifies what it was asked by reference (ids, versions, names)."""

    kind: str
    method: str
    node: str
    question: str
    answer: JsonValue
    reason: str = ""


@frozen(kw_only=True, repr=False, eq=False)
class TurnOpened(Value):
    """A seat took an issue. ``prompt`` lists the digests of the messages.

    ``remembered`` lists those of the remembered decisions that its prompt was offered, ``notes`` those of the notes.
    """

    turn: int
    kind: TurnKind
    seat: str
    roles: tuple[str, ...]
    model: str
    dialect: str
    prompt: tuple[Digest, ...]
    tools: tuple[str, ...]
    self_review: bool = False
    remembered: tuple[Digest, ...] = ()
    notes: tuple[Digest, ...] = ()


@frozen(kw_only=True, repr=False, eq=False)
class TurnResumed(Value):
    """A turn that an earlier run left open was taken up again, with all that was recorded of it."""

    turn: int
    run: str


@frozen(kw_only=True, repr=False, eq=False)
class ModelReplied(Value):
    """A model answered in a round of a turn. ``reply`` is the digest of the encoded :class:`ModelReply`."""

    turn: int
    round: int
    reply: Digest
    prompt_tokens: int = 0
    completion_tokens: int = 0


@frozen(kw_only=True, repr=False, eq=False)
class CallJudged(Value):
    """The tool gate allowed or refused one tool call. ``arguments`` is the digest of the very bytes judged."""

    turn: int
    round: int
    index: int
    tool: str
    arguments: Digest
    allowed: bool
    rule: str = ""
    detail: str = ""


@frozen(kw_only=True, repr=False, eq=False)
class EffectIntended(Value):
    """An allowed tool is about to act outside the store."""

    key: Digest
    turn: int
    round: int
    index: int
    tool: str
    effect: str
    arguments: Digest


@frozen(kw_only=True, repr=False, eq=False)
class EffectRecorded(Value):
    """A tool acted. ``output`` is the digest of what it returned to the model."""

    key: Digest
    ok: bool
    output: Digest


@frozen(kw_only=True, repr=False, eq=False)
class EffectUnknown(Value):
    """An at-most-once effect was begun, and whether it happened is not known. It waits to be settled."""

    key: Digest
    detail: str


@frozen(kw_only=True, repr=False, eq=False)
class EffectSettled(Value):
    """It became known whether an effect happened: its tool was asked, a person said so, or it was never begun.

    Where it did, ``ok`` and ``output`` (a digest) are its result, which the turn takes up as the tool's. Where it did
    not, it may run: a new :class:`EffectIntended` comes before.
    """

    key: Digest
    ran: bool
    by: str
    reason: str = ""
    ok: bool = True
    output: Digest = ""


@frozen(kw_only=True, repr=False, eq=False)
class CommentAdded(Value):
    """A seat (or an operator) left a comment on a card."""

    author: str
    text: str


@frozen(kw_only=True, repr=False, eq=False)
class NoteLeft(Value):
    """A seat left a note for later turns of the build: of a seat, of a role, or of ``all``."""

    author: str
    to: str
    text: str


@frozen(kw_only=True, repr=False, eq=False)
class CardNominated(Value):
    """A seat proposed work that is not on the board."""

    seat: str
    kind: str
    summary: str
    reason: str


@frozen(kw_only=True, repr=False, eq=False)
class CreditsReported(Value):
    """A seat reported what something cost. ``amount`` is in credits, whatever the organization counts."""

    seat: str
    amount: float
    detail: str


@frozen(kw_only=True, repr=False, eq=False)
class RefinementProposed(Value):
    """A seat proposed a change of the organization's assets; nothing is changed by it."""

    seat: str
    target: str
    proposal: str


@frozen(kw_only=True, repr=False, eq=False)
class DecisionRemembered(Value):
    """The evaluator kept a decision for later prompts."""

    text: str


@frozen(kw_only=True, repr=False, eq=False)
class SandboxRequested(Value):
    """The evaluator asked for a sandbox of the issue's product."""

    reason: str


@frozen(kw_only=True, repr=False, eq=False)
class VerificationRecorded(Value):
    """An issue's fixture was run before a review turn, or because the host asked.

    ``version`` is the card's version after it, 0 where the card keeps no trace of it.
    """

    result: VerificationResult
    version: int = 0


@frozen(kw_only=True, repr=False, eq=False)
class FailureReported(Value):
    """A turn failed: what was violated, by what, with which roles, and what helps."""

    turn: int
    violation: str
    detail: str
    attempted: str
    roles: tuple[str, ...]
    remedy: str
    retryable: bool = True


@frozen(kw_only=True, repr=False, eq=False)
class ReportUnwritten(Value):
    """The file beside a failure report, of a turn of this or an earlier run, could not be written; it stays due."""

    turn: int
    run: str
    file: str
    detail: str


@frozen(kw_only=True, repr=False, eq=False)
class TurnClosed(Value):
    """A turn ended. ``status`` is where the issue stands after it, ``wish`` what the model had asked for last."""

    turn: int
    rounds: int
    ok: bool
    status: CardStatus
    detail: str = ""
    wish: CardStatus | None = None
    wait_reason: WaitReason | None = None


_OfRuns: TypeAlias = RunStarted | RunFinished
_OfCards: TypeAlias = CardAdded | CardMoved | CardReprioritized | CardAdopted | CommentAdded | VerificationRecorded
_OfTurns: TypeAlias = WishRefused | DecisionMade | TurnOpened | TurnResumed | ModelReplied | CallJudged | TurnClosed
_OfEffects: TypeAlias = EffectIntended | EffectRecorded | EffectUnknown | EffectSettled
_OfSeats: TypeAlias = NoteLeft | CardNominated | CreditsReported | RefinementProposed | DecisionRemembered
_OfFailures: TypeAlias = FailureReported | ReportUnwritten
_OfServices: TypeAlias = SandboxRequested | SandboxMoved | DeliveryAccepted
_OfPhases: TypeAlias = BugFixPhaseStarted | BugReported | BugResolved | BugFixPhaseExtended | BugFixPhaseEnded
Record: TypeAlias = _OfRuns | _OfCards | _OfTurns | _OfEffects | _OfSeats | _OfFailures | _OfServices | _OfPhases


@frozen(kw_only=True, repr=False, eq=False)
class JournalEntry(Value):
    """One record and its place: ``seq`` grows by one over the whole store, ``at`` is seconds since the epoch (UTC)."""

    seq: int
    at: float
    run: str
    build: str
    card: str | None
    record: Record
