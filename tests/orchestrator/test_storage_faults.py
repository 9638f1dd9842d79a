"""What can happen to the disk under a run, by real means: it ends blocked, says what helps, and goes on afterwards."""

import contextlib
import os
import resource
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

import orket
from orket.contracts import ModelReply, ModelRequest
from orket.errors import StorageFault, StoreError
from orket.stores import SQLiteStore
from orket.testing import EffectLedger
from orket.testing.faults import CommitLog, Oracle, Surroundings, WitnessedStore, chains_and_fans
from orket.testing.faults._again import LaterClock
from orket.testing.faults._crew import work

pytestmark = pytest.mark.anyio


class Trouble:
    """Something that happens to the file of a record, and is put right again."""

    fault: StorageFault

    def __init__(self, path: Path) -> None:
        self.path, self.log = path, path.with_name(path.name + "-wal")

    def begin(self) -> None:
        raise NotImplementedError

    def end(self) -> None:
        raise NotImplementedError


class DiskFull(Trouble):
    """The file system has no byte left."""

    fault = StorageFault.FULL

    def begin(self) -> None:
        with (self.path.parent / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
            while filler.write(bytes(4096)):
                pass

    def end(self) -> None:
        (self.path.parent / "filler").unlink()


class WriteError(Trouble):
    """The system refuses to write: the process may not make its files any larger."""

    fault = StorageFault.IO

    def begin(self) -> None:
        self.limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (self.log.stat().st_size, self.limits[1]))

    def end(self) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, self.limits)


class Locked(Trouble):
    """Somebody else is writing, and does not come to an end."""

    fault = StorageFault.LOCKED

    def begin(self) -> None:
        self.other = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        self.other.execute("BEGIN IMMEDIATE")

    def end(self) -> None:
        self.other.execute("ROLLBACK")
        self.other.close()


class Cut(Trouble):
    """The file was cut behind its reader's back; there is a copy."""

    fault = StorageFault.CORRUPT

    def begin(self) -> None:
        for file in (self.path, self.log):
            shutil.copy(file, f"{file}.copy")
        os.truncate(self.path, 4096)

    def end(self) -> None:
        for file in (self.path, self.log):
            shutil.copy(f"{file}.copy", file)


class Deleted(Cut):
    """The file and its log were deleted; there is a copy."""

    fault = StorageFault.MISSING

    def begin(self) -> None:
        for file in (self.path, self.log):
            shutil.copy(file, f"{file}.copy")
            file.unlink()


class Moved(Trouble):
    """The file was moved away, its log is where it was."""

    fault = StorageFault.MISSING

    def begin(self) -> None:
        self.path.rename(f"{self.path}.away")

    def end(self) -> None:
        Path(f"{self.path}.away").rename(self.path)


class Replaced(Moved):
    """Another file has the name of the record."""

    def begin(self) -> None:
        super().begin()
        self.path.touch()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few megabytes."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    if not shutil.which("mount") or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("this user cannot mount a file system")
    yield place
    subprocess.run(["umount", str(place)], check=True)


