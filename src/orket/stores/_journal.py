r"""Rows of the journal: one per batch that has records, chained by SHA-256.

The hash of a row covers the hash before it, the row's place and everything it says::

    SHA-256(previous hash (32 bytes) + "<first_seq> <last_seq>\n" + head + "\n" + body)

``head`` is the compact JSON array ``[op_id, run, build, card, at]`` and ``body`` the JSON array of the records,
exactly as stored, both in UTF-8. JSON text has no raw line break, so no two rows share an encoding. The first row
follows :data:`GENESIS`.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from attrs import frozen

from orket._codec import codec, to_json
from orket._value import Value
from orket.errors import JournalError, StoreError
from orket.events import Digest, JournalEntry

GENESIS: Final = hashlib.sha256(b"orket journal 1").digest()


class JournalRow(NamedTuple):
    """One row as stored; ``seq`` of its records run from ``first_seq`` to ``last_seq``."""

    last_seq: int
    first_seq: int
    at: float
    run: str
    build: str
    card: str | None
    op_id: str
    hash: bytes
    body: str


@frozen(kw_only=True, repr=False, eq=False)
class Selection(Value):
    """Which entries a reader wants; None does not restrict."""

    run: str | None = None
    build: str | None = None
    card: str | None = None

    def takes(self, row: JournalRow) -> bool:
        """Whether the entries of *row* are wanted."""
        return (
            (self.run is None or row.run == self.run)
            and (self.build is None or row.build == self.build)
            and (self.card is None or row.card == self.card)
        )


@frozen(kw_only=True, repr=False, eq=False)
class Link(Value):
    """How far a chain was followed: the last ``seq`` and the hash of its row."""

    seq: int = 0
    hash: bytes = GENESIS

    @property
    def head(self) -> Digest:
        """The hash as text."""
        return self.hash.hex()


def material(op_id: str, run: str, build: str, card: str | None, at: float, body: str) -> bytes:
    """Return what a row says, in the encoding that is hashed."""
    return f"{to_json([op_id, run, build, card, at])}\n{body}".encode()


def link_hash(previous: bytes, first_seq: int, last_seq: int, said: bytes) -> bytes:
    """Return the hash of a row whose :func:`material` is *said*."""
    return hashlib.sha256(b"%b%d %d\n%b" % (previous, first_seq, last_seq, said)).digest()


def follow(link: Link, rows: Iterable[JournalRow]) -> Link:
    """Return the link after *rows*.

    Raises:
        JournalError: naming the first record that does not hold.
    """
    for row in rows:
        if row.first_seq != link.seq + 1 or row.last_seq < row.first_seq:
            raise JournalError(
                f"the journal does not go on after record {link.seq}: the next row holds records "
                f"{row.first_seq} to {row.last_seq}; a row was deleted, moved or added",
                seq=link.seq + 1,
            )
        try:
            said = material(row.op_id, row.run, row.build, row.card, row.at, row.body)
        except (TypeError, ValueError):  # not even text
            said = b""
        if link_hash(link.hash, row.first_seq, row.last_seq, said) != row.hash:
            raise JournalError(
                f"records {row.first_seq} to {row.last_seq} (batch {row.op_id!r}) do not have the hash they were "
                "written with; they or the rows before them were changed",
                seq=row.first_seq,
                last=row.last_seq,
            )
        link = Link(seq=row.last_seq, hash=row.hash)
    return link


def payload_holds(key: bytes, payload: bytes) -> bool:
    """Whether a payload has the digest that it is stored under."""
    return hashlib.sha256(payload).digest() == key


def payload_error(key: bytes, seq: int) -> JournalError:
    """Return the error for a payload that does not hold; *seq* begins the first row that names it (0: none does)."""
    return JournalError(f"payload {key.hex()} was changed: its text has another digest", seq=seq, digest=key.hex())


def entries(row: JournalRow, since: int) -> Iterator[JournalEntry]:
    """Yield the entries of a row with ``seq`` > *since*.

    Raises:
        StoreVersionError: a record that this orket does not know.
        StoreError: the row is not what was written.
    """
    try:
        records = json.loads(row.body)
    except ValueError as error:
        raise StoreError(f"records {row.first_seq} to {row.last_seq} are not JSON; verify() the store") from error
    load = codec().load_record
    for seq, data in enumerate(records, row.first_seq):
        if seq > since:
            yield JournalEntry(seq=seq, at=row.at, run=row.run, build=row.build, card=row.card, record=load(data))
