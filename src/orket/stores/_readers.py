"""What is read of an SQLite file, on connections of its own.

Every method runs one or two statements to their end and gives its connection back, so no read transaction outlives a
call: a reader that went away never keeps the WAL from being emptied.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any, Final, TypeVar

import attrs

from orket._codec import codec
from orket.contracts import CardRow, Document, RunRow
from orket.errors import JournalError, StoreError
from orket.events import JournalEntry
from orket.stores._account import Account
from orket.stores._backup import copy
from orket.stores._cards import CardReader
from orket.stores._checks import check_file, check_tables, is_damage, snapshot
from orket.stores._connection import Dial, connect_reader
from orket.stores._faults import Whereabouts, reading_error
from orket.stores._journal import JournalRow, Selection, entries, payload_error, payload_holds

PAGE_ROWS: Final = 256
PAGE_BYTES: Final = 2**18  # a page holds at most this and one row more

BREATH: Final = 32  # values decoded in one go
T = TypeVar("T")

_END: Final = 2**63 - 1  # no seq is larger

_LAST = "SELECT coalesce(max(last_seq), 0) FROM journal"
_BOARD = "SELECT id, body, owner, until, token FROM card WHERE build = ? ORDER BY place"
_RUNS = (
    "SELECT body, coalesce(turns, 0), coalesce(tokens, 0) FROM run LEFT JOIN charge ON charge.run = run.id "
    "WHERE (:run IS NULL OR id = :run) AND (:build IS NULL OR build = :build) ORDER BY started_at, place"
)
_ROWS = "SELECT * FROM journal WHERE last_seq > ? AND last_seq <= ?"
_CHAIN = "SELECT * FROM journal WHERE place > ? ORDER BY place"
_PAYLOAD = "SELECT body FROM payload WHERE digest = ?"
_PAYLOADS = "SELECT rowid, digest, body FROM payload WHERE rowid > ? ORDER BY rowid"
_NAMES_PAYLOAD = "SELECT first_seq FROM journal WHERE instr(body, ?) ORDER BY place LIMIT 1"
_DOCUMENTS = "SELECT key, body FROM document WHERE kind = ? AND key >= ? ORDER BY key"


class Readers:
    """Read from any thread, several at once, each on its own connection."""

    def __init__(self, path: Path, busy_timeout: float, dial: Dial) -> None:
        self._path = path
        self._dial = dial
        self._busy_timeout = busy_timeout
        self._whereabouts = Whereabouts(path)
        self._lock = threading.Condition()
        self._idle: list[sqlite3.Connection] = []
        self._lent = 0
        self._closed = False

    def close(self) -> None:
        """Close every connection; wait for those in use, which somebody may have left to a thread."""
        with self._lock:
            self._closed = True
            while self._idle:
                self._idle.pop().close()
            self._lock.wait_for(lambda: not self._lent)

    def last_seq(self) -> int:
        """Return the ``seq`` of the last record; 0 without any."""
        with self._reading() as connection:
            return int(connection.execute(_LAST).fetchone()[0])

    def board(self, build: str, /) -> tuple[CardRow, ...]:
        """Return the cards of a build, in the order they joined."""
        cards = CardReader(build)
        with self._reading() as connection:
            for row in _unhurried(connection.execute(_BOARD, (build,)).fetchall()):
                cards.read(*row)
        return cards.finish()

    def runs(self, run: str | None, build: str | None, /) -> tuple[RunRow, ...]:
        """Return the runs that match, oldest first."""
        load = codec().load
        with self._reading() as connection:
            return tuple(
                [
                    attrs.evolve(load(json.loads(body), RunRow), turns=turns, tokens=tokens)
                    for body, turns, tokens in connection.execute(_RUNS, {"run": run, "build": build}).fetchall()
                ]
            )

    def page(self, since: int, end: int, wanted: Selection, /) -> tuple[list[JournalEntry], int]:
        """Return some wanted entries with *since* < ``seq`` <= *end*, and the ``seq`` to go on after."""
        with self._reading() as connection:
            rows = _rows(connection, since, end, wanted)
        found = [entry for row in rows for entry in _unhurried(entries(row, since))]
        return found, rows[-1].last_seq if rows else end

    def payload(self, key: bytes, /) -> str | None:
        """Return a payload's text, or None."""
        with self._reading() as connection:
            row = connection.execute(_PAYLOAD, (key,)).fetchone()
            return None if row is None else row[0].decode("utf-8", "surrogatepass")

    def find(self, kind: str, prefix: str, /) -> tuple[Document, ...]:
        """Return the documents of a kind whose key begins with *prefix*, in the order of their keys."""
        with self._reading() as connection, closing(connection.execute(_DOCUMENTS, (kind, prefix))) as rows:
            begun = takewhile(lambda row: row[0].startswith(prefix), rows)  # keys with one prefix stand together
            return tuple([Document(kind=kind, key=key, body=json.loads(body)) for key, body in begun])

    def check_journal(self, account: Account, /) -> bool:
        """Follow the chain over some more rows; return whether there were any."""
        with self._reading(seq=account.link.seq + 1) as connection:
            rows = _chain(connection, account.link.place)
        account.follow(rows)
        return bool(rows)

    def check_payloads(self, place: int, /) -> int | None:
        """Check some more payloads; return the place to go on after, or None."""
        with self._reading(seq=0) as connection:
            rows = _some(connection.execute(_PAYLOADS, (place,)))
            for _, digest, body in rows:
                if not payload_holds(digest, body):
                    named = connection.execute(_NAMES_PAYLOAD, (digest.hex(),)).fetchone()
                    raise payload_error(digest, 0 if named is None else named[0])
        return rows[-1][0] if rows else None

    def check_rest(self, account: Account, /) -> None:
        """Follow the chain to its end, and check what is stored beside it as of then; texts of payloads excepted."""
        with self._reading(seq=0) as connection:
            with snapshot(connection):
                while rows := _chain(connection, account.link.place):
                    account.follow(rows)
                check_tables(connection, account, _unhurried)
            check_file(connection)

    def copy(self, part: Path, stopped: threading.Event, /) -> None:
        """Copy the file, as it is at one moment, into a new one."""
        with self._reading() as connection:
            copy(connection, self._path, part, stopped)

    @contextmanager
    def _reading(self, seq: int | None = None) -> Iterator[sqlite3.Connection]:
        """Lend a connection. Whoever checks the record says at which *seq*: damage of the file is what it looks for."""
        try:
            self._whereabouts.check()
            connection = self._borrow()
            try:
                if connection is None:
                    connection = connect_reader(self._path, busy_timeout=self._busy_timeout, dial=self._dial)
                yield connection
            finally:
                self._give_back(connection)
        except (sqlite3.Error, ValueError, TypeError) as error:  # a cell may be of a type that its column never has
            if seq is not None and is_damage(error):
                raise JournalError(f"{self._path} is damaged: {error}", seq=seq) from error
            raise reading_error(self._path, error) from error

    def _borrow(self) -> sqlite3.Connection | None:
        """Count a reading that begins, and return a connection for it, if one is idle."""
        with self._lock:
            if self._closed:
                raise StoreError(f"{self._path} was closed before it was read", path=self._path)
            self._lent += 1
            return self._idle.pop() if self._idle else None

    def _give_back(self, connection: sqlite3.Connection | None) -> None:
        with self._lock:
            if connection is not None and self._closed:
                connection.close()
            elif connection is not None:
                self._idle.append(connection)
            self._lent -= 1
            self._lock.notify_all()


