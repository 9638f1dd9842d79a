"""What does not bear a cancellation is found: each crew here is wrong in one way."""

import gc
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import anyio
import anyio.lowlevel
import attrs
import cancelled_crews
import pytest
from cancelled_crews import crew

import orket
from orket.contracts import Batch, EffectClass, Settlement, ToolContext
from orket.testing import Effect, EffectLedger
from orket.testing.faults import FrontStore, as_task, cancel_everywhere, in_scope

T = TypeVar("T")
Scenario = Callable[[Path, EffectLedger], orket.Orchestrator]


async def trifle(crew: orket.Orchestrator) -> None:
    """Run the small epic."""
    await crew.run_epic("trifle")


class Bad(FrontStore):
    """A store that does something of its own where its caller is cancelled in a call."""

    async def around(self, verb: str, call: Callable[[], Awaitable[T]], batch: Batch | None = None) -> T:
        try:
            return await call()
        except anyio.get_cancelled_exc_class():
            await self.cancelled(call)
            raise

    async def cancelled(self, call: Callable[[], Awaitable[Any]]) -> None:
        """Do it."""


class Deaf(Bad):
    """Swallows the cancellation."""

    async def around(self, verb: str, call: Callable[[], Awaitable[T]], batch: Batch | None = None) -> T:
        try:
            return await call()
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                return await call()


class Forgetful(Bad):
    """Leaves a transaction open."""

    async def cancelled(self, call: Callable[[], Awaitable[Any]]) -> None:
        self.left = sqlite3.connect(self.location or "", isolation_level=None)
        self.left.execute("BEGIN IMMEDIATE")


class Lingering(Bad):
    """Leaves a task behind."""

    async def cancelled(self, call: Callable[[], Awaitable[Any]]) -> None:
        loop: Any = anyio.lowlevel.current_token().native_token
        self.left = loop.create_task(anyio.sleep(3600))


class Angry(Bad):
    """Turns the cancellation into an error."""

    async def cancelled(self, call: Callable[[], Awaitable[Any]]) -> None:
        raise ValueError("I was busy")


class Late(FrontStore):
    """Writes when it was closed already."""

    async def aclose(self) -> None:
        await super().aclose()
        loop: Any = anyio.lowlevel.current_token().native_token
        self._later(loop, turns=12)

    def _later(self, loop: Any, turns: int) -> None:
        if turns:
            loop.call_soon(self._later, loop, turns - 1)
            return
        with sqlite3.connect(self.location or "") as raw:
            raw.execute("PRAGMA user_version = 1")
        raw.close()


def with_store(make: Callable[[Any], FrontStore]) -> Callable[[Path], Scenario]:
    """Return what makes scenarios of crews that have such a store in front of a sound one."""

    def scenario_in(root: Path) -> Scenario:
        sound = crew(root, "sqlite")

        def scenario(folder: Path, ledger: EffectLedger) -> orket.Orchestrator:
            made = sound(folder, ledger)
            return attrs.evolve(made, store=make(made._store))

        return scenario

    return scenario_in


def lying(root: Path) -> Scenario:
    """A crew with a tool that says it did nothing, whatever it did."""
    sound = crew(root, "memory")

    def scenario(folder: Path, ledger: EffectLedger) -> orket.Orchestrator:
        @orket.tool(reconcile=lambda _key: Settlement(ran=False))
        async def chime(note: str, context: ToolContext) -> str:
            """Chime."""
            ledger.record(Effect(key=context.key, tool="chime", effect=EffectClass.AT_MOST_ONCE, note=note))
            await anyio.lowlevel.checkpoint()
            return "chimed"

        made = sound(folder, ledger)
        return attrs.evolve(made, tools=[chime, *[tool for tool in made._tools if tool.spec.name != "chime"]])

    return scenario


def fickle(root: Path) -> Scenario:
    """A crew whose model does not remember what it was about, once it was interrupted."""
    sound = crew(root, "memory")

    def scenario(folder: Path, ledger: EffectLedger) -> orket.Orchestrator:
        asked: list[str] = []

        async def model(request: Any) -> Any:
            asked.append("asked")
            await anyio.lowlevel.checkpoint()
            asked.pop()
            return "what was it?" if asked else await cancelled_crews.slow_model(request)

        return attrs.evolve(sound(folder, ledger), model=model)

    return scenario


EARLY, MIDWAY, ALL = range(24, 80, 2), range(70, 150, 15), range(30, 110)  # steps; the last where they are cheap
MUTANTS = {
    "deaf": (with_store(Deaf), as_task, EARLY, "task.cancel() was swallowed"),
    "forgetful": (with_store(Forgetful), in_scope, MIDWAY, "a transaction is open"),
    "lingering": (with_store(Lingering), in_scope, MIDWAY, "tasks more"),
    "angry": (with_store(Angry), as_task, EARLY, "I was busy"),
    "late": (with_store(Late), in_scope, MIDWAY, "after it was closed, journal.db was written"),
    "lying": (lying, in_scope, ALL, "may happen once has happened more often"),
    "fickle": (fickle, in_scope, ALL, "and undisturbed"),
}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # what they leave open is collected
@pytest.mark.parametrize("mutant", MUTANTS)
def test_a_crew_that_does_not_bear_it_is_found(tmp_path: Path, mutant: str) -> None:
    """Whatever is swallowed, left open, left behind, written late or done twice is a problem, and named."""
    make, host, steps, told = MUTANTS[mutant]
    root = cancelled_crews.write_organization(tmp_path / "organization")
    try:
        report = cancel_everywhere(
            tmp_path / "cases",
            scenario=make(root),
            story=trifle,
            host=host,
            steps=steps,
            resume_all=mutant == "fickle",  # what a model remembers is no part of the record
        )
        text = "\n".join(report.problems)
    except AssertionError as error:
        text = str(error)
    gc.collect()
    assert told in text


def test_a_sound_crew_passes(tmp_path: Path) -> None:
    """The crew that the others are made of has no problem at the same steps."""
    root = cancelled_crews.write_organization(tmp_path / "organization")
    report = cancel_everywhere(
        tmp_path / "cases", scenario=crew(root, "sqlite"), story=trifle, host=as_task, steps=MIDWAY
    )
    report.check()
    assert report.cancelled > 3
