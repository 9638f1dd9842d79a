"""Backups of a file that is in use: whole, of one moment, verified; or none."""

import resource
import sqlite3
import sys
import threading
from contextlib import aclosing
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from small_world import diligent, issue, open_world, organization

from orket.contracts import Batch
from orket.errors import JournalError, StorageFault, StoreError
from orket.events import CommentAdded, TurnClosed
from orket.stores import SQLiteStore, _backup, _readers

pytestmark = pytest.mark.anyio


def batch(number: int, text: str = "said") -> Batch:
    record = CommentAdded(author="ann", text=f"{text} {number}")
    return Batch(op_id=f"op-{number}", run="run", build="build", at=float(number), records=(record,))


@pytest.fixture
async def store(tmp_path: Path, anyio_backend: str):
    opened = SQLiteStore(tmp_path / "journal.db")
    await opened.open()
    yield opened
    await opened.aclose()


async def entries(path: Path) -> list[object]:
    store = SQLiteStore(path)
    await store.open()
    try:
        return [entry async for entry in store.events()]
    finally:
        await store.aclose()


SECOND = """
import sys, anyio
from orket.errors import StoreError
from orket.stores import SQLiteStore

async def main():
    store = SQLiteStore(sys.argv[1])
    await store.open()
    try:
        await store.backup(sys.argv[2])
    except StoreError as error:
        print(error.fault)
    await store.aclose()

anyio.run(main)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("journal.db"))


async def test_a_backup_is_one_moment_of_a_record_that_grows(store: SQLiteStore, tmp_path: Path) -> None:
    """Backups made while four tasks commit hold what was acknowledged before them, and are the beginning of it all."""
    for number in range(200):
        await store.commit(batch(number, "x" * 2000))
    acknowledged, going = 200, True

    async def write(first: int) -> None:
        nonlocal acknowledged
        number = first
        while going:
            await store.commit(batch(number))
            acknowledged += 1
            number += 4

    floors, proofs = [], []
    async with anyio.create_task_group() as group:
        for first in range(1000, 1004):
            group.start_soon(write, first)
        for turn in range(3):
            floors.append(acknowledged)
            proofs.append(await store.backup(tmp_path / f"copy-{turn}.db"))
        going = False
    whole = [entry async for entry in store.events()]
    assert len(whole) == acknowledged > proofs[-1].records
    for turn, (floor, proof) in enumerate(zip(floors, proofs, strict=True)):
        assert proof.records >= floor
        assert await entries(tmp_path / f"copy-{turn}.db") == whole[: proof.records]


async def test_commits_do_not_wait_for_a_backup(
    store: SQLiteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a copy is being made commits are acknowledged, and the copy is of the moment before them."""
    await store.commit(batch(1))
    begun, go_on = threading.Event(), threading.Event()
    real = _backup.snapshot

    def slowly(connection: sqlite3.Connection):
        kept = real(connection)

        class Around:
            def __enter__(self) -> None:
                kept.__enter__()
                connection.execute("SELECT count(*) FROM journal").fetchone()
                begun.set()
                assert go_on.wait(60)

            def __exit__(self, *error: object) -> None:
                kept.__exit__(*error)

        return Around()

    monkeypatch.setattr(_backup, "snapshot", slowly)
    async with anyio.create_task_group() as group:
        group.start_soon(store.backup, tmp_path / "copy.db")
        await anyio.to_thread.run_sync(begun.wait)
        await store.commit(batch(2))
        go_on.set()
    assert len(await entries(tmp_path / "copy.db")) == 1
    assert (await store.verify()).records == 2


