"""What an orchestrator says of everything there is to do: the portfolio, what comes next, and the sprint."""

import anyio.to_thread
from attrs import evolve

from orket._orchestrator._adopting import reconcile
from orket._orchestrator._builds import builds_of
from orket._orchestrator._engine import Engine
from orket._orchestrator._opened import Opened
from orket._orchestrator._sight import look, review_statuses
from orket._orchestrator._surveying import recorded_builds
from orket._orchestrator._views import unknown_build
from orket.errors import ConfigError, RunError
from orket.portfolio import Alert, AlertKind, CriticalPath, Portfolio, QueuedIssue, Reconciliation, Severity, Sprint
from orket.portfolio._alerts import bottlenecks, structure_alerts
from orket.portfolio._found import RecordedBuild
from orket.portfolio._queue import critical_path_of, queue_of
from orket.portfolio._sprints import sprint_at, sprint_rules
from orket.portfolio._views import sorted_alerts


def sprint_now(engine: Engine) -> Sprint | None:
    """Return the present sprint; None before the first.

    Raises:
        ConfigError: the process rules on sprints cannot be used.
    """
    return sprint_at(sprint_rules(engine.house.organization.process_rules), engine.clock.now())


async def view_portfolio(engine: Engine) -> Portfolio:
    """Return the portfolio; errors as in :func:`look`."""
    seen = await look(engine)
    sprint, odd = None, []
    try:
        sprint = sprint_now(engine)
    except ConfigError as error:
        detail = "; ".join((error.message, *error.problems))
        odd = [
            Alert(
                kind=AlertKind.BROKEN_ASSET,
                severity=Severity.WARNING,
                subject=engine.house.organization.name,
                detail=detail,
                error=error,
            )
        ]
    thresholds = engine.house.organization.bottleneck_thresholds

    def gather() -> Portfolio:
        found = seen.tree.portfolio
        wrong = structure_alerts(seen.tree, seen.survey, seen.builds)
        alerts = sorted_alerts([*bottlenecks(found.issues(), thresholds), *wrong, *odd])
        return evolve(found, alerts=alerts, sprint=sprint)

    return await anyio.to_thread.run_sync(gather)


async def _builds(engine: Engine, build: str | None) -> list[RecordedBuild]:
    """Return the recorded builds, or the one asked for.

    Raises:
        UnknownCardError: no run has worked on it.
    """
    if build is None:
        return await recorded_builds(engine.store)
    known = await builds_of(engine.store)
    if build not in known:
        raise unknown_build(build, known)
    return await recorded_builds(engine.store, [build])


class PortfolioVerbs(Opened):
    """The verbs of an :class:`Orchestrator` that look at everything there is to do."""

    __slots__ = ()

    async def portfolio(self) -> Portfolio:
        """Return all rocks, epics and issues, as assets and record have them, with alerts.

        All departments are looked at, each file once. What cannot be read or is missing is an alert, never an error of
        the whole.

        Raises:
            StoreError: the record cannot be read.
            ConfigError: a folder of assets cannot be listed.
        """
        return await view_portfolio(self._opened())

    async def reconcile(self, *, actor: str, reason: str = "") -> Reconciliation:
        """Take in orphans: epics into the run-the-business rock, issues into the unplanned-support epic.

        Assets stay as they are: each adoption is recorded, under the name of the actor, and from then on runs of the
        rock and the epic work on what they have taken in. Where no asset defines the rock or the epic, it is made, in
        the record. A card of a board whose epic is gone is canceled there, and goes on under an id of its own. What was
        taken in before, here or by another orchestrator, is not taken in again.

        Args:
            actor: the person who wants it.
            reason: why, for the record.

        Returns:
            What was taken in by this call, and what was left, with the reason.

        Raises:
            RunError: an argument is of no use.
            ConfigError: the process rules name no rock or epic; or a folder of assets cannot be listed.
            StoreError: the record cannot be read or written; what was taken in before stays so.
        """
        return await reconcile(self._opened(), actor=actor, reason=reason)

    async def queue(self, build: str | None = None, *, limit: int | None = None) -> tuple[QueuedIssue, ...]:
        """Return the issues that may take a turn now, in the order in which planners see them.

        Args:
            build: of this board only; None: of all.
            limit: how many at most, from 0 on; None for all.

        Raises:
            RunError: the limit is no such number.
            UnknownCardError: no run has worked on this build.
            DependencyCycleError: issues of a build wait for each other.
        """
        engine = self._opened()
        if limit is not None and (type(limit) is not int or limit < 0):
            raise RunError(f"queue(limit={limit!r:.80}); valid: a whole number from 0 on, or None")
        builds, reviews, now = await _builds(engine, build), review_statuses(engine), engine.clock.now()
        return await anyio.to_thread.run_sync(queue_of, builds, reviews, now, limit)

    async def critical_path(self, build: str | None = None) -> CriticalPath | None:
        """Return the longest chain of unfinished issues, each waiting for the one before; None where all is finished.

        Args:
            build: of this board only; None: the longest of all.

        Raises:
            UnknownCardError: no run has worked on this build.
            DependencyCycleError: issues of a build wait for each other.
        """
        builds = await _builds(self._opened(), build)
        return await anyio.to_thread.run_sync(critical_path_of, builds)

    @property
    def sprint(self) -> Sprint | None:
        """The present sprint, by clock and process rules; None before the first.

        Raises:
            ConfigError: the process rules on sprints cannot be used.
        """
        return sprint_now(self._opened())