def _unhurried(items: Iterable[T]) -> Iterator[T]:
    """Yield *items* and let the event loop have the interpreter in between.

    A thread that only decodes would keep it for the whole switch interval, five milliseconds, again and again.
    """
    for number, item in enumerate(items, 1):
        if number % BREATH == 0:
            time.sleep(0)
        yield item


def _rows(connection: sqlite3.Connection, since: int, end: int, wanted: Selection) -> list[JournalRow]:
    query = _ROWS
    values: list[object] = [since, end]
    for name, value in (("run", wanted.run), ("build", wanted.build), ("card", wanted.card)):
        if value is not None:
            query += f" AND {name} = ?"
            values.append(value)
    return [JournalRow(*row) for row in _some(connection.execute(f"{query} ORDER BY last_seq, place", values))]


def _chain(connection: sqlite3.Connection, place: int) -> list[JournalRow]:
    return [JournalRow(*row) for row in _some(connection.execute(_CHAIN, (place,)))]


def _some(rows: sqlite3.Cursor) -> list[Any]:
    """Return the next rows of a cursor, whose last column is the long one, up to the size of a page; then close it."""
    page, size = [], 0
    with closing(rows):
        for row in rows:
            page.append(row)
            size += len(row[-1])
            if size > PAGE_BYTES or len(page) == PAGE_ROWS:
                break
    return page
