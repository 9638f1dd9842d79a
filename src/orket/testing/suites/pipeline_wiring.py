"""What a pipeline wiring strategy owes."""

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from hypothesis import assume, reject
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from orket._fit import misfits
from orket.contracts import (
    EpicReference,
    Memory,
    PipelineWiringStrategyNode,
    Rock,
    Service,
    ServiceQuestion,
    SubPipeline,
    Verifier,
)
from orket.testing._nodes import NodeContract
from orket.testing._suite import rule
from orket.testing.strategies import alone, rocks, service_questions

_SERVICES: Final = ("create_sandbox_orchestrator", "create_bug_fix_manager")
_MADE: Final = ("create_verifier", *_SERVICES, "create_memory")
_FILE_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
_MANY: Final = Rock(id="many", name="Many", epics=tuple([EpicReference(epic=f"epic-{it}") for it in range(1000)]))


class PipelineWiringContract(NodeContract[PipelineWiringStrategyNode]):
    """The rules of pipeline wiring strategies."""

    kind: ClassVar[str] = "pipeline_wiring"
    prefix: ClassVar[str] = "pipeline-wiring"

    @classmethod
    def questions(cls) -> Mapping[str, SearchStrategy[tuple[Any, ...]]]:
        """Return by method what generates its arguments."""
        created = {method: alone(service_questions()) for method in _MADE}
        return {**created, "select_sub_pipelines": alone(rocks())}

    @classmethod
    def ordinary(cls) -> Mapping[str, tuple[Any, ...]]:
        """Return by method the arguments of a question that every node must answer."""
        question = ServiceQuestion(environ={}, stock={})
        created = dict.fromkeys(_MADE, (question,))
        rock = Rock(id="autumn", name="Autumn", epics=(EpicReference(epic="launch"), EpicReference(epic="press")))
        return {**created, "select_sub_pipelines": (rock,)}

    @classmethod
    def large_questions(cls) -> Mapping[str, SearchStrategy[tuple[Any, ...]]]:
        """Return a rock of a thousand epics."""
        return {"select_sub_pipelines": st.just((_MANY,))}

    def alike(self, first: Any, second: Any) -> bool:
        """Return whether two answers are the same; services are when they are of one class."""
        if isinstance(first, tuple):
            return super().alike(first, second)
        return type(first) is type(second)

    async def parts(self, rock: Rock) -> tuple[SubPipeline, ...]:
        """Return how a new node runs the rock's epics; anything else makes the example not count."""
        found = await self.valid("select_sub_pipelines", rock, answer=tuple)
        if not all(type(part) is SubPipeline for part in found):
            reject()
        return found

    @rule("20", question=service_questions())
    async def creates_verifiers(self, question: ServiceQuestion) -> None:
        """A verifier that is created has the methods of its protocol."""
        verifier = await self.ask("create_verifier", question)
        assert verifier is None or not list(misfits(verifier, Verifier))

    @rule("21", method=st.sampled_from(_SERVICES), question=service_questions())
    async def creates_services(self, method: str, question: ServiceQuestion) -> None:
        """A service that is created has the methods of its protocol."""
        service = await self.ask(method, question)
        assert service is None or not list(misfits(service, Service))

    @rule("26", question=service_questions())
    async def creates_memories(self, question: ServiceQuestion) -> None:
        """A memory that is created has the methods of its protocol."""
        memory = await self.ask("create_memory", question)
        assert memory is None or not list(misfits(memory, Memory))

    @rule("22", rock=st.one_of(rocks(), st.just(_MANY)))
    async def runs_every_epic(self, rock: Rock) -> None:
        """No epic of a rock is left out."""
        named = Counter([part.epic for part in await self.parts(rock)])
        assert not Counter([reference.epic for reference in rock.epics]) - named

    @rule("23", rock=rocks())
    async def runs_no_epic_twice(self, rock: Rock) -> None:
        """No epic is run twice, and none that the rock does not list."""
        named = Counter([part.epic for part in await self.parts(rock)])
        assert not named - Counter([reference.epic for reference in rock.epics])

    @rule("24", rock=rocks())
    async def keeps_departments(self, rock: Rock) -> None:
        """An epic is run in the department that the rock lists it in."""
        parts = await self.parts(rock)
        assume(sorted([part.epic for part in parts]) == sorted([reference.epic for reference in rock.epics]))
        listed = {(reference.epic, reference.department) for reference in rock.epics}
        assert {(part.epic, part.department) for part in parts} == listed

    @rule("25", rock=rocks())
    async def names_safe_builds(self, rock: Rock) -> None:
        """The build of an epic is left to the core, or is a safe file name."""
        for part in await self.parts(rock):
            assert part.build is None or _FILE_NAME.fullmatch(part.build)
