"""Bring an SQLite file to the present schema: forward only, in one transaction, and never a file that is not ours."""

import re
import sqlite3
from collections.abc import Iterator, Sequence
from importlib import resources
from pathlib import Path
from typing import Final

from attrs import frozen

from orket._value import Value
from orket.errors import StoreError, StoreVersionError

APPLICATION_ID: Final = 0x6F726B74  # "orkt"; SQLite keeps it in the file's header


@frozen(kw_only=True, repr=False, eq=False)
class Migration(Value):
    """One step: ``number`` is the schema version that it leads to."""

    number: int
    name: str
    sql: str


def migrations() -> tuple[Migration, ...]:
    """Return the steps that this orket knows, in order."""
    steps = [
        Migration(number=int(named[1]), name=file.name, sql=file.read_text("utf-8"))
        for file in resources.files("orket.stores").joinpath("migrations").iterdir()
        if (named := re.fullmatch(r"(\d{3})_\w+\.sql", file.name))
    ]
    return tuple(sorted(steps, key=lambda step: step.number))


def migrate(connection: sqlite3.Connection, path: Path, steps: Sequence[Migration]) -> None:
    """Run the *steps* that *path* has not seen, all or none of them.

    Raises:
        StoreVersionError: a newer orket wrote the file.
        StoreError: the file is another application's.
        sqlite3.Error: a step failed; the file is as it was.
    """
    connection.execute("BEGIN")  # what is read must be of one moment: another process may make the same new file now
    try:
        check(connection, path, steps)
    finally:
        _end(connection)
    connection.execute("BEGIN IMMEDIATE")
    try:
        version = check(connection, path, steps)  # another process may have been faster
        if version == steps[-1].number:
            return  # nothing is written into a file that needs nothing, but it could have been
        for step in steps[version:]:
            for statement in statements(step.sql):
                connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {steps[-1].number}")
        connection.execute("COMMIT")
    finally:
        _end(connection)


def _end(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def check(connection: sqlite3.Connection, path: Path, steps: Sequence[Migration]) -> int:
    """Return the schema version of *path*, without changing it.

    Raises:
        StoreVersionError: a newer orket wrote the file.
        StoreError: the file is another application's.
    """
    version = _number(connection, "PRAGMA user_version")
    owner = _number(connection, "PRAGMA application_id")
    if owner != APPLICATION_ID and (owner or version or _number(connection, "SELECT count(*) FROM sqlite_schema")):
        raise StoreError(
            f"{path} is the SQLite database of another application (application_id {owner:#x}); give another path",
            path=path,
        )
    known = steps[-1].number
    if version > known:
        raise StoreVersionError(
            f"{path} has schema version {version}, this orket knows up to {known}; install a newer orket",
            path=path,
            found=version,
            known=known,
        )
    return version


def _number(connection: sqlite3.Connection, query: str) -> int:
    (value,) = connection.execute(query).fetchone()
    return int(value)


def statements(script: str) -> Iterator[str]:
    """Yield the statements of a script: ``executescript`` would commit first, and with it what was done before."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement
