"""A watchdog of the event loop, and (as a child) what it sees where nothing of orket runs.

The watchdog sleeps a millisecond, again and again. What the loop is late by is a gap: somebody kept the loop, or the
machine did not let it run. The processor time that passed in a gap tells them apart: if the loop's own thread used it,
a callback ran; if only the process did, another of its threads may have held the interpreter; if neither, the machine
ran something else.
"""

import gc
import math
import sqlite3
import threading
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

import anyio
import anyio.lowlevel
import child
import floor
import tape
from attrs import define, field, frozen

NAP: Final = 0.001  # seconds
LIMIT: Final = 0.005  # a longer gap is counted


@frozen
class Gap:
    """How late the loop was, and the processor time of its thread and of the process meanwhile, all in seconds.

    ``collected`` is what the garbage collector took of it, in whichever thread: the interpreter stands still.
    """

    late: float
    thread: float
    process: float
    collected: float

    @property
    def own(self) -> float:
        """Return the processor time of the loop's thread that was not the collector's, at most."""
        return max(0.0, min(self.thread, self.late - self.collected))


@define(eq=False)
class Watchdog:
    """Gaps of one event loop, and the longest pause of the garbage collector."""

    # As plain tuples, which the garbage collector stops visiting: thousands of objects more would make it collect all.
    gaps: list[tuple[float, float, float, float]] = field(factory=list)
    longest: float = 0.0
    _collected: float = 0.0
    _began: float = 0.0

    async def run(self) -> None:
        """Watch until cancelled."""
        gc.callbacks.append(self._collect)
        try:
            while True:
                wall, thread, process = time.perf_counter(), time.thread_time(), time.process_time()
                collected = self._collected
                await anyio.sleep(NAP)
                late = time.perf_counter() - wall - NAP
                own = min(late, time.thread_time() - thread)  # at most: some of it was used before the nap was over
                self.gaps.append((late, own, time.process_time() - process, self._collected - collected))
        finally:
            gc.callbacks.remove(self._collect)

    def report(self) -> dict[str, Any]:
        """Return what was seen, in milliseconds."""
        gaps = [Gap(*gap) for gap in self.gaps]
        late = sorted(gap.late for gap in gaps)
        worst = max(gaps, key=lambda gap: gap.late)
        return {
            "naps": len(late),
            "max": _ms(worst.late),
            "p99_9": _ms(late[math.ceil(len(late) * 0.999) - 1]),
            "median": _ms(late[len(late) // 2]),
            "over_5": sum(gap.late > LIMIT for gap in gaps),
            "worst_thread_cpu": _ms(worst.thread),
            "worst_process_cpu": _ms(worst.process),
            "max_thread_cpu": _ms(max(gap.thread for gap in gaps)),
            "max_own": _ms(max(gap.own for gap in gaps)),
            "over_5_own": sum(gap.own > LIMIT for gap in gaps),
            "gc_max": _ms(self.longest),
        }

    def _collect(self, phase: str, _info: Mapping[str, int]) -> None:
        if phase == "start":
            self._began = time.perf_counter()
        else:
            took = time.perf_counter() - self._began
            self._collected += took
            self.longest = max(self.longest, took)


def _ms(seconds: float) -> float:
    return round(seconds * 1e3, 3)


async def _noise(seconds: float, beside: Any) -> dict[str, Any]:
    """Watch a loop for a while with nothing on it, or with *beside* on it."""
    dog = Watchdog()
    async with anyio.create_task_group() as group:
        group.start_soon(dog.run)
        if beside is not None:
            group.start_soon(beside)
        await anyio.sleep(seconds)
        group.cancel_scope.cancel()
    return dog.report()


async def _slices() -> None:
    """Keep the loop as busy as a run does: short pieces of plain Python, one after the other."""
    while True:
        sum(range(2_000))
        await anyio.lowlevel.checkpoint()


def _write_on(stop: threading.Event, database: Path, recorded: Path, folder: Path) -> None:
    """Write what a real run wrote, over and over, from a thread: the same work as the store's, without the store."""
    steps, schema = tape.load(recorded), floor.schema_of(database)
    step: tape.Step
    for number in range(1_000_000):
        connection = floor.connect(folder / f"noise{number}.db", schema)
        for step in steps:
            if stop.is_set():
                return
            floor.replay(connection, [step])
        connection.close()


def _main(*, seconds: float, database: str, recorded: str, folder: str) -> dict[str, Any]:
    idle = anyio.run(_noise, seconds, None)
    stop = threading.Event()
    work = partial(_write_on, stop, Path(database), Path(recorded), Path(folder))
    writer = threading.Thread(target=work)
    writer.start()
    try:
        busy = anyio.run(_noise, seconds, _slices)
    finally:
        stop.set()
        writer.join()
    return {"idle": idle, "busy": busy, "sqlite": sqlite3.sqlite_version}


if __name__ == "__main__":
    child.answer(_main(**child.params()))
