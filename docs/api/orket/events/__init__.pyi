__all__ = ['BugFixPhaseEnded', 'BugFixPhaseExtended', 'BugFixPhaseStarted', 'BugReported', 'BugResolved', 'CallJudged', 'CardAdded', 'CardAdopted', 'CardMoved', 'CardNominated', 'CardReprioritized', 'CommentAdded', 'CreditsReported', 'DecisionMade', 'DecisionRemembered', 'DeliveryAccepted', 'Digest', 'EffectIntended', 'EffectRecorded', 'EffectSettled', 'EffectUnknown', 'FailureReported', 'JournalEntry', 'ModelReplied', 'NoteLeft', 'Record', 'RefinementProposed', 'ReportUnwritten', 'Resolution', 'RunFinished', 'RunOutcome', 'RunStarted', 'SandboxMoved', 'SandboxRequested', 'TurnClosed', 'TurnKind', 'TurnOpened', 'TurnResumed', 'VerificationRecorded', 'WishRefused']

class BugFixPhaseEnded(Value):
    number: int
    reason: str
    remaining: tuple[str, ...]
    sequel: str
    def __init__(self, *, number: int, reason: str, remaining: tuple[str, ...] = ..., sequel: str = ...) -> None: ...
    ...
class BugFixPhaseExtended(Value):
    ends_at: float
    number: int
    reason: str
    def __init__(self, *, number: int, ends_at: float, reason: str) -> None: ...
    ...
class BugFixPhaseStarted(Value):
    began_at: float
    ends_at: float
    number: int
    run: str
    def __init__(self, *, number: int, run: str, began_at: float, ends_at: float) -> None: ...
    ...
class BugReported(Value):
    bug: str
    by: str
    found_in: str
    severity: str
    title: str
    def __init__(self, *, bug: str, title: str, severity: str, by: str, found_in: str = ...) -> None: ...
    ...
class BugResolved(Value):
    bug: str
    by: str
    reason: str
    def __init__(self, *, bug: str, by: str, reason: str = ...) -> None: ...
    ...
class CallJudged(Value):
    allowed: bool
    arguments: Digest
    detail: str
    index: int
    round: int
    rule: str
    tool: str
    turn: int
    def __init__(self, *, turn: int, round: int, index: int, tool: str, arguments: Digest, allowed: bool, rule: str = ..., detail: str = ...) -> None: ...
    ...
class CardAdded(Value):
    by: str
    issue: Issue
    def __init__(self, *, issue: Issue, by: str) -> None: ...
    ...
class CardAdopted(Value):
    by: str
    department: str
    into: str
    name: str
    reason: str
    type: CardType
    def __init__(self, *, type: CardType, name: str, into: str, by: str, reason: str = ..., department: str = ...) -> None: ...
    ...
class CardMoved(Value):
    after: CardStatus
    before: CardStatus
    by: str
    reason: str
    retry_count: int
    role: str
    version: int
    wait_detail: str
    wait_reason: WaitReason | None
    def __init__(self, *, before: CardStatus, after: CardStatus, by: str, role: str, reason: str, version: int, retry_count: int = ..., wait_reason: WaitReason | None = ..., wait_detail: str = ...) -> None: ...
    ...
class CardNominated(Value):
    kind: str
    reason: str
    seat: str
    summary: str
    def __init__(self, *, seat: str, kind: str, summary: str, reason: str) -> None: ...
    ...
class CardReprioritized(Value):
    after: float
    before: float
    by: str
    reason: str
    version: int
    def __init__(self, *, before: float, after: float, by: str, reason: str, version: int) -> None: ...
    ...
class CommentAdded(Value):
    author: str
    text: str
    def __init__(self, *, author: str, text: str) -> None: ...
    ...
class CreditsReported(Value):
    amount: float
    detail: str
    seat: str
    def __init__(self, *, seat: str, amount: float, detail: str) -> None: ...
    ...
class DecisionMade(Value):
    answer: JsonValue
    kind: str
    method: str
    node: str
    question: str
    reason: str
    def __init__(self, *, kind: str, method: str, node: str, question: str, answer: JsonValue, reason: str = ...) -> None: ...
    ...
class DecisionRemembered(Value):
    text: str
    def __init__(self, *, text: str) -> None: ...
    ...
class DeliveryAccepted(Value):
    by: str
    cycles: int
    delivery: Digest
    event: str
    head: str
    reason: str
    def __init__(self, *, delivery: Digest, event: str, by: str, head: str, cycles: int, reason: str) -> None: ...
    ...
Digest: TypeAlias
class EffectIntended(Value):
    arguments: Digest
    effect: str
    index: int
    key: Digest
    round: int
    tool: str
    turn: int
    def __init__(self, *, key: Digest, turn: int, round: int, index: int, tool: str, effect: str, arguments: Digest) -> None: ...
    ...
class EffectRecorded(Value):
    key: Digest
    ok: bool
    output: Digest
    def __init__(self, *, key: Digest, ok: bool, output: Digest) -> None: ...
    ...
