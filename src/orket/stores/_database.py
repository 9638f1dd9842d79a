"""The SQLite file: one connection that writes, some that read."""

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from orket.errors import StoreConflictError, StoreError
from orket.stores._connection import Dial, connect
from orket.stores._faults import advice_on, fault_of
from orket.stores._journal import Link
from orket.stores._ledger import CardKey, CardState, Ledger, Operation
from orket.stores._prepare import Prepared, PreparedRun
from orket.stores._readers import Readers
from orket.stores._seals import Seals, body_digest, row_digest
from orket.stores._writer import Answer, refusal

WAL_BYTES: Final = 8 * 2**20  # written since the last checkpoint, about; more is copied back into the database
_PAGE: Final = 4096  # what a changed row costs in the WAL, about

_LINK = "SELECT last_seq, hash FROM journal ORDER BY last_seq DESC LIMIT 1"
_OPERATION = "SELECT op_id, first_seq, last_seq, tokens FROM operation WHERE op_id = ?"
_CARD = "SELECT place, version, owner, until, token, digest FROM card WHERE build = ? AND id = ?"
_SEALS = "SELECT name, rows, total FROM seal"
_ADD_ROW = "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_ADD_OPERATION = "INSERT INTO operation VALUES (?, ?, ?, ?)"
_ADD_CARD = "INSERT INTO card VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_CHANGE_CARD = "UPDATE card SET version = ?, owner = ?, until = ?, token = ?, digest = ?, body = ? WHERE place = ?"
_HOLD_CARD = "UPDATE card SET owner = ?, until = ?, token = ? WHERE place = ?"
_ADD_PAYLOAD = "INSERT INTO payload VALUES (?, ?, ?) ON CONFLICT (digest) DO NOTHING"
_DOCUMENT = "SELECT body FROM document WHERE kind = ? AND key = ?"
_PUT_DOCUMENT = "INSERT INTO document VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET body = excluded.body"
_DROP_DOCUMENT = "DELETE FROM document WHERE kind = ? AND key = ?"
_RUN = "SELECT place, id, build, started_at, body FROM run WHERE id = ?"
_PUT_RUN = (
    "INSERT INTO run VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) "
    "DO UPDATE SET build = excluded.build, started_at = excluded.started_at, body = excluded.body"
)
_CHARGED = "SELECT turns, tokens FROM charge WHERE run = ?"
_CHARGE = (
    "INSERT INTO charge VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET turns = excluded.turns, tokens = excluded.tokens"
)
_SEAL = "UPDATE seal SET rows = ?, total = ? WHERE name = ?"


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

    def _refuse(self, batches: Sequence[Prepared], error: Exception, *, undone: bool = True) -> list[Answer]:
        fault = fault_of(error)
        advice = "" if fault is None else advice_on(fault, self._path)
        return [refusal(batch, error, fault=fault, advice=advice, undone=undone) for batch in batches]

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
        seals = Seals.load(self._connection.execute(_SEALS))
        if ledger.journal:
            many(_ADD_ROW, ledger.journal)
        if ledger.operations:
            many(_ADD_OPERATION, ledger.operations.values())
            for operation in ledger.operations.values():
                seals.add("operation", row_digest("operation", operation))
        if ledger.cards:
            self._store_cards(ledger.cards, seals)
        for digest, payload in ledger.payloads.items():
            self._add_payload(digest, payload, seals)
        for run, (turns, tokens) in ledger.charges.items():
            self._charge(run, turns, tokens, seals)
        for row in ledger.runs.values():
            self._put_run(row, seals)
        for (kind, key), body in ledger.documents.items():
            self._put_document(kind, key, body, seals)
        many(_SEAL, seals.changed())
        self._unsaved += (self._connection.total_changes - before) * _PAGE
        self._unsaved += sum([len(body) for body in ledger.payloads.values()])

    def _store_cards(self, cards: dict[CardKey, CardState], seals: Seals) -> None:
        added, changed, held = [], [], []
        for (build, card), state in cards.items():
            until = float(state.until)
            digest = state.digest if state.body is None else body_digest(state.body)
            claim = (state.owner, until, state.token)
            if state.place is None:
                row = (seals.count("card") + 1, build, card, state.version, *claim, digest)
                added.append((*row, state.body))
            else:
                row = (state.place, build, card, state.version, *claim, digest)
                seals.remove("card", state.sealed)
                if state.body is None:
                    held.append((*claim, state.place))
                else:
                    changed.append((state.version, *claim, digest, state.body, state.place))
            seals.add("card", row_digest("card", row))
        for statement, rows in ((_ADD_CARD, added), (_CHANGE_CARD, changed), (_HOLD_CARD, held)):
            if rows:
                self._connection.executemany(statement, rows)

    def _add_payload(self, digest: bytes, payload: bytes, seals: Seals) -> None:
        place = seals.count("payload") + 1
        if self._connection.execute(_ADD_PAYLOAD, (place, digest, payload)).rowcount:
            seals.add("payload", row_digest("payload", (place, digest)))

    def _charge(self, run: str, turns: int, tokens: int, seals: Seals) -> None:
        if (known := self._connection.execute(_CHARGED, (run,)).fetchone()) is not None:
            seals.remove("charge", row_digest("charge", (run, *known)))
            turns, tokens = known[0] + turns, known[1] + tokens
        self._connection.execute(_CHARGE, (run, turns, tokens))
        seals.add("charge", row_digest("charge", (run, turns, tokens)))

    def _put_run(self, row: PreparedRun, seals: Seals) -> None:
        known = self._connection.execute(_RUN, (row.id,)).fetchone()
        place = seals.count("run") + 1 if known is None else known[0]
        if known is not None:
            seals.remove("run", row_digest("run", (*known[:-1], body_digest(known[-1]))))
        cells = (place, row.id, row.build, row.started_at)
        self._connection.execute(_PUT_RUN, (*cells, row.body))
        seals.add("run", row_digest("run", (*cells, body_digest(row.body))))

    def _put_document(self, kind: str, key: str, body: str | None, seals: Seals) -> None:
        if (known := self._connection.execute(_DOCUMENT, (kind, key)).fetchone()) is not None:
            seals.remove("document", row_digest("document", (kind, key, body_digest(known[0]))))
        if body is None:
            self._connection.execute(_DROP_DOCUMENT, (kind, key))
        else:
            self._connection.execute(_PUT_DOCUMENT, (kind, key, body))
            seals.add("document", row_digest("document", (kind, key, body_digest(body))))

    def _link(self) -> Link:
        row = self._connection.execute(_LINK).fetchone()
        return Link() if row is None else Link(seq=row[0], hash=row[1])

    def _find_operation(self, op_id: str) -> Operation | None:
        row: Operation | None = self._connection.execute(_OPERATION, (op_id,)).fetchone()
        return row

    def _find_card(self, key: CardKey) -> CardState | None:
        row = self._connection.execute(_CARD, key).fetchone()
        if row is None:
            return None
        place, version, owner, until, token, digest = row
        sealed = row_digest("card", (place, *key, version, owner, until, token, digest))
        return CardState(place, version, owner, until, token, digest, sealed=sealed)

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            with suppress(sqlite3.Error):  # SQLite has rolled back by itself, or will when the connection closes
                self._connection.execute("ROLLBACK")
