"""A migration that fails leaves the file as it was: at every statement, on a full disk, and killed in the middle."""

import multiprocessing
import shutil
import signal
import sqlite3
from pathlib import Path

import anyio
import pytest
from further_steps import COUNT, STEPS, broken, die, opened
from golden_files import GOLDEN, rows

from orket.errors import StoreError
from orket.stores import SQLiteStore, _connection
from orket.stores._connection import connect
from orket.stores._migrate import migrate


@pytest.fixture(params=sorted(GOLDEN.glob("v*.sqlite")), ids=lambda path: path.stem)
def golden(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of a golden file."""
    return Path(shutil.copyfile(request.param, tmp_path / request.param.name))


def version(path: Path) -> int:
    """Return the schema version of a file."""
    connection = opened(path)
    try:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])
    finally:
        connection.close()


def test_further_steps_keep_what_was_there(golden: Path) -> None:
    """Undisturbed, the two steps lead to their version, and every row that was there is there."""
    before = rows(golden)
    connection = opened(golden)
    migrate(connection, golden, STEPS)
    assert connection.execute("SELECT sum(cards) FROM seat").fetchone()[0] == len(before["card"])
    connection.close()
    after = rows(golden)
    assert version(golden) == STEPS[-1].number
    assert {(digest, body) for digest, body, *_ in after.pop("payload")} == set(before.pop("payload"))
    assert [row[:-1] for row in after.pop("card")] == before.pop("card")
    assert after == before


@pytest.mark.parametrize("at", range(COUNT + 1))
def test_whichever_statement_fails_the_file_is_untouched(golden: Path, at: int) -> None:
    """Every statement in turn: not a byte of the file is another one, and it opens at its version as before."""
    before, held, was = golden.read_bytes(), rows(golden), version(golden)
    connection = opened(golden)
    with pytest.raises(sqlite3.OperationalError, match="nowhere"):
        migrate(connection, golden, broken(at, "INSERT INTO nowhere VALUES (1);"))
    connection.close()
    assert golden.read_bytes() == before
    assert (version(golden), rows(golden)) == (was, held)


def test_a_full_disk_leaves_the_file_untouched(golden: Path) -> None:
    """When there is no room for what a step writes, nothing of it is kept."""
    before = golden.read_bytes()
    connection = opened(golden)
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    for more in range(4):
        connection.execute(f"PRAGMA max_page_count = {pages + more}")
        with pytest.raises(sqlite3.OperationalError, match="full"):
            migrate(connection, golden, STEPS)
        assert not connection.in_transaction
    connection.close()
    assert golden.read_bytes() == before


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL here")
@pytest.mark.parametrize("at", range(COUNT + 1))
def test_whoever_is_killed_in_the_middle_leaves_the_file_as_it_was(golden: Path, at: int) -> None:
    """A real process dies before every statement, and after the last: the next one finds the old version, whole."""
    held, was = rows(golden), version(golden)
    child = multiprocessing.get_context("spawn").Process(target=die, args=(golden, at))
    child.start()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    assert (version(golden), rows(golden)) == (was, held)
    connection = opened(golden)
    assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
    migrate(connection, golden, STEPS)
    connection.close()
    assert version(golden) == STEPS[-1].number


def test_a_store_over_a_failing_step_is_refused_and_costs_nothing(
    golden: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The upgrade that fails is a StoreError; the orket of before goes on with the file."""
    before = golden.read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(_connection, "migrations", lambda: broken(3, "INSERT INTO nowhere VALUES (1);"))
        with pytest.raises(StoreError, match="nowhere"):
            connect(golden, synchronous=True, busy_timeout=1.0)
    assert golden.read_bytes() == before
    assert anyio.run(records, golden) > 100


async def records(path: Path) -> int:
    """Return how many records a file proves to have."""
    store = SQLiteStore(path)
    await store.open()
    try:
        return (await store.verify()).records
    finally:
        await store.aclose()
