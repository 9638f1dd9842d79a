"""The frozen set of nodes that a run was wired with, and its fingerprint."""

import copy
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from attrs import Factory, field, frozen

from orket import contracts
from orket._codec import codec, value_digest
from orket._fit import methods
from orket._value import Value
from orket.cards import EMPTY, JsonValue
from orket.errors import WiringError
from orket.events import Digest, Resolution

HOST: Final = "host"  # the distribution of nodes that the host brought itself, and the source that beats all others


@frozen(kw_only=True, repr=False, eq=False)
class KindSpec(Value):
    """A kind of node: its Protocol, the Protocol's methods, and whether they may be ``async def``."""

    kind: str
    protocol: type
    may_be_async: bool = False

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of the methods, in the order the Protocol defines them."""
        return tuple(name for name, _ in methods(self.protocol))

    @property
    def group(self) -> str:
        """The entry-point group under which packages offer such nodes."""
        return f"orket.{self.kind}"

    @property
    def variable(self) -> str:
        """The environment variable that chooses such a node."""
        return f"ORKET_{self.kind.upper()}_NODE"

    @property
    def rule(self) -> str:
        """The key of the organization's ``process_rules`` that chooses such a node."""
        return f"{self.kind}_node"


KINDS: Final[Mapping[str, KindSpec]] = MappingProxyType(
    {
        spec.kind: spec
        for spec in (
            KindSpec(kind="planner", protocol=contracts.PlannerNode, may_be_async=True),
            KindSpec(kind="router", protocol=contracts.RouterNode, may_be_async=True),
            KindSpec(kind="prompt_strategy", protocol=contracts.PromptStrategyNode, may_be_async=True),
            KindSpec(kind="tool_strategy", protocol=contracts.ToolStrategyNode, may_be_async=True),
            KindSpec(kind="evaluator", protocol=contracts.EvaluatorNode, may_be_async=True),
            KindSpec(kind="orchestration_loop", protocol=contracts.OrchestrationLoopPolicyNode),
            KindSpec(kind="loader_strategy", protocol=contracts.LoaderStrategyNode),
            KindSpec(kind="execution_runtime", protocol=contracts.ExecutionRuntimeStrategyNode),
            KindSpec(kind="engine_runtime", protocol=contracts.EngineRuntimePolicyNode),
            KindSpec(kind="pipeline_wiring", protocol=contracts.PipelineWiringStrategyNode),
            KindSpec(kind="sandbox_policy", protocol=contracts.SandboxPolicyNode),
            KindSpec(kind="api_runtime", protocol=contracts.ApiRuntimeStrategyNode),
        )
    }
)


@frozen(kw_only=True, eq=False)
class Binding:
    """A chosen node and where it came from.

    ``distribution`` is ``"host"`` (and ``version`` empty) for a node that the host brought itself. ``options`` are what
    its factory was called with: plain JSON data, never changed afterwards.
    """

    kind: str
    name: str
    node: object = field(repr=False)
    distribution: str
    version: str
    source: str
    options: Mapping[str, JsonValue] = EMPTY

    @property
    def resolution(self) -> Resolution:
        """Everything but the node itself: what the journal keeps."""
        return Resolution(
            kind=self.kind,
            name=self.name,
            distribution=self.distribution,
            version=self.version,
            source=self.source,
            options=self.options,
        )


def _copied(bindings: Mapping[str, Binding]) -> Mapping[str, Binding]:
    return MappingProxyType(dict(bindings))


def _resolved(wiring: "Wiring") -> tuple[Resolution, ...]:
    return tuple(wiring.bindings[kind].resolution for kind in sorted(wiring.bindings))


def _fingerprint(wiring: "Wiring") -> Digest:
    return value_digest([codec().dump(resolution) for resolution in wiring.resolutions])


@frozen(kw_only=True, eq=False)
class Wiring:
    """The nodes of a run, by kind.

    ``resolutions`` are sorted by kind; ``fingerprint`` is the SHA-256 of their canonical JSON, the same everywhere.
    """

    bindings: Mapping[str, Binding] = field(converter=_copied)
    resolutions: tuple[Resolution, ...] = field(init=False, repr=False, default=Factory(_resolved, takes_self=True))
    fingerprint: Digest = field(init=False, default=Factory(_fingerprint, takes_self=True))

    def __getitem__(self, kind: str) -> Binding:
        """Return the binding of a kind.

        Raises:
            WiringError: this wiring was made without that kind.
        """
        try:
            return self.bindings[kind]
        except KeyError:
            raise WiringError([f"no {kind!r} in this wiring; it has: {', '.join(self.bindings)}"]) from None

    def spec(self) -> JsonValue:
        """Return JSON data of which ``DecisionNodeRegistry.build`` makes the same wiring, on this or another machine.

        Raises:
            WiringError: some nodes were brought by the host; only packages can be found again elsewhere.
        """
        brought = [
            f"{it.kind} {it.name!r} was brought by the host and has no spec; offer it from an installed package instead"
            for it in self.resolutions
            if it.distribution == HOST
        ]
        if brought:
            raise WiringError(brought)
        return {
            it.kind: {
                "name": it.name,
                "distribution": it.distribution,
                "version": it.version,
                "source": it.source,
                "options": copy.deepcopy(dict(it.options)),
            }
            for it in self.resolutions
        }
