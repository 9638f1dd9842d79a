"""The SQLite file: groups, cancellation, threads, settings and what can go wrong with it."""

import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from anyio import to_thread

from orket.contracts import Batch, CardChange, Claim, Issue, Receipt, RunRow
from orket.errors import StoreConflictError, StoreError, StoreVersionError
from orket.events import CommentAdded
from orket.stores import SQLiteStore, _database

pytestmark = pytest.mark.anyio

CARD = Issue(id="I", name="n", seat="s", version=1)


def batch(op_id: str, **parts) -> Batch:
    return Batch(**({"op_id": op_id, "run": "run", "build": "build", "at": 10.0, "records": (comment(op_id),)} | parts))


def comment(text: str) -> CommentAdded:
    return CommentAdded(author="ann", text=text)


def names(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()]


def size(path: Path) -> int:
    return path.stat().st_size


def content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "record.sqlite"


@pytest.fixture
async def store(path: Path):
    opened = SQLiteStore(path)
    await opened.open()
    yield opened
    await opened.aclose()


async def together(store: SQLiteStore, *batches: Batch) -> list[Receipt | StoreError]:
    """Commit batches at once while somebody else holds the file, so that they gather into groups."""
    answers: dict[str, Receipt | StoreError] = {}

    async def commit(one: Batch) -> None:
        try:
            answers[one.op_id] = await store.commit(one)
        except StoreError as error:
            answers[one.op_id] = error

    with closing(sqlite3.connect(store.location, isolation_level=None)) as blocker:
        blocker.execute("BEGIN IMMEDIATE")
        async with anyio.create_task_group() as group:
            for one in batches:
                group.start_soon(commit, one)
            for _ in range(3):
                await anyio.lowlevel.checkpoint()
            blocker.rollback()
    return [answers[one.op_id] for one in batches]


