"""A crew that works while everything is written down, and what is left of its record when the power fails."""

import json
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any, TypeAlias

import attrs

import orket
from orket.contracts import Store
from orket.errors import StoreError
from orket.stores import Durability, SQLiteStore
from orket.stores._database import SQLiteDatabase
from orket.testing import Effect, EffectLedger
from orket.testing.faults import CommitLog, Oracle, WitnessedStore, chains_and_fans
from orket.testing.faults._again import LaterClock
from power.connection import dial
from power.disk import Disk, FolderSynced, Synced, Told
from power.vfs import RecordingVFS

ISSUES = 4  # one of each kind that the crew has
BUILDS = ("first", "second")  # each by an orchestrator of its own: the file is closed and opened again in between


class RecordedStore(SQLiteStore):
    """The SQLite store on apsw's SQLite and a VFS."""

    def __init__(self, path: Path, vfs: RecordingVFS, *, durability: Durability = "full") -> None:
        super().__init__(path, durability=durability)
        self._vfs = vfs

    def _connect(self) -> SQLiteDatabase:
        full = self._durability == "full"
        return SQLiteDatabase(self._path, synchronous=full, busy_timeout=10.0, dial=dial(self._vfs.called))


class ToldCommits(CommitLog):
    """A log of commits that writes into the log of the disk."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    def write(self, line: dict[str, Any]) -> None:
        self._disk.add(Told(line))


class ToldLedger(EffectLedger):
    """A ledger that writes into the log of the disk, too."""

    def __init__(self, disk: Disk) -> None:
        super().__init__()
        self._disk = disk

    def record(self, effect: Effect) -> None:
        super().record(effect)
        self._disk.add(Told(effect))


Heads: TypeAlias = frozenset[tuple[int, bytes]]  # number and hash of each row of the journal


@attrs.frozen
class Image:
    """What a power cut left, and what was known outside before."""

    files: dict[str, bytes]
    commits: list[dict[str, Any]]
    effects: list[Effect]

    @classmethod
    def of(cls, disk: Disk, at: int, files: dict[str, bytes]) -> "Image":
        """Return what was left, with what was known before an event."""
        told = disk.told(at)
        commits = [what for what in told if isinstance(what, dict)]
        return cls(files, commits, [what for what in told if isinstance(what, Effect)])

    @property
    def acknowledged(self) -> set[str]:
        """The batches that somebody was told are kept."""
        return {line["ack"]["op_id"] for line in self.commits if "ack" in line}


@attrs.frozen
class Verdict:
    """What came of a power cut: what is wrong, and how much of what was acknowledged is gone."""

    problems: tuple[str, ...]
    lost: int


@attrs.frozen
class Recording:
    """A crew's work: all that was done to the disk meanwhile, and how the chain went."""

    disk: Disk
    heads: Heads

    def moments(self, count: int, dice: Random) -> Iterator[int]:
        """Choose where the power fails: anywhere, or just before something is synced, or before the first commit."""
        events = self.disk.events
        syncs = [at for at, event in enumerate(events) if isinstance(event, Synced | FolderSynced)]
        begun = next(at for at, event in enumerate(events) if isinstance(event, Told))
        for _ in range(count):
            yield dice.choice(
                (dice.randint(0, len(events)), dice.choice(syncs), dice.choice(syncs), dice.randint(0, begun))
            )

    def cut(self, at: int, dice: Random) -> Image:
        """Return what a power cut before an event leaves."""
        return Image.of(self.disk, at, self.disk.image(at, dice))


def crew(folder: Path, ledger: EffectLedger, store: Store, life: int = 0) -> orket.Orchestrator:
    """The crew on another store, by a clock that is past all claims of its earlier lives."""
    return attrs.evolve(chains_and_fans(folder, ledger, issues=ISSUES), store=store, clock=LaterClock(1000.0 * life))


async def record(folder: Path, store: Store, disk: Disk) -> Recording:
    """Let a crew work on a store whose VFS writes into *disk*."""
    ledger, commits = ToldLedger(disk), ToldCommits(disk)
    for life, build in enumerate(BUILDS):
        async with crew(folder, ledger, WitnessedStore(store, commits), life) as orchestrator:
            result = await orchestrator.run_epic("launch", build=build)
            assert result.outcome is orket.RunOutcome.DONE
    with closing(sqlite3.connect(store.location)) as raw:
        return Recording(disk, frozenset(raw.execute("SELECT place, hash FROM journal")))


async def examine(
    image: Image, folder: Path, heads: Heads | None = None, *, full: bool = True, finish: Collection[str] = ()
) -> Verdict:
    """Open a record as it was left, and say what is wrong with it.

    Args:
        image: What was left, and known. Without files the record lies in the folder.
        folder: Where it is looked at.
        heads: How the chain went, if it is known.
        full: What was acknowledged must be there; else only what is there must be sound.
        finish: Builds that another crew is to bring to their end afterwards.
    """
    for name, content in image.files.items():
        (folder / name).write_bytes(content)
    store, ledger, commits = SQLiteStore(folder / "journal.db"), EffectLedger(), CommitLog(folder / "commits")
    if full:  # else the world may know more than the record
        commits.path.write_text("".join(f"{json.dumps(line)}\n" for line in image.commits), "utf-8")
        for effect in image.effects:
            ledger.record(effect)
    oracle = Oracle(ledger=ledger if full else None, commits=commits if full else None)
    problems, lost = await _look(store, oracle, image, heads)
    if full and lost:
        problems.append(f"{lost} acknowledged batches are gone")
    if finish and not problems:
        problems += await _finish(folder, store, ledger, oracle, finish)
    return Verdict(tuple(problems), lost)


async def _look(store: SQLiteStore, oracle: Oracle, image: Image, heads: Heads | None) -> tuple[list[str], int]:
    """Say what is wrong with a record, and how many acknowledged batches are gone."""
    try:
        await store.open()
        try:
            problems = [*await oracle.examine(store)]
        finally:
            await store.aclose()
    except StoreError as error:
        problems = [f"cannot be read: {error}"]
    if problems:
        return problems, len(image.acknowledged)
    with closing(sqlite3.connect(store.location)) as raw:
        stored = {op_id for (op_id,) in raw.execute("SELECT op_id FROM journal")}
        if heads is not None and not heads.issuperset(raw.execute("SELECT place, hash FROM journal")):
            problems.append("what is stored is not how the work began")
    return problems, len(image.acknowledged - stored)


async def _finish(
    folder: Path, store: Store, ledger: EffectLedger, oracle: Oracle, builds: Collection[str]
) -> list[str]:
    """Let another crew finish the work, and say what is wrong with it then."""
    problems = []
    async with crew(folder, ledger, store, len(BUILDS)) as orchestrator:
        for build in builds:
            result = await orchestrator.run_epic("launch", build=build)
            while waiting := await orchestrator.unsettled():
                for effect in waiting:
                    ran = any(done.key == effect.key for done in ledger.effects)
                    await orchestrator.settle(effect, ran=ran, actor="ann")
                result = await orchestrator.run_epic("launch", build=build)
            if (result.outcome, result.done) != (orket.RunOutcome.DONE, ISSUES + 1):
                problems.append(f"{build} ends {result.outcome} with {result.done} issues done")
        return [*problems, *await oracle.examine(orchestrator.store)]
