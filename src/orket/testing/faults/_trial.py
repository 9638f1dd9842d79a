"""One story of a host and its crew, told again and again: broken off somewhere, looked at, and told to its end."""

import shutil
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import TypeAlias

import anyio
import attrs

from orket._orchestrator import Orchestrator
from orket.contracts import EffectClass, Store
from orket.errors import OrketError
from orket.testing.fakes import EffectLedger
from orket.testing.faults._again import clock_of, store_of
from orket.testing.faults._ending import line_of, settle_all
from orket.testing.faults._hosts import Host
from orket.testing.faults._leftovers import Surroundings
from orket.testing.faults._oracle import Oracle
from orket.testing.faults._pulse import Place, Pulse
from orket.testing.faults._stillness import Footprint, held, rest
from orket.testing.faults._witness import CommitLog, WitnessedStore

Scenario: TypeAlias = Callable[[Path, EffectLedger], Orchestrator]
Story: TypeAlias = Callable[[Orchestrator], Awaitable[object]]


@attrs.define(kw_only=True)
class Case:
    """What came of one telling."""

    at: int
    steps: int = 0
    cancelled: bool = False
    resumed: bool = False
    settled: int = 0
    awaits: set[Place]
    problems: list[str] = attrs.field(factory=list)
    board: list[list[object]] = attrs.field(factory=list)
    effects: Counter[str] = attrs.field(factory=Counter)


@attrs.define(kw_only=True)
class Trial:
    """One story, and how its records were left so far.

    ``wanted`` is how it ends undisturbed, once that is known.
    """

    scenario: Scenario
    story: Story
    host: Host
    backend: str
    wanted: Case | None = None
    _left: set[object] = attrs.field(factory=set)

    def case(self, folder: Path, pulse: Pulse, *, resume: bool) -> Case:
        """Tell the story in a folder of its own, on an event loop of its own; take it up again where that is worth it.

        Args:
            folder: Removed afterwards, if there are no problems.
            pulse: When it is broken off.
            resume: Take it up again, even if another one was left in the same state.
        """
        folder.mkdir(parents=True)
        case = pulse.run(lambda: self._tell(folder, pulse, resume), self.backend)
        if not case.problems:
            shutil.rmtree(folder)
        return case

    async def _tell(self, folder: Path, pulse: Pulse, resume: bool) -> Case:
        case = Case(at=min(pulse.chosen, default=0), awaits=pulse.awaits)
        before = await Surroundings.now()
        ledger, commits = EffectLedger(folder / "ledger.jsonl"), CommitLog(folder / "commits.jsonl")
        crew = self.scenario(folder, ledger)
        store = store_of(crew)
        oracle, witnessed = Oracle(ledger=ledger, commits=commits), WitnessedStore(store, commits)
        look = partial(Footprint.of, store.location, commits.path)
        telling = _Telling(_later(crew, witnessed, 0), self.story, pulse, look)
        case.problems += await telling.told_by(self.host)
        case.steps, case.cancelled = pulse.passed, telling.error is not None
        case.problems += [f"left over: {it}" for it in await rest(before)]
        case.problems += [f"after it was closed, {it}" for it in telling.written()]
        if problems := held(store.location):
            case.problems += problems
            return case  # whoever took it up would wait for a long time
        try:
            problems, state = await _look(store, oracle, ledger)
        except OrketError as error:
            case.problems.append(f"as it was left, the record cannot be read: {error!r}")
            return case
        case.problems += [f"as it was left: {it}" for it in problems]
        if resume or state not in self._left:
            self._left.add(state)
            case.resumed = True
            await self._take_up(_later(crew, witnessed, 1), ledger, oracle, case)
        return case

    async def _take_up(self, crew: Orchestrator, ledger: EffectLedger, oracle: Oracle, case: Case) -> None:
        """Tell the story to its end, and compare."""
        try:
            async with crew as orchestrator:
                await self.story(orchestrator)
                while count := await settle_all(orchestrator, ledger):
                    case.settled += count
                    await self.story(orchestrator)
                case.problems += await oracle.examine(orchestrator.store)
                boards = (await orchestrator.board()).builds
        except OrketError as error:
            case.problems.append(f"taken up again, it fails: {error!r}")
            return
        case.board = sorted([[board.build, *line_of(issue)] for board in boards for issue in board.issues])
        case.effects = Counter([f"{effect.effect} {effect.tool} {effect.note}" for effect in ledger.effects])
        if self.wanted is not None:
            case.problems += _differences(case, self.wanted)


class _Telling:
    """A story, from opening the crew to closing it, and how it ended."""

    def __init__(self, crew: Orchestrator, story: Story, pulse: Pulse, look: Callable[[], Footprint]) -> None:
        self.error: BaseException | None = None
        self._begun = False
        self._crew = crew
        self._story = story
        self._pulse = pulse
        self._look = look
        self._footprint = look()

    async def told_by(self, host: Host) -> list[str]:
        """Tell it; return what is wrong with how it ended."""
        try:
            knows = await host(self._act, self._pulse)
        except (Exception, BaseExceptionGroup) as error:  # noqa: BLE001 - the seam that calls hosts, stories, and crews
            return [f"the host got {error!r}"]
        if self.error is not None and not isinstance(self.error, anyio.get_cancelled_exc_class()):
            return [f"the story ended with {self.error!r}"]
        if self._begun and knows is not (self.error is not None):
            ended = "finished" if self.error is None else "cancelled"
            return [f"the story was {ended}, and the host {'believes' if knows else 'does not know'} it was cancelled"]
        return []

    async def _act(self) -> None:
        self._begun = True  # a task may be cancelled before
        try:
            async with self._crew as orchestrator:
                await self._story(orchestrator)
        except BaseException as error:
            self.error = error
            raise
        finally:
            self._pulse.off()
            self._footprint = self._look()

    def written(self) -> tuple[str, ...]:
        """Return what was written since the crew was closed."""
        return self._look().changes(self._footprint)


async def _look(store: Store, oracle: Oracle, ledger: EffectLedger) -> tuple[tuple[str, ...], object]:
    """Return what is wrong with a closed record, and how it was left: without what is different each time."""
    await store.open()
    try:
        problems = await oracle.examine(store)
        names = {
            row.issue.id: (row.issue.name, row.issue.status, row.issue.version, row.owner is not None)
            for build in {run.build for run in await store.runs()}
            for row in await store.load_board(build)
        }
        told: dict[object, tuple[str, ...]] = dict.fromkeys(names.values(), ())
        async for entry in store.events():
            card = names.get(entry.card or "", entry.card)
            told[card] = (*told.get(card, ()), type(entry.record).__name__)
    finally:
        await store.aclose()
    done = Counter([(effect.tool, effect.note) for effect in ledger.effects])
    return problems, (frozenset(told.items()), frozenset(done.items()))


def _differences(case: Case, wanted: Case) -> Iterator[str]:
    """Compare how a story ended with how it ends undisturbed."""
    for line, other in zip_longest(case.board, wanted.board):
        if line != other:
            yield f"the board has {line}, and undisturbed {other}"
    for effect in sorted({*case.effects, *wanted.effects}):
        found, least = case.effects[effect], wanted.effects[effect]
        if found < least or (found > least and effect.startswith(EffectClass.AT_MOST_ONCE)):
            yield f"{effect} happened {found} times instead of {least}"


def _later(crew: Orchestrator, store: Store, life: int) -> Orchestrator:
    """Return the same crew on a store, so late that all claims of its lives before have expired."""
    return attrs.evolve(crew, store=store, clock=clock_of(crew, life))