async def test_in_a_group_a_conflict_fails_alone(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ten batches in few transactions the one that conflicts is refused, and the nine others are written."""
    sizes: list[int] = []
    write = store._database.write
    monkeypatch.setattr(store._database, "write", lambda batches: sizes.append(len(batches)) or write(batches))
    changes = (CardChange(issue=CARD, expected=0),)
    answers = await together(
        store, *[batch(str(n), turns=n + 1, changes=changes if n in (3, 6) else ()) for n in range(10)]
    )
    assert sum(sizes) == 10
    assert len(sizes) <= 2
    refused = {n for n in range(10) if isinstance(answers[n], StoreConflictError)}
    assert refused in ({3}, {6})
    found = {entry.record.text async for entry in store.events()}
    assert found == {str(n) for n in set(range(10)) - refused}
    assert (await store.verify()).records == 9
    await store.commit(batch("row", run_row=RunRow(id="run", build="b", card="c", started_at=0.0, fingerprint="f")))
    assert (await store.load_run("run")).turns == sum(range(1, 11)) - refused.pop() - 1


async def test_closing_finishes_what_was_begun(path: Path) -> None:
    """Batches that were handed over before aclose are written, even when it runs in a cancelled scope."""
    store = SQLiteStore(path)
    await store.open()
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:
            for n in range(600):
                group.start_soon(store.commit, batch(str(n)))
            for _ in range(3):
                await anyio.lowlevel.checkpoint()
            scope.cancel()
            await store.aclose()
    await store.open()
    assert (await store.verify()).records == 600
    await store.aclose()


async def test_no_thread_or_file_stays(path: Path) -> None:
    """After aclose the writer's thread is gone and only the database file is left."""
    before = {thread.name for thread in threading.enumerate()}
    store = SQLiteStore(path)
    await store.open()
    assert "orket-store-writer" in {thread.name for thread in threading.enumerate()} - before
    await store.commit(batch("a"))
    await store.load_board("build")
    await store.aclose()
    assert "orket-store-writer" not in {thread.name for thread in threading.enumerate()}
    assert names(path.parent) == [path.name]


def test_a_loop_that_is_gone_does_not_hurt_the_writer(path: Path, anyio_backend_name: str) -> None:
    """When the event loop ends without aclose, what was handed over is written and the thread can still be stopped."""
    store = SQLiteStore(path)

    async def leave() -> None:
        await store.open()
        blocker = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        blocker.execute("BEGIN IMMEDIATE")
        blockers.append(blocker)
        with anyio.CancelScope() as scope:
            scope.cancel()
            await store.commit(batch("a"))

    blockers: list[sqlite3.Connection] = []
    anyio.run(leave, backend=anyio_backend_name)
    blockers[0].rollback()
    blockers[0].close()
    anyio.run(store.aclose, backend=anyio_backend_name)

    async def count() -> int:
        await store.open()
        proof = await store.verify()
        await store.aclose()
        return proof.records

    assert anyio.run(count, backend=anyio_backend_name) == 1


@pytest.mark.parametrize(("durability", "level"), [("full", 2), ("process", 1)])
async def test_settings_are_as_asked(path: Path, durability, level: int) -> None:
    """The connection that writes has WAL, the durability's level of sync, foreign keys and no automatic checkpoint."""
    store = SQLiteStore(path, durability=durability)
    await store.open()
    connection = store._database._connection
    found = [
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("journal_mode", "synchronous", "foreign_keys", "wal_autocheckpoint", "busy_timeout")
    ]
    await store.aclose()
    assert found == ["wal", level, 1, 0, 10_000]


def test_an_unknown_durability_is_refused(path: Path) -> None:
    """Only the two durabilities exist."""
    with pytest.raises(StoreError, match="'full', 'process'"):
        SQLiteStore(path, durability="none")


def test_the_location_is_absolute(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The location is the file, whatever the working directory becomes; even a path with a special name is a file."""
    monkeypatch.chdir(tmp_path)
    assert SQLiteStore("record").location == tmp_path / "record"
    assert SQLiteStore(Path(":memory:")).location == tmp_path / ":memory:"


def test_importing_the_stores_does_not_import_sqlite() -> None:
    """``import orket.stores`` leaves sqlite3 alone."""
    code = "import sys, orket.stores; sys.exit('sqlite3' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def test_the_wal_stays_bounded(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Much more can be written than the WAL ever holds, and readers in between do not stop it from being emptied."""
    monkeypatch.setattr(_database, "WAL_BYTES", 200_000)
    store = SQLiteStore(path, durability="process")
    await store.open()
    for n in range(300):
        await store.commit(batch(str(n), records=(comment("x" * 10_000),)))
        if n % 50 == 0:
            events = store.events()
            await anext(events)
            await events.aclose()
    wal = size(path.with_name(path.name + "-wal"))
    await store.aclose()
    assert wal < 1_500_000 < size(path)


@pytest.mark.parametrize("kind", ["text", "directory", "missing", "foreign", "tables"])
async def test_what_is_no_store_is_refused_and_left_alone(tmp_path: Path, kind: str) -> None:
    """A file that is something else, a directory and a path in no directory are StoreErrors that name the path."""
    path = tmp_path / ("missing/x" if kind == "missing" else "x")
    if kind == "text":
        path.write_text("this is not a database, but long enough to be read as one" * 50)
    elif kind == "directory":
        path.mkdir()
    elif kind in ("foreign", "tables"):
        with sqlite3.connect(path) as other:
            other.execute("CREATE TABLE mine (x)")
            if kind == "foreign":
                other.execute("PRAGMA application_id = 7")
        other.close()
    before = content(path)
    with pytest.raises(StoreError) as caught:
        await SQLiteStore(path).open()
    assert str(path) in str(caught.value)
    assert content(path) == before
    assert set(names(tmp_path)) <= {"x"}


async def test_a_newer_schema_is_refused_and_left_alone(path: Path) -> None:
    """A file of a newer orket is a StoreVersionError that says what was found and what is known."""
    store = SQLiteStore(path)
    await store.open()
    await store.aclose()
    with sqlite3.connect(path) as raw:
        raw.execute("PRAGMA user_version = 99")
    raw.close()
    before = content(path)
    with pytest.raises(StoreVersionError) as caught:
        await store.open()
    assert (caught.value.found, caught.value.known) == (99, 1)
    assert content(path) == before


async def test_a_locked_file_is_a_store_error(path: Path) -> None:
    """While another process holds the file, opening and committing fail with advice, and work again afterwards."""
    store = SQLiteStore(path, busy_timeout=0.0)
    await store.open()
    blocker = sqlite3.connect(path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked") as caught:
        await store.commit(batch("a"))
    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)
    with pytest.raises(StoreError, match="busy_timeout"):
        await SQLiteStore(path, busy_timeout=0.0).open()
    blocker.rollback()
    blocker.close()
    assert (await store.commit(batch("a"))).last_seq == 1
    await store.aclose()


async def test_a_full_disk_fails_what_does_not_fit(store: SQLiteStore) -> None:
    """A batch that the disk has no room for fails alone, also in a group; smaller ones go on being written."""
    connection = store._database._connection
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    connection.execute(f"PRAGMA max_page_count = {pages + 20}")
    large = batch("large", records=(comment("x" * 500_000),))
    answers = await together(store, batch("a"), large, batch("b"))
    assert isinstance(answers[1], StoreError)
    assert isinstance(answers[1].__cause__, sqlite3.OperationalError)
    assert {answers[0].last_seq, answers[2].last_seq} == {1, 2}
    connection.execute("PRAGMA max_page_count = 1000000")
    assert (await store.commit(large)).last_seq == 3
    assert (await store.verify()).records == 3


async def test_a_commit_that_fails_fails_its_whole_group(store: SQLiteStore) -> None:
    """When the transaction itself cannot be finished, its batches get errors, and nothing of them is applied."""
    database = store._database

    class Failing:
        """The real connection, except that its next COMMIT fails as a broken disk makes it fail."""

        def __init__(self, real: sqlite3.Connection) -> None:
            self._real = real

        def __getattr__(self, name: str):
            return getattr(self._real, name)

        def execute(self, sql: str, *rest):
            if sql == "COMMIT":
                database._connection = self._real
                raise sqlite3.OperationalError("disk I/O error")
            return self._real.execute(sql, *rest)

    database._connection = Failing(database._connection)
    (error,) = await together(store, batch("a", changes=(CardChange(issue=CARD, expected=0),)))
    assert "disk I/O error" in str(error)
    assert await store.load_board("build") == ()
    assert (await store.commit(batch("a"))).last_seq == 1


async def test_an_unforeseen_failure_is_answered(store: SQLiteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever goes wrong in the writer's thread reaches the caller as a StoreError, and the thread lives on."""
    monkeypatch.setattr(store._database, "write", lambda batches: 1 / 0)
    with pytest.raises(StoreError, match="division") as caught:
        await store.commit(batch("a"))
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    monkeypatch.undo()
    assert (await store.commit(batch("a"))).last_seq == 1


async def test_a_damaged_row_leaves_no_transaction_open(store: SQLiteStore, path: Path) -> None:
    """A batch whose first answer cannot be read is refused, and others may write."""
    await store.commit(batch("x"))
    for changes in ("[]", "{"):
        with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as raw:
            raw.execute("UPDATE journal SET changes = ?", (changes,))
            with pytest.raises(StoreError, match="'x' was not written"):
                await store.commit(batch("x"))
            raw.execute("BEGIN IMMEDIATE")


async def test_a_damaged_file_is_a_store_error(store: SQLiteStore, path: Path) -> None:
    """Rows that cannot be decoded are StoreErrors that point to verify."""
    await store.commit(batch("a", changes=(CardChange(issue=CARD, expected=0),)))
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE card SET body = '{'")
        raw.execute("UPDATE journal SET body = '['")
    raw.close()
    with pytest.raises(StoreError, match="verify"):
        await store.load_board("build")
    with pytest.raises(StoreError, match="verify"):
        [entry async for entry in store.events()]


async def test_closing_waits_for_a_reader_in_use(store: SQLiteStore, path: Path) -> None:
    """A reading that was left to its thread ends before the store is closed, and what begins after it is refused."""
    database, lent, closed, found = store._database, threading.Event(), threading.Event(), []

    def read() -> None:
        with database._reading() as connection:
            lent.set()
            found.append(closed.wait(0.05))  # it would be set at once if nobody waited
            found.append(connection.execute("SELECT 1").fetchone())

    reader = threading.Thread(target=read)
    reader.start()
    lent.wait()
    await store.aclose()
    closed.set()
    reader.join()
    assert found == [False, (1,)]
    assert not path.with_name(f"{path.name}-wal").exists()
    with pytest.raises(StoreError, match="closed before it was read"):
        database._borrow()


async def test_two_stores_never_both_hold_a_claim(path: Path) -> None:
    """Two instances on one file, each from a thread and loop of its own, share one journal and one set of claims."""

    async def work(owner: str, wins: list[int]) -> None:
        store = SQLiteStore(path)
        await store.open()
        for n in range(60):
            take = Claim(card="I", owner=owner, now=float(n), until=n + 1.0)
            try:
                receipt = await store.commit(batch(f"{owner}{n}", at=float(n), claims=(take,)))
            except StoreConflictError:
                continue
            wins.append((n, receipt.tokens["I"]))
        await store.aclose()

    first = SQLiteStore(path)
    await first.open()
    await first.commit(batch("add", changes=(CardChange(issue=CARD, expected=0),)))
    mine: list[tuple[int, int]] = []
    yours: list[tuple[int, int]] = []
    async with anyio.create_task_group() as group:
        group.start_soon(to_thread.run_sync, anyio.run, work, "me", mine)
        group.start_soon(to_thread.run_sync, anyio.run, work, "you", yours)
    proof = await first.verify()
    await first.aclose()
    tokens = [token for _, token in mine + yours]
    assert len(tokens) == len(set(tokens)) == proof.records - 1
    assert not {n for n, _ in mine} & {n for n, _ in yours}


async def test_a_journal_without_a_head_is_not_written_on(store: SQLiteStore, path: Path) -> None:
    """Where nothing says how the journal ends, nothing is added to it."""
    await store.commit(batch("one"))
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("DELETE FROM head")
    with pytest.raises(StoreError, match="head is gone"):
        await store.commit(batch("two"))
    assert [entry.seq async for entry in store.events()] == [1]