class World:
    """A crew whose record lies in a folder, and what is known of it outside."""

    def __init__(self, folder: Path, record: Path) -> None:
        self.folder, self.record = folder, record
        self.ledger, self.commits = EffectLedger(folder / "ledger"), CommitLog(folder / "commits")
        self.oracle = Oracle(ledger=self.ledger, commits=self.commits)
        self.asked = self.lives = 0
        self.trouble: Trouble | None = None
        self.at = 0

    def agent(self, request: ModelRequest) -> ModelReply:
        self.asked += 1
        if self.trouble is not None and self.asked == self.at:
            self.trouble.begin()
        return work(request)

    def crew(self) -> orket.Orchestrator:
        self.lives += 1
        store = WitnessedStore(SQLiteStore(self.record, busy_timeout=0.05), self.commits)
        stock = chains_and_fans(self.folder, self.ledger)
        return attrs.evolve(stock, store=store, model=self.agent, clock=LaterClock(1000.0 * self.lives))

    async def is_blocked(self, trouble: Trouble) -> None:
        """Run until the trouble ends it, and again while it lasts: nothing goes on without the record."""
        async with self.crew() as orchestrator:
            with pytest.raises(StoreError) as caught:
                await orchestrator.run_epic("launch")
            asked, done = self.asked, self.ledger.effects
            assert asked == self.at
            with pytest.raises(StoreError) as again:
                await orchestrator.run_epic("launch")
        for error in (caught.value, again.value):
            assert error.fault is trouble.fault
            assert error.advice
            assert error.advice in str(error)
        assert (self.asked, self.ledger.effects) == (asked, done)

    async def goes_on(self) -> None:
        """Run to the end, with nothing lost and nothing doubled."""
        async with self.crew() as orchestrator:
            await self.oracle.check(orchestrator.store)
            result = await orchestrator.run_epic("launch")
            assert result.outcome is orket.RunOutcome.DONE
            await self.oracle.check(orchestrator.store)
        rung = [effect.note for effect in self.ledger.effects if effect.tool == "ring"]
        assert len(rung) == len(set(rung)) > 5


async def live_through(world: World, trouble: Trouble, at: int) -> None:
    """Meet trouble at the k-th exchange with the model; go on when it is over."""
    world.trouble, world.at = trouble, at
    before = await Surroundings.now()
    try:
        await world.is_blocked(trouble)
    finally:
        trouble.end()
    assert (await Surroundings.now()).beyond(before) == ()
    await world.goes_on()


@pytest.mark.fire("store faults")
@pytest.mark.parametrize("kind", [WriteError, Locked, Cut, Deleted, Moved, Replaced])
@pytest.mark.parametrize("at", [1, 2, 5])
async def test_trouble_blocks_a_run_and_no_longer(tmp_path: Path, kind: type[Trouble], at: int) -> None:
    """Write errors, locks, damage and files that are gone end a run, typed and with advice; afterwards it goes on."""
    world = World(tmp_path, tmp_path / "journal.db")
    await live_through(world, kind(world.record), at)


@pytest.mark.fire("store faults")
@pytest.mark.parametrize("at", [1, 2, 5])
async def test_a_full_disk_blocks_a_run_and_no_longer(tmp_path: Path, small_disk: Path, at: int) -> None:
    """The same on a disk that is really full."""
    world = World(tmp_path, small_disk / "journal.db")
    await live_through(world, DiskFull(world.record), at)


async def test_a_blocked_run_says_so_where_it_still_can(tmp_path: Path) -> None:
    """A run that a fault of the record ends is ``blocked`` in the record, when that can be written again by then."""
    world = World(tmp_path, tmp_path / "journal.db")

    def briefly(request: ModelRequest) -> ModelReply:
        (trouble := Locked(world.record)).begin()
        troubles.append(trouble)
        return work(request)

    troubles: list[Trouble] = []

    class Relieved(SQLiteStore):
        async def commit(self, batch, /):
            try:
                return await super().commit(batch)
            finally:
                for trouble in troubles:
                    trouble.end()
                troubles.clear()

    store = Relieved(world.record, busy_timeout=0.05)
    async with attrs.evolve(world.crew(), store=store, model=briefly) as orchestrator:
        with pytest.raises(StoreError, match="locked"):
            await orchestrator.run_epic("launch", run_id="first")
        row = await orchestrator.store.load_run("first")
        assert row is not None
        assert row.outcome is orket.RunOutcome.BLOCKED
        assert "locked" in row.reason
    await world.goes_on()


@contextlib.contextmanager
def read_only(path: Path) -> Iterator[None]:
    """Let nobody write a file."""
    if os.geteuid():
        begin, end = ["chmod", "0444"], ["chmod", "0600"]
    else:  # who may do anything is stopped by nothing less
        begin, end = ["chattr", "+i"], ["chattr", "-i"]
    if not shutil.which(begin[0]) or subprocess.run([*begin, str(path)], check=False).returncode:
        pytest.skip("this file system has no files that may not be written")
    yield
    subprocess.run([*end, str(path)], check=True)


