"""The hash chain of a file: whatever is changed behind the store's back is found."""

import hashlib
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from orket.contracts import Batch
from orket.errors import JournalError
from orket.events import CommentAdded
from orket.stores import SQLiteStore
from orket.stores._journal import GENESIS

pytestmark = pytest.mark.anyio

TEXT = "a payload"
DIGEST = hashlib.sha256(TEXT.encode()).hexdigest()


async def written(path: Path) -> SQLiteStore:
    """Return an open store with five rows of two records each; the fourth row names the payload."""
    store = SQLiteStore(path)
    await store.open()
    for n in range(5):
        records = (CommentAdded(author="ann", text=str(n)), CommentAdded(author="bob", text=DIGEST if n == 3 else ""))
        payloads = {DIGEST: TEXT} if n == 3 else None
        await store.commit(
            Batch(op_id=f"op{n}", run="r", build="b", card="c", at=n, records=records, payloads=payloads)
        )
    return store


def tamper(path: Path, script: str) -> None:
    with sqlite3.connect(path) as raw:
        raw.executescript(script)
    raw.close()


def rows(path: Path, query: str) -> list[tuple]:
    with closing(sqlite3.connect(path)) as raw:
        return raw.execute(query).fetchall()


@pytest.mark.parametrize(
    ("script", "seq"),
    [
        ("UPDATE journal SET body = replace(body, '\"2\"', '\"9\"') WHERE last_seq = 6", 5),
        ("UPDATE journal SET at = 99.5 WHERE last_seq = 2", 1),
        ("UPDATE journal SET run = 'x' WHERE last_seq = 4", 3),
        ("UPDATE journal SET build = 'x' WHERE last_seq = 4", 3),
        ("UPDATE journal SET card = NULL WHERE last_seq = 4", 3),
        ("UPDATE journal SET run = 'r,', build = '' WHERE last_seq = 4", 3),
        ("UPDATE journal SET op_id = 'x' WHERE last_seq = 8", 7),
        ("UPDATE journal SET hash = zeroblob(32) WHERE last_seq = 10", 9),
        ("UPDATE journal SET hash = x'00' WHERE last_seq = 10", 9),
        ("UPDATE journal SET at = 9e999 WHERE last_seq = 8", 7),
        ("UPDATE journal SET first_seq = 8 WHERE last_seq = 8", 7),
        ("UPDATE journal SET last_seq = 11 WHERE last_seq = 10", 9),
        ("DELETE FROM journal WHERE last_seq = 2", 1),
        ("DELETE FROM journal WHERE last_seq = 6", 5),
        ("DELETE FROM journal WHERE last_seq = 10", 9),
        ("DELETE FROM journal", 1),
        ("UPDATE journal SET changes = '{\"spent\":[1,0]}' WHERE last_seq = 6", 5),
        ("UPDATE journal SET changes = '', body = changes || body WHERE last_seq = 6", 5),
        (
            "UPDATE journal SET place = 100 WHERE place = 2; UPDATE journal SET place = 2, last_seq = 4, first_seq = 3 "
            "WHERE place = 3; UPDATE journal SET place = 3, last_seq = 6, first_seq = 5 WHERE place = 100",
            3,
        ),
        (
            "INSERT INTO journal SELECT 6, 11, 12, at, run, build, card, '', changes, hash, body FROM journal "
            "WHERE place = 5",
            11,
        ),
        ("UPDATE journal SET place = 7 WHERE place = 5", 9),
        ("UPDATE payload SET body = x'41'", 7),
        ("UPDATE payload SET digest = zeroblob(32)", 0),
        ("DELETE FROM payload", 11),
    ],
)
async def test_tampering_is_found_where_it_begins(tmp_path: Path, script: str, seq: int) -> None:
    """An edit, deletion, reordering or addition of rows, and a changed payload, are found at the first wrong record."""
    store = await written(tmp_path / "s")
    assert (await store.verify()).records == 10
    tamper(tmp_path / "s", script)
    with pytest.raises(JournalError) as caught:
        await store.verify()
    await store.aclose()
    assert caught.value.seq == seq


async def test_a_head_can_be_anchored(tmp_path: Path) -> None:
    """Who cuts the journal is found; who cuts it and knows how it ends is not, but the head a host noted is gone."""
    store = await written(tmp_path / "s")
    noted = await store.verify()
    tamper(tmp_path / "s", "DELETE FROM journal WHERE place = 5")
    with pytest.raises(JournalError, match="ends at record 8"):
        await store.verify()
    tamper(
        tmp_path / "s",
        "UPDATE head SET (place, seq, hash) = (SELECT place, last_seq, hash FROM journal WHERE place = 4)",
    )
    cut = await store.verify()
    await store.aclose()
    assert (cut.records, cut.head != noted.head) == (8, True)


async def test_the_chain_can_be_checked_without_orket(tmp_path: Path) -> None:
    """Ten lines of hashlib over the rows give the same head."""
    store = await written(tmp_path / "s")
    proof = await store.verify()
    await store.aclose()
    head = GENESIS
    for first, last, at, *texts in rows(
        tmp_path / "s",
        "SELECT first_seq, last_seq, at, run, build, card, op_id, changes, body FROM journal ORDER BY place",
    ):
        lengths = " ".join([str(-1 if text is None else len(text)) for text in texts[:-1]])
        said = f"{first} {last} {at!r} {lengths}\n" + "".join([text or "" for text in texts])
        head = hashlib.sha256(head + said.encode()).digest()
    assert head.hex() == proof.head
