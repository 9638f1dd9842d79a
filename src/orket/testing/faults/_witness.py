"""Who was told what: a log outside the record of every commit that was begun, and of every one that was acknowledged.

One line of JSON for each, in one write at the end of the file, so that a killed process leaves no half line and several
processes can share it.
"""

import json
import os
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from attrs import frozen

from orket._codec import codec, digest
from orket.contracts import Batch, Receipt, Store
from orket.events import Digest, Record
from orket.testing.faults._front import FrontStore

T = TypeVar("T")


@frozen(kw_only=True)
class Acknowledgement:
    """What a caller was told of a commit: where its records are, and what they said."""

    op_id: str
    build: str
    first_seq: int
    last_seq: int
    records: Digest


@frozen(kw_only=True)
class Grant:
    """A claim that a caller was granted, or renewed: who holds the card from when until when, by which token."""

    build: str
    card: str
    owner: str
    token: int
    now: float
    until: float


class CommitLog:
    """What a log of commits says.

    Args:
        path: The log's file; it need not exist yet.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: Path = Path(path)

    def write(self, line: dict[str, Any]) -> None:
        """Append a line."""
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(handle, json.dumps(line).encode() + b"\n")
        finally:
            os.close(handle)

    @property
    def acknowledged(self) -> tuple[Acknowledgement, ...]:
        """Every commit whose caller was told that it is kept."""
        return tuple([Acknowledgement(**line["ack"]) for line in self._lines("ack")])

    @property
    def grants(self) -> tuple[Grant, ...]:
        """Every claim that was granted or renewed, in the order of the log."""
        return tuple([Grant(**grant) for line in self._lines("ack") for grant in line["grants"]])

    @property
    def released(self) -> frozenset[tuple[str, str, int]]:
        """Builds, cards and tokens of claims that somebody has at least begun to give back."""
        found = [(line["build"], *release) for line in self._lines("begun") for release in line["releases"]]
        return frozenset([(build, card, token) for build, card, token in found])

    def _lines(self, kind: str) -> Iterator[dict[str, Any]]:
        if not self.path.exists():
            return
        begin = f'{{"{kind}"'  # its key comes first
        for text in self.path.read_text("utf-8").splitlines():
            if text.startswith(begin):
                yield json.loads(text)


class WitnessedStore(FrontStore):
    """Log every commit of a store: before it is made, and when its caller is told that it is kept.

    Args:
        store: The store behind.
        commits: The log.
    """

    def __init__(self, store: Store, commits: CommitLog) -> None:
        super().__init__(store)
        self._commits = commits

    async def around(self, verb: str, call: Callable[[], Awaitable[T]], batch: Batch | None = None) -> T:
        """Make a call."""
        if batch is None:
            return await super().around(verb, call)
        releases = [(release.card, release.token) for release in batch.releases]
        self._commits.write({"begun": batch.op_id, "build": batch.build, "releases": releases})
        receipt = await call()
        if isinstance(receipt, Receipt):
            self._commits.write(_acknowledgement(batch, receipt))
        return receipt


def said(records: tuple[Record, ...]) -> Digest:
    """Return what identifies some records."""
    return digest(codec().record_texts(records))


def _acknowledgement(batch: Batch, receipt: Receipt) -> dict[str, Any]:
    told = {
        "op_id": batch.op_id,
        "build": batch.build,
        "first_seq": receipt.first_seq,
        "last_seq": receipt.last_seq,
        "records": said(batch.records),
    }
    grants = [
        {
            "build": batch.build,
            "card": claim.card,
            "owner": claim.owner,
            "token": receipt.tokens[claim.card],
            "now": claim.now,
            "until": claim.until,
        }
        for claim in batch.claims
    ]
    return {"ack": told, "grants": grants}
