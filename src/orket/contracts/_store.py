"""The Store port: the record of everything, with one verb that writes.

A :class:`Batch` is applied whole or not at all, so that state, decision and event can never disagree.
"""

from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Protocol, runtime_checkable

from attrs import field, frozen

from orket._value import Value
from orket.cards import Issue, JsonValue
from orket.events import Digest, JournalEntry, Record, RunOutcome


@frozen(kw_only=True, repr=False, eq=False)
class CardChange(Value):
    """A card's new state. ``expected`` is the version it must have now (0: it must not exist yet).

    ``issue.version`` must be ``expected + 1``. ``token`` is the fencing token of the claim the writer holds; None
    only where nobody may hold a live claim (adding cards, operator actions), or where the batch itself claims the card.
    """

    issue: Issue
    expected: int
    token: int | None = None


@frozen(kw_only=True, repr=False, eq=False)
class Claim(Value):
    """Take (or renew) the right to work a card until ``until`` (seconds since the epoch).

    ``token`` None takes it: granted when nobody else holds a live claim at ``now``; the new token is one more than
    the card's last. A number renews: granted to its owner only, while it is still the card's token and was not given
    back. A claim lives while ``now`` < ``until``. ``version`` is the one that the card must have before the batch
    changes it; None: any.
    """

    card: str
    owner: str
    now: float
    until: float
    token: int | None = None
    version: int | None = None


@frozen(kw_only=True, repr=False, eq=False)
class Release(Value):
    """Give a claim back."""

    card: str
    token: int


@frozen(kw_only=True, repr=False, eq=False)
class Document(Value):
    """A piece of service state, addressed by ``kind`` and ``key``; a body of None deletes it."""

    kind: str
    key: str
    body: JsonValue


@frozen(kw_only=True, repr=False, eq=False)
class RunRow(Value):
    """What the record knows of a run: of which card, as which department defines it.

    ``turns`` and ``tokens`` are what it has been charged.
    """

    id: str
    build: str
    card: str
    started_at: float
    fingerprint: Digest
    wiring: JsonValue = None
    target: str | None = None
    parent: str | None = None
    outcome: RunOutcome | None = None
    reason: str = ""
    finished_at: float | None = None
    turns: int = 0
    tokens: int = 0
    department: str = "core"


@frozen(kw_only=True, repr=False, eq=False)
class Batch(Value):
    """One transaction.

    ``op_id`` makes it idempotent: a batch whose id is already in the journal changes nothing and returns the first
    receipt, as ``repeated``. Claims are settled first, then changes in their order, then releases.
    ``card`` is the card that all ``records`` are about (None: the run). ``run_row`` inserts or replaces the row of
    ``run``, charges excepted; ``turns`` and ``tokens`` are added to it. ``payloads`` are texts by the SHA-256 of their
    UTF-8 bytes (a lone surrogate counts as the three bytes that it would have).
    """

    op_id: str
    run: str
    build: str
    at: float
    card: str | None = None
    records: tuple[Record, ...] = ()
    changes: tuple[CardChange, ...] = ()
    claims: tuple[Claim, ...] = ()
    releases: tuple[Release, ...] = ()
    documents: tuple[Document, ...] = ()
    payloads: Mapping[Digest, str] | None = None
    run_row: RunRow | None = None
    turns: int = 0
    tokens: int = 0


@frozen(kw_only=True, repr=False, eq=False)
class Receipt(Value):
    """Where a batch went: the first and last ``seq`` of its records (0, 0 without any), and its claims' tokens.

    ``repeated``: it was applied before, under this ``op_id``, and changes nothing now. Receipts that differ in nothing
    else are equal.
    """

    first_seq: int
    last_seq: int
    tokens: Mapping[str, int]
    repeated: bool = field(default=False, eq=False)


@frozen(kw_only=True, repr=False, eq=False)
class CardRow(Value):
    """A card as stored: who holds it, until when, with which token (0: nobody ever did)."""

    issue: Issue
    owner: str | None = None
    until: float = 0.0
    token: int = 0


@frozen(kw_only=True, repr=False, eq=False)
class JournalProof(Value):
    """Result of a verification: how many records stand, and the last entry's hash, for a host to anchor."""

    records: int
    head: Digest


@runtime_checkable
class Store(Protocol):
    """Keeps the record. One instance serves one event loop; several may share one database.

    Before :meth:`open` and after :meth:`aclose` every verb raises StoreError. ``orket.testing.StoreContract`` says
    clause by clause what a store owes.
    """

    @property
    def location(self) -> Path | None:
        """The database file, or None for a store that has none."""
        ...

    async def open(self) -> None:
        """Open it, migrating older schemas. Must be called once, before anything else.

        Raises:
            StoreVersionError: the database was written by a newer orket.
            StoreError: it cannot be opened, or is open already.
        """
        ...

    async def aclose(self) -> None:
        """Finish every commit that was begun, and close. Safe to call twice."""
        ...

    async def commit(self, batch: Batch, /) -> Receipt:
        """Apply *batch* whole or not at all; return when it is durable.

        Cancelling the caller does not undo a batch that was handed over.

        Raises:
            StoreConflictError: a version, a claim or a fencing token is not as expected; nothing was changed.
            StoreError: it could not be written, or something in it has no place in a record (NaN, what JSON does not
                have, an id that is not Unicode text, the row of another run); nothing was changed.
        """
        ...

    async def load_board(self, build: str, /) -> tuple[CardRow, ...]:
        """Return all cards of a build, in the order they joined."""
        ...

    async def load_run(self, run: str, /) -> RunRow | None:
        """Return a run, or None."""
        ...

    async def runs(self, build: str | None = None, /) -> tuple[RunRow, ...]:
        """Return the runs of a build (None: of all), oldest first by when they started."""
        ...

    async def last_seq(self) -> int:
        """Return the ``seq`` of the last stored entry, whichever instance committed it; 0 without any.

        Raises:
            StoreError: it could not be read.
        """
        ...

    def events(
        self, since: int = 0, /, *, run: str | None = None, build: str | None = None, card: str | None = None
    ) -> AsyncIterator[JournalEntry]:
        """Iterate over the stored entries with ``seq`` > *since* that match, in order, to the present end."""
        ...

    async def wait(self, since: int, /) -> None:
        """Return as soon as this instance has committed an entry with ``seq`` > *since*.

        Raises:
            StoreError: it was closed meanwhile.
        """
        ...

    async def payload(self, digest: Digest, /) -> str | None:
        """Return a payload's text, or None."""
        ...

    async def find(self, kind: str, /, *, prefix: str = "") -> tuple[Document, ...]:
        """Return the documents of a kind whose key begins with *prefix*, in the order of their keys by code points."""
        ...

    async def verify(self) -> JournalProof:
        """Check the whole hash chain, every payload's digest, and what else the store can prove of what it keeps.

        Raises:
            JournalError: naming the first entry that does not hold; ``seq`` is 0 for what is no entry.
        """
        ...
