"""Simulations: seeds in, journals and problems out."""

import gc
import inspect
import json
import shlex
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from attrs import evolve, field, frozen

from orket._orchestrator import Orchestrator
from orket._registry import DecisionNodeRegistry
from orket.cards import JsonValue
from orket.testing.fakes import EffectLedger
from orket.testing.simulation._chance import Chance
from orket.testing.simulation._loops import Backend, Steps, run
from orket.testing.simulation._report import Simulated, SimulationReport
from orket.testing.simulation._stores import STORES, StoreKind
from orket.testing.simulation._story import Crew, Story
from orket.testing.simulation._threads import simulated_threads

SCENARIO: Final = "orket.testing.simulation:random_crew"
CARD: Final = "launch"
_STEPS: Final = 50_000  # a seed has a few thousand


@frozen(kw_only=True)
class Simulation:
    """Crews that work on one store through a storm of faults, in simulated time, scheduled by chance.

    One seed decides all of it, so that a seed that fails fails again. While a seed runs, ``anyio.to_thread.run_sync``
    starts no threads in this process; run one seed at a time.

    Args:
        scenario: The crew, as ``module:function``. The function takes a folder and an
            :class:`~orket.testing.EffectLedger` for its tools, and returns an orchestrator that is not open. Where it
            has parameters of these names it is also given the ``seed``, and a ``registry`` that has read what is
            installed. Store and clock of the crew are replaced; its model and tools must not touch the world.
        card: What is run.
        options: Further arguments of the function; JSON can spell them, so that a command line can.
        backend: The event loop, ``"asyncio"`` or ``"trio"``.
        store: What the orchestrators of a seed share: ``"memory"``, one :class:`~orket.MemoryStore`, or ``"sqlite"``, a
            file that each opens with a :class:`~orket.stores.SQLiteStore` of its own.
    """

    scenario: str = SCENARIO
    card: str = CARD
    options: Mapping[str, JsonValue] = field(factory=dict)
    backend: Backend = "asyncio"
    store: StoreKind = "memory"
    _registry: DecisionNodeRegistry = field(init=False, factory=DecisionNodeRegistry)

    def run(self, seed: int) -> Simulated:
        """Run one seed, once."""
        steps = Steps(_STEPS)
        with TemporaryDirectory(prefix="orket-simulation-") as name, _collected(), simulated_threads():
            story = Story(
                seed=seed,
                card=self.card,
                folder=Path(name),
                stores=STORES[self.store](Path(name)),
                crew=partial(self._crew, seed),
                steps=steps,
            )
            run(story.tell, backend=self.backend, chance=Chance(seed, "schedule"), steps=steps)
        return Simulated(
            seed=seed,
            reproduction=self.reproduction(seed),
            problems=tuple(story.problems),
            journal=story.journal,
            trace=tuple(story.trace),
            seconds=story.seconds,
            steps=steps.taken,
            counts=dict(story.counts),
        )

    def twice(self, seed: int) -> Simulated:
        """Run one seed twice; that both are not the same, byte by byte, is a problem, too."""
        first, second = self.run(seed), self.run(seed)
        return evolve(first, problems=(*first.problems, *_differences(first, second)))

    def sweep(self, seeds: Iterable[int]) -> SimulationReport:
        """Run seeds, each twice."""
        count, seconds, counts = 0, 0.0, Counter[str]()
        failed = []
        for seed in seeds:
            done = self.twice(seed)
            count, seconds = count + 1, seconds + done.seconds
            counts.update(done.counts)
            if done.problems:
                failed.append(done)
        return SimulationReport(seeds=count, failed=tuple(failed), counts=dict(counts), seconds=seconds)

    def reproduction(self, seed: int) -> str:
        """Return the command that runs a seed again."""
        words = ["python -m orket.testing.simulation", f"--seed {seed}", f"--backend {self.backend}"]
        if self.store != "memory":
            words.append(f"--store {self.store}")
        if self.scenario != SCENARIO:
            words.append(f"--scenario {self.scenario} --card {self.card}")
        if self.options:
            words.append(f"--options {shlex.quote(json.dumps(dict(self.options)))}")
        return " ".join(words)

    def _crew(self, seed: int, folder: Path, ledger: EffectLedger) -> Crew:
        module, _, name = self.scenario.partition(":")
        function: Callable[..., Orchestrator] = getattr(import_module(module), name)
        offered = {"seed": seed, "registry": self._registry}
        wanted = inspect.signature(function).parameters
        options = {**self.options, **{name: value for name, value in offered.items() if name in wanted}}
        return partial(function, folder, ledger, **options)


def _differences(first: Simulated, second: Simulated) -> Iterator[str]:
    """Say where a seed went another way the second time: the first line of the trace, and of the journal."""
    if first.trace != second.trace:
        pairs = zip_longest(first.trace, second.trace)
        number, (one, other) = next(found for found in enumerate(pairs, 1) if found[1][0] != found[1][1])
        yield f"it went another way the second time, at line {number} of its trace: {one!r} and {other!r}"
    if first.journal != second.journal:
        pairs = zip_longest(first.journal.splitlines(), second.journal.splitlines())
        one, other = next((one, other) for one, other in pairs if one != other)
        yield f"its journal is another one the second time: {one!r:.300} and {other!r:.300}"


@contextmanager
def _collected() -> Iterator[None]:
    """Let no garbage be collected meanwhile: what it would close, it would close at another moment each time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