class EffectSettled(Value):
    by: str
    key: Digest
    ok: bool
    output: Digest
    ran: bool
    reason: str
    def __init__(self, *, key: Digest, ran: bool, by: str, reason: str = ..., ok: bool = ..., output: Digest = ...) -> None: ...
    ...
class EffectUnknown(Value):
    detail: str
    key: Digest
    def __init__(self, *, key: Digest, detail: str) -> None: ...
    ...
class FailureReported(Value):
    attempted: str
    detail: str
    remedy: str
    retryable: bool
    roles: tuple[str, ...]
    turn: int
    violation: str
    def __init__(self, *, turn: int, violation: str, detail: str, attempted: str, roles: tuple[str, ...], remedy: str, retryable: bool = ...) -> None: ...
    ...
class JournalEntry(Value):
    at: float
    build: str
    card: str | None
    record: Record
    run: str
    seq: int
    def __init__(self, *, seq: int, at: float, run: str, build: str, card: str | None, record: Record) -> None: ...
    ...
class ModelReplied(Value):
    completion_tokens: int
    prompt_tokens: int
    reply: Digest
    round: int
    turn: int
    def __init__(self, *, turn: int, round: int, reply: Digest, prompt_tokens: int = ..., completion_tokens: int = ...) -> None: ...
    ...
class NoteLeft(Value):
    author: str
    text: str
    to: str
    def __init__(self, *, author: str, to: str, text: str) -> None: ...
    ...
Record: TypeAlias
class RefinementProposed(Value):
    proposal: str
    seat: str
    target: str
    def __init__(self, *, seat: str, target: str, proposal: str) -> None: ...
    ...
class ReportUnwritten(Value):
    detail: str
    file: str
    run: str
    turn: int
    def __init__(self, *, turn: int, run: str, file: str, detail: str) -> None: ...
    ...
class Resolution(Value):
    distribution: str
    kind: str
    name: str
    options: Mapping[str, JsonValue]
    source: str
    version: str
    def __init__(self, *, kind: str, name: str, distribution: str, version: str, source: str, options: Mapping[str, JsonValue] = ...) -> None: ...
    ...
class RunFinished(Value):
    counts: Mapping[str, int]
    outcome: RunOutcome
    reason: str
    def __init__(self, *, outcome: RunOutcome, reason: str, counts: Mapping[str, int]) -> None: ...
    ...
class RunOutcome(enum.StrEnum):
    BLOCKED = 'blocked'
    DONE = 'done'
    FAILED = 'failed'
    HALTED = 'halted'
    STALLED = 'stalled'
    ...
class RunStarted(Value):
    build: str
    card: str
    contract: int
    fingerprint: Digest
    resolutions: tuple[Resolution, ...]
    target: str | None
    def __init__(self, *, build: str, card: str, target: str | None, fingerprint: Digest, resolutions: tuple[Resolution, ...], contract: int = ...) -> None: ...
    ...
class SandboxMoved(Value):
    after: str
    before: str
    reason: str
    sandbox: str
    version: int
    def __init__(self, *, sandbox: str, before: str, after: str, reason: str, version: int) -> None: ...
    ...
class SandboxRequested(Value):
    reason: str
    def __init__(self, *, reason: str) -> None: ...
    ...
class TurnClosed(Value):
    detail: str
    ok: bool
    rounds: int
    status: CardStatus
    turn: int
    wait_reason: WaitReason | None
    wish: CardStatus | None
    def __init__(self, *, turn: int, rounds: int, ok: bool, status: CardStatus, detail: str = ..., wish: CardStatus | None = ..., wait_reason: WaitReason | None = ...) -> None: ...
    ...
class TurnKind(enum.StrEnum):
    REVIEW = 'review'
    WORK = 'work'
    ...
class TurnOpened(Value):
    dialect: str
    kind: TurnKind
    model: str
    notes: tuple[Digest, ...]
    prompt: tuple[Digest, ...]
    remembered: tuple[Digest, ...]
    roles: tuple[str, ...]
    seat: str
    self_review: bool
    tools: tuple[str, ...]
    turn: int
    def __init__(self, *, turn: int, kind: TurnKind, seat: str, roles: tuple[str, ...], model: str, dialect: str, prompt: tuple[Digest, ...], tools: tuple[str, ...], self_review: bool = ..., remembered: tuple[Digest, ...] = ..., notes: tuple[Digest, ...] = ...) -> None: ...
    ...
class TurnResumed(Value):
    run: str
    turn: int
    def __init__(self, *, turn: int, run: str) -> None: ...
    ...
class VerificationRecorded(Value):
    result: VerificationResult
    version: int
    def __init__(self, *, result: VerificationResult, version: int = ...) -> None: ...
    ...
class WishRefused(Value):
    by: str
    detail: str
    rule: str
    wish: CardStatus
    def __init__(self, *, wish: CardStatus, by: str, rule: str, detail: str) -> None: ...
    ...