@contextlib.contextmanager
def mounted_read_only(disk: Path) -> Iterator[None]:
    """Let nobody write a file system."""
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    yield
    subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)


async def half_way(world: World) -> None:
    """Let a run end in the middle."""
    world.trouble, world.at = Locked(world.record), 5
    with pytest.raises(StoreError):
        async with world.crew() as orchestrator:
            await orchestrator.run_epic("launch")
    world.trouble.end()


@pytest.mark.fire("store faults")
async def test_a_file_that_may_not_be_written_is_refused(tmp_path: Path) -> None:
    """A read-only file is a StoreError that says so, and no run begins."""
    world = World(tmp_path, tmp_path / "journal.db")
    await half_way(world)
    asked = world.asked
    with read_only(world.record), pytest.raises(StoreError) as caught:
        async with world.crew() as orchestrator:
            await orchestrator.run_epic("launch")
    assert (caught.value.fault, world.asked) == (StorageFault.READ_ONLY, asked)
    assert "write" in caught.value.advice
    await world.goes_on()


@pytest.mark.fire("store faults")
async def test_a_file_on_a_disk_that_may_not_be_written_is_refused(tmp_path: Path, small_disk: Path) -> None:
    """On a read-only file system no record is said to be gone: neither one that is there nor one that is to be made."""
    world = World(tmp_path, small_disk / "journal.db")
    await half_way(world)
    asked = world.asked
    with mounted_read_only(small_disk):
        with pytest.raises(StoreError) as caught:
            async with world.crew() as orchestrator:
                await orchestrator.run_epic("launch")
        with pytest.raises(StoreError) as unborn:
            await SQLiteStore(small_disk / "another.db").open()
    assert (caught.value.fault, unborn.value.fault) == (StorageFault.READ_ONLY, StorageFault.READ_ONLY)
    assert ("write" in caught.value.advice, world.asked) == (True, asked)
    await world.goes_on()


@pytest.mark.fire("store faults")
@pytest.mark.parametrize("kept", [slice(100, None), slice(0), slice(4096)], ids=["no head", "text", "first page"])
async def test_a_damaged_file_is_refused(tmp_path: Path, kept: slice) -> None:
    """A file that was overwritten is a StoreError that says so; a copy goes on."""
    world = World(tmp_path, tmp_path / "journal.db")
    await half_way(world)
    whole = world.record.read_bytes()
    damaged = bytearray(b"no database, by any means " * len(whole))[: len(whole)]
    damaged[kept] = whole[kept]
    world.record.write_bytes(damaged)
    asked = world.asked
    with pytest.raises(StoreError) as caught:
        async with world.crew() as orchestrator:
            await orchestrator.run_epic("launch")
    assert (caught.value.fault, world.asked) == (StorageFault.CORRUPT, asked)
    world.record.write_bytes(whole)
    await world.goes_on()


@pytest.mark.fire("store faults")
async def test_a_log_without_its_file_is_kept(tmp_path: Path) -> None:
    """Where only the write-ahead log is left, no new file is made over it: it holds what was acknowledged."""
    world = World(tmp_path, tmp_path / "journal.db")
    await half_way(world)
    keeper = sqlite3.connect(world.record)  # as if another process had died: the log stays
    store = SQLiteStore(world.record)
    with contextlib.closing(keeper):
        keeper.execute("SELECT count(*) FROM journal").fetchone()
        world.trouble, world.at = None, 0
        async with world.crew() as orchestrator:
            await orchestrator.cancel("I5", actor="ann")
        (moved := Moved(world.record)).begin()
        copy = moved.log.read_bytes()
        assert copy
        with pytest.raises(StoreError, match="-wal") as caught:
            await store.open()
        assert caught.value.fault is StorageFault.MISSING
        assert moved.log.read_bytes() == copy
        moved.end()
    async with world.crew() as orchestrator:
        await world.oracle.check(orchestrator.store)