async def test_a_restored_backup_goes_on(tmp_path: Path, anyio_backend: str) -> None:
    """A backup taken in the middle of a run is put in the place of the record, and the next run ends the epic."""
    root = organization(tmp_path / "org", [issue("one"), issue("two", "one"), issue("three", "two")])
    first = SQLiteStore(tmp_path / "journal.db")
    async with open_world(root, diligent, store=first) as crew:
        run = await crew.start("launch")
        async with aclosing(run.events()) as entries_of_run:
            async for entry in entries_of_run:
                if isinstance(entry.record, TurnClosed):
                    await first.backup(tmp_path / "copy.db")
                    break
    async with open_world(root, diligent, store=tmp_path / "copy.db") as crew:
        assert await crew.preflight() == ()
        result = await crew.run_epic("launch")
        assert (result.outcome, result.done) == ("done", 3)
        await crew.store.verify()


async def test_a_backup_never_replaces_a_file(store: SQLiteStore, tmp_path: Path) -> None:
    """A name that is taken, and one in no folder, are refused, and what stood there still stands."""
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(StoreError, match="exists"):
        await store.backup(tmp_path / "mine.txt")
    with pytest.raises(StoreError, match="make the directory") as missing:
        await store.backup(tmp_path / "nowhere" / "copy.db")
    assert missing.value.fault is StorageFault.MISSING
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert names(tmp_path) == ["mine.txt"]


async def test_a_backup_is_as_private_as_the_record(store: SQLiteStore, tmp_path: Path) -> None:
    """A copy of a file that only its owner may read is a file that only its owner may read."""
    (tmp_path / "journal.db").chmod(0o600)
    await store.backup(tmp_path / "copy.db")
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600


async def test_what_a_dead_backup_has_left_is_no_obstacle(store: SQLiteStore, tmp_path: Path) -> None:
    """The part that a killed backup has left is replaced, and afterwards only the copy is there."""
    await store.commit(batch(1))
    for ending in ("", "-wal", "-journal"):
        (tmp_path / f"copy.db.part{ending}").write_bytes(b"half")
    assert (await store.backup(tmp_path / "copy.db")).records == 1
    assert names(tmp_path) == ["copy.db"]


@pytest.fixture
def slow_copy(monkeypatch: pytest.MonkeyPatch) -> tuple[threading.Event, threading.Event]:
    """Copying tells by one event that it has begun, and waits for the other."""
    begun, go_on, real = threading.Event(), threading.Event(), _readers.copy

    def copy(source: sqlite3.Connection, path: Path, part: Path, stopped: threading.Event) -> None:
        begun.set()
        assert go_on.wait(60)
        real(source, path, part, stopped)

    monkeypatch.setattr(_readers, "copy", copy)
    return begun, go_on


async def test_two_backups_never_make_one_file(
    store: SQLiteStore, tmp_path: Path, slow_copy: tuple[threading.Event, threading.Event]
) -> None:
    """While one backup makes a file, another one of that name is refused, in whatever process, and leaves it alone."""
    await store.commit(batch(1))
    begun, go_on = slow_copy
    async with anyio.create_task_group() as group:
        group.start_soon(store.backup, tmp_path / "copy.db")
        await anyio.to_thread.run_sync(begun.wait)
        with pytest.raises(StoreError, match=r"another backup makes .*copy\.db at this moment") as refused:
            await store.backup(tmp_path / "copy.db")
        command = [sys.executable, "-c", SECOND, str(tmp_path / "journal.db"), str(tmp_path / "copy.db")]
        elsewhere = await anyio.run_process(command)
        go_on.set()
    assert refused.value.fault is StorageFault.LOCKED
    assert elsewhere.stdout.split() == [b"locked"]
    assert len(await entries(tmp_path / "copy.db")) == 1
    assert names(tmp_path) == ["copy.db"]


