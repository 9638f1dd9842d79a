__all__ = ['ArchitectureRules', 'BottleneckThresholds', 'Department', 'Dialect', 'Environment', 'INTEGRITY_GUARD', 'Organization', 'Role', 'Seat', 'Team', 'sanitize_name']

class ArchitectureRules(Value):
    cicd_rules: tuple[str, ...]
    idesign_threshold: int
    preferred_stack: Mapping[str, str]
    def __init__(self, *, idesign_threshold: int = ..., preferred_stack: Mapping[str, str] = ..., cicd_rules: tuple[str, ...] = ...) -> None: ...
    ...
class BottleneckThresholds(Value):
    dependency_warning_pct: float
    human_attention_threshold: int
    resource_critical: int
    resource_normal: int
    resource_warning: int
    def __init__(self, *, resource_normal: int = ..., resource_warning: int = ..., resource_critical: int = ..., dependency_warning_pct: float = ..., human_attention_threshold: int = ...) -> None: ...
    ...
class Department(Value):
    name: str
    def __init__(self, *, name: str) -> None: ...
    ...
class Dialect(Value):
    constraints: tuple[str, ...]
    dsl_format: str
    hallucination_guard: str
    model_family: str
    def __init__(self, *, model_family: str, dsl_format: str = ..., constraints: tuple[str, ...] = ..., hallucination_guard: str = ...) -> None: ...
    ...
class Environment(Value):
    description: str
    model: str
    name: str
    params: Mapping[str, JsonValue]
    seed: int | None
    temperature: float
    timeout: float
    def __init__(self, *, name: str, description: str = ..., model: str = ..., temperature: float = ..., timeout: float = ..., seed: int | None = ..., params: Mapping[str, JsonValue] = ...) -> None: ...
    ...
INTEGRITY_GUARD: object
class Organization(Value):
    architecture: ArchitectureRules
    bottleneck_thresholds: BottleneckThresholds
    branding: Mapping[str, JsonValue]
    contact: Mapping[str, JsonValue]
    departments: tuple[Department, ...]
    ethos: str
    name: str
    process_rules: Mapping[str, JsonValue]
    vision: str
    def __init__(self, *, name: str, vision: str = ..., ethos: str = ..., branding: Mapping[str, JsonValue] = ..., architecture: ArchitectureRules = ..., contact: Mapping[str, JsonValue] = ..., departments: tuple[Department, ...] = ..., process_rules: Mapping[str, JsonValue] = ..., bottleneck_thresholds: BottleneckThresholds = ...) -> None: ...
    ...
class Role(Value):
    constraints: tuple[str, ...]
    description: str
    id: str
    intent: str
    name: str
    policy: Mapping[str, JsonValue]
    responsibilities: tuple[str, ...]
    tools: tuple[str, ...]
    def __init__(self, *, name: str, id: str = ..., description: str = ..., intent: str = ..., responsibilities: tuple[str, ...] = ..., constraints: tuple[str, ...] = ..., tools: tuple[str, ...] = ..., policy: Mapping[str, JsonValue] = ...) -> None: ...
    ...
class Seat(Value):
    id: str
    name: str
    roles: tuple[str, ...]
    def __init__(self, *, id: str, name: str, roles: tuple[str, ...] = ...) -> None: ...
    ...
class Team(Value):
    description: str
    def find_seat(self, name: str) -> Seat | None: ...
    name: str
    roles: Mapping[str, Role]
    seats: Mapping[str, Seat]
    def seats_holding(self, role: str) -> tuple[Seat, ...]: ...
    def __init__(self, *, name: str, description: str = ..., seats: Mapping[str, Seat] = ..., roles: Mapping[str, Role] = ...) -> None: ...
    ...
def sanitize_name(name: str) -> str: ...
