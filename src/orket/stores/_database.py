"""The SQLite file: one connection that writes, some that read."""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from orket.errors import StoreConflictError
from orket.stores._connection import connect
from orket.stores._journal import Link
from orket.stores._ledger import CardKey, CardState, DocumentKey, Ledger, Operation
from orket.stores._prepare import Prepared
from orket.stores._readers import Readers
from orket.stores._writer import Answer, refusal

WAL_BYTES: Final = 8 * 2**20  # written since the last checkpoint, about; more is copied back into the database
_PAGE: Final = 4096  # what a changed row costs in the WAL, about

_LINK = "SELECT last_seq, hash FROM journal ORDER BY last_seq DESC LIMIT 1"
_OPERATION = "SELECT op_id, first_seq, last_seq, tokens FROM operation WHERE op_id = ?"
_CARD = "SELECT place, version, owner, until, token FROM card WHERE build = ? AND id = ?"
_ADD_ROW = "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_ADD_OPERATION = "INSERT INTO operation VALUES (?, ?, ?, ?)"
_ADD_CARD = "INSERT INTO card (build, id, version, owner, until, token, body) VALUES (?, ?, ?, ?, ?, ?, ?)"
_CHANGE_CARD = "UPDATE card SET version = ?, owner = ?, until = ?, token = ?, body = ? WHERE place = ?"
_HOLD_CARD = "UPDATE card SET owner = ?, until = ?, token = ? WHERE place = ?"
_ADD_PAYLOAD = "INSERT INTO payload (digest, body) VALUES (?, ?) ON CONFLICT DO NOTHING"
_PUT_DOCUMENT = "INSERT INTO document VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body"
_DROP_DOCUMENT = "DELETE FROM document WHERE kind = ? AND key = ?"
_PUT_RUN = (
    "INSERT INTO run (id, build, started_at, body) VALUES (?, ?, ?, ?) ON CONFLICT (id) "
    "DO UPDATE SET build = excluded.build, started_at = excluded.started_at, body = excluded.body"
)
_CHARGE = (
    "INSERT INTO charge VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET turns = turns + excluded.turns, "
    "tokens = tokens + excluded.tokens"
)


class SQLiteDatabase(Readers):
    """The storage behind :class:`orket.stores.SQLiteStore`: a :class:`orket.stores._threaded.Database`."""

    def __init__(self, path: Path, *, synchronous: bool, busy_timeout: float) -> None:
        super().__init__(path, busy_timeout)
        self._connection = connect(path, synchronous=synchronous, busy_timeout=busy_timeout)
        self._unsaved = 0  # bytes in the WAL since the last checkpoint, about

    def write(self, batches: Sequence[Prepared], /) -> list[Answer]:
        """Write a group in one transaction. A conflict is the answer to its own batch only."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            self._roll_back()
            return [refusal(batch, error) for batch in batches]
        try:
            answers = self._apply(batches)
        except (sqlite3.Error, OverflowError, MemoryError) as error:
            self._roll_back()
            if len(batches) == 1:
                return [refusal(batches[0], error)]
            return [self.write([batch])[0] for batch in batches]  # one of them is at fault: it fails alone
        try:
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            return [refusal(batch, error) for batch in batches]
        return answers

    def tidy(self) -> None:
        """Copy the WAL back into the database when there is enough of it.

        By the connection that writes and between two transactions: SQLite before 3.51.3 may corrupt a file when one
        connection checkpoints while another commits. PASSIVE, because it waits for nobody; what a reader still needs is
        left for next time.
        """
        if self._unsaved > WAL_BYTES:
            self._unsaved = 0
            with suppress(sqlite3.Error):  # the WAL keeps everything; a full disk is reported by the next commit
                self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def close(self) -> None:
        """Close every connection; the last one to close empties the WAL."""
        super().close()
        self._connection.close()

    def _apply(self, batches: Sequence[Prepared]) -> list[Answer]:
        ledger = Ledger(self._link(), self._find_operation, self._find_card)
        answers: list[Answer] = []
        for batch in batches:
            try:
                answers.append(ledger.add(batch))
            except StoreConflictError as conflict:
                answers.append(conflict)
        self._store(ledger)
        return answers

    def _store(self, ledger: Ledger) -> None:
        many = self._connection.executemany
        before = self._connection.total_changes
        if ledger.journal:
            many(_ADD_ROW, ledger.journal)
        if ledger.operations:
            many(_ADD_OPERATION, ledger.operations.values())
        if ledger.cards:
            self._store_cards(ledger.cards)
        if ledger.payloads:
            many(_ADD_PAYLOAD, ledger.payloads.items())
        if ledger.charges:
            many(_CHARGE, [(run, turns, tokens) for run, (turns, tokens) in ledger.charges.items()])
        if ledger.runs:
            many(_PUT_RUN, [(row.id, row.build, row.started_at, row.body) for row in ledger.runs.values()])
        if ledger.documents:
            self._store_documents(ledger.documents)
        self._unsaved += (self._connection.total_changes - before) * _PAGE
        self._unsaved += sum([len(body) for body in ledger.payloads.values()])

    def _store_cards(self, cards: dict[CardKey, CardState]) -> None:
        added, changed, held = [], [], []
        for (build, card), state in cards.items():
            if state.place is None:
                added.append((build, card, state.version, state.owner, state.until, state.token, state.body))
            elif state.body is None:
                held.append((state.owner, state.until, state.token, state.place))
            else:
                changed.append((state.version, state.owner, state.until, state.token, state.body, state.place))
        for statement, rows in ((_ADD_CARD, added), (_CHANGE_CARD, changed), (_HOLD_CARD, held)):
            if rows:
                self._connection.executemany(statement, rows)

    def _store_documents(self, documents: dict[DocumentKey, str | None]) -> None:
        for (kind, key), body in documents.items():
            if body is None:
                self._connection.execute(_DROP_DOCUMENT, (kind, key))
            else:
                self._connection.execute(_PUT_DOCUMENT, (kind, key, body))

    def _link(self) -> Link:
        row = self._connection.execute(_LINK).fetchone()
        return Link() if row is None else Link(seq=row[0], hash=row[1])

    def _find_operation(self, op_id: str) -> Operation | None:
        row: Operation | None = self._connection.execute(_OPERATION, (op_id,)).fetchone()
        return row

    def _find_card(self, key: CardKey) -> CardState | None:
        row = self._connection.execute(_CARD, key).fetchone()
        return None if row is None else CardState(*row)

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            with suppress(sqlite3.Error):  # SQLite has rolled back by itself, or will when the connection closes
                self._connection.execute("ROLLBACK")
