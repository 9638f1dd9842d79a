"""Both stock stores keep the contract."""

import sqlite3
from contextlib import closing
from pathlib import Path

from hypothesis import settings

from orket.contracts import Store
from orket.stores import MemoryStore, SQLiteStore
from orket.stores._journal import JournalRow
from orket.testing.suites.store import StoreContract, Tampering

_TAMPERING = {
    "entry": ("UPDATE journal SET body = replace(body, 'ann', 'bob') WHERE first_seq = :seq",),
    "gone": ("DELETE FROM journal WHERE first_seq = :seq",),
    "payload": ("UPDATE payload SET body = x'41' WHERE :seq",),
}


class TestMemoryStore(StoreContract):
    """In memory a record lasts as long as its store, which can be opened again."""

    shared = False
    tamperable = True

    def make_store(self, folder: Path) -> Store:
        return vars(self).setdefault("stores", {}).setdefault(folder, MemoryStore())

    def tamper(self, folder: Path, what: Tampering, seq: int) -> None:
        store = vars(self)["stores"][folder]
        if what == "payload":
            store._payloads = dict.fromkeys(store._payloads, b"A")
            return
        rows = [JournalRow(*row) for row in store._journal]
        index = next(index for index, row in enumerate(rows) if row.first_seq == seq)
        row = rows.pop(index)
        if what == "entry":
            rows.insert(index, row._replace(body=row.body.replace("ann", "bob")))
        store._journal = rows


class TestSQLiteStore(StoreContract):
    settings = settings(max_examples=20)
    tamperable = True

    def make_store(self, folder: Path) -> Store:
        return SQLiteStore(folder / "record.sqlite")

    def tamper(self, folder: Path, what: Tampering, seq: int) -> None:
        with closing(sqlite3.connect(folder / "record.sqlite")) as raw, raw:
            for statement in _TAMPERING[what]:
                raw.execute(statement, {"seq": seq})
