__all__ = ['Adoption', 'Alert', 'AlertKind', 'CriticalPath', 'EpicView', 'IssueView', 'Portfolio', 'Progress', 'QueuedIssue', 'Reconciliation', 'RockView', 'Severity', 'Sprint', 'Stray']

class Adoption(Value):
    at: float
    build: str | None
    by: str
    department: str
    def document(self) -> Document: ...
    epic: Epic | None
    into: str
    issue: Issue | None
    key: str
    name: str
    reason: str
    rock: Rock | None
    stamp: str
    type: CardType
    version: int
    def __init__(self, *, type: CardType, name: str, into: str, by: str, at: float, reason: str = ..., department: str = ..., build: str | None = ..., rock: Rock | None = ..., epic: Epic | None = ..., issue: Issue | None = ..., version: int = ..., stamp: str = ...) -> None: ...
    ...
class Alert(Value):
    detail: str
    error: OrketError | None
    kind: AlertKind
    severity: Severity
    subject: str
    def __init__(self, *, kind: AlertKind, severity: Severity, subject: str, detail: str, error: OrketError | None = ...) -> None: ...
    ...
class AlertKind(enum.StrEnum):
    AMBIGUOUS_ID = 'ambiguous_id'
    ATTENTION = 'attention'
    BROKEN_ASSET = 'broken_asset'
    DEPENDENCY = 'dependency'
    MISSING_EPIC = 'missing_epic'
    MISSING_SEAT = 'missing_seat'
    RESOURCE = 'resource'
    STALLED_EPIC = 'stalled_epic'
    STATUS = 'status'
    ...
class CriticalPath(Value):
    build: str
    issues: tuple[Issue, ...]
    weight: int
    def __init__(self, *, build: str, issues: tuple[Issue, ...]) -> None: ...
    ...
class EpicView(Value):
    adopted: bool
    builds: tuple[str, ...]
    department: str
    epic: Epic | None
    error: OrketError | None
    file: str
    issues: tuple[IssueView, ...]
    name: str
    progress: Progress
    status: CardStatus | None
    def __init__(self, *, name: str, department: str, file: str, epic: Epic | None, status: CardStatus | None, issues: tuple[IssueView, ...] = ..., builds: tuple[str, ...] = ..., progress: Progress = ..., adopted: bool = ..., error: OrketError | None = ...) -> None: ...
    ...
class IssueView(Value):
    build: str | None
    is_running: bool
    issue: Issue
    sprint: str | None
    wait: tuple[WaitReason, str] | None
    def __init__(self, *, issue: Issue, build: str | None = ..., wait: tuple[WaitReason, str] | None = ..., is_running: bool = ..., sprint: str | None = ...) -> None: ...
    ...
class Portfolio(Value):
    alerts: tuple[Alert, ...]
    def epics(self) -> Iterator[EpicView]: ...
    def issues(self) -> Iterator[IssueView]: ...
    def of_sprint(self, label: str) -> Portfolio: ...
    orphan_epics: tuple[EpicView, ...]
    orphan_issues: tuple[IssueView, ...]
    rocks: tuple[RockView, ...]
    sprint: Sprint | None
    def __init__(self, *, rocks: tuple[RockView, ...] = ..., orphan_epics: tuple[EpicView, ...] = ..., orphan_issues: tuple[IssueView, ...] = ..., alerts: tuple[Alert, ...] = ..., sprint: Sprint | None = ...) -> None: ...
    ...
class Progress(Value):
    canceled: int
    done: int
    planned: int
    running: int
    total: int
    unfinished: int
    waiting: int
    def __init__(self, *, total: int = ..., done: int = ..., canceled: int = ..., running: int = ..., waiting: int = ..., planned: int = ...) -> None: ...
    ...
class QueuedIssue(Value):
    build: str
    issue: Issue
    kind: TurnKind
    urgency: float
    def __init__(self, *, build: str, issue: Issue, kind: TurnKind, urgency: float) -> None: ...
    ...
class Reconciliation(Value):
    adopted: tuple[Adoption, ...]
    left: tuple[Stray, ...]
    def __init__(self, *, adopted: tuple[Adoption, ...] = ..., left: tuple[Stray, ...] = ...) -> None: ...
    ...
class RockView(Value):
    department: str
    epics: tuple[EpicView, ...]
    error: OrketError | None
    file: str
    missing: tuple[EpicReference, ...]
    name: str
    progress: Progress
    rock: Rock | None
    shared: tuple[EpicReference, ...]
    status: CardStatus | None
    def __init__(self, *, name: str, department: str, file: str, rock: Rock | None, status: CardStatus | None, epics: tuple[EpicView, ...] = ..., shared: tuple[EpicReference, ...] = ..., missing: tuple[EpicReference, ...] = ..., progress: Progress = ..., error: OrketError | None = ...) -> None: ...
    ...
class Severity(enum.StrEnum):
    CRITICAL = 'critical'
    NOTICE = 'notice'
    WARNING = 'warning'
    ...
class Sprint(Value):
    ends: date
    label: str
    number: int
    starts: date
    def __init__(self, *, label: str, number: int, starts: date, ends: date) -> None: ...
    ...
class Stray(Value):
    build: str | None
    name: str
    type: CardType
    why: str
    def __init__(self, *, type: CardType, name: str, why: str, build: str | None = ...) -> None: ...
    ...
