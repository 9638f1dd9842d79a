"""Schema steps: forward only, all or none."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from orket.errors import StoreError, StoreVersionError
from orket.stores import _connection
from orket.stores._connection import connect
from orket.stores._migrate import APPLICATION_ID, Migration, migrate, migrations

FIRST = Migration(
    number=1, name="001_a.sql", sql="-- a; b\nCREATE TABLE a (x TEXT);\nINSERT INTO a VALUES ('; no end');"
)
SECOND = Migration(number=2, name="002_b.sql", sql="ALTER TABLE a ADD COLUMN y;\nUPDATE a SET y = 2")
BROKEN = Migration(number=3, name="003_c.sql", sql="CREATE TABLE c (x);\nINSERT INTO missing VALUES (1);")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s.sqlite"


@pytest.fixture
def raw(path: Path):
    connection = sqlite3.connect(path, isolation_level=None)
    yield connection
    connection.close()


def versions(raw: sqlite3.Connection) -> tuple[int, int]:
    return raw.execute("PRAGMA user_version").fetchone()[0], raw.execute("PRAGMA application_id").fetchone()[0]


def test_the_steps_are_numbered_without_gaps() -> None:
    """The package's own steps are 1, 2, 3 …, and each file's name begins with its number."""
    steps = migrations()
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))
    assert [int(step.name[:3]) for step in steps] == [step.number for step in steps]


def test_a_file_moves_forward_step_by_step(raw: sqlite3.Connection, path: Path) -> None:
    """A fresh file gets every step, an older one only those it has not seen, a present one none."""
    migrate(raw, path, [FIRST])
    assert versions(raw) == (1, APPLICATION_ID)
    migrate(raw, path, [FIRST, SECOND])
    migrate(raw, path, [FIRST, SECOND])
    assert versions(raw) == (2, APPLICATION_ID)
    assert raw.execute("SELECT * FROM a").fetchall() == [("; no end", 2)]


def test_a_file_that_another_process_makes_meanwhile_is_not_taken_for_foreign(path: Path) -> None:
    """Whose it is, is read at one moment: tables without their owner's mark are never seen."""
    came: list[str] = []

    class Slow(sqlite3.Connection):
        def execute(self, sql: str, *values: object) -> sqlite3.Cursor:
            if "sqlite_schema" in sql and not came:  # the mark has been read by now
                came.append(intrude())
            return super().execute(sql, *values)

    def intrude() -> str:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as other:
            try:
                migrate(other, path, [FIRST])
            except sqlite3.OperationalError as error:
                return str(error)
        return "made"

    with closing(sqlite3.connect(path, isolation_level=None, factory=Slow)) as connection:
        migrate(connection, path, [FIRST, SECOND])
        assert versions(connection) == (2, APPLICATION_ID)
    assert came == ["database is locked"]


def test_a_failing_step_leaves_the_file_untouched(raw: sqlite3.Connection, path: Path) -> None:
    """When one step fails, no step of that run is kept, byte for byte."""
    migrate(raw, path, [FIRST])
    before = path.read_bytes()
    with pytest.raises(sqlite3.OperationalError, match="missing"):
        migrate(raw, path, [FIRST, SECOND, BROKEN])
    assert not raw.in_transaction
    assert path.read_bytes() == before
    assert versions(raw) == (1, APPLICATION_ID)


def test_a_failing_step_is_a_store_error(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Opening over a step that fails is a StoreError with the cause chained, and an empty file stays empty."""
    monkeypatch.setattr(_connection, "migrations", lambda: (FIRST, SECOND, BROKEN))
    with pytest.raises(StoreError, match="missing") as caught:
        connect(path, synchronous=True, busy_timeout=1.0)
    assert isinstance(caught.value.__cause__, sqlite3.Error)
    assert path.stat().st_size == 0


def test_there_is_no_way_back(raw: sqlite3.Connection, path: Path) -> None:
    """A file that has seen more steps than are known is refused."""
    migrate(raw, path, [FIRST, SECOND])
    with pytest.raises(StoreVersionError, match="schema version 2"):
        migrate(raw, path, [FIRST])


def test_an_old_sqlite_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An SQLite without STRICT tables is refused before it makes a file."""
    monkeypatch.setattr(_connection.sqlite3, "sqlite_version_info", (3, 36, 9))
    with pytest.raises(StoreError, match="too old"):
        connect(path, synchronous=True, busy_timeout=1.0)
    assert not path.exists()


def test_a_setting_that_does_not_stick_is_refused(path: Path) -> None:
    """A database that cannot use a write-ahead log is no store."""
    memory = sqlite3.connect(":memory:", isolation_level=None)
    with pytest.raises(StoreError, match="journal_mode"):
        _connection._turn_to_wal(memory, path, 1.0)
    memory.close()
