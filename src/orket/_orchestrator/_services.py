"""The services of an orchestrator, chosen by its pipeline wiring: what runs fixtures, builds sandboxes, and so on."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from attrs import define, frozen

from orket._decide import settle
from orket._flow import Prover, Recollection
from orket._value import Value
from orket._wiring import Wiring
from orket.bugfix import BugFixRules, DefaultBugFixManager, bug_fix_rules
from orket.cards import Issue, Scenario, ScenarioResult
from orket.contracts import (
    BugFixManager,
    Clock,
    EndpointVerifier,
    Isolation,
    Memory,
    SandboxLookup,
    Service,
    ServiceQuestion,
    Store,
    Verifier,
)
from orket.organization import Organization


@frozen(kw_only=True, repr=False, eq=False)
class Ground(Value):
    """What the stock services stand on. The store is not open yet when they are made."""

    organization: Organization
    wiring: Wiring
    environ: Mapping[str, str]
    isolation: Isolation
    store: Store
    clock: Clock
    entropy: Callable[[int], bytes]
    workspace: Path


@define(kw_only=True, repr=False, eq=False)
class Services:
    """What all runs of one orchestrator share beside its store; None where the pipeline wiring wants none."""

    isolation: Isolation
    verifier: Verifier | None
    sandboxes: Service | None
    endpoints: EndpointVerifier | None
    recollection: Recollection
    bug_fixes: Service | None

    @property
    def prover(self) -> Prover:
        """What proves the work of issues."""
        return Prover(verifier=self.verifier, endpoints=self.endpoints, isolation=self.isolation)

    def owned(self) -> tuple[Service, ...]:
        """Return the services that are closed with the orchestrator, before its store."""
        found = (self.sandboxes, self.bug_fixes, self.recollection.memory)
        return tuple([service for service in found if service is not None])


def furnish(ground: Ground) -> Services:
    """Ask the pipeline wiring for every service, and return them.

    Raises:
        NodeError: the node broke its contract.
        ConfigError: process rules that a service reads are wrong.
    """
    question = ServiceQuestion(environ=ground.environ, stock=_stock(ground), isolation=ground.isolation)

    def chosen(method: str) -> Any:
        return settle(ground.wiring["pipeline_wiring"], method, question)

    sandboxes = chosen("create_sandbox_orchestrator")
    return Services(
        isolation=ground.isolation,
        verifier=chosen("create_verifier"),
        sandboxes=sandboxes,
        endpoints=_Endpoints(sandboxes) if isinstance(sandboxes, SandboxLookup) else None,
        recollection=Recollection(memory=chosen("create_memory"), store=ground.store, clock=ground.clock),
        bug_fixes=chosen("create_bug_fix_manager"),
    )


def _stock(ground: Ground) -> Mapping[str, Callable[..., object]]:
    """Return the factories of the core's own services by name; what is slow to import is imported when one is made.

    Raises:
        ConfigError: process rules that one of them reads are wrong.
    """
    rules = bug_fix_rules(ground.organization)
    return {
        "verifier": partial(_verifier, ground),
        "sandbox_orchestrator": partial(_sandboxes, ground),
        "bug_fix_manager": partial(_bug_fix_manager, ground, rules),
        "memory": _memory,
    }


def _verifier(ground: Ground) -> Verifier:
    from orket.verification import SubprocessVerifier  # subprocess, tempfile and shutil: not at the import of orket

    return SubprocessVerifier(minimum=ground.isolation)


def _memory() -> Memory:
    from orket.memory import FullTextMemory  # sqlite3 and unicodedata: as above

    return FullTextMemory()


def _bug_fix_manager(ground: Ground, rules: BugFixRules) -> BugFixManager:
    return DefaultBugFixManager(ground.store, ground.clock, ground.entropy, rules)


def _sandboxes(ground: Ground, **chosen: Any) -> Service:
    from orket.sandbox import SandboxOrchestrator, passed_environment  # as above
    from orket.verification import LocalCommandRunner

    chosen.setdefault("runner", LocalCommandRunner(environ=passed_environment(ground.environ)))
    chosen.setdefault("folder", _beside(ground))
    return SandboxOrchestrator(
        store=ground.store,
        policy=ground.wiring["sandbox_policy"],
        workspace=ground.workspace,
        clock=ground.clock,
        entropy=ground.entropy,
        environ=ground.environ,
        process_rules=ground.organization.process_rules,
        **chosen,
    )


def _beside(ground: Ground) -> Path:
    """Return the folder of the sandboxes: beside the store's file, or beside the workspace where it has none."""
    place = ground.store.location or ground.workspace.parent / f"{ground.workspace.name}.orket" / "memory"
    return place.with_name(f"{place.name}.sandboxes")


@define(eq=False, repr=False)
class _Endpoints:
    """Calls endpoints; what does that is made with the first call: it needs an HTTP library, which many do without."""

    _sandboxes: SandboxLookup
    _verifier: EndpointVerifier | None = None

    async def call(self, issue: Issue, scenarios: Sequence[Scenario], /) -> tuple[ScenarioResult, ...]:
        if self._verifier is None:
            from orket.verification import HttpEndpoints  # as above

            self._verifier = HttpEndpoints(self._sandboxes)
        return await self._verifier.call(issue, scenarios)
