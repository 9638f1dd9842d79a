"""What verify() finds in an SQLite file beside the chain: damage of the file, and rows that break a table's seal."""

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from types import MappingProxyType
from typing import Any, Final

from orket.errors import JournalError
from orket.stores._migrate import migrations, statements
from orket.stores._seals import SEALED, body_digest, row_digest

_SEALS: Final = "SELECT name, rows, total FROM seal ORDER BY name"
_SCHEMA: Final = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name"
_ROWS: Final = MappingProxyType(  # what a row's digest is made of; a body comes last, and is its own digest
    {
        "card": "SELECT place, build, id, version, owner, until, token, digest, body FROM card",
        "charge": "SELECT run, turns, tokens FROM charge",
        "document": "SELECT kind, key, body FROM document",
        "operation": "SELECT op_id, first_seq, last_seq, tokens FROM operation",
        "payload": "SELECT place, digest FROM payload",
        "run": "SELECT place, id, build, started_at, body FROM run",
    }
)
# What goes wrong without the file being damaged: try again, or repair the machine.
_ELSEWHERE: Final = ("BUSY", "LOCKED", "IOERR", "CANTOPEN", "FULL", "NOMEM", "READONLY", "PERM", "AUTH", "INTERRUPT")


def is_damage(error: Exception) -> bool:
    """Return whether SQLite could not read because of what stands in the file."""
    name = getattr(error, "sqlite_errorname", "")
    return not any(name.startswith(f"SQLITE_{reason}") for reason in _ELSEWHERE)


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """Let all statements of the body see the file at one moment."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def check_file(connection: sqlite3.Connection) -> None:
    """Check the structure of the file: its pages, its indexes, and that the schema is the one that orket makes.

    Raises:
        JournalError: it is damaged.
    """
    found = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if found != "ok":
        raise JournalError(f"the file is damaged: {found}", seq=0)
    with closing(sqlite3.connect(":memory:")) as fresh:
        for step in migrations():
            for statement in statements(step.sql):
                fresh.execute(statement)
        if connection.execute(_SCHEMA).fetchall() != fresh.execute(_SCHEMA).fetchall():
            raise JournalError("the schema of the file is not the one that it was made with", seq=0)


def check_seals(connection: sqlite3.Connection, unhurried: Any) -> None:
    """Check that the rows of every sealed table are those that its seal was made of, at one moment.

    Raises:
        JournalError: naming the table, and the row where it alone shows what is wrong.
    """
    with snapshot(connection):
        sealed = {name: (rows, total) for name, rows, total in connection.execute(_SEALS)}
        if tuple(sealed) != SEALED:
            raise JournalError(f"the seals are of {', '.join(sealed) or 'nothing'}, not of {', '.join(SEALED)}", seq=0)
        for table in SEALED:
            with closing(connection.execute(_ROWS[table])) as rows:
                count, total = _sum(table, unhurried(rows))
            if (count, total.to_bytes(32, "big")) != sealed[table]:
                raise JournalError(
                    f"table {table} does not have the {sealed[table][0]} rows that were written, but {count}: "
                    "one was changed, deleted, moved or added",
                    seq=0,
                    table=table,
                )


def _sum(table: str, rows: Iterable[tuple[Any, ...]]) -> tuple[int, int]:
    count = total = 0
    for row in rows:
        count += 1
        try:
            total += row_digest(table, _cells(table, row))
        except (TypeError, ValueError, AttributeError) as error:
            raise JournalError(f"table {table}: {row[:3]!r:.200} cannot be read", seq=0, table=table) from error
    return count, total % 2**256


def _cells(table: str, row: tuple[Any, ...]) -> tuple[Any, ...]:
    if table not in ("card", "document", "run"):
        return row
    *cells, body = row
    digest = body_digest(body)
    if table != "card":
        return (*cells, digest)
    if cells[-1] != digest:
        raise JournalError(f"card {row[2]!r} of build {row[1]!r} was changed: its text has another digest", seq=0)
    return tuple(cells)
