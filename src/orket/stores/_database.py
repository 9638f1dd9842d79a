"""The SQLite file: one connection that writes, some that read."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

from orket.contracts import Claim, Receipt, Release
from orket.errors import StoreConflictError, StoreError
from orket.stores._changes import CardState, receipt
from orket.stores._checks import MODULUS
from orket.stores._connection import Dial, connect, connect_guard
from orket.stores._faults import advice_on, fault_of
from orket.stores._journal import Link
from orket.stores._ledger import CardKey, Ledger
from orket.stores._prepare import Prepared, PreparedChange
from orket.stores._readers import Readers
from orket.stores._writer import Answer, refusal

WAL_BYTES: Final = 8 * 2**20  # written since the last checkpoint, about; more is copied back into the database
_PAGE: Final = 4096  # what a changed row costs in the WAL, about

_HEAD = "SELECT place, seq, hash, payloads FROM head"
_PUT_HEAD = "UPDATE head SET place = ?, seq = ?, hash = ?, payloads = ?"
_RECEIPTS = "SELECT op_id, first_seq, last_seq, changes FROM journal WHERE op_id IN"
_CARDS = "SELECT build, id, place, version, owner, until, token FROM card WHERE build = ? AND id IN"
_ADD_ROW = "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_ADD_CARD = "INSERT INTO card VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)"
_CHANGE_CARD = "UPDATE card SET version = ?, owner = ?, until = ?, token = ?, body = ? WHERE place = ?"
_HOLD_CARD = "UPDATE card SET owner = ?, until = ?, token = ? WHERE place = ?"
_ADD_PAYLOAD = "INSERT INTO payload VALUES (?, ?) ON CONFLICT DO NOTHING"
_PUT_DOCUMENT = "INSERT INTO document VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body"
_DROP_DOCUMENT = "DELETE FROM document WHERE kind = ? AND key = ?"
_PUT_RUN = (
    "INSERT INTO run VALUES (NULL, ?, ?, ?, ?) ON CONFLICT (id) "
    "DO UPDATE SET build = excluded.build, started_at = excluded.started_at, body = excluded.body"
)
_CHARGE = (
    "INSERT INTO charge VALUES (?, ?, ?) "
    "ON CONFLICT DO UPDATE SET turns = turns + excluded.turns, tokens = tokens + excluded.tokens"
)
_AT_ONCE: Final = 100  # values that one query looks up


class SQLiteDatabase(Readers):
    """The storage behind :class:`orket.stores.SQLiteStore`: a :class:`orket.stores._threaded.Database`."""

    def __init__(self, path: Path, *, synchronous: bool, busy_timeout: float, dial: Dial = sqlite3.connect) -> None:
        self._connection = connect(path, synchronous=synchronous, busy_timeout=busy_timeout, dial=dial)
        super().__init__(path, busy_timeout, dial)
        self._unsaved = 0  # bytes in the WAL since the last checkpoint, about

    def write(self, batches: Sequence[Prepared], /) -> list[Answer]:
        """Write a group in one transaction. A conflict is the answer to its own batch only."""
        try:
            self._whereabouts.check()
            self._connection.execute("BEGIN IMMEDIATE")
        except (sqlite3.Error, StoreError) as error:
            self._roll_back()
            return self._refuse(batches, error)
        try:
            answers = self._apply(batches)
        except (sqlite3.Error, OverflowError, MemoryError, TypeError, ValueError) as error:  # damage, too
            self._roll_back()
            if len(batches) == 1:
                return self._refuse(batches, error)
            return [self.write([batch])[0] for batch in batches]  # one of them is at fault: it fails alone
        try:
            self._connection.execute("COMMIT")
            self._whereabouts.check()  # what was written into a file that is gone meanwhile is not kept
        except (sqlite3.Error, StoreError) as error:
            self._roll_back()
            return self._refuse(batches, error, undone=False)
        return answers

    def tidy(self) -> None:
        """Copy the WAL back into the database when there is enough of it.

        SQLite before 3.51.3 may corrupt a file when one connection checkpoints while another commits. So the connection
        that writes does it, between two of its transactions, and a guard keeps all others, of any process, from
        beginning one meanwhile. PASSIVE, because it waits for no reader; what one still needs is left for next time.
        """
        if self._unsaved > WAL_BYTES:
            self._unsaved = 0
            with suppress(sqlite3.Error), closing(self._guard()) as guard:  # the WAL keeps everything: next time, then
                guard.execute("BEGIN IMMEDIATE")
                self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def _guard(self) -> sqlite3.Connection:
        return connect_guard(self._path, busy_timeout=self._busy_timeout, dial=self._dial)

    def close(self) -> None:
        """Close every connection; the last one to close empties the WAL."""
        super().close()
        self._connection.close()

    def _refuse(self, batches: Sequence[Prepared], error: Exception, *, undone: bool = True) -> list[Answer]:
        fault = fault_of(error)
        advice = "" if fault is None else advice_on(fault, self._path)
        return [refusal(batch, error, fault=fault, advice=advice, undone=undone) for batch in batches]

    def _apply(self, batches: Sequence[Prepared]) -> list[Answer]:
        row = self._connection.execute(_HEAD).fetchone()
        if row is None:
            raise ValueError("nothing says where the journal ends: the row of table head is gone")
        ledger = Ledger(Link(*row[:3]), self._receipts(batches).get, self._cards(batches).get)
        answers: list[Answer] = []
        for batch in batches:
            try:
                answers.append(ledger.add(batch))
            except StoreConflictError as conflict:
                answers.append(conflict)
        self._store(ledger, int.from_bytes(row[3], "big"))
        return answers

    def _store(self, ledger: Ledger, payloads: int) -> None:
        execute, many = self._connection.execute, self._connection.executemany
        before = self._connection.total_changes
        many(_ADD_ROW, ledger.journal)
        self._store_cards(ledger.cards)
        for digest, payload in ledger.payloads.items():
            if execute(_ADD_PAYLOAD, (digest, payload)).rowcount:
                payloads += int.from_bytes(digest, "big")
        many(_CHARGE, [(run, *spent) for run, spent in ledger.charges.items()])
        many(_PUT_RUN, [(row.id, row.build, row.started_at, row.body) for row in ledger.runs.values()])
        for (kind, key), body in ledger.documents.items():
            if body is None:
                execute(_DROP_DOCUMENT, (kind, key))
            else:
                execute(_PUT_DOCUMENT, (kind, key, body))
        execute(_PUT_HEAD, (*ledger.link, (payloads % MODULUS).to_bytes(32, "big")))
        self._unsaved += (self._connection.total_changes - before) * _PAGE
        self._unsaved += sum([len(body) for body in ledger.payloads.values()])

    def _store_cards(self, cards: dict[CardKey, CardState]) -> None:
        added, changed, held = [], [], []
        for key, it in cards.items():
            if it.place is None:
                added.append((*key, it.version, it.owner, it.until, it.token, it.body))
            elif it.body is None:
                held.append((it.owner, it.until, it.token, it.place))
            else:
                changed.append((it.version, it.owner, it.until, it.token, it.body, it.place))
        for statement, rows in ((_ADD_CARD, added), (_CHANGE_CARD, changed), (_HOLD_CARD, held)):
            if rows:
                self._connection.executemany(statement, rows)

    def _receipts(self, batches: Sequence[Prepared]) -> dict[str, Receipt]:
        """Return what batches were answered that were applied before."""
        found = self._look_up(_RECEIPTS, (), [batch.op_id for batch in batches])
        return {op_id: receipt(first, last, changes) for op_id, first, last, changes in found}

    def _cards(self, batches: Sequence[Prepared]) -> dict[CardKey, CardState]:
        """Return the cards that batches touch, as they are stored."""
        wanted: dict[str, dict[str, None]] = {}
        for batch in batches:
            cards = wanted.setdefault(batch.build, {})
            touched: tuple[Claim | PreparedChange | Release, ...] = (*batch.claims, *batch.changes, *batch.releases)
            cards.update(dict.fromkeys([it.card for it in touched]))
        return {
            (row[0], row[1]): CardState(*row[2:])
            for build, cards in wanted.items()
            for row in self._look_up(_CARDS, (build,), list(cards))
        }

    def _look_up(self, query: str, values: tuple[str, ...], names: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        for start in range(0, len(names), _AT_ONCE):
            some = names[start : start + _AT_ONCE]
            marks = ", ".join("?" * len(some))
            yield from self._connection.execute(f"{query} ({marks})", (*values, *some)).fetchall()

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            with suppress(sqlite3.Error):  # SQLite has rolled back by itself, or will when the connection closes
                self._connection.execute("ROLLBACK")
