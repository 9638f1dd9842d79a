"""A process that may die: one orchestrator on a machine, from its birth to its end."""

from collections.abc import Callable
from typing import Any, Final

import anyio
import anyio.abc
import attrs
from attrs import define, field

from orket._orchestrator import Orchestrator
from orket._orchestrator._setup import as_model
from orket.contracts import ReconcilingTool, Store, Tool
from orket.errors import OrketError, RunError, StoreError
from orket.testing.faults import CommitLog, WitnessedStore
from orket.testing.faults._again import given
from orket.testing.simulation._ports import (
    Connection,
    MachineClock,
    WeatheredModel,
    WeatheredReconcilingTool,
    WeatheredTool,
)
from orket.testing.simulation._threads import MACHINE
from orket.testing.simulation._world import Machine, SimulatedStoreError, World

_WHOLE: Final = 300  # characters of an error in the trace


@define(eq=False)
class Process:
    """One life of an orchestrator.

    A process that dies takes everything with it that is not outside: from that moment no call of it reaches store,
    model or tools, whatever its tasks still do while they are cancelled.
    """

    world: World
    machine: Machine
    name: str
    orchestrator: Orchestrator | None = None  # while it is open
    is_dead: bool = False
    is_over: bool = False  # it has died, or ended by itself
    busy: int = 0  # functions on their way in its threads
    intents: set[str] = field(factory=set)  # keys of effects that it meant to let happen
    outlasted: int = 0  # claims that had run out when it heard that they were renewed
    _scope: anyio.CancelScope = field(factory=anyio.CancelScope)
    _store: Store = field(init=False)

    @property
    def group(self) -> anyio.abc.TaskGroup:
        """Where its threads go on, out of reach of its tasks."""
        return self.world.group

    def thread_delay(self) -> float:
        """Return how long a worker thread takes to begin, or to be heard of."""
        return self.world.thread_delay()

    def die(self, where: str) -> None:
        """End it, without a word."""
        if not self.is_over:
            self.world.note(self.name, f"dies {where}")
            self.world.counts["crash"] += 1
            self.is_dead = self.is_over = True
            self._scope.cancel()

    async def point(self, where: str) -> None:
        """Pass a point of a port at which a process may die; whoever is dead comes no further.

        Raises:
            StoreError: it is dead, and this is a task that does not take its cancellation.
        """
        if self.orchestrator is not None and self.world.fails("crash at a call", self.world.weather.crash):
            self.die(where)
        if self.is_dead:
            await anyio.lowlevel.checkpoint()
            raise StoreError(f"{self.name} is dead")

    async def live(
        self, crew: Callable[[], Orchestrator], commits: CommitLog, work: "Callable[[Orchestrator], Any]"
    ) -> Any:
        """Open an orchestrator and let it work; return what came of it, None where it died or failed."""
        MACHINE.set(self)
        with self._scope:
            try:
                async with self._born(crew, commits) as orchestrator:
                    self.orchestrator = orchestrator
                    try:
                        result = await work(orchestrator)
                    finally:
                        self.orchestrator = None
                self.world.note(self.name, "ends")
            except Exception as error:  # noqa: BLE001 - whatever ends a run is what is looked for
                self._judge(error)
                return None
            finally:
                self.is_over = True
                self.world.stores.abandon(self._store)
            return result
        return None

    def _born(self, crew: Callable[[], Orchestrator], commits: CommitLog) -> Orchestrator:
        """Return the same crew, behind ports of this world."""
        world = self.world
        self._store = world.stores.connect()
        stock = crew()
        parts = given(stock)
        return attrs.evolve(
            stock,
            store=WitnessedStore(Connection(self._store, self), commits),
            model=WeatheredModel(as_model(parts["_model"]), self),
            tools=tuple([self._tool(tool) for tool in parts["_tools"]]),
            clock=MachineClock(self.machine),
            entropy=world.chance("entropy").randbytes,
        )

    def _tool(self, tool: Tool) -> Tool:
        return WeatheredReconcilingTool(tool, self) if isinstance(tool, ReconcilingTool) else WeatheredTool(tool, self)

    def _judge(self, error: Exception) -> None:
        """Accuse whoever ended a life by anything but a fault of the world."""
        if self.is_dead:
            return
        self.world.note(self.name, f"fails: {type(error).__name__}: {error}"[:_WHOLE])
        cause = error.__cause__ if isinstance(error, RunError) else None
        if isinstance(error, SimulatedStoreError):
            self.world.counts["runs that a store's fault ended"] += 1
        elif self.outlasted and isinstance(error, StoreError) and "ran out" in error.message:
            self.world.counts["runs that a slow store ended"] += 1
        elif not isinstance(error, OrketError) or (cause is not None and not isinstance(cause, OrketError)):
            self.world.accuse(f"{self.name} ended with an error that is not orket's: {error!r:.300}, of {cause!r:.300}")
        else:
            self.world.accuse(f"{self.name} ended with {type(error).__name__}, and no fault of the world: {error}")
