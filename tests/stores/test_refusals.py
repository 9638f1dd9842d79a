"""What both stock stores refuse and say beyond their contract, which test_stock_stores proves."""

import hashlib
import math

import anyio
import pytest
from attrs import evolve

from orket.contracts import Batch, CardChange, Claim, Issue, RunRow, Store
from orket.errors import StoreConflictError, StoreError
from orket.events import CardAdded, CommentAdded
from orket.stores import MemoryStore, SQLiteStore

pytestmark = pytest.mark.anyio

CARD = Issue(id="I-1", name="Do it", seat="developer", version=1)


def batch(op_id: str, **parts) -> Batch:
    return Batch(**({"op_id": op_id, "run": "run", "build": "build", "at": 10.0} | parts))


def comment(text: str) -> CommentAdded:
    return CommentAdded(author="ann", text=text)


def claim(owner: str, *, until: float = 20.0, token: int | None = None, card: str = "I-1") -> Claim:
    return Claim(card=card, owner=owner, now=10.0, until=until, token=token)


@pytest.mark.parametrize(
    "parts",
    [
        {"at": math.inf},
        {"records": (comment("x"), "no record")},
        {"records": (CardAdded(issue=evolve(CARD, params={"x": math.nan}), by="config"),)},
        {"changes": (CardChange(issue=evolve(CARD, params={"x": object()}), expected=0),)},
        {"changes": (CardChange(issue=evolve(CARD, version=0), expected=-1),)},
        {"changes": (CardChange(issue=evolve(CARD, version=5), expected=1),)},
        {"claims": (claim("ann", card="\ud800"),)},
        {"card": "\udfff"},
        {"turns": -1},
        {"tokens": 2**63},
        {"payloads": {"abc": "text"}},
        {"payloads": {"zz" * 32: "text"}},
    ],
)
async def test_what_cannot_be_stored_is_refused_to_its_caller(store: Store, parts: dict) -> None:
    """A batch that has no place in the record is a StoreError, nothing of it is applied, and the store goes on."""
    with pytest.raises(StoreError, match=r"cannot be stored|64 hexadecimal digits"):
        await store.commit(batch("bad", **parts))
    assert (await store.commit(batch("bad", records=(comment("good"),)))).last_seq == 1
    assert (await store.verify()).records == 1


async def test_a_conflict_says_who_holds_the_card(store: Store) -> None:
    """Who is kept out learns by whom, and a renewal with the token of somebody else is refused."""
    await store.commit(batch("add", changes=(CardChange(issue=CARD, expected=0),)))
    await store.commit(batch("take", claims=(claim("ann"),)))
    with pytest.raises(StoreConflictError, match="'ann' holds it until 20"):
        await store.commit(batch("b", claims=(claim("bob"),)))
    with pytest.raises(StoreConflictError, match="'ann' holds it until 20"):
        await store.commit(batch("c", changes=(CardChange(issue=evolve(CARD, version=2), expected=1),)))
    with pytest.raises(StoreConflictError, match="'bob' cannot renew token 1"):
        await store.commit(batch("theft", claims=(claim("bob", token=1),)))


async def test_what_is_no_digest_is_refused(store: Store) -> None:
    """A payload is asked for by 64 hexadecimal digits."""
    with pytest.raises(StoreError, match="64 hexadecimal digits"):
        await store.payload("hello")


async def test_a_wrong_payload_is_named(store: Store) -> None:
    """The error over a payload names its digest and the first record of the batch that uses it."""
    digest = hashlib.sha256(b"hello").hexdigest()
    await store.commit(batch("a", records=(comment("x"), comment(digest)), payloads={digest: "good bye"}))
    with pytest.raises(StoreError, match=digest) as caught:
        await store.verify()
    assert caught.value.seq == 1


async def test_a_store_says_why_it_refuses(store: Store) -> None:
    """Opening twice and using what is closed say so; what is closed can be opened again and goes on."""
    with pytest.raises(StoreError, match="open already"):
        await store.open()
    await store.commit(batch("a", records=(comment("1"),)))
    await store.aclose()
    with pytest.raises(StoreError, match="not open"):
        await store.load_board("build")
    await store.open()
    with anyio.fail_after(60):
        await store.wait(0)
    assert (await store.commit(batch("b", records=(comment("2"),)))).first_seq == 2


async def test_both_stores_make_one_chain(tmp_path) -> None:
    """The same batches have the same head in memory and in a file, and an empty journal verifies."""
    proofs = []
    for store in (MemoryStore(), SQLiteStore(tmp_path / "s.sqlite")):
        await store.open()
        empty = await store.verify()
        row = RunRow(id="run", build="build", card="epic", started_at=-0.0, fingerprint="f")
        await store.commit(batch("row", run_row=row))
        for n in range(5):
            await store.commit(
                batch(str(n), at=-0.0 if n == 1 else n, card="é" if n else None, records=(comment("ü" * n),) * n)
            )
        proofs.append((empty, await store.verify()))
        await store.aclose()
    assert proofs[0] == proofs[1]
    assert (proofs[0][0].records, proofs[0][1].records) == (0, 10)
