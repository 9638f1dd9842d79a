"""Where processes are born that are to die: one that has imported everything, and forks for each life.

It reads orders, one line of JSON each, and answers each with a line. A life is a forked process of its own: it opens
the crew, runs the card, and dies where the order says; the last life of a case has no such place, and tells how all
ended. In a relay, each life dies at the first point where nobody has died yet, so the last one is who finds none.
"""

import gc
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import attrs

from orket._orchestrator import Orchestrator
from orket._orchestrator._setup import as_model, as_store
from orket._pipeline import RunResult
from orket.cards import Issue
from orket.errors import WiringError
from orket.events import EffectSettled
from orket.testing.fakes import EffectLedger
from orket.testing.faults._leftovers import Surroundings
from orket.testing.faults._mortal import DEAD, Mortality, MortalModel, MortalStore, MortalTool
from orket.testing.faults._oracle import Oracle
from orket.testing.faults._witness import CommitLog, WitnessedStore


@attrs.frozen
class LaterClock:
    """The machine's clock, so much ahead that every claim of the lives before has expired."""

    ahead: float

    def now(self) -> float:
        """Return seconds since the epoch."""
        return time.time() + self.ahead

    async def sleep(self, seconds: float, /) -> None:
        """Wait."""
        await anyio.sleep(seconds)


def main() -> None:
    """Serve orders until there are no more."""
    sys.path[:] = json.loads(sys.stdin.readline())
    _warm_up()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(serve(json.loads(line))) + "\n")
        sys.stdout.flush()


def serve(order: Mapping[str, Any]) -> dict[str, Any]:
    """Let lives follow each other on one record: each dies as the order says, the last one lives."""
    folder = Path(order["folder"])
    folder.mkdir(parents=True)
    deaths, seconds = 0, 0.0
    words: list[str] = []
    wanted = Counter(order["wanted"])
    for number in count():
        doom = _doom(order, number, wanted)
        born = time.monotonic()
        code = _live(order, folder, number, doom)
        seconds = time.monotonic() - born
        if code == 0 and number >= len(order["deaths"]):
            break
        if code == 0:
            continue
        if not doom or code not in (DEAD, -signal.SIGKILL):
            said = (folder / f"life-{number}.err").read_text("utf-8")
            return {"deaths": deaths, "words": words, "problems": [f"life {number} ended with {code}: {said}"]}
        deaths += 1
        last_words = folder / f"life-{number}.txt"
        words.append(last_words.read_text("utf-8") if last_words.exists() else "killed")
        wanted -= Counter(words[-1:])
    told: dict[str, Any] = json.loads((folder / "result.json").read_text("utf-8"))
    told["missed"] = list(wanted.elements())
    _learn(told.pop("modules"))
    return {"deaths": deaths, "words": words, "seconds": seconds, **told}


def _doom(order: Mapping[str, Any], number: int, wanted: Counter[str]) -> Mapping[str, Any]:
    """Return how a life shall end."""
    deaths: Sequence[Mapping[str, Any]] = order["deaths"]
    if number < len(deaths):
        return deaths[number]
    return {"wanted": list(wanted)} if wanted else {}


def _warm_up() -> None:
    """Live once in this very process, so that the lives to come are born with all modules and converters.

    With a crew of its own: what a host's modules keep in memory must not be inherited.
    """
    with TemporaryDirectory() as folder:
        order = {"scenario": "orket.testing.faults:chains_and_fans", "card": "launch", "options": {"issues": 6}}
        anyio.run(_act, order, Path(folder), 0, {})
    while threading.active_count() > 1:  # worker threads end a little after their loop; a fork would lose them
        time.sleep(0.001)
    gc.collect()


def _learn(modules: Iterable[str]) -> None:
    """Import what a life had to import: the lives to come are born with it."""
    for name in set(modules) - sys.modules.keys():
        with suppress(ImportError):  # a name that was put there, and is no module's
            import_module(name)
    gc.freeze()  # what all lives share is not looked through by each


def _live(order: Mapping[str, Any], folder: Path, number: int, doom: Mapping[str, Any]) -> int:
    """Fork a life, wait for its end, and return its exit code (negative: the signal that killed it)."""
    born = os.fork()
    if born == 0:
        _be(order, folder, number, doom)
    if "seconds" in doom:
        time.sleep(doom["seconds"])
        os.kill(born, signal.SIGKILL)  # not waited for yet: the number is still its own
    return os.waitstatus_to_exitcode(os.waitpid(born, 0)[1])


