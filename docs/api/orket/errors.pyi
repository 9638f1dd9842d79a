__all__ = ['AssetNotFoundError', 'BugFixError', 'ComplexityError', 'ConfigError', 'DependencyCycleError', 'EffectConflictError', 'EffectUnknownError', 'FixtureRefusedError', 'GiteaError', 'GovernanceError', 'IsolationError', 'JournalError', 'ModelAuthenticationError', 'ModelConnectionError', 'ModelContextExceededError', 'ModelError', 'ModelReplyError', 'ModelTimeoutError', 'NoSandboxError', 'NodeError', 'OrketError', 'RecallError', 'ResumeError', 'RunError', 'SandboxError', 'SeparationOfDutiesError', 'StorageFault', 'StoreConflictError', 'StoreError', 'StoreVersionError', 'ToolError', 'TransitionError', 'UnknownCardError', 'VerificationError', 'WiringError']

class AssetNotFoundError(ConfigError):
    category: str
    name: str
    searched: tuple[str, ...]
    ...
class BugFixError(OrketError):
    rock: str
    sequel: str
    ...
class ComplexityError(GovernanceError):
    ...
class ConfigError(OrketError):
    def __init__(self, message: str, *, problems: Iterable[str] = ..., **data: Any) -> None: ...
    problems: tuple[str, ...]
    ...
class DependencyCycleError(ConfigError):
    cycle: tuple[str, ...]
    ...
class EffectConflictError(GovernanceError):
    key: str
    ...
class EffectUnknownError(GovernanceError):
    key: str
    ...
class FixtureRefusedError(VerificationError):
    remedy = 'name a fixture below verification/, without links on its path, then unblock the issue'
    rule = 'fixture_outside'
    ...
class GiteaError(OrketError):
    refused: bool
    retryable: bool
    status: int | None
    ...
class GovernanceError(OrketError):
    rule: str
    ...
class IsolationError(VerificationError):
    missing: Mapping[str, str]
    needed: str
    remedy = 'run the build on a machine with this isolation, or lower the demand; then unblock the issue'
    rule = 'isolation_too_weak'
    ...
class JournalError(StoreError):
    last: int
    seq: int
    ...
class ModelAuthenticationError(ModelError):
    permanent = True
    ...
class ModelConnectionError(ModelError):
    retryable = True
    ...
class ModelContextExceededError(ModelError):
    permanent = True
    ...
class ModelError(OrketError):
    permanent = False
    retryable = False
    ...
class ModelReplyError(ModelError):
    ...
class ModelTimeoutError(ModelError):
    retryable = True
    ...
class NoSandboxError(VerificationError):
    rule = 'no_sandbox'
    ...
class NodeError(OrketError):
    distribution: str
    kind: str
    method: str
    node: str
    question: str
    version: str
    ...
class OrketError(Exception):
    def __init__(self, message: str, **data: Any) -> None: ...
    data = data
    message = message
    ...
class RecallError(OrketError):
    ...
class ResumeError(RunError):
    obstacles: tuple[Any, ...]
    ...
class RunError(OrketError):
    ...
class SandboxError(OrketError):
    retryable: bool
    sandbox: str
    ...
class SeparationOfDutiesError(GovernanceError):
    ...
class StorageFault(enum.StrEnum):
    CORRUPT = 'corrupt'
    FULL = 'full'
    IO = 'io'
    LOCKED = 'locked'
    MISSING = 'missing'
    READ_ONLY = 'read_only'
    ...
class StoreConflictError(StoreError):
    card: str
    ...
class StoreError(OrketError):
    advice: str
    fault: StorageFault | None
    ...
class StoreVersionError(StoreError):
    cards: Mapping[str, str]
    found: Any
    known: Any
    ...
class ToolError(OrketError):
    ...
class TransitionError(GovernanceError):
    ...
class UnknownCardError(OrketError):
    card: str
    ...
class VerificationError(OrketError):
    ...
class WiringError(OrketError):
    def __init__(self, problems: Iterable[str], **data: Any) -> None: ...
    problems: tuple[str, ...]
    ...
