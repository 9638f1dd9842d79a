"""Who was told what: a log outside the record of every commit that was begun, and of every one that was acknowledged.

One line of JSON for each, in one write at the end of the file, so that a killed process leaves no half line and several
processes can share it.
"""

import json
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from attrs import frozen

from orket._codec import codec, digest
from orket.contracts import Batch, Receipt, Store
from orket.errors import StoreConflictError
from orket.events import Digest, Record
from orket.testing.faults._front import FrontStore

T = TypeVar("T")
Claimed: TypeAlias = tuple[str, str, int]  # build, card and token


@frozen(kw_only=True)
class Acknowledgement:
    """What a caller was told of a commit: where its records are, and what they said."""

    op_id: str
    build: str
    first_seq: int
    last_seq: int
    records: Digest
    repeated: bool


@frozen(kw_only=True)
class Grant:
    """A claim that a caller was granted, or renewed: who holds the card from when until when, by which token.

    ``line`` is where the log says so.
    """

    build: str
    card: str
    owner: str
    token: int
    now: float
    until: float
    line: int

    @property
    def claim(self) -> Claimed:
        """Build, card and token."""
        return self.build, self.card, self.token


class CommitLog:
    """What a log of commits says.

    Args:
        path: The log's file; it need not exist yet.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: Path = Path(path)
        self._read: tuple[int, list[dict[str, Any]]] = (0, [])  # so many bytes of it, and their lines

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
        return tuple([Acknowledgement(**told["ack"]) for _, told in self._lines("ack")])

    @property
    def begun(self) -> Mapping[str, frozenset[Digest]]:
        """What was to be committed under each op id: where several say different things, the first is heard."""
        found: dict[str, frozenset[Digest]] = {}
        for _, told in self._lines("begun"):
            found[told["begun"]] = found.get(told["begun"], frozenset()) | {told["records"]}
        return found

    @property
    def grants(self) -> tuple[Grant, ...]:
        """Every claim that was granted or renewed, in the order of the log; who comes second gets none of his own."""
        found: list[Grant] = []
        known: set[Claimed] = set()
        for at, told in self._lines("ack"):
            granted = [Grant(line=at, **grant) for grant in told["grants"]]
            found += [grant for grant in granted if not (told["ack"]["repeated"] and grant.claim in known)]
            known.update([grant.claim for grant in granted])
        return tuple(found)

    @property
    def released(self) -> Mapping[Claimed, int]:
        """Claims that somebody has at least begun to give back, and in which line of the log for the first time."""
        found: dict[Claimed, int] = {}
        for at, told in self._lines("begun"):
            for card, token in told["releases"]:
                found.setdefault((told["build"], card, token), at)
        return found

    @property
    def fenced(self) -> tuple[str, ...]:
        """Commits, by op id, that were refused because their writer had lost a claim that it held before."""
        begun = {told["begun"]: at for at, told in self._lines("begun")}
        refused = [
            (told["refused"], (told["build"], card, token))
            for _, told in self._lines("refused")
            for card, token in told["held"]
        ]
        released = self.released
        return tuple([op_id for op_id, claim in refused if released.get(claim, begun[op_id]) >= begun[op_id]])

    @property
    def taken_over(self) -> tuple[Claimed, ...]:
        """Claims on what somebody else had claimed before and not given back."""
        first: dict[Claimed, Grant] = {}
        for grant in self.grants:
            first.setdefault(grant.claim, grant)
        released, found = self.released, []
        for (build, card, token), grant in first.items():
            earlier = first.get((build, card, token - 1))
            if earlier and earlier.owner != grant.owner and released.get(earlier.claim, grant.line) >= grant.line:
                found.append(grant.claim)
        return tuple(found)

    def _lines(self, kind: str) -> Iterator[tuple[int, dict[str, Any]]]:
        yield from [(at, told) for at, told in enumerate(self._all()) if kind in told]

    def _all(self) -> list[dict[str, Any]]:
        """Return all lines; whoever appends to the file, those that were read before are not read again."""
        if self.path.exists():
            with self.path.open("rb") as file:
                size, lines = self._read
                file.seek(size)
                more = file.read()
            whole = more[: more.rfind(b"\n") + 1]
            self._read = (size + len(whole), [*lines, *[json.loads(line) for line in whole.splitlines()]])
        return self._read[1]


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
        records = said(batch.records)
        self._commits.write({"begun": batch.op_id, "build": batch.build, "releases": releases, "records": records})
        try:
            receipt = await call()
        except StoreConflictError:
            held = [(claim.card, claim.token) for claim in batch.claims if claim.token is not None]
            self._commits.write({"refused": batch.op_id, "build": batch.build, "held": held})
            raise
        if isinstance(receipt, Receipt):
            self._commits.write(_acknowledgement(batch, receipt, records))
        return receipt


def said(records: tuple[Record, ...]) -> Digest:
    """Return what identifies some records."""
    return digest(codec().record_texts(records))


def _acknowledgement(batch: Batch, receipt: Receipt, records: Digest) -> dict[str, Any]:
    told = {
        "op_id": batch.op_id,
        "build": batch.build,
        "first_seq": receipt.first_seq,
        "last_seq": receipt.last_seq,
        "records": records,
        "repeated": receipt.repeated,
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
        if claim.card in receipt.tokens  # unless another one was applied under this op id
    ]
    return {"ack": told, "grants": grants}
