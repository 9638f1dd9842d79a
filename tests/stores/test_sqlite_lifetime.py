"""Opening and closing the SQLite file."""

import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from orket.errors import StoreError
from orket.stores import SQLiteStore, _database
from orket.stores._connection import connect

pytestmark = pytest.mark.anyio


def names(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "record.sqlite"


async def test_two_tasks_may_close_at_once(path: Path) -> None:
    """Every aclose returns when the store is closed, whoever began it."""
    store = SQLiteStore(path)
    await store.open()
    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(store.aclose)
    assert names(path.parent) == [path.name]


async def test_a_store_that_fails_to_open_leaves_nothing(path: Path) -> None:
    """A file of the right version with the wrong tables is refused, closed, and can be opened when it was repaired."""
    store = SQLiteStore(path)
    await store.open()
    await store.aclose()
    tamper = sqlite3.connect(path)
    tamper.execute("ALTER TABLE journal RENAME TO elsewhere")
    with pytest.raises(StoreError, match="journal"):
        await store.open()
    tamper.execute("ALTER TABLE elsewhere RENAME TO journal")
    tamper.close()
    assert names(path.parent) == [path.name]
    await store.open()
    await store.aclose()


async def test_who_opens_waits_for_who_writes(path: Path) -> None:
    """Where SQLite does not wait by itself, turning a file to a log beside a writer, opening does."""
    connect(path, synchronous=True, busy_timeout=5).close()
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("PRAGMA journal_mode = delete")
    tried: list[str] = []

    class Watched(sqlite3.Connection):
        def execute(self, sql: str, *args: object) -> sqlite3.Cursor:
            if sql == "PRAGMA journal_mode = wal":
                tried.append(sql)
                if len(tried) < 4:
                    writer.execute("BEGIN IMMEDIATE" if len(tried) % 2 else "ROLLBACK")
            return super().execute(sql, *args)

    dial = partial(sqlite3.connect, factory=Watched)
    with pytest.raises(StoreError, match="locked"):
        connect(path, synchronous=True, busy_timeout=0, dial=dial)
    assert len(tried) == 1
    writer.execute("ROLLBACK")
    tried.clear()
    connect(path, synchronous=True, busy_timeout=5, dial=dial).close()
    assert len(tried) == 2
    writer.close()


def test_nobody_writes_while_the_log_is_copied_back(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No other connection begins a transaction meanwhile; and while one has begun, nothing is copied."""
    monkeypatch.setattr(_database, "WAL_BYTES", -1)
    copied: list[tuple[int, int, int]] = []

    class Watched(sqlite3.Connection):
        def execute(self, sql: str, *args: object) -> sqlite3.Cursor:
            if "wal_checkpoint" in sql:
                with pytest.raises(sqlite3.OperationalError, match="locked"):
                    other.execute("BEGIN IMMEDIATE")
                copied.append(super().execute(sql).fetchone())
            return super().execute(sql, *args)

    dial = partial(sqlite3.connect, factory=Watched)
    database = _database.SQLiteDatabase(path, synchronous=True, busy_timeout=0, dial=dial)
    other = sqlite3.connect(path, isolation_level=None, timeout=0)
    with closing(other), closing(database):
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE head SET seq = seq + 1")
        database.tidy()
        assert copied == []
        other.execute("COMMIT")
        database.tidy()
        ((busy, pages, done),) = copied
        assert (busy, done) == (0, pages)
        assert pages > 0
        other.execute("BEGIN IMMEDIATE")  # as soon as it is over


@pytest.mark.parametrize(
    "wrong", [3, b"record", "re\0cord", ":memory:", "postgres://ann:hush@server/db", "file:record?mode=ro"]
)
async def test_a_record_is_kept_at_a_path(path: Path, wrong: Any) -> None:
    """What is no path, or means something else than a file elsewhere, is refused, by a backup, too, and not quoted."""
    with pytest.raises(StoreError, match="path") as caught:
        SQLiteStore(wrong)
    assert "hush" not in str(caught.value)
    store = SQLiteStore(path)
    await store.open()
    with pytest.raises(StoreError, match="path"):
        await store.backup(wrong)
    await store.aclose()


async def test_a_record_is_no_folder(tmp_path: Path) -> None:
    """The advice for a path that is a folder is to name a file in it."""
    with pytest.raises(StoreError) as caught:
        await SQLiteStore(tmp_path).open()
    assert caught.value.advice == f"{tmp_path} is a folder; name a file in it"


STRANGER = """
import os, shutil, sys, tempfile
from contextlib import asynccontextmanager
import anyio
from orket.errors import StoreError
from orket.stores import SQLiteStore

async def attempt(name):
    store = SQLiteStore(os.path.join(folder, name))
    try:
        await store.open()
    except StoreError as error:
        return error.fault
    await store.aclose()

async def back_up():
    async with closing_store(SQLiteStore(os.path.join(own, "mine.db"))) as store:
        try:
            await store.backup(os.path.join(folder, "copy.db"))
        except StoreError as error:
            return error.fault

@asynccontextmanager
async def closing_store(store):
    await store.open()
    yield store
    await store.aclose()

folder, mode, own = sys.argv[1], int(sys.argv[2], 8), tempfile.mkdtemp()
os.chmod(own, 0o777)
assert anyio.run(attempt, "there.db") is None
os.chmod(folder, mode)
if not os.geteuid():  # who may do anything becomes somebody else
    os.setgid(65534)
    os.setuid(65534)
print(*[anyio.run(attempt, name) for name in ("there.db", "new.db")], anyio.run(back_up))
shutil.rmtree(own, ignore_errors=True)
"""


@pytest.fixture
def outside() -> Iterator[Path]:
    """A folder that everybody comes to: pytest's own are in one that is closed to others."""
    folder = Path(tempfile.mkdtemp())
    yield folder
    folder.chmod(0o700)
    shutil.rmtree(folder)


@pytest.mark.parametrize("mode", ["000", "444", "555"])
def test_a_folder_that_somebody_may_not_use_is_said_to_be(outside: Path, mode: str) -> None:
    """Where a folder may not be searched or written the error is typed: its fault is that of a read-only file."""
    command = [sys.executable, "-c", STRANGER, str(outside), mode]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (said.stdout, said.stderr) == ("read_only read_only read_only\n", "")


async def test_a_file_that_is_there_is_not_said_to_be_gone(path: Path) -> None:
    """Where SQLite cannot open what is there and may be written, the error names no fault and nothing to put back."""
    store = SQLiteStore(path)
    await store.open()
    await store.aclose()
    path.with_name(f"{path.name}-wal").mkdir()
    with pytest.raises(StoreError, match="unable to open") as caught:
        await store.open()
    assert caught.value.fault is None
    assert "put" not in caught.value.advice


@pytest.mark.parametrize("wrong", ["x", -1, True, float("nan")])
async def test_a_busy_timeout_is_seconds(path: Path, wrong: Any) -> None:
    """Anything but a number from 0 on is refused when the store is made."""
    with pytest.raises(StoreError, match=r"busy_timeout is .*; valid: seconds, 0 or more"):
        SQLiteStore(path, busy_timeout=wrong)
