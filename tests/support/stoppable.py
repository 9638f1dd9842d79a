"""A host in a process of its own, which says before each commit that it is about to make it, and stops when it is told.

``python stoppable.py ORGANIZATION FOLDER BACKEND RECEIVER``: with a receiver of signals, as the hosting guide has it,
or with Python's own answer to Ctrl-C.
"""

import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import anyio
import attrs
from cancelled_crews import crew, operate

from orket.contracts import Batch
from orket.testing import EffectLedger
from orket.testing.faults import CommitLog, FrontStore, WitnessedStore

T = TypeVar("T")


class Talkative(FrontStore):
    """Say so before a commit."""

    async def around(self, verb: str, call: Callable[[], Awaitable[T]], batch: Batch | None = None) -> T:
        if batch is not None:
            print("commit", flush=True)
        return await call()


async def work(root: Path, folder: Path) -> None:
    made = crew(root, "sqlite")(folder, EffectLedger(folder / "ledger.jsonl"))
    store = Talkative(WitnessedStore(made._store, CommitLog(folder / "commits.jsonl")))
    async with attrs.evolve(made, store=store) as orchestrator:
        await operate(orchestrator)
        await anyio.sleep_forever()  # who signals late finds a host, too, and no interpreter that is about to end


async def with_receiver(root: Path, folder: Path) -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(stop_on_signal, group.cancel_scope)
        await work(root, folder)


async def stop_on_signal(scope: anyio.CancelScope) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        async for _ in signals:
            scope.cancel()
            return


def main(root: str, folder: str, backend: str, receiver: str) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell lets its background jobs ignore it
    host = with_receiver if receiver == "receiver" else work
    try:
        anyio.run(host, Path(root), Path(folder), backend=backend)
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    print("closed", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
