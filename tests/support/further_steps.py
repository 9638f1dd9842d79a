"""Two further steps of the schema, as they might come; one that fails; and a process that dies within them."""

import os
import signal
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path

from orket.stores._migrate import Migration, migrate, migrations, statements

NEWEST = migrations()[-1].number
# Two further steps, as they might come: a table with data of another, a column, a table that is made anew.
LARGER = Migration(
    number=NEWEST + 1,
    name=f"{NEWEST + 1:03}_larger.sql",
    sql="""CREATE TABLE seat (name TEXT PRIMARY KEY, cards INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO seat SELECT json_extract(body, '$.seat'), count(*) FROM card GROUP BY 1;
ALTER TABLE card ADD COLUMN sprint TEXT NOT NULL DEFAULT '';""",
)
ANEW = Migration(
    number=NEWEST + 2,
    name=f"{NEWEST + 2:03}_anew.sql",
    sql="""CREATE TABLE payload_new (digest BLOB NOT NULL UNIQUE, body BLOB NOT NULL, size INTEGER NOT NULL) STRICT;
INSERT INTO payload_new SELECT digest, body, length(body) FROM payload;
DROP TABLE payload;
ALTER TABLE payload_new RENAME TO payload;""",
)
STEPS = (*migrations(), LARGER, ANEW)
COUNT = sum(len(list(statements(step.sql))) for step in (LARGER, ANEW))


def broken(at: int, statement: str) -> tuple[Migration, ...]:
    """Return the steps with *statement* in front of the statement *at* of the two further ones."""
    found, count = list(migrations()), 0
    for step in (LARGER, ANEW):
        lines = []
        for one in statements(step.sql):
            if count == at:
                lines.append(statement)
            lines.append(one)
            count += 1
        if count == at and step is ANEW:
            lines.append(statement)
        found.append(Migration(number=step.number, name=step.name, sql="\n".join(lines)))
    return tuple(found)


def opened(path: Path, function: Callable[[], object] | None = None) -> sqlite3.Connection:
    """Return a connection as orket makes it, without its migrations; *function* is ``act()`` of its SQL."""
    connection = sqlite3.connect(path, isolation_level=None)
    if function is not None:
        connection.create_function("act", 0, function)
    return connection


def die(path: Path, at: int) -> None:
    """Migrate a file, and be killed before the statement *at*."""
    connection = opened(path, partial(os.kill, os.getpid(), signal.SIGKILL))
    connection.execute("PRAGMA cache_size = 2")  # so small that pages reach the disk before the end
    migrate(connection, path, broken(at, "SELECT act();"))
    os._exit(7)  # nobody died: a mistake of this test
