"""From a batch to what is stored of it, on the caller's side: what cannot be stored is refused to that caller alone."""

import math
from typing import Final

import attrs
from attrs import define, frozen

from orket._codec import codec, to_json
from orket._value import Value
from orket.cards import Issue
from orket.contracts import Batch, Claim, Release, RunRow
from orket.errors import StoreError

_LARGEST: Final = 2**40  # of one charge: a sum of millions of them still fits a 64-bit column
_UNSTORABLE: Final = (TypeError, ValueError, KeyError, AttributeError, OverflowError, RecursionError)


@frozen(repr=False, eq=False)
class PreparedChange(Value):
    """A card's new state as text."""

    card: str
    expected: int
    token: int | None
    body: str


@frozen(repr=False, eq=False)
class PreparedRun(Value):
    """A run's row as text, without its charges."""

    id: str
    build: str
    started_at: float
    body: str


@define(repr=False, eq=False)
class Prepared:
    """A batch as text and bytes; nothing in it can be refused for its form any more."""

    op_id: str
    run: str
    build: str
    card: str | None
    at: float
    count: int
    body: str
    changes: tuple[PreparedChange, ...]
    claims: tuple[Claim, ...]
    releases: tuple[Release, ...]
    documents: tuple[tuple[str, str, str | None], ...]
    payloads: tuple[tuple[bytes, bytes], ...]
    run_row: PreparedRun | None
    turns: int
    tokens: int


def prepare(batch: Batch) -> Prepared:
    """Encode a batch.

    Raises:
        StoreError: something in it has no place in the record: NaN, a value JSON does not have, an id that is not
            UTF-8, a version that does not follow the expected one.
    """
    try:
        return _encode(batch)
    except _UNSTORABLE as error:
        raise StoreError(f"batch {batch.op_id!r} cannot be stored: {error}", op_id=batch.op_id) from error


def payload_key(digest: str) -> bytes:
    """Return a digest as the bytes that payloads are stored under.

    Raises:
        StoreError: *digest* is not 64 hexadecimal digits.
    """
    try:
        key = bytes.fromhex(digest)
    except ValueError:
        key = b""
    if len(key) != 32:
        raise StoreError(f"{digest!r:.80} is not a SHA-256 of 64 hexadecimal digits", found=digest)
    return key


def _encode(batch: Batch) -> Prepared:
    at = float(batch.at) + 0.0  # SQLite has no negative zero
    if not math.isfinite(at):
        raise ValueError(f"its time is {at}")
    body = codec().record_texts(batch.records)
    _check_ids(batch)
    for claim in batch.claims:
        if math.isnan(claim.until) or math.isnan(claim.now):
            raise ValueError(f"the claim on {claim.card!r} has a time that is no number")
    for charge in (batch.turns, batch.tokens):
        if not 0 <= charge <= _LARGEST:
            raise ValueError(f"a charge of {charge}; valid: 0 to {_LARGEST}")
    return Prepared(
        batch.op_id,
        batch.run,
        batch.build,
        batch.card,
        at,
        len(batch.records),
        body,
        tuple([_change(change.issue, change.expected, change.token) for change in batch.changes]),
        batch.claims,
        batch.releases,
        tuple([(d.kind, d.key, None if d.body is None else to_json(d.body)) for d in batch.documents]),
        _payloads(batch) if batch.payloads else (),
        None if batch.run_row is None else _run_row(batch.run_row, batch.run),
        batch.turns,
        batch.tokens,
    )


def _check_ids(batch: Batch) -> None:
    ids = [batch.op_id, batch.run, batch.build, batch.card or ""]
    ids += [change.issue.id for change in batch.changes]
    for claim in batch.claims:
        ids += (claim.card, claim.owner)
    for document in batch.documents:
        ids += (document.kind, document.key)
    "\n".join(ids).encode()  # a lone surrogate is in no UTF-8 text; in bodies JSON escapes it


def _change(issue: Issue, expected: int, token: int | None) -> PreparedChange:
    if issue.version != expected + 1 or expected < 0:
        raise ValueError(
            f"card {issue.id!r} has version {issue.version} and expects {expected}; it must follow it by one"
        )
    return PreparedChange(issue.id, expected, token, codec().text(issue))


def _payloads(batch: Batch) -> tuple[tuple[bytes, bytes], ...]:
    payloads = batch.payloads or {}
    return tuple([(payload_key(key), text.encode("utf-8", "surrogatepass")) for key, text in payloads.items()])


def _run_row(row: RunRow, run: str) -> PreparedRun:
    if row.id != run:
        raise ValueError(f"it belongs to run {run!r} and brings the row of run {row.id!r}")
    body = codec().text(attrs.evolve(row, turns=0, tokens=0))
    row.build.encode()
    return PreparedRun(row.id, row.build, float(row.started_at) + 0.0, body)  # SQLite has no negative zero
