"""The story of one seed: a storm in which crews come and go; when it is over, everything must come to rest."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, TypeAlias

import anyio
from attrs import define, field

from orket._codec import codec
from orket._orchestrator import Orchestrator
from orket._pipeline import RunResult
from orket.cards import CardStatus, Issue
from orket.errors import JournalError
from orket.events import RunOutcome
from orket.testing.fakes import EffectLedger
from orket.testing.faults import CommitLog, Oracle, Surroundings
from orket.testing.simulation._chance import Chance, Weather
from orket.testing.simulation._loops import Steps
from orket.testing.simulation._person import Person
from orket.testing.simulation._process import Process
from orket.testing.simulation._stores import Stores
from orket.testing.simulation._threads import MACHINE
from orket.testing.simulation._world import Machine, World, lines

Crew: TypeAlias = Callable[[], Orchestrator]
_PATIENCE: Final = 100_000.0  # seconds in which everything must have come to rest
_UNDONE: Final = frozenset({CardStatus.READY, CardStatus.IN_PROGRESS})
_ATTEMPTS: Final = 40  # runs after the storm; each may leave something for a person to do


@define(eq=False)
class Story:
    """Tells what happens in one seed. See :class:`orket.testing.simulation.Simulation`."""

    seed: int
    card: str
    folder: Path
    stores: Stores
    crew: Callable[[Path, EffectLedger], Crew]
    steps: Steps
    problems: list[str] = field(factory=list)
    trace: list[str] = field(factory=list)
    counts: Counter[str] = field(factory=Counter)
    journal: bytes = b""
    seconds: float = 0.0
    _world: World = field(init=False)
    _person: Person = field(init=False)
    _commits: CommitLog = field(init=False)

    async def tell(self) -> None:
        """Let it happen, on the event loop that runs."""
        ledger, self._commits = EffectLedger(), CommitLog(self.folder / "commits")
        crew = self.crew(self.folder, ledger)
        before = await Surroundings.now()
        patience = anyio.CancelScope(deadline=anyio.current_time() + _PATIENCE)
        with anyio.CancelScope() as scope:
            self.steps.exceeded = scope.cancel
            async with anyio.create_task_group() as group:
                weather = Weather.forecast(Chance(self.seed, "weather"))
                self._world = World(
                    seed=self.seed,
                    weather=weather,
                    stores=self.stores,
                    ledger=ledger,
                    group=group,
                    trace=self.trace,
                    problems=self.problems,
                    counts=self.counts,
                )
                MACHINE.set(self._world)
                self._person = Person(self._world)
                with patience:
                    await self._storm(crew)
                    await self._rest(crew)
                group.cancel_scope.cancel()
        self.seconds = anyio.current_time()
        if scope.cancelled_caught or patience.cancelled_caught:
            self.problems.append(f"stuck: after {self.steps.taken} steps and {self.seconds:.0f} s it is not at rest")
        self.problems += [f"left over: {more}" for more in (await Surroundings.now()).beyond(before)]
        async with anyio.create_task_group() as self._world.group:
            await self._examine(ledger)

    async def _storm(self, crew: Crew) -> None:
        """Let crews work, die, and be replaced, until the storm is over and each has come to its end."""
        world = self._world
        world.machines += [Machine(name=f"m{number}") for number in range(world.weather.crews)]
        async with anyio.create_task_group() as crews:
            for machine in world.machines:
                crews.start_soon(self._man, machine, crew)
            async with anyio.create_task_group() as weather:
                weather.start_soon(self._person.meddle)
                weather.start_soon(self._set_clocks)
                await anyio.sleep(world.weather.storm)
                world.calm = True
                world.note("world", "the storm is over")
                weather.cancel_scope.cancel()

    async def _man(self, machine: Machine, crew: Crew) -> None:
        """Let one orchestrator after the other live on a machine."""
        world = self._world
        chance, lives = world.chance(machine.name), 0
        await anyio.sleep(chance.uniform(0.0, 5.0))
        while not world.calm:
            lives += 1
            process = self._process(machine, f"{machine.name}.{lives}")
            if world.weather.lives:
                world.group.start_soon(self._doom, process, chance.around(world.weather.lives))
            result = await process.live(crew, self._commits, self._work)
            is_done = result is not None and result.outcome is RunOutcome.DONE
            await anyio.sleep(100.0 if is_done else chance.choice((0.1, 10.0, 100.0)))

    def _process(self, machine: Machine, name: str) -> Process:
        process = Process(world=self._world, machine=machine, name=name)
        self._world.processes.append(process)
        return process

    async def _doom(self, process: Process, seconds: float) -> None:
        await anyio.sleep(seconds)
        if not self._world.calm:
            process.die("at its hour")

    async def _set_clocks(self) -> None:
        world = self._world
        chance = world.chance("clocks")
        while world.weather.jump:
            await anyio.sleep(chance.around(world.weather.jump))
            machine, seconds = chance.choice(world.machines), chance.choice((-1, 1)) * chance.around(30.0)
            machine.jump(seconds)
            world.counts["jump of a clock"] += 1
            world.note(machine.name, f"its clock jumps by {seconds:.3f} s")

    async def _work(self, orchestrator: Orchestrator) -> RunResult:
        """Run the card, or resume its last run."""
        chance = self._world.chance("work")
        runs = await orchestrator.store.runs()
        for obstacle in await orchestrator.preflight():
            self._world.accuse(f"preflight finds an obstacle, and nothing has changed: {obstacle.detail}")
        if runs and chance.happens(0.3):
            result = await orchestrator.resume(runs[-1].id)
        else:
            result = await orchestrator.run_card(self.card)
        self._judge(result)
        return result

    def _judge(self, result: RunResult) -> None:
        world, unfinished = self._world, result.cards - result.done - result.canceled
        world.note("world", f"run {result.run[:8]} rests: {result.outcome}, {unfinished} unfinished: {result.reason}")
        if len(result.reasons) != unfinished:
            world.accuse(
                f"run {result.run}: {unfinished} cards are unfinished, and {len(result.reasons)} are explained"
            )

    async def _rest(self, crew: Crew) -> None:
        """Without any fault, and with a person who helps, all cards must be finished after some runs."""
        machine = Machine(name="last")
        for number in range(_ATTEMPTS):
            process = self._process(machine, f"last.{number}")
            if await process.live(crew, self._commits, self._finish):
                return
            await anyio.sleep(60.0)
        self._world.accuse(f"stuck: {_ATTEMPTS} runs after the storm there is still something to do")

    async def _finish(self, orchestrator: Orchestrator) -> bool:
        """Run the card; return whether nothing is left to do, and every card that waits says why."""
        await self._person.clear_up(orchestrator)
        self._judge(await orchestrator.run_card(self.card))
        left = []
        for view in (await orchestrator.board()).builds:
            hopeless = _hopeless(view.issues)
            for issue in view.issues:
                wait = view.waits.get(issue.id)
                if issue.status.is_terminal is (wait is not None) or (wait and not wait[1]):
                    self._world.accuse(f"{issue.id} is {issue.status}, and its wait reason is {wait}")
                if wait is None:
                    continue
                explained = await orchestrator.explain(issue.id, build=view.build)
                if explained.wait != wait or explained.wake is None:
                    self._world.accuse(f"{issue.id} waits for {wait}; explained are {explained.wait}, {explained.wake}")
                if issue.id not in hopeless:
                    left.append(f"{issue.id}: {wait[0]}, {wait[1]}")
        self._world.note("world", f"left to do: {'; '.join(left) or 'nothing'}")
        return not left

    async def _examine(self, ledger: EffectLedger) -> None:
        """Hold the record to everything that is known of it, and write it down."""
        store = await self.stores.last()
        self.problems += await Oracle(ledger=ledger, commits=self._commits, steady=False).examine(store)
        parts: list[dict[str, Any]] = []
        try:
            async for entry in store.events():
                where = {"seq": entry.seq, "at": entry.at, "run": entry.run, "build": entry.build, "card": entry.card}
                parts.append({**where, "record": codec().dump_record(entry.record)})
            parts.append({"head": (await store.verify()).head})
        except JournalError as error:
            parts.append({"error": error.message})
        await store.aclose()
        self.journal = lines(parts)


def _hopeless(issues: Sequence[Issue]) -> frozenset[str]:
    """Return which issues cannot be done any more: they are canceled, or wait for one of these."""
    found = {issue.id for issue in issues if issue.status is CardStatus.CANCELED}
    waiting = [issue for issue in issues if issue.status in _UNDONE]
    while more := {issue.id for issue in waiting if not found.isdisjoint(issue.depends_on)} - found:
        found |= more
    return frozenset(found)
