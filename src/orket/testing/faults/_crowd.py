"""Several processes on one record, at the same time: some are stopped for longer than their lease, some are killed."""

import json
import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

import anyio
import attrs

from orket._orchestrator import Orchestrator
from orket._orchestrator._setup import as_model
from orket.contracts import ModelClient, ModelReply, ModelRequest, Store
from orket.testing.fakes import EffectLedger
from orket.testing.faults._again import given, store_of
from orket.testing.faults._lives import bear, end_of, hire, live
from orket.testing.faults._witness import CommitLog, WitnessedStore

_GLANCE: Final = 0.005  # seconds between two looks at the crowd
_STOPPED: Final = 2.5  # leases that a process is stopped for


@attrs.frozen
class UnhurriedModel:
    """A model that takes its time, so that turns overlap."""

    model: ModelClient
    seconds: float

    async def complete(self, request: ModelRequest, /) -> ModelReply:
        """Wait, then answer."""
        await anyio.sleep(self.seconds)
        return await self.model.complete(request)


def sharing(
    crew: Orchestrator, order: Mapping[str, Any], commits: CommitLog, store: Store | None = None
) -> Orchestrator:
    """Return the same crew with another lease, a model that takes its time, and a store that is witnessed."""
    parts = given(crew)
    return attrs.evolve(
        crew,
        store=WitnessedStore(store or store_of(crew), commits),
        model=UnhurriedModel(as_model(parts["_model"]), order["pause"]),
        limits=attrs.evolve(parts["_limits"], lease=order["lease"]),
    )


def share(order: Mapping[str, Any]) -> dict[str, Any]:
    """Let a crowd work on one record; when it is gone, let one more life finish what is left, and tell of all."""
    folder = Path(order["folder"])
    folder.mkdir(parents=True)
    crowd = _Crowd(order, folder)
    crowd.work()
    told: dict[str, Any] = {"problems": crowd.problems}
    if not crowd.problems:
        code = live(order, folder, 1, {})  # the first in its own name; by its clock all claims have expired
        path = folder / "life-1.json"
        told = json.loads(path.read_text("utf-8")) if code == 0 else told
        if code != 0:
            told["problems"].append(f"who finished ended with {code}: {path.with_suffix('.err').read_text('utf-8')}")
    return {**told, "processes": crowd.born, "stopped": crowd.stopped, "killed": crowd.killed, "runs": crowd.told()}


async def work(order: Mapping[str, Any], folder: Path, door: "_Door") -> dict[str, Any]:
    """Be one of the crowd."""
    ledger, commits = EffectLedger(folder / "ledger.jsonl"), CommitLog(folder / "commits.jsonl")
    async with sharing(hire(order, folder, ledger), order, commits) as crew:
        await door.wait()
        result = await crew.run_card(order["card"])
    return {"run": result.run, "outcome": result.outcome, "reasons": dict(result.reasons)}


class _Door:
    """Where processes wait until all have come."""

    def __init__(self) -> None:
        self._bell, self._ring = os.pipe()
        self._gate, self._latch = os.pipe()
        os.set_blocking(self._bell, False)
        self.is_open = False
        self._came = 0

    async def wait(self) -> None:
        """Say that one more has come, and wait until it is opened; in a process of its own."""
        os.write(self._ring, b".")
        if not self.is_open:
            os.close(self._latch)  # this process's end of it: who opens has the last one
            await anyio.wait_readable(self._gate)

    def open_for(self, count: int) -> bool:
        """Open when so many have come, and return whether it is open."""
        if not self.is_open:
            with suppress(BlockingIOError):
                self._came += len(os.read(self._bell, count))
            if self._came >= count:
                os.close(self._latch)
                self.is_open = True
        return self.is_open


class _Crowd:
    """The processes, and whoever stops and kills them."""

    def __init__(self, order: Mapping[str, Any], folder: Path) -> None:
        self._order, self._folder = order, folder
        self._chance = Random(order["seed"])  # noqa: S311 - chosen, not secret
        self._plan = ["stop"] * order["stops"] + ["kill"] * order["kills"]
        self._chance.shuffle(self._plan)
        self._door = _Door()
        self._alive: dict[int, int] = {}  # process id -> which one it is
        self._resting: dict[int, float] = {}  # stopped process -> when it goes on
        self._begun = False
        self._next = 0.0  # when the next one is stopped or killed
        self.born = self.stopped = self.killed = 0
        self.problems: list[str] = []

    def work(self) -> None:
        """Let all begin at once, and stop and kill some, until the last one is gone."""
        for _ in range(self._order["crowd"]):
            self._enter()
        end = time.monotonic() + self._order["patience"]
        while self._alive:
            self._reap()
            now = time.monotonic()
            if self._door.open_for(self._order["crowd"]) and self._is_at_work():
                self._disturb(now)
            if now > end:
                self._give_up()
            time.sleep(_GLANCE)

    def told(self) -> list[dict[str, Any]]:
        """Return what those told who lived to their end: which one of the crowd, its run, how it ended."""
        paths = [(number, self._folder / f"share-{number}.json") for number in range(self.born)]
        return [{"number": at, **json.loads(path.read_text("utf-8"))} for at, path in paths if path.exists()]

    def _enter(self) -> None:
        act = partial(work, self._order, self._folder, self._door)
        told = self._folder / f"share-{self.born}.json"
        self._alive[bear(act, told, backend=self._order["backend"])] = self.born
        self.born += 1

    def _reap(self) -> None:
        """See who has ended of itself."""
        for born in [pid for pid in self._alive if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)]:
            number, code = self._alive.pop(born), end_of(born)
            self._resting.pop(born, None)
            if code:
                said = (self._folder / f"share-{number}.err").read_text("utf-8")
                self.problems.append(f"process {number} ended with {code}: {said}")
                self._give_up()

    def _is_at_work(self) -> bool:
        """Return whether a claim was granted: however slow the machine is, there is something to be lost from then."""
        self._begun = self._begun or bool(CommitLog(self._folder / "commits.jsonl").grants)
        return self._begun

    def _disturb(self, now: float) -> None:
        for born in [pid for pid, until in self._resting.items() if until <= now]:
            del self._resting[born]
            os.kill(born, signal.SIGCONT)
        busy = sorted(self._alive.keys() - self._resting.keys())
        self._next = self._next or self._soon(now)
        if not self._plan or not busy or now < self._next:
            return
        self._next = self._soon(now)
        victim = self._chance.choice(busy)
        if self._plan.pop() == "stop":
            os.kill(victim, signal.SIGSTOP)
            self._resting[victim] = now + _STOPPED * self._order["lease"]
            self.stopped += 1
        else:
            self._end(victim)
            self.killed += 1
            self._enter()

    def _soon(self, now: float) -> float:
        lease: float = self._order["lease"]
        return now + lease * self._chance.uniform(0.1, 0.5)

    def _end(self, born: int) -> None:
        os.kill(born, signal.SIGKILL)
        end_of(born)
        self._alive.pop(born)

    def _give_up(self) -> None:
        """Kill whoever is still there: the case is lost."""
        if self._alive:
            told = f"{len(self._alive)} processes had not finished after {self._order['patience']:g} seconds"
            self.problems += [] if self.problems else [told]
        for born in list(self._alive):
            self._end(born)
