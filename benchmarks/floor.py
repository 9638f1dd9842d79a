"""Child: the floor. The recorded writes of a real run, in the same transactions, by a bare loop over ``sqlite3``."""

import gc
import hashlib
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import child
import tape


def connect(path: Path, schema: Sequence[str]) -> sqlite3.Connection:
    """Return a connection to a new database with that schema, as durable as the store's."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    for setting in ("journal_mode = wal", "synchronous = full", "foreign_keys = 1", "wal_autocheckpoint = 0"):
        connection.execute(f"PRAGMA {setting}").fetchall()
    for statement in schema:
        connection.execute(statement)
    return connection


def schema_of(path: Path) -> list[str]:
    """Return the statements that made a database's tables and indexes."""
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    rows = connection.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid").fetchall()
    connection.close()
    return [sql for (sql,) in rows]


def replay(connection: sqlite3.Connection, steps: Sequence[tape.Step]) -> None:
    """Run the steps of a tape."""
    execute, executemany = connection.execute, connection.executemany
    for step in steps:
        if isinstance(step, str):
            execute(step).fetchall()
            continue
        execute("BEGIN IMMEDIATE")
        for sql, rows in step:
            executemany(sql, rows)
        execute("COMMIT")


def content(path: Path) -> str:
    """Return a digest of all rows of all tables."""
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    found = hashlib.sha256()
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetchall():
        for row in connection.execute(f'SELECT * FROM "{name}" ORDER BY 1, 2'):
            found.update(repr(row).encode())
    connection.close()
    return found.hexdigest()


def _main(*, database: str, recorded: str, folder: str) -> dict[str, Any]:
    source, target = Path(database), Path(folder) / "floor.db"
    steps = tape.load(Path(recorded))
    connection = connect(target, schema_of(source))
    gc.collect()
    gc.freeze()
    wall, cpu = time.perf_counter(), time.process_time()
    replay(connection, steps)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    connection.close()
    return {"wall": wall, "cpu": cpu, "bytes": target.stat().st_size, "same": content(source) == content(target)}


if __name__ == "__main__":
    child.answer(_main(**child.params()))
