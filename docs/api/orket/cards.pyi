__all__ = ['ArchitectureGovernance', 'BoardCounts', 'CardStatus', 'CardType', 'EMPTY', 'Epic', 'EpicReference', 'Issue', 'JsonValue', 'Metrics', 'Rock', 'Scenario', 'ScenarioResult', 'Verification', 'VerificationResult', 'WaitReason']

class ArchitectureGovernance(Value):
    idesign: bool | None
    pattern: str
    reasoning: str
    def __init__(self, *, idesign: bool | None = ..., pattern: str = ..., reasoning: str = ...) -> None: ...
    ...
class BoardCounts(Value):
    canceled: int
    done: int
    ready: int
    review: int
    running: int
    total: int
    unfinished: int
    waiting: int
    def __init__(self, *, total: int = ..., done: int = ..., canceled: int = ..., ready: int = ..., running: int = ..., review: int = ..., waiting: int = ...) -> None: ...
    ...
class CardStatus(enum.StrEnum):
    ARCHIVED = 'archived'
    BLOCKED = 'blocked'
    CANCELED = 'canceled'
    CODE_REVIEW = 'code_review'
    DONE = 'done'
    IN_PROGRESS = 'in_progress'
    READY = 'ready'
    READY_FOR_TESTING = 'ready_for_testing'
    WAITING_FOR_DEVELOPER = 'waiting_for_developer'
    is_terminal: bool
    ...
class CardType(enum.StrEnum):
    EPIC = 'epic'
    ISSUE = 'issue'
    ROCK = 'rock'
    ...
EMPTY: Final[Mapping[str, JsonValue]]
class Epic(Value):
    architecture_governance: ArchitectureGovernance
    build: str | None
    department: str
    description: str
    environment: str
    id: str
    issues: tuple[Issue, ...]
    labels: tuple[str, ...]
    metrics: Metrics | None
    name: str
    params: Mapping[str, JsonValue]
    parent: str | None
    references: tuple[str, ...]
    requirements: str
    sprint: str | None
    status: CardStatus
    team: str
    type: CardType
    def __init__(self, *, id: str, name: str, team: str, environment: str, status: CardStatus = ..., description: str = ..., department: str = ..., requirements: str = ..., issues: tuple[Issue, ...] = ..., build: str | None = ..., parent: str | None = ..., sprint: str | None = ..., labels: tuple[str, ...] = ..., params: Mapping[str, JsonValue] = ..., references: tuple[str, ...] = ..., architecture_governance: ArchitectureGovernance = ..., metrics: Metrics | None = ...) -> None: ...
    ...
class EpicReference(Value):
    department: str
    epic: str
    def __init__(self, *, epic: str, department: str = ...) -> None: ...
    ...
class Issue(Value):
    assignee: str | None
    build: str | None
    created_at: float
    depends_on: tuple[str, ...]
    id: str
    labels: tuple[str, ...]
    max_retries: int
    metrics: Metrics | None
    name: str
    note: str
    params: Mapping[str, JsonValue]
    parent: str | None
    priority: float
    references: tuple[str, ...]
    requirements: str
    retry_count: int
    seat: str
    sprint: str | None
    status: CardStatus
    type: CardType
    verification: Verification | None
    version: int
    wait_detail: str
    wait_reason: WaitReason | None
    def __init__(self, *, id: str, name: str, seat: str, status: CardStatus = ..., priority: float = ..., assignee: str | None = ..., wait_reason: WaitReason | None = ..., wait_detail: str = ..., note: str = ..., requirements: str = ..., depends_on: tuple[str, ...] = ..., parent: str | None = ..., build: str | None = ..., sprint: str | None = ..., labels: tuple[str, ...] = ..., params: Mapping[str, JsonValue] = ..., references: tuple[str, ...] = ..., retry_count: int = ..., max_retries: int = ..., verification: Verification | None = ..., metrics: Metrics | None = ..., created_at: float = ..., version: int = ...) -> None: ...
    ...
JsonValue: object
class Metrics(Value):
    audit_date: str
    criteria_scores: Mapping[str, float]
    grade: str
    score: float
    shippability_threshold: float
    summary: str
    def __init__(self, *, score: float = ..., grade: str = ..., audit_date: str = ..., criteria_scores: Mapping[str, float] = ..., summary: str = ..., shippability_threshold: float = ...) -> None: ...
    ...
class Rock(Value):
    description: str
    epics: tuple[EpicReference, ...]
    id: str
    labels: tuple[str, ...]
    name: str
    owner_department: str
    params: Mapping[str, JsonValue]
    references: tuple[str, ...]
    status: CardStatus
    task: str
    type: CardType
    def __init__(self, *, id: str, name: str, status: CardStatus = ..., description: str = ..., owner_department: str = ..., task: str = ..., epics: tuple[EpicReference, ...] = ..., labels: tuple[str, ...] = ..., params: Mapping[str, JsonValue] = ..., references: tuple[str, ...] = ...) -> None: ...
    ...
class Scenario(Value):
    description: str
    endpoint: str
    expected: JsonValue
    expected_status: int
    id: str
    input: JsonValue
    method: str
    def __init__(self, *, id: str, description: str = ..., input: JsonValue = ..., expected: JsonValue = ..., endpoint: str = ..., method: str = ..., expected_status: int = ...) -> None: ...
    ...
class ScenarioResult(Value):
    detail: str
    id: str
    passed: bool
    def __init__(self, *, id: str, passed: bool, detail: str = ...) -> None: ...
    ...
class Verification(Value):
    fixture: str | None
    last_run: VerificationResult | None
    proves: bool
    scenarios: tuple[Scenario, ...]
    def __init__(self, *, fixture: str | None = ..., scenarios: tuple[Scenario, ...] = ..., last_run: VerificationResult | None = ...) -> None: ...
    ...
class VerificationResult(Value):
    detail: str
    isolation: str
    log: str
    passed: bool
    scenarios: tuple[ScenarioResult, ...]
    def __init__(self, *, passed: bool, scenarios: tuple[ScenarioResult, ...] = ..., detail: str = ..., isolation: str = ..., log: str = ...) -> None: ...
    ...
class WaitReason(enum.StrEnum):
    DEPENDENCY = 'dependency'
    INPUT = 'input'
    RESOURCE = 'resource'
    REVIEW = 'review'
    SYSTEM = 'system'
    ...
