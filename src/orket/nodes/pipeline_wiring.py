"""The stock wiring of pipelines: the services that whoever builds the node brings."""

from collections.abc import Callable, Mapping
from typing import TypeVar

from orket.contracts import Rock, Service, SubPipeline, Verifier

S = TypeVar("S")


class DefaultPipelineWiringStrategyNode:
    """Make each service with the factory given for it; a pipeline has no service without a factory.

    Stock nodes know nothing but the contracts, so the stock verifier comes in the same way.
    """

    def __init__(
        self,
        *,
        verifier: Callable[[], Verifier] | None = None,
        sandbox_orchestrator: Callable[[], Service] | None = None,
        bug_fix_manager: Callable[[], Service] | None = None,
        memory: Callable[[], Service] | None = None,
    ) -> None:
        self._verifier = verifier
        self._sandbox_orchestrator = sandbox_orchestrator
        self._bug_fix_manager = bug_fix_manager
        self._memory = memory

    def create_verifier(self, environ: Mapping[str, str], /) -> Verifier | None:  # noqa: ARG002 - part of the contract
        """Return what runs fixtures before review turns."""
        return _make(self._verifier)

    def create_sandbox_orchestrator(self, environ: Mapping[str, str], /) -> Service | None:  # noqa: ARG002
        """Return what builds sandboxes."""
        return _make(self._sandbox_orchestrator)

    def create_bug_fix_manager(self, environ: Mapping[str, str], /) -> Service | None:  # noqa: ARG002
        """Return what runs the bug-fix phase of a finished rock."""
        return _make(self._bug_fix_manager)

    def create_memory(self, environ: Mapping[str, str], /) -> Service | None:  # noqa: ARG002
        """Return what searches remembered decisions."""
        return _make(self._memory)

    def select_sub_pipelines(self, rock: Rock, /) -> tuple[SubPipeline, ...]:
        """Return the rock's epics as they are listed, each in its department, on its own build."""
        return tuple(
            SubPipeline(epic=reference.epic, department=reference.department, reason="as the rock lists it")
            for reference in rock.epics
        )


def _make(factory: Callable[[], S] | None) -> S | None:
    return None if factory is None else factory()
