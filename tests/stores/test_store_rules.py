"""What both stores grant and refuse."""

import math

import pytest
from attrs import evolve

from orket.contracts import Batch, CardChange, CardStatus, Claim, Issue, Receipt, Release, Store
from orket.errors import StoreConflictError, StoreError
from orket.events import CardAdded, CommentAdded

pytestmark = pytest.mark.anyio

CARD = Issue(id="I-1", name="Do it", seat="developer", version=1)


def batch(op_id: str, **parts) -> Batch:
    return Batch(**({"op_id": op_id, "run": "run", "build": "build", "at": 10.0} | parts))


def comment(text: str) -> CommentAdded:
    return CommentAdded(author="ann", text=text)


def changed(expected: int, token: int | None = None, **fields) -> CardChange:
    return CardChange(issue=evolve(CARD, version=expected + 1, **fields), expected=expected, token=token)


def claim(owner: str, *, now: float = 10.0, until: float = 20.0, token: int | None = None, card: str = "I-1") -> Claim:
    return Claim(card=card, owner=owner, now=now, until=until, token=token)


async def add(store: Store) -> None:
    await store.commit(batch("add", records=(CardAdded(issue=CARD, by="config"),), changes=(changed(0),)))


async def test_records_are_numbered_over_the_whole_store(store: Store) -> None:
    """The seq of records grows by one over all batches, whatever their run; a batch without records has none."""
    first = await store.commit(batch("a", records=(comment("1"), comment("2"))))
    none = await store.commit(batch("b"))
    last = await store.commit(batch("c", run="other", records=(comment("3"),)))
    assert first == Receipt(first_seq=1, last_seq=2, tokens={})
    assert none == Receipt(first_seq=0, last_seq=0, tokens={})
    assert last == Receipt(first_seq=3, last_seq=3, tokens={})


async def test_a_stored_card_comes_back_as_it_was(store: Store) -> None:
    """The board returns the cards of a build alone, in the order they joined, as they last were."""
    await store.commit(
        batch("z", changes=(CardChange(issue=Issue(id="Z", name="z", seat="s", version=1), expected=0),))
    )
    await add(store)
    await store.commit(batch("elsewhere", build="other", changes=(changed(0, name="another"),)))
    await store.commit(batch("move", changes=(changed(1, status=CardStatus.DONE, labels=("a", "b")),)))
    board = await store.load_board("build")
    assert [row.issue.id for row in board] == ["Z", "I-1"]
    assert board[1].issue == evolve(CARD, version=2, status=CardStatus.DONE, labels=("a", "b"))
    assert (board[1].owner, board[1].until, board[1].token) == (None, 0.0, 0)


@pytest.mark.parametrize("expected", [0, 2, 7])
async def test_a_wrong_version_is_refused(store: Store, expected: int) -> None:
    """A change that expects another version than the stored one conflicts and says what it found."""
    await add(store)
    with pytest.raises(StoreConflictError) as caught:
        await store.commit(batch("b", records=(comment("lost"),), changes=(changed(expected),)))
    assert (caught.value.card, caught.value.expected, caught.value.found) == ("I-1", expected, 1)
    assert [entry.seq async for entry in store.events()] == [1]


async def test_a_missing_card_is_refused(store: Store) -> None:
    """A change of, a claim on and a release of a card that is not there conflict."""
    for parts in (
        {"changes": (changed(1),)},
        {"changes": (changed(0, token=1),)},
        {"claims": (claim("ann"),)},
        {"releases": (Release(card="I-1", token=0),)},
    ):
        with pytest.raises(StoreConflictError):
            await store.commit(batch("b", **parts))


async def test_a_conflicting_batch_changes_nothing(store: Store) -> None:
    """When the last part of a batch conflicts, no part of it is applied, and its op_id can be used again."""
    await add(store)
    parts = {
        "records": (comment("x"),),
        "claims": (claim("ann"),),
        "changes": (changed(1), CardChange(issue=evolve(CARD, id="I-2", version=2), expected=1)),
        "turns": 1,
    }
    with pytest.raises(StoreConflictError):
        await store.commit(batch("b", **parts))
    (row,) = await store.load_board("build")
    assert (row.issue, row.token) == (CARD, 0)
    assert (await store.commit(batch("b", records=(comment("y"),)))).first_seq == 2


async def test_a_version_must_follow_the_expected_one(store: Store) -> None:
    """A change whose issue does not carry the next version is refused before it reaches the record."""
    with pytest.raises(StoreError, match="version 5"):
        await store.commit(batch("b", changes=(CardChange(issue=evolve(CARD, version=5), expected=1),)))


async def test_a_live_claim_keeps_others_out(store: Store) -> None:
    """While a claim lives, another owner cannot take it and nobody can write without its token."""
    await add(store)
    receipt = await store.commit(batch("take", claims=(claim("ann"),)))
    assert receipt.tokens == {"I-1": 1}
    with pytest.raises(StoreConflictError, match="ann"):
        await store.commit(batch("b", claims=(claim("bob", now=19.9),)))
    with pytest.raises(StoreConflictError, match="ann"):
        await store.commit(batch("c", at=19.9, changes=(changed(1),)))
    with pytest.raises(StoreConflictError):
        await store.commit(batch("d", changes=(changed(1, token=2),)))
    await store.commit(batch("e", changes=(changed(1, token=1),)))


