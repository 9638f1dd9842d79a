"""Child: one run of one board by the orchestrator, looked at in one way.

``plain`` measures time, processor time and resident memory; ``tape`` records what is written to SQLite; ``watch`` lets
a watchdog watch the event loop; ``trace`` counts Python's own memory. Only ``plain`` is undisturbed.
"""

import gc
import sqlite3
import time
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import boards
import child
import tape
import watch

import orket
from orket.contracts import Store
from orket.stores import SQLiteStore


@asynccontextmanager
async def _watched(view: str) -> AsyncIterator[dict[str, Any]]:
    """Look at what runs in the body; what was seen is in the dictionary afterwards."""
    seen: dict[str, Any] = {}
    if view == "trace":
        tracemalloc.start()
        yield seen
        seen["traced_peak"] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    elif view == "watch":
        dog = watch.Watchdog()
        async with anyio.create_task_group() as group:
            group.start_soon(dog.run)
            yield seen
            group.cancel_scope.cancel()
        seen["loop"] = dog.report()
    else:
        yield seen


async def _run(root: Path, store: Store, view: str) -> dict[str, Any]:
    opening = time.perf_counter()
    crew = orket.Orchestrator(
        config=root, workspace=root / "work" / "space", store=store, model=boards.agent, environ={}
    )
    async with crew:
        opened = time.perf_counter() - opening
        gc.collect()
        child.forget_peak()
        before = child.memory()
        async with _watched(view) as seen:
            wall, cpu, own = time.perf_counter(), time.process_time(), time.thread_time()
            result = await crew.run_epic(boards.EPIC)
            wall, cpu, own = time.perf_counter() - wall, time.process_time() - cpu, time.thread_time() - own
        peak = child.peak_memory() - before
        closing = time.perf_counter()
    return {
        "wall": wall,
        "cpu": cpu,
        "loop_cpu": own,
        "open": opened,
        "close": time.perf_counter() - closing,
        "outcome": result.outcome.value,
        "done": result.done,
        "turns": result.turns,
        "peak": peak,
        **seen,
    }


def _file(path: Path) -> dict[str, int]:
    """Return how large a finished database is, and how much of it are payload texts."""
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    ((payloads, texts),) = connection.execute("SELECT count(*), coalesce(sum(length(body)), 0) FROM payload").fetchall()
    ((batches,),) = connection.execute("SELECT count(*) FROM journal").fetchall()
    connection.close()
    return {"bytes": path.stat().st_size, "payloads": payloads, "payload_bytes": texts, "batches": batches}


def _main(*, root: str, store: str, view: str, backend: str, folder: str) -> dict[str, Any]:
    if store == "memory":
        return anyio.run(_run, Path(root), orket.MemoryStore(), view, backend=backend)
    heard, path = tape.Tape(), Path(folder) / "journal.db"
    if view == "tape":
        tape.listen(heard)
    found = anyio.run(_run, Path(root), SQLiteStore(path), view, backend=backend)
    if view == "tape":
        heard.save(Path(folder) / "tape")
        found["transactions"] = heard.transactions
    return {**found, **_file(path)}


if __name__ == "__main__":
    child.answer(_main(**child.params()))
