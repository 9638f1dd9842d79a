"""Golden files: databases as an orket of each schema version wrote them, and how they are made.

``python tests/support/golden_files.py`` writes ``tests/migrations/golden/v<number>.sqlite`` and, beside it, what it
holds as JSON, with the present code: the file of the newest schema version. **A golden file of a released version is
never made again**: it stands for the files that users have. Before the release of a version, when its schema or what is
stored under it changes, its file is made anew by this script; that is all that such a change needs.

The same code makes the same record: time, ids and randomness are given, so that two makings differ in nothing that is
in the journal.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest import mock

import anyio
from deliveries import delivery, payload, rejected
from gitea_world import World, WorldClient, desk_of
from ports import StoreDouble
from small_world import WORKER_TOOLS, issue, open_world, organization, wish, write_json

import orket
from orket.contracts import DAY, Batch, ModelRequest, Receipt, Store, ToolCall, TurnKind
from orket.errors import EffectUnknownError, StoreError
from orket.events import ModelReplied
from orket.stores import SQLiteStore
from orket.stores._migrate import migrations
from orket.testing import SimulatedClock

GOLDEN = Path(__file__).parents[1] / "migrations" / "golden"
START = 1_750_000_000.0
TABLES = ("journal", "head", "card", "run", "charge", "document", "payload")


def assets(root: Path) -> Path:
    """Write the organization whose record a golden file is; it is still there when the file is taken up."""
    options: dict[str, Any] = {"tools": [*WORKER_TOOLS, "pay"], "process_rules": {"concurrency": 1}}
    launch = [issue("a"), issue("b", "a"), issue("c", "b"), issue("d"), issue("e"), issue("f")]
    organization(root, launch, epic="launch", **options)
    organization(root, [issue("x"), issue("y")], epic="broken", **options)
    organization(root, [issue("s")], epic="small", **options)
    write_json(root / "model" / "core" / "rocks" / "hill.json", {"epics": [{"epic": "small"}]})
    return root


@orket.tool
def pay(amount: int) -> str:
    """Pay an amount, or nobody knows.

    Args:
        amount: in cents
    """
    raise EffectUnknownError(f"the bank hung up on {amount}", rule="effect_unknown", key="")


def agent(request: ModelRequest) -> object:
    """Write a file, leave a comment, ask, pay, or say nothing, each for one of the issues."""
    brief = request.brief
    if brief is None or brief.kind is TurnKind.REVIEW:
        return wish("done")
    if brief.round > 1:
        return wish("code_review")
    match brief.issue.id:
        case "a" | "x":
            path = f"agent_output/{brief.issue.id}.txt"
            comment = ToolCall(name="add_issue_comment", arguments={"comment": "I begin."})
            return [comment, ToolCall(name="write_file", arguments={"path": path, "content": "Grüße\n"})]
        case "b":
            return wish("blocked", wait_reason="input", reason="Which colour?")
        case "d":
            return ToolCall(name="pay", arguments={"amount": 500})
        case "f" if brief.issue.retry_count == 0:
            return ""  # a reply that says nothing: a failed turn
        case _:
            return wish("code_review")


def entropy() -> Callable[[int], bytes]:
    """Return a source of bytes that look random, and are the same each time."""
    count = 0

    def more(size: int) -> bytes:
        nonlocal count
        count += 1
        return hashlib.sha256(f"golden {count}".encode()).digest()[:size]

    return more


async def write(store: Store, root: Path) -> None:
    """Let a crew, a person, a dying process and a review desk write into a new store."""
    clock, some = SimulatedClock(START), entropy()
    options: dict[str, Any] = {"clock": clock, "entropy": some, "tools": [pay]}
    async with open_world(root, agent, store=store, **options) as crew:
        await crew.run_epic("launch", run_id="run-launch")
        await crew.reprioritize("c", 5, actor="ann", reason="it matters")
        await crew.cancel("c", actor="ann", reason="it does not")
        await crew.reopen("c", actor="ben", reason="it does")
        await crew.cancel("b", actor="ann", reason="no colour will do")
        await crew.run_rock("hill", run_id="run-hill")
        await crew.report_bug("hill", "BUG-1", "it leans", severity="high", actor="ann", card="s")
        await crew.report_bug("hill", "BUG-2", "it creaks", severity="low", actor="ann")
        await crew.resolve_bug("hill", "BUG-2", actor="ben", reason="oiled")
        clock.advance(8 * DAY)
        await crew.advance_bug_fixes()
    with suppress(StoreError):
        async with open_world(root, agent, store=StoreDouble(store, Death()), **options) as crew:
            await crew.run_epic("broken", run_id="run-broken")
    await store.open()
    try:
        await _review(store, clock)
    finally:
        await store.aclose()


class Death:
    """Let a process die after the first reply of *x*: nothing that it would write later arrives."""

    def __init__(self) -> None:
        self.is_dead = False

    async def __call__(self, batch: Batch, commit: Callable[[], Awaitable[Receipt]]) -> Receipt:
        if self.is_dead:
            raise StoreError("dead")
        receipt = await commit()
        if batch.card == "x" and any(isinstance(record, ModelReplied) for record in batch.records):
            self.is_dead = True
        return receipt


async def _review(store: Store, clock: SimulatedClock) -> None:
    """Let a pull request be opened and sent back."""
    async with desk_of(store, WorldClient(World()), clock) as desk:
        for event in (payload("opened"), rejected(reason="No tests.")):
            assert (await desk.handle(*delivery(event))).status < 300
            await desk.settled()


async def contents(store: Store) -> dict[str, Any]:
    """Return what a closed store holds, as JSON has it: what must be the same after a migration."""
    await store.open()
    try:
        proof = await store.verify()
        builds = dict.fromkeys([row.build for row in await store.runs()])
        told = Counter([type(entry.record).__name__ async for entry in store.events()])
        return {
            "records": proof.records,
            "head": proof.head,
            "runs": {row.id: row.outcome and row.outcome.value for row in await store.runs()},
            "told": dict(told),
            "cards": {
                build: {
                    row.issue.id: [row.issue.status.value, row.issue.version] for row in await store.load_board(build)
                }
                for build in builds
            },
        }
    finally:
        await store.aclose()


def make(target: Path) -> None:
    """Make the golden file of the present schema at *target*, and what it holds beside it."""
    some = entropy()
    with tempfile.TemporaryDirectory() as name, mock.patch.object(os, "urandom", some):
        root, path = assets(Path(name) / "crew"), Path(name) / "golden.sqlite"
        anyio.run(write, SQLiteStore(path), root)
        held = anyio.run(contents, SQLiteStore(path))
        held["documents"] = documents(path)
        assert not list(path.parent.glob("golden.sqlite-*"))  # all of it is in the one file
        shutil.copyfile(path, target)
    target.with_suffix(".json").write_text(json.dumps(held, indent=2, sort_keys=True) + "\n", "utf-8")


def documents(path: Path) -> dict[str, int]:
    """Return how many documents of each kind a file holds."""
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        return dict(connection.execute("SELECT kind, count(*) FROM document GROUP BY kind ORDER BY kind"))
    finally:
        connection.close()


def rows(path: Path) -> dict[str, list[Any]]:
    """Return every row of every table of a file."""
    connection = sqlite3.connect(path)
    try:
        return {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in TABLES}
    finally:
        connection.close()


if __name__ == "__main__":
    GOLDEN.mkdir(parents=True, exist_ok=True)
    make(GOLDEN / f"v{migrations()[-1].number:03}.sqlite")
