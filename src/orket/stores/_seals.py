"""Seals of the tables that the chain does not cover: what verify() compares their rows with.

The journal is append-only and chained. Cards, runs, charges, documents, operations and payloads are rows that stand for
themselves, and some of them change all the time. Each of these tables has a seal, written in the transaction that
changes its rows: how many there are, and the sum of their digests modulo 2**256. A digest is the SHA-256 of the compact
ASCII JSON array of the table's name and the row's columns in their order, where a number with a fraction is written as
text and a body is its own SHA-256. So a row that was changed, deleted, added, moved, or put back to what it once said
breaks the sum.
"""

import hashlib
from collections.abc import Iterable
from typing import Any, Final, TypeAlias

from attrs import define, field

from orket._codec import canonical_json

SEALED: Final = ("card", "charge", "document", "operation", "payload", "run")
_MODULUS: Final = 2**256
_SPELT: Final = (float, bytes)  # what JSON does not have, or not always

Cell: TypeAlias = str | int | float | bytes | None


def body_digest(body: str) -> bytes:
    """Return the digest by which a body stands in its row's."""
    return hashlib.sha256(body.encode()).digest()


def row_digest(table: str, cells: Iterable[Cell]) -> int:
    """Return the digest of a row as a number.

    Raises:
        TypeError: a cell is of no type that a table has.
    """
    said = canonical_json([table, *[_plain(cell) if type(cell) in _SPELT else cell for cell in cells]])
    return int.from_bytes(hashlib.sha256(said.encode()).digest(), "big")


def _plain(cell: Any) -> str:
    return repr(cell + 0.0) if type(cell) is float else cell.hex()  # SQLite has no negative zero


@define(repr=False, eq=False)
class Seals:
    """The seals of all tables: how many rows each has and the sum of their digests, as a transaction leaves them."""

    _held: dict[str, tuple[int, int]] = field(factory=dict)
    _touched: set[str] = field(factory=set)

    @classmethod
    def load(cls, rows: Iterable[tuple[str, int, bytes]]) -> "Seals":
        """Return the seals that are stored as (name, rows, total)."""
        return cls({name: (count, int.from_bytes(total, "big")) for name, count, total in rows})

    def count(self, table: str) -> int:
        """Return how many rows a table has."""
        return self._held.get(table, (0, 0))[0]

    def add(self, table: str, digest: int) -> None:
        """Count a row in."""
        self._change(table, 1, digest)

    def remove(self, table: str, digest: int) -> None:
        """Count a row out, as it stood."""
        self._change(table, -1, -digest)

    def changed(self) -> list[tuple[int, bytes, str]]:
        """Return (rows, total, name) of the seals that have changed."""
        return [
            (self._held[table][0], self._held[table][1].to_bytes(32, "big"), table) for table in sorted(self._touched)
        ]

    def _change(self, table: str, rows: int, digest: int) -> None:
        # A seal that is not stored is not stored anew either: verify() is to miss it.
        count, total = self._held.get(table, (0, 0))
        self._held[table] = (count + rows, (total + digest) % _MODULUS)
        self._touched.add(table)
