"""What an orchestrator does for the review desk."""

from abc import abstractmethod

import anyio
import anyio.abc

from orket._orchestrator._engine import Card, RunRequest
from orket._orchestrator._opened import Opened
from orket._orchestrator._operator import find_card
from orket._orchestrator._run import Run
from orket.cards import CardType
from orket.contracts import SandboxDeployer

_GLANCE = 0.01  # seconds between two looks whether a run is on record


class ReviewVerbs(Opened):
    """The verbs of an :class:`Orchestrator` that a review desk uses."""

    __slots__ = ()

    @abstractmethod
    def _launch(self, request: RunRequest) -> Run: ...

    @property
    def sandboxes(self) -> SandboxDeployer | None:
        """What deploys merged pull requests: the pipeline wiring's sandbox service, where there is one that does."""
        service: object = self._opened().services.sandboxes
        return service if isinstance(service, SandboxDeployer) else None

    async def start_review(self, card: str, run: str, /) -> str:
        """Start a run of one issue that is in a review status; the run goes on in the background.

        Args:
            card: an issue's id.
            run: the id of the run. Where the record has a run of this id, nothing is started.

        Returns:
            What came of it. When a run was started, it is on record by now.

        Raises:
            UnknownCardError: no board has such a card.
            RunError: several boards have one.
            OrketError: the run ended before it began; as :meth:`Orchestrator.run_epic`.
        """
        engine = self._opened()
        if run in engine.active or await engine.store.load_run(run) is not None:
            return f"run {run} was started before"
        home, issue = await find_card(engine, card, None)
        if not engine.is_review(issue.status):
            return f"{card} is {issue.status.value}: there is nothing to review"
        row = next(row for row in await engine.store.runs(home))
        asked = Card(type=CardType.ISSUE, name=card, department=row.department, epic=row.card, build=home)
        started = self._launch(RunRequest(card=asked, build=home, run_id=run))
        while await engine.store.load_run(run) is None:
            with anyio.move_on_after(_GLANCE):
                await started.outcome()
        return f"run {run} reviews {card}"
