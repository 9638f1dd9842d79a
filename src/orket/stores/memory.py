"""The record in this process's memory: for tests, and for hosts that want no file."""

import json
from bisect import bisect_right
from collections.abc import AsyncIterator
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import anyio.lowlevel
import attrs

from orket._codec import codec
from orket.contracts import Batch, CardRow, Document, JournalProof, Receipt, RunRow
from orket.errors import JournalError, StoreError
from orket.events import Digest, JournalEntry
from orket.stores._account import Account
from orket.stores._cards import CardReader
from orket.stores._changes import CardState, receipt
from orket.stores._journal import JournalRow, Link, Selection, entries, payload_error, payload_holds
from orket.stores._ledger import CardKey, DocumentKey, Ledger
from orket.stores._prepare import PreparedRun, payload_key, prepare
from orket.stores._progress import Progress

BREATH: Final = 32  # values decoded, or rows followed, between two checkpoints of the event loop


class MemoryStore:
    """Keep the record in memory. It survives :meth:`aclose`: the same instance can be opened again.

    Everything is stored encoded, as in a file, so nothing that a caller holds is shared with the record.
    """

    def __init__(self) -> None:
        self._progress: Progress | None = None
        self._link = Link()
        self._journal: list[tuple[Any, ...]] = []  # JournalRow as tuple, which the garbage collector need not visit
        self._operations: dict[str, int] = {}  # op_id -> its row's place
        self._cards: dict[CardKey, CardState] = {}
        self._documents: dict[DocumentKey, str] = {}
        self._payloads: dict[bytes, bytes] = {}
        self._payload_sum = 0  # of their digests, so that one that is gone is missed
        self._runs: dict[str, PreparedRun] = {}
        self._charges: dict[str, tuple[int, int]] = {}

    @property
    def location(self) -> Path | None:
        """Always None."""
        return None

    async def open(self) -> None:
        """Open it.

        Raises:
            StoreError: it is open already.
        """
        await anyio.lowlevel.checkpoint()  # first: who is cancelled here has not opened it
        if self._progress is not None:
            raise StoreError("the store is open already; one instance serves one orchestrator")
        self._progress = Progress(self._link.seq)

    async def aclose(self) -> None:
        """Close it; what was committed stays."""
        if self._progress is not None:
            self._progress.close()
            self._progress = None

    async def commit(self, batch: Batch, /) -> Receipt:
        """Apply *batch* whole or not at all. See :class:`orket.contracts.Store`."""
        progress = self._open()
        ledger = Ledger(self._link, self._find_receipt, self._cards.get)
        answer = ledger.add(prepare(batch))
        self._keep(ledger)
        progress.advance(self._link.seq)
        await anyio.lowlevel.checkpoint()
        return answer

    def _find_receipt(self, op_id: str) -> Receipt | None:
        if (place := self._operations.get(op_id)) is None:
            return None
        row = JournalRow._make(self._journal[place - 1])
        return receipt(row.first_seq, row.last_seq, row.changes)

    def _keep(self, ledger: Ledger) -> None:
        self._link = ledger.link
        self._journal += map(tuple, ledger.journal)
        self._operations.update([(row.op_id, row.place) for row in ledger.journal])
        for key, state in ledger.cards.items():
            known = self._cards.get(key)
            if state.body is None and known is not None:
                state.body = known.body
            self._cards[key] = state
        for address, text in ledger.documents.items():
            if text is None:
                self._documents.pop(address, None)
            else:
                self._documents[address] = text
        for digest, payload in ledger.payloads.items():
            if digest not in self._payloads:
                self._payloads[digest] = payload
                self._payload_sum += int.from_bytes(digest, "big")
        self._runs.update(ledger.runs)
        for run, (turns, tokens) in ledger.charges.items():
            before = self._charges.get(run, (0, 0))
            self._charges[run] = (before[0] + turns, before[1] + tokens)

    async def load_board(self, build: str, /) -> tuple[CardRow, ...]:
        """Return all cards of a build, in the order they joined."""
        self._open()
        await anyio.lowlevel.checkpoint()
        cards = CardReader(build)
        states = [(card, state) for (of, card), state in self._cards.items() if of == build]
        for number, (card, state) in enumerate(states, 1):
            cards.read(card, state.body or "", state.owner, state.until, state.token)
            if number % BREATH == 0:
                await anyio.lowlevel.checkpoint()
        return cards.finish()

    async def load_run(self, run: str, /) -> RunRow | None:
        """Return a run, or None."""
        self._open()
        await anyio.lowlevel.checkpoint()
        row = self._runs.get(run)
        return None if row is None else self._charged(row)

    async def runs(self, build: str | None = None, /) -> tuple[RunRow, ...]:
        """Return the runs of a build (None: of all), oldest first."""
        self._open()
        await anyio.lowlevel.checkpoint()
        rows = sorted(self._runs.values(), key=lambda row: row.started_at)
        return tuple([self._charged(row) for row in rows if build is None or row.build == build])

    def _charged(self, row: PreparedRun) -> RunRow:
        turns, tokens = self._charges.get(row.id, (0, 0))
        return attrs.evolve(codec().load(json.loads(row.body), RunRow), turns=turns, tokens=tokens)

    async def last_seq(self) -> int:
        """Return the ``seq`` of the last stored entry; 0 without any."""
        self._open()
        await anyio.lowlevel.checkpoint()
        return self._link.seq

    async def events(
        self, since: int = 0, /, *, run: str | None = None, build: str | None = None, card: str | None = None
    ) -> AsyncIterator[JournalEntry]:
        """Iterate over the stored entries with ``seq`` > *since* that match, in order, to the present end."""
        self._open()
        await anyio.lowlevel.checkpoint()
        wanted = Selection(run=run, build=build, card=card)
        start = bisect_right(self._journal, since, key=itemgetter(2))  # by last_seq
        for index in range(start, len(self._journal)):
            row = JournalRow._make(self._journal[index])
            if wanted.takes(row):
                for entry in entries(row, since):
                    yield entry
            if index % BREATH == 0:
                await anyio.lowlevel.checkpoint()

    async def wait(self, since: int, /) -> None:
        """Return as soon as an entry with ``seq`` > *since* is stored."""
        await self._open().wait(since)

    async def payload(self, digest: Digest, /) -> str | None:
        """Return a payload's text, or None."""
        self._open()
        await anyio.lowlevel.checkpoint()
        payload = self._payloads.get(payload_key(digest))
        return None if payload is None else payload.decode("utf-8", "surrogatepass")

    async def find(self, kind: str, /, *, prefix: str = "") -> tuple[Document, ...]:
        """Return the documents of a kind whose key begins with *prefix*, in the order of their keys."""
        self._open()
        await anyio.lowlevel.checkpoint()
        found = sorted(key for of, key in self._documents if of == kind and key.startswith(prefix))
        return tuple([Document(kind=kind, key=key, body=json.loads(self._documents[kind, key])) for key in found])

    async def verify(self) -> JournalProof:
        """Check the whole hash chain, every row that stands beside it, and every payload's digest.

        Raises:
            JournalError: naming the first entry that does not hold; ``seq`` is 0 for what is no entry.
        """
        self._open()
        account = Account()
        while rows := self._journal[account.link.place : account.link.place + BREATH]:
            account.follow([JournalRow._make(row) for row in rows])
            await anyio.lowlevel.checkpoint()
        if account.link != self._link:
            raise JournalError("the last rows of the journal were deleted", seq=account.link.seq + 1)
        tables, operations, payloads = self._tables(), dict(self._operations), dict(self._payloads)
        total = self._payload_sum
        for table, (keys, rows) in tables.items():
            await anyio.lowlevel.checkpoint()
            account.compare(table, keys, rows)
        if operations != {row[7]: row[0] for row in self._journal[: account.link.place]}:
            raise JournalError("batches and the rows of the journal do not name each other", seq=0, table="operation")
        await self._check_payloads(payloads, total)
        return JournalProof(records=account.link.seq, head=account.link.head)

    def _tables(self) -> dict[str, tuple[int, list[tuple[Any, ...]]]]:
        """Return the rows of all tables beside the journal as they stand, and how many columns their keys have."""
        cards = [
            (*key, place, it.version, it.owner, it.until, it.token, it.body or "")
            for place, (key, it) in enumerate(self._cards.items(), 1)
        ]
        runs = [(key, place, it.build, it.started_at, it.body) for place, (key, it) in enumerate(self._runs.items(), 1)]
        charges = [(run, *charge) for run, charge in self._charges.items()]
        return {
            "card": (2, cards),
            "charge": (1, charges),
            "document": (2, [(*key, body) for key, body in self._documents.items()]),
            "run": (1, runs),
        }

    async def _check_payloads(self, payloads: dict[bytes, bytes], total: int) -> None:
        for number, (key, payload) in enumerate(payloads.items(), 1):
            if not payload_holds(key, payload):
                named = (row.first_seq for row in map(JournalRow._make, self._journal) if key.hex() in row.body)
                raise payload_error(key, next(named, 0))
            if number % BREATH == 0:
                await anyio.lowlevel.checkpoint()
        if sum([int.from_bytes(key, "big") for key in payloads]) != total:
            raise JournalError("the payloads are not all, or not those, that were stored", seq=0, table="payload")

    def _open(self) -> Progress:
        if self._progress is None:
            raise StoreError("the store is not open; await store.open() first")
        return self._progress
