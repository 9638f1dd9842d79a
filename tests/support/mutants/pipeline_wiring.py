"""Pipeline wirings that are wrong in one way each."""

from typing import Any

import attrs

from mutants import Mutant
from mutants.answers import foreign
from mutants.nodes import reasoned, universal, unreadable
from orket.contracts import Memory, Rock, Service, ServiceQuestion, SubPipeline, Verifier
from orket.nodes.pipeline_wiring import DefaultPipelineWiringStrategyNode as Default
from orket.testing import PipelineWiringContract


def other(answer: Any, salt: str) -> Any:
    return tuple([reasoned(part, salt) for part in answer]) if isinstance(answer, tuple) else answer


def unwritable(answer: Any) -> Any:
    return tuple([unreadable(part) for part in answer]) if isinstance(answer, tuple) else answer


def sequel(answer: Any) -> Any:
    return foreign(answer) if isinstance(answer, tuple) else answer


class Mute(Default):
    def create_verifier(self, question: ServiceQuestion, /) -> Verifier | None:
        return super().create_verifier(question) or object()  # type: ignore[return-value]


class Handle(Default):
    def create_bug_fix_manager(self, question: ServiceQuestion, /) -> Service | None:
        return question.stock.get("bug_fix_manager")  # type: ignore[return-value]


class Forgetful(Default):
    def create_memory(self, question: ServiceQuestion, /) -> Memory | None:
        return self.create_sandbox_orchestrator(question)  # type: ignore[return-value]


class Brief(Default):
    def select_sub_pipelines(self, rock: Rock, /) -> tuple[SubPipeline, ...]:
        return super().select_sub_pipelines(rock)[:2]


class Twice(Default):
    def select_sub_pipelines(self, rock: Rock, /) -> tuple[SubPipeline, ...]:
        parts = super().select_sub_pipelines(rock)
        return (*parts, *parts[:1])


class OneDepartment(Default):
    def select_sub_pipelines(self, rock: Rock, /) -> tuple[SubPipeline, ...]:
        return tuple([attrs.evolve(it, department=rock.owner_department) for it in super().select_sub_pipelines(rock)])


class NamesBuilds(Default):
    def select_sub_pipelines(self, rock: Rock, /) -> tuple[SubPipeline, ...]:
        return tuple([attrs.evolve(it, build=f"{rock.id}-{it.epic}") for it in super().select_sub_pipelines(rock)])


MUTANTS = (
    *universal(PipelineWiringContract, Default, other=other, unstorable=unwritable, foreign=sequel),
    Mutant(rule="pipeline-wiring-20", make=Mute, how="gives a verifier without methods where there is none"),
    Mutant(rule="pipeline-wiring-21", make=Handle, how="gives the factory instead of the service"),
    Mutant(rule="pipeline-wiring-26", make=Forgetful, how="gives a service that finds nothing as a memory"),
    Mutant(rule="pipeline-wiring-22", make=Brief, how="runs two epics of each rock"),
    Mutant(rule="pipeline-wiring-23", make=Twice, how="runs the first epic again at the end"),
    Mutant(rule="pipeline-wiring-24", make=OneDepartment, how="runs all epics in the department of the rock"),
    Mutant(rule="pipeline-wiring-25", make=NamesBuilds, how="makes builds of names, whatever is in them"),
)
