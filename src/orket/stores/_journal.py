r"""Rows of the journal: one per batch, chained by SHA-256.

The hash of a row covers the hash before it, the row's place, and everything that the row says::

    SHA-256(previous hash (32 bytes) + head + "\n" + run + build + card + op_id + changes + body)

``head`` is ``"<first_seq> <last_seq> <at> <length of run> <… build> <… card> <… op_id> <… changes>"``, with lengths in
characters, -1 for a card of NULL, and ``at`` as Python spells a float; all of it is hashed in UTF-8. ``body`` is the
JSON array of the records and ``changes`` says what the batch did beside them (``_account.py``), both exactly as stored.
So no two rows share an encoding. The first row follows :data:`GENESIS`.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from attrs import frozen

from orket._codec import codec
from orket._value import Value
from orket.errors import JournalError, StoreError
from orket.events import Digest, JournalEntry

GENESIS: Final = hashlib.sha256(b"orket journal 1").digest()


class JournalRow(NamedTuple):
    """One row as stored; ``seq`` of its records run from ``first_seq`` to ``last_seq``, one less without any."""

    place: int
    first_seq: int
    last_seq: int
    at: float
    run: str
    build: str
    card: str | None
    op_id: str
    changes: str
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


class Link(NamedTuple):
    """How far a chain was followed: how many rows, the last ``seq``, and the hash of the last row."""

    place: int = 0
    seq: int = 0
    hash: bytes = GENESIS

    @property
    def head(self) -> Digest:
        """The hash as text."""
        return self.hash.hex()


def link_hash(
    previous: bytes,
    first_seq: int,
    last_seq: int,
    at: float,
    run: str,
    build: str,
    card: str | None,
    op_id: str,
    changes: str,
    body: str,
) -> bytes:
    """Return the hash of a row."""
    length = -1 if card is None else len(card)
    said = (
        f"{first_seq} {last_seq} {at!r} {len(run)} {len(build)} {length} {len(op_id)} {len(changes)}\n"
        f"{run}{build}{card or ''}{op_id}{changes}{body}"
    )
    return hashlib.sha256(previous + said.encode()).digest()


def follow(link: Link, rows: Iterable[JournalRow]) -> Link:
    """Return the link after *rows*.

    Raises:
        JournalError: naming the first record that does not hold.
    """
    for row in rows:
        place, first, last, at, run, build, card, op_id, changes, found, body = row
        if (place, first) != (link.place + 1, link.seq + 1) or last < link.seq:
            raise JournalError(
                f"the journal does not go on after record {link.seq}: row {place} follows row {link.place} and holds "
                f"records {first} to {last}; a row was deleted, moved or added",
                seq=link.seq + 1,
            )
        try:
            expected = link_hash(link.hash, first, last, at, run, build, card, op_id, changes, body)
        except (TypeError, ValueError):  # not even text
            expected = b""
        if found != expected:
            raise JournalError(
                f"records {first} to {last} (batch {op_id!r}) do not have the hash they were "
                "written with; they or the rows before them were changed",
                seq=first,
                last=last,
            )
        link = Link(place, last, found)
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
