"""The stock wiring of pipelines: every stock service that exists, and nothing in place of one that does not."""

from typing import Any

from orket.contracts import Memory, Rock, Service, ServiceQuestion, SubPipeline, Verifier


class DefaultPipelineWiringStrategyNode:
    """Take the stock services, a new one for each question."""

    contract_version = 1

    def create_verifier(self, question: ServiceQuestion, /) -> Verifier | None:
        """Return what runs fixtures before review turns."""
        verifier: Verifier | None = _stock(question, "verifier")
        return verifier

    def create_sandbox_orchestrator(self, question: ServiceQuestion, /) -> Service | None:
        """Return what builds sandboxes."""
        service: Service | None = _stock(question, "sandbox_orchestrator")
        return service

    def create_bug_fix_manager(self, question: ServiceQuestion, /) -> Service | None:
        """Return what runs the bug-fix phase of a finished rock."""
        service: Service | None = _stock(question, "bug_fix_manager")
        return service

    def create_memory(self, question: ServiceQuestion, /) -> Memory | None:
        """Return what searches remembered decisions."""
        memory: Memory | None = _stock(question, "memory")
        return memory

    def select_sub_pipelines(self, rock: Rock, /) -> tuple[SubPipeline, ...]:
        """Return the rock's epics as they are listed, each in its department, on its own build."""
        return tuple(
            SubPipeline(epic=reference.epic, department=reference.department, reason="as the rock lists it")
            for reference in rock.epics
        )


def _stock(question: ServiceQuestion, name: str) -> Any:
    factory = question.stock.get(name)
    return None if factory is None else factory()
