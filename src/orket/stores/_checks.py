"""What verify() finds in an SQLite file beside the chain: damage, and rows that are not what the journal says."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from types import MappingProxyType
from typing import Any, Final

from orket.errors import JournalError
from orket.stores._account import Account
from orket.stores._migrate import migrations, statements

MODULUS: Final = 2**256  # of the sum of the payloads' digests
_SCHEMA: Final = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name"
_HEAD: Final = "SELECT place, seq, hash, payloads FROM head"
_PAYLOADS: Final = "SELECT digest FROM payload"
_TABLES: Final = MappingProxyType(  # how many columns the primary key has, and the rows
    {
        "card": (2, "SELECT build, id, place, version, owner, until, token, body FROM card"),
        "charge": (1, "SELECT run, turns, tokens FROM charge"),
        "document": (2, "SELECT kind, key, body FROM document"),
        "run": (1, "SELECT id, place, build, started_at, body FROM run"),
    }
)
_FIRST: Final = MappingProxyType(  # whoever follows a table begins at 1: no row may stand before it
    {"journal": "SELECT min(place) FROM journal", "payload": "SELECT min(rowid) FROM payload"}
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


def check_tables(connection: sqlite3.Connection, account: Account, unhurried: Any) -> None:
    """Check that every table beside the journal holds what the journal says, as of the present end of *account*.

    Raises:
        JournalError: naming the table, and the row where it alone shows what is wrong.
    """
    for table, query in _FIRST.items():
        (first,) = connection.execute(query).fetchone()
        if first is not None and first < 1:
            raise JournalError(f"table {table}: row {first} stands before the first one", seq=0, table=table)
    for table, (keys, query) in _TABLES.items():
        with closing(connection.execute(query)) as rows:
            try:
                account.compare(table, keys, unhurried(rows))
            except (TypeError, ValueError, AttributeError) as error:
                raise JournalError(f"table {table} cannot be read: {error}", seq=0, table=table) from error
    total = sum([int.from_bytes(digest, "big") for (digest,) in unhurried(connection.execute(_PAYLOADS))]) % MODULUS
    if [(*account.link, total.to_bytes(32, "big"))] != connection.execute(_HEAD).fetchall():
        raise JournalError(
            f"the journal ends at record {account.link.seq}, and the payloads are not all, or not those, that were "
            "stored when it ended there: a row of payload, of head, or the last ones of the journal were changed, "
            "deleted or added",
            seq=account.link.seq + 1,
            table="head",
        )
