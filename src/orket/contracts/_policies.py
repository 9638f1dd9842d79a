"""Questions and answers of the policies around the turn: loop, environment, pipelines, sandboxes, hosts with an API."""

import enum
from collections.abc import Callable, Mapping

from attrs import field, frozen

from orket._value import Value
from orket.cards import EMPTY, BoardCounts, CardStatus, WaitReason
from orket.contracts._ports import Isolation
from orket.contracts._questions import Reference
from orket.organization import Organization


@frozen(kw_only=True, repr=False, eq=False)
class LoopQuestion(Value):
    """What loop policies read: the organization, the environment mapping, and how the board stands."""

    organization: Organization
    environ: Mapping[str, str] = EMPTY
    counts: BoardCounts = field(factory=BoardCounts)

    @property
    def reference(self) -> Reference:
        """Organization and the size of the board."""
        return (self.organization.name, self.counts.total)


@frozen(kw_only=True, repr=False, eq=False)
class MissingSeat(Value):
    """What becomes of an issue whose seat the team does not have."""

    status: CardStatus
    reason: str
    wait_reason: WaitReason | None = None


class Rest(enum.StrEnum):
    """How a run without candidates, or without turns left, comes to rest. Never success."""

    STALLED = "stalled"
    FAILED = "failed"


@frozen(kw_only=True, repr=False, eq=False)
class RestAnswer(Value):
    """How the run comes to rest, and why."""

    rest: Rest
    reason: str


@frozen(kw_only=True, repr=False, eq=False)
class EnvironmentQuestion(Value):
    """Which environment mapping is used? ``environ`` is the host's; ``dotenv`` the text of a ``.env`` file, or ""."""

    environ: Mapping[str, str]
    dotenv: str = ""

    @property
    def reference(self) -> Reference:
        """Only sizes: values may be secrets."""
        return (len(self.environ), len(self.dotenv))


@frozen(kw_only=True, repr=False, eq=False)
class ServiceQuestion(Value):
    """Which service does a pipeline get? ``stock`` holds factories of the core's own services by name.

    A service that is not in ``stock`` does not exist there yet; ``"verifier"`` and ``"sandbox_orchestrator"`` do. The
    factory of the latter takes keywords: ``command``, ``engine``, ``limits``, ``ports``, ``runner`` and ``folder``.
    ``isolation`` is what host and
    organization demand of a verifier at least.
    """

    environ: Mapping[str, str]
    stock: Mapping[str, Callable[..., object]]
    isolation: Isolation = Isolation.RLIMITS

    @property
    def reference(self) -> Reference:
        """The names of the stock services."""
        return tuple(sorted(self.stock))


@frozen(kw_only=True, repr=False, eq=False)
class SubPipeline(Value):
    """How one epic of a rock is run: its asset, its department, and its build (None: the stock id)."""

    epic: str
    department: str
    build: str | None = None
    reason: str = ""


class TechStack(enum.StrEnum):
    """The stacks a sandbox can be built for."""

    FASTAPI_REACT_POSTGRES = "fastapi-react-postgres"
    FASTAPI_VUE_MONGO = "fastapi-vue-mongo"
    CSHARP_RAZOR_EF = "csharp-razor-ef"
    NODE_REACT_POSTGRES = "node-react-postgres"
    DJANGO_REACT_POSTGRES = "django-react-postgres"


@frozen(kw_only=True, repr=False, eq=False)
class SandboxPorts(Value):
    """Host ports of a sandbox, on the loopback address only."""

    api: int
    frontend: int
    database: int
    admin: int | None = None


@frozen(kw_only=True, repr=False, eq=False)
class SandboxQuestion(Value):
    """A sandbox to be described. ``product`` is the folder of the sources; the password never enters a record."""

    sandbox_id: str
    stack: TechStack
    ports: SandboxPorts
    product: str
    database_password: str = field(repr=False)

    @property
    def reference(self) -> Reference:
        """Id, stack, ports."""
        return (self.sandbox_id, self.stack.value, self.ports.api, self.ports.frontend, self.ports.database)


@frozen(kw_only=True, repr=False, eq=False)
class AssetQuestion(Value):
    """Which asset does a request of a host's API mean? ``path`` is the URL path, ``issue_id`` a parameter if given."""

    path: str
    issue_id: str | None = None

    @property
    def reference(self) -> Reference:
        """Path and id."""
        return (self.path, self.issue_id)