async def test_a_claim_may_name_the_version_it_rests_on(store: Store) -> None:
    """A claim that names another version than the stored one conflicts; its own batch may change it."""
    await add(store)
    with pytest.raises(StoreConflictError) as caught:
        await store.commit(batch("stale", claims=(evolve(claim("one"), version=2),)))
    assert (caught.value.card, caught.value.expected, caught.value.found) == ("I-1", 2, 1)
    await store.commit(batch("take", claims=(evolve(claim("one"), version=1),), changes=(changed(1),)))
    with pytest.raises(StoreConflictError):
        await store.commit(batch("renew", claims=(evolve(claim("one", token=1), version=1),)))
    await store.commit(batch("again", claims=(evolve(claim("one", token=1), version=2),)))


async def test_an_expired_claim_is_free(store: Store) -> None:
    """At its ``until`` a claim is over: another owner takes it, and the old token is fenced off."""
    await add(store)
    await store.commit(batch("take", claims=(claim("ann"),)))
    receipt = await store.commit(batch("steal", claims=(claim("bob", now=20.0, until=30.0),)))
    assert receipt.tokens == {"I-1": 2}
    with pytest.raises(StoreConflictError):
        await store.commit(batch("late", at=25.0, changes=(changed(1, token=1),)))
    await store.commit(batch("operator", at=30.0, changes=(changed(1),)))


async def test_a_fresh_take_fences_its_own_predecessor(store: Store) -> None:
    """An owner that takes again what it holds gets a new token; the old one is worth nothing any more."""
    await add(store)
    await store.commit(batch("take", claims=(claim("ann"),)))
    assert (await store.commit(batch("again", claims=(claim("ann"),)))).tokens == {"I-1": 2}
    for name, late in (
        ("change", {"changes": (changed(1, token=1),)}),
        ("renew", {"claims": (claim("ann", token=1),)}),
        ("release", {"releases": (Release(card="I-1", token=1),)}),
    ):
        with pytest.raises(StoreConflictError):
            await store.commit(batch(name, **late))


async def test_a_renewal_keeps_the_token(store: Store) -> None:
    """Renewing moves ``until`` and keeps the token; only the owner can."""
    await add(store)
    await store.commit(batch("take", claims=(claim("ann"),)))
    assert (await store.commit(batch("renew", claims=(claim("ann", until=99.0, token=1),)))).tokens == {"I-1": 1}
    (row,) = await store.load_board("build")
    assert (row.owner, row.until, row.token) == ("ann", 99.0, 1)
    with pytest.raises(StoreConflictError):
        await store.commit(batch("theft", claims=(claim("bob", token=1),)))


async def test_a_released_card_is_free(store: Store) -> None:
    """A released claim can be taken by anybody, cannot be renewed, and the tokens go on."""
    await add(store)
    await store.commit(batch("take", claims=(claim("ann"),)))
    await store.commit(batch("give", releases=(Release(card="I-1", token=1),)))
    with pytest.raises(StoreConflictError):
        await store.commit(batch("renew", claims=(claim("ann", token=1),)))
    assert (await store.commit(batch("next", claims=(claim("bob"),)))).tokens == {"I-1": 2}


async def test_a_turn_fits_into_one_batch(store: Store) -> None:
    """Claims come first and releases last: one batch can take a card, change it twice and give it back."""
    await add(store)
    parts = {
        "claims": (claim("ann"),),
        "changes": (changed(1), changed(2, token=1)),
        "releases": (Release(card="I-1", token=1),),
    }
    assert (await store.commit(batch("all", **parts))).tokens == {"I-1": 1}
    (row,) = await store.load_board("build")
    assert (row.issue.version, row.owner, row.token) == (3, None, 1)


async def test_a_repeated_op_id_changes_nothing(store: Store) -> None:
    """A batch whose op_id was applied returns the first receipt, tokens included, whatever else is in it."""
    await add(store)
    taken = await store.commit(batch("take", records=(comment("x"),), claims=(claim("ann"),)))
    empty = await store.commit(batch("empty", turns=3))
    again = batch("take", run="other", records=(comment("y"), comment("z")), changes=(changed(7),))
    assert await store.commit(again) == taken
    assert await store.commit(batch("empty", turns=3)) == empty
    assert [entry.seq async for entry in store.events()] == [1, 2]


@pytest.mark.parametrize(
    "parts",
    [
        {"at": math.nan},
        {"at": math.inf},
        {"records": (comment("x"), "no record")},
        {"records": (CardAdded(issue=evolve(CARD, params={"x": math.nan}), by="config"),)},
        {"changes": (changed(0, params={"x": object()}),)},
        {"changes": (CardChange(issue=evolve(CARD, version=0), expected=-1),)},
        {"claims": (claim("ann", until=math.nan),)},
        {"claims": (claim("ann", card="\ud800"),)},
        {"card": "\udfff"},
        {"run": "\ud800"},
        {"turns": -1},
        {"tokens": 2**63},
        {"payloads": {"abc": "text"}},
        {"payloads": {"zz" * 32: "text"}},
    ],
)
async def test_what_cannot_be_stored_is_refused_to_its_caller(store: Store, parts: dict) -> None:
    """A batch that has no place in the record is a StoreError, nothing of it is applied, and the store goes on."""
    with pytest.raises(StoreError):
        await store.commit(batch("bad", **parts))
    assert (await store.commit(batch("bad", records=(comment("good"),)))).last_seq == 1
    assert (await store.verify()).records == 1