def _be(order: Mapping[str, Any], folder: Path, number: int, doom: Mapping[str, Any]) -> None:
    """Be a life, from birth to exit."""
    code = 1
    try:
        error = os.open(folder / f"life-{number}.err", os.O_WRONLY | os.O_CREAT, 0o600)
        os.dup2(error, 2)
        told = anyio.run(_act, order, folder, number, doom, backend=order["backend"])
        (folder / "result.json").write_text(json.dumps(told), "utf-8")
        code = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        raise
    finally:
        os._exit(code)


async def _act(order: Mapping[str, Any], folder: Path, number: int, doom: Mapping[str, Any]) -> dict[str, Any]:
    before = await Surroundings.now()
    ledger, commits = EffectLedger(folder / "ledger.jsonl"), CommitLog(folder / "commits.jsonl")
    wanted = doom.get("wanted", ())
    mortality = Mortality(folder / f"life-{number}.txt", at=int(doom.get("at", 0)), wanted=wanted)
    crew = _mortal(hire(order, folder, ledger), mortality, commits, number)
    oracle = Oracle(ledger=ledger, commits=commits)
    async with crew as orchestrator:
        left = [f"as it was left: {it}" for it in await oracle.examine(orchestrator.store)] if number else []
        if left and wanted:
            raise AssertionError("\n".join(left))  # nobody would hear of it from one who dies
        if number:
            await settle_all(orchestrator, ledger)
        mortality.begin()
        result = await orchestrator.run_card(order["card"])
        passed = tuple(mortality.passed)
        mortality.forgive()
        while await settle_all(orchestrator, ledger):
            result = await orchestrator.run_card(order["card"])
        told = await tell(orchestrator, result, ledger)
        problems = [*left, *await oracle.examine(orchestrator.store)]
    problems += [f"left over: {it}" for it in (await Surroundings.now()).beyond(before)]
    modules = [name for name in sys.modules if name != "__main__"]
    return {"points": passed, "problems": problems, "modules": modules, **told}


def hire(order: Mapping[str, Any], folder: Path, ledger: EffectLedger) -> Orchestrator:
    """Return the crew that an order names."""
    module, _, name = order["scenario"].partition(":")
    scenario: Callable[..., Orchestrator] = getattr(import_module(module), name)
    return scenario(folder, ledger, **order["options"])


async def tell(orchestrator: Orchestrator, result: RunResult, ledger: EffectLedger) -> dict[str, Any]:
    """Say how all ended: what must be the same however often a crew died, and how many effects were settled."""
    issues = (await orchestrator.board(result.build)).builds[0].issues
    records = [entry.record async for entry in orchestrator.history()]
    return {
        "outcome": result.outcome,
        "board": sorted([_line(issue) for issue in issues]),
        "effects": Counter(f"{effect.effect} {effect.tool} {effect.note}" for effect in ledger.effects),
        "settled": sum(isinstance(record, EffectSettled) for record in records),
    }


async def settle_all(orchestrator: Orchestrator, ledger: EffectLedger) -> int:
    """Say what became of every effect that waits for it, as a person does who has looked: the ledger knows."""
    waiting = await orchestrator.unsettled()
    for effect in waiting:
        ran = any(it.key == effect.key for it in ledger.effects)
        output = f"written by {effect.tool}" if ran else ""
        await orchestrator.settle(effect, ran=ran, actor="harness", output=output, reason="so the ledger says")
    return len(waiting)


def _mortal(crew: Orchestrator, mortality: Mortality, commits: CommitLog, number: int) -> Orchestrator:
    """Return the same crew, with ports that die, and a clock by which the lives before are long over."""
    given = {field.name: getattr(crew, field.name) for field in attrs.fields(type(crew)) if field.init}
    store = as_store(given["_store"], given["_workspace"])
    if store.location is None:
        raise WiringError([f"store: {store!r:.80} does not outlive its process; valid: one that has a file"])
    return attrs.evolve(
        crew,
        store=MortalStore(WitnessedStore(store, commits), mortality),
        model=MortalModel(as_model(given["_model"]), mortality),
        tools=tuple([MortalTool(tool, mortality) for tool in given["_tools"]]),
        clock=LaterClock(number * 2 * given["_limits"].lease),
    )


def _line(issue: Issue) -> list[object]:
    """Return what must be the same however often a crew died; ids and versions tell how it went."""
    return [issue.name, issue.status, issue.wait_reason, issue.seat, issue.priority, issue.retry_count]
