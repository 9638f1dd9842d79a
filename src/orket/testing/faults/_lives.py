"""Lives: processes that open a crew, run its card, and die on the way, or tell how all ended."""

import json
import os
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import anyio
import attrs

from orket._orchestrator import Orchestrator
from orket._orchestrator._setup import as_model
from orket._pipeline import RunResult
from orket.cards import CardStatus
from orket.errors import WiringError
from orket.events import CardMoved, EffectSettled
from orket.testing.fakes import EffectLedger
from orket.testing.faults._again import clock_of, given, store_of
from orket.testing.faults._ending import line_of, settle_all
from orket.testing.faults._leftovers import Surroundings
from orket.testing.faults._mortal import Mortality, MortalModel, MortalStore, MortalTool
from orket.testing.faults._oracle import Oracle
from orket.testing.faults._witness import CommitLog, WitnessedStore


def end_of(born: int) -> int:
    """Wait for the end of a life, and return its exit code (negative: the signal that killed it)."""
    return os.waitstatus_to_exitcode(os.waitpid(born, 0)[1])


def bear(act: Callable[[], Awaitable[Mapping[str, Any]]], told: Path, *, backend: str) -> int:
    """Fork a life that does something and writes down what it returns, or what went wrong; return its number.

    Args:
        act: What it does.
        told: The file for what it returns; what goes wrong is written beside it, with the suffix ``.err``.
        backend: Of its event loop.
    """
    born = os.fork()
    if born:
        return born
    code = 1
    try:
        os.dup2(os.open(told.with_suffix(".err"), os.O_WRONLY | os.O_CREAT, 0o600), 2)
        told.write_text(json.dumps(anyio.run(act, backend=backend)), "utf-8")
        code = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
        raise
    finally:
        os._exit(code)


def live(order: Mapping[str, Any], folder: Path, number: int, doom: Mapping[str, Any]) -> int:
    """Let a life be lived, and return its exit code."""
    born = bear(partial(act, order, folder, number, doom), folder / f"life-{number}.json", backend=order["backend"])
    if "seconds" in doom:
        time.sleep(doom["seconds"])
        os.kill(born, signal.SIGKILL)  # not waited for yet: the number is still its own
    return end_of(born)


async def act(order: Mapping[str, Any], folder: Path, number: int, doom: Mapping[str, Any]) -> dict[str, Any]:
    """Open a crew, see what was left to it, run its card, and die on the way, or tell how all ended.

    Args:
        order: What was asked for.
        folder: Where everything is.
        number: How many lives came before.
        doom: The points to die at: ``at`` by number, ``wanted`` by name.
    """
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
    entries = [entry async for entry in orchestrator.history()]
    done = [it.card for it in entries if isinstance(it.record, CardMoved) and it.record.after is CardStatus.DONE]
    return {
        "outcome": result.outcome,
        "board": sorted([line_of(issue) for issue in issues]),
        "effects": Counter(f"{effect.effect} {effect.tool} {effect.note}" for effect in ledger.effects),
        "finished": sorted(Counter(done).values()),
        "settled": sum(isinstance(entry.record, EffectSettled) for entry in entries),
    }


def _mortal(crew: Orchestrator, mortality: Mortality, commits: CommitLog, number: int) -> Orchestrator:
    """Return the same crew, with ports that die, and a clock by which the lives before are long over."""
    parts, store = given(crew), store_of(crew)
    if store.location is None:
        raise WiringError([f"store: {store!r:.80} does not outlive its process; valid: one that has a file"])
    return attrs.evolve(
        crew,
        store=MortalStore(WitnessedStore(store, commits), mortality),
        model=MortalModel(as_model(parts["_model"]), mortality),
        tools=tuple([MortalTool(tool, mortality) for tool in parts["_tools"]]),
        clock=clock_of(crew, number),
    )
