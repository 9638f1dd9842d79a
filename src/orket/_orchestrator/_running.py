"""How a host runs cards: to their rest, or in the background."""

from abc import abstractmethod
from collections.abc import Callable
from functools import partial

import anyio.abc
from attrs import evolve

from orket._orchestrator._builds import builds_of
from orket._orchestrator._engine import Card, Engine, RunRequest
from orket._orchestrator._naming import named
from orket._orchestrator._opened import Opened
from orket._orchestrator._preflight import Obstacle
from orket._orchestrator._run import Run
from orket._pipeline import RunResult
from orket.cards import CardType
from orket.errors import RunError


def launch(engine: Engine, tasks: anyio.abc.TaskGroup, request: RunRequest, halt: Callable[[str], None]) -> Run:
    """Start a run in the background, and return it.

    Raises:
        RunError: a run of this id is going on.
    """
    chosen = engine.begin(request)
    run = Run(chosen, engine.store, partial(halt, chosen))
    tasks.start_soon(run.drive, partial(engine.run, request, chosen))
    return run


class RunVerbs(Opened):
    """The verbs of an :class:`Orchestrator` that run cards."""

    __slots__ = ()

    @abstractmethod
    def _launch(self, request: RunRequest) -> Run: ...

    async def run_card(
        self,
        name: str,
        *,
        department: str = "core",
        build: str | None = None,
        run_id: str | None = None,
        target_issue_id: str | None = None,
    ) -> RunResult:
        """Run whatever is called *name*: a rock, else an epic, else an issue.

        Raises:
            UnknownCardError: nothing is called that.
            RunError: it is no epic, and ``target_issue_id`` names an issue of one.
            OrketError: as :meth:`run_epic`.
        """
        card = await named(self._opened(), name, department)
        return await self._run(RunRequest(card=card, build=build, run_id=run_id, target=target_issue_id))

    async def run_rock(
        self, name: str, *, department: str = "core", build: str | None = None, run_id: str | None = None
    ) -> RunResult:
        """Run the epics of a rock, one after the other.

        Raises:
            OrketError: as :meth:`run_epic`.
        """
        card = Card(type=CardType.ROCK, name=name, department=department)
        return await self._run(RunRequest(card=card, build=build, run_id=run_id))

    async def run_epic(
        self,
        name: str,
        *,
        department: str = "core",
        build: str | None = None,
        run_id: str | None = None,
        target_issue_id: str | None = None,
    ) -> RunResult:
        """Run an epic to rest; a build that exists is continued.

        Raises:
            ConfigError: an asset is missing or wrong.
            UnknownCardError: neither the epic nor its board has an issue called *target_issue_id*.
            GovernanceError: the law refuses the epic as a whole.
            NodeError: a planner, evaluator or policy broke its contract.
            StoreError: the record could not be written or read.
        """
        card = Card(type=CardType.EPIC, name=name, department=department)
        return await self._run(RunRequest(card=card, build=build, run_id=run_id, target=target_issue_id))

    async def run_issue(
        self, issue_id: str, *, department: str = "core", build: str | None = None, run_id: str | None = None
    ) -> RunResult:
        """Run one issue of the epic that has it; no other issue is touched.

        Raises:
            UnknownCardError: no epic and no board has such an issue.
            OrketError: as :meth:`run_epic`.
        """
        card = await named(self._opened(), issue_id, department)
        if card.type is not CardType.ISSUE:
            kind = card.type.value
            raise RunError(f"{issue_id!r} is no issue but the {kind} of this name; run_{kind} runs it", card=issue_id)
        return await self._run(RunRequest(card=card, build=build, run_id=run_id))

    async def start(
        self,
        name: str,
        *,
        department: str = "core",
        build: str | None = None,
        run_id: str | None = None,
        target_issue_id: str | None = None,
    ) -> Run:
        """Start a rock, epic or issue in the background, and return the run.

        Raises:
            AssetNotFoundError: there is no such department.
            UnknownCardError: nothing is called *name*.
        """
        card = await named(self._opened(), name, department)
        return self._launch(RunRequest(card=card, build=build, run_id=run_id, target=target_issue_id))

    async def resume(self, run_id: str, *, new_run_id: str | None = None) -> RunResult:
        """Take up the build of a run that died, or came to rest before it was done, as that run was asked to.

        Running the same card on the same build does the same. Turns that were left open go on from their last commit;
        cards that a dead orchestrator holds are waited for until their claims expire.

        Args:
            run_id: of a rock, an epic or an issue; in the record.
            new_run_id: the id of the run that goes on; None for a new one.

        Raises:
            ResumeError: what the journal needs is not there any more: all of :meth:`preflight` for this build.
            RunError: the record has no such run, or it is going on.
            OrketError: as :meth:`run_epic`.
        """
        request = await self._opened().recall(run_id)
        return await self._run(evolve(request, run_id=new_run_id))

    async def preflight(self, *, build: str | None = None) -> tuple[Obstacle, ...]:
        """Return what the journal needs and is not there any more, of builds that were left unfinished.

        Nothing is run and nothing written. A run of such a build is refused with the same :class:`Obstacle` values.

        Args:
            build: of this board only; None: of all. A build that no run has worked on needs nothing.
        """
        engine = self._opened()
        builds, looking = await builds_of(engine.store, build), engine.preflight()
        return tuple([obstacle for one in builds for obstacle in await looking.obstacles(one)])

    def halt(self, run_id: str | None = None) -> None:
        """Let a run (None: all) finish its running turns and start no further one; it ends as ``halted``.

        A run that does not go on in this orchestrator is passed over.
        """
        for active, stop in list(self._opened().active.items()):
            if run_id in (None, active):
                stop()

    async def _run(self, request: RunRequest) -> RunResult:
        engine = self._opened()
        return await engine.run(request, engine.begin(request))