async def test_a_file_that_comes_while_a_backup_is_made_stays(
    store: SQLiteStore, tmp_path: Path, slow_copy: tuple[threading.Event, threading.Event]
) -> None:
    """A file that somebody puts under the name of a backup meanwhile is not replaced by it."""
    begun, go_on = slow_copy

    async def put() -> None:
        await anyio.to_thread.run_sync(begun.wait)
        (tmp_path / "copy.db").write_text("mine")
        go_on.set()

    async with anyio.create_task_group() as group:
        group.start_soon(put)
        with pytest.raises(StoreError, match="exists"):
            await store.backup(tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "mine"
    assert names(tmp_path) == ["copy.db"]


async def test_a_file_that_comes_before_the_lock_stays(
    store: SQLiteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that another backup has made until this one had its right to is not replaced, and nothing is left."""
    real = _backup._lock

    def late(target: Path) -> sqlite3.Connection:
        target.write_text("mine")
        return real(target)

    monkeypatch.setattr(_backup, "_lock", late)
    with pytest.raises(StoreError, match="exists"):
        await store.backup(tmp_path / "copy.db")
    assert (tmp_path / "copy.db").read_text() == "mine"
    assert names(tmp_path) == ["copy.db"]


async def test_a_lock_that_is_gone_locks_nobody_out(
    store: SQLiteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup whose lock was removed by the one before, between opening and locking it, is refused."""
    real = Path.exists
    monkeypatch.setattr(Path, "exists", lambda path: not path.name.endswith(".lock") and real(path))
    with pytest.raises(StoreError, match="another backup makes"):
        await store.backup(tmp_path / "copy.db")


async def test_a_damaged_record_has_no_backup(store: SQLiteStore, tmp_path: Path) -> None:
    """The copy of a record that does not hold is refused with the entry that is wrong, and is not there."""
    for number in range(3):
        await store.commit(batch(number))
    other = sqlite3.connect(tmp_path / "journal.db")
    with other:
        other.execute("UPDATE journal SET body = replace(body, 'said 1', 'said 7')")
    other.close()
    with pytest.raises(JournalError) as damaged:
        await store.backup(tmp_path / "copy.db")
    assert damaged.value.seq == 2
    assert names(tmp_path) == []


async def test_a_disk_that_does_not_take_it_leaves_nothing(store: SQLiteStore, tmp_path: Path) -> None:
    """A copy that cannot be written is a StoreError with fault and advice, leaves nothing, and the record goes on."""
    for number in range(50):
        await store.commit(batch(number, "x" * 4000))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, limits[1]))
    try:
        with pytest.raises(StoreError, match="could not be copied") as refused:
            await store.backup(tmp_path / "copy.db")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert refused.value.fault is StorageFault.IO
    assert refused.value.advice in str(refused.value)
    with pytest.raises(StoreError, match="with space left"):
        await store.backup(tmp_path / ("n" * 252))  # the part's name is too long for the file system
    assert names(tmp_path) == []
    await store.commit(batch(1000))


async def test_a_name_that_cannot_be_given_is_told(
    store: SQLiteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy that cannot get its name is a StoreError, and is not left under another one."""

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(StoreError, match="No space left"):
        await store.backup(tmp_path / "copy.db")
    assert names(tmp_path) == []


async def test_a_cancelled_backup_ends_and_leaves_nothing(
    store: SQLiteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelling a backup stops the copying thread, removes what it made, and the store closes as ever."""
    for number in range(50):
        await store.commit(batch(number, "x" * 4000))
    begun, real, ended = threading.Event(), _readers.copy, list[str]()

    def copy(source: sqlite3.Connection, path: Path, part: Path, stopped: threading.Event) -> None:
        begun.set()
        assert stopped.wait(60)
        try:
            real(source, path, part, stopped)
        except BaseException as error:
            ended.append(type(error).__name__)
            raise

    monkeypatch.setattr(_readers, "copy", copy)
    monkeypatch.setattr(_backup, "_PAGES", 1)
    async with anyio.create_task_group() as group:
        group.start_soon(store.backup, tmp_path / "copy.db")
        await anyio.to_thread.run_sync(begun.wait)
        group.cancel_scope.cancel()
    assert ended == ["StoppedError"]
    assert names(tmp_path) == []
    await store.commit(batch(1000))


async def test_a_closed_store_has_no_backup(tmp_path: Path, anyio_backend: str) -> None:
    """A store that is not open says so."""
    with pytest.raises(StoreError, match="not open"):
        await SQLiteStore(tmp_path / "journal.db").backup(tmp_path / "copy.db")
