"""The oracle finds what is wrong with a record, and nothing else."""

import sqlite3
from pathlib import Path

import attrs
import pytest

import orket
from orket.contracts import Batch, CardChange, Claim, EffectClass, Issue, Receipt, Release
from orket.events import (
    CallJudged,
    CardAdded,
    CardMoved,
    CommentAdded,
    EffectIntended,
    EffectRecorded,
    EffectSettled,
    EffectUnknown,
    Record,
    TurnKind,
    TurnOpened,
)
from orket.stores import SQLiteStore
from orket.testing import Effect, EffectLedger
from orket.testing.faults import CommitLog, FrontStore, Oracle, WitnessedStore

pytestmark = pytest.mark.anyio
CARD = Issue(id="a", name="A", seat="coder", version=1)
DIGEST = "0" * 64
OPENED = TurnOpened(
    turn=1, kind=TurnKind.WORK, seat="coder", roles=("coder",), model="m", dialect="d", prompt=(), tools=()
)
JUDGED = CallJudged(turn=1, round=1, index=0, tool="ring", arguments=DIGEST, allowed=True)
INTENDED = EffectIntended(key="k", turn=1, round=1, index=0, tool="ring", effect="at_most_once", arguments=DIGEST)
RECORDED = EffectRecorded(key="k", ok=True, output=DIGEST)
RAN = EffectSettled(key="k", ran=True, by="ann", output=DIGEST)
IDLE = EffectSettled(key="k", ran=False, by="ann")
UNKNOWN = EffectUnknown(key="k", detail="")
RUNG = Effect(key="k", tool="ring", effect=EffectClass.AT_MOST_ONCE, note="n")


def batch(op_id: str, *records, **parts) -> Batch:
    return Batch(op_id=op_id, run="r", build="b", at=parts.pop("at", 1.0), card="a", records=records, **parts)


def moved(
    before: orket.CardStatus, after: orket.CardStatus, version: int, by: str = "core", role: str = ""
) -> CardMoved:
    return CardMoved(before=before, after=after, by=by, role=role, reason="", version=version)


def with_status(status: orket.CardStatus, version: int) -> tuple[CardChange, ...]:
    return (CardChange(issue=attrs.evolve(CARD, status=status, version=version), expected=version - 1),)


READY, BEGUN, REVIEW, DONE = (
    orket.CardStatus.READY,
    orket.CardStatus.IN_PROGRESS,
    orket.CardStatus.CODE_REVIEW,
    orket.CardStatus.DONE,
)
JOINED = batch("join", CardAdded(issue=CARD, by="config"), changes=(CardChange(issue=CARD, expected=0),))
SOUND = (
    JOINED,
    batch("open", OPENED, moved(READY, BEGUN, 2), changes=with_status(BEGUN, 2)),
    batch("intend", JUDGED, INTENDED),
    batch("result", RECORDED),
    batch("close", moved(BEGUN, REVIEW, 3, "coder", "coder"), changes=with_status(REVIEW, 3)),
)
WRONG = {
    "of the events, one is not on the board": (batch("x", moved(READY, BEGUN, 2)),),
    "the board says more than the events": (batch("x", changes=with_status(BEGUN, 2)),),
    "the law does not let the core": (batch("x", moved(READY, DONE, 2), changes=with_status(DONE, 2)),),
    "has no turn on it": (
        batch("x", moved(READY, BEGUN, 2), changes=with_status(BEGUN, 2)),
        batch("y", moved(BEGUN, REVIEW, 3, "coder", "coder"), changes=with_status(REVIEW, 3)),
    ),
    "not for a work turn": (
        batch("x", OPENED, moved(READY, BEGUN, 2), changes=with_status(BEGUN, 2)),
        batch("y", attrs.evolve(OPENED, roles=("integrity_guard",))),
        batch("z", moved(BEGUN, REVIEW, 3, "coder", "coder"), changes=with_status(REVIEW, 3)),
        batch("w", moved(REVIEW, DONE, 4, "coder", "coder"), changes=with_status(DONE, 4)),
    ),
    "it was ready": (batch("x", moved(REVIEW, READY, 2), changes=with_status(READY, 2)),),
    "wait reason": (
        batch("x", moved(READY, orket.CardStatus.BLOCKED, 2), changes=with_status(orket.CardStatus.BLOCKED, 2)),
    ),
    "goes from version": (batch("x", moved(READY, BEGUN, 3), changes=with_status(BEGUN, 2)),),
    "joined before": (batch("x", CardAdded(issue=CARD, by="config")),),
    "never joined": (attrs.evolve(batch("x", OPENED), card="b"),),
    "no verdict allows exactly": (batch("x", attrs.evolve(JUDGED, allowed=False), INTENDED),),
    "exactly these bytes": (batch("x", JUDGED, attrs.evolve(INTENDED, arguments="1" * 64)),),
    "intended before": (batch("x", JUDGED, INTENDED, INTENDED),),
    "no intent before": (batch("x", RECORDED, JUDGED, INTENDED),),
    "has a second result": (batch("x", JUDGED, INTENDED, RECORDED, RECORDED),),
    "a second result": (batch("x", JUDGED, INTENDED, RECORDED, RAN),),
    "second result": (batch("x", JUDGED, INTENDED, RAN, attrs.evolve(RECORDED, ok=False)),),
    "second": (batch("x", JUDGED, INTENDED, IDLE, RECORDED),),
    "and no intent": (batch("x", UNKNOWN),),
    "was intended before": (batch("x", JUDGED, INTENDED, RAN, INTENDED),),
}


async def problems(*batches: Batch, ledger: EffectLedger | None = None) -> str:
    """Return what the oracle says of a record that is made of these batches."""
    store = orket.MemoryStore()
    await store.open()
    for one in batches:
        await store.commit(one)
    return "; ".join(await Oracle(ledger=ledger).examine(store))


async def test_a_sound_record_passes() -> None:
    """What the law grants, gate, intent and result in their order, and nothing more: no problem."""
    ledger = EffectLedger()
    ledger.record(RUNG)
    assert await problems(*SOUND, ledger=ledger) == ""


REFUSED = attrs.evolve(RECORDED, ok=False)


@pytest.mark.parametrize(
    "story",
    [(UNKNOWN, RAN, RECORDED), (UNKNOWN, IDLE, INTENDED, RECORDED), (UNKNOWN, IDLE, REFUSED), (IDLE,), (UNKNOWN,)],
)
async def test_an_effect_may_be_settled(story: tuple[Record, ...]) -> None:
    """What somebody says of an effect is taken up as its result, or lets it be intended anew, or be refused."""
    assert await problems(JOINED, batch("x", JUDGED, INTENDED, *story)) == ""


async def test_a_tool_that_knows_of_its_effect_lets_its_card_go_on() -> None:
    """It moves the card under its own name, and as the core."""
    blocked = orket.CardStatus.BLOCKED
    waits = attrs.evolve(moved(BEGUN, blocked, 3), wait_reason=orket.WaitReason.SYSTEM)
    issue = attrs.evolve(CARD, status=blocked, version=3, wait_reason=orket.WaitReason.SYSTEM)
    assert not await problems(
        JOINED,
        batch("open", OPENED, moved(READY, BEGUN, 2), changes=with_status(BEGUN, 2)),
        batch("wait", waits, changes=(CardChange(issue=issue, expected=2),)),
        batch("go", moved(blocked, BEGUN, 4, "tool wire", "core"), changes=with_status(BEGUN, 4)),
    )


@pytest.mark.parametrize("case", WRONG)
async def test_what_is_wrong_is_found(case: str) -> None:
    """Each lie of a record is found, and named."""
    told = await problems(JOINED, *WRONG[case])
    expected = "events say" if "the events" in case else case
    assert expected in told


@pytest.mark.parametrize(
    ("effects", "told"),
    [
        ((), "on record as a success, and never acted"),
        ((RUNG, RUNG), "may happen once has happened more often"),
        ((RUNG, attrs.evolve(RUNG, key="other")), "no intent of it is on record"),
        ((attrs.evolve(RUNG, effect=EffectClass.READ),), "acted as read"),
        ((attrs.evolve(RUNG, arguments="1" * 64),), "acted on other bytes"),
    ],
)
async def test_the_world_is_asked(effects: tuple[Effect, ...], told: str) -> None:
    """What tools really did is compared with what is on record."""
    ledger = EffectLedger()
    for effect in (attrs.evolve(RUNG, key="first"), *effects):
        ledger.record(effect)
    first = (batch("first", JUDGED, attrs.evolve(INTENDED, key="first")),)
    assert told in await problems(
        JOINED,
        *first,
        batch("intend", attrs.evolve(JUDGED, round=2), attrs.evolve(INTENDED, round=2)),
        batch("result", RECORDED),
        ledger=ledger,
    )


async def test_a_broken_chain_is_all_there_is_to_say(tmp_path: Path) -> None:
    """A record whose chain does not hold is not looked at any further."""
    store = SQLiteStore(tmp_path / "j.db")
    await store.open()
    for one in SOUND:
        await store.commit(one)
    with sqlite3.connect(tmp_path / "j.db") as raw:
        raw.execute("UPDATE journal SET op_id = 'other' WHERE op_id = 'intend'")
    raw.close()
    (problem,) = await Oracle().examine(store)
    assert problem.startswith("the chain: ")
    with pytest.raises(AssertionError, match="the chain"):
        await Oracle().check(store)
    await store.aclose()


class Forgetful(FrontStore):
    """A store that says yes, and does nothing."""

    async def around(self, verb, call, batch=None):
        if batch is not None and batch.op_id.startswith("lost"):
            repeated = batch.op_id.endswith("again")
            return Receipt(first_seq=1, last_seq=1, tokens={claim.card: 1 for claim in batch.claims}, repeated=repeated)
        return await call()


async def witnessed(tmp_path: Path, *batches: Batch) -> str:
    """Return what the oracle says when callers were told of these batches."""
    commits = CommitLog(tmp_path / "commits")
    store = WitnessedStore(Forgetful(orket.MemoryStore()), commits)
    await store.open()
    for one in batches:
        await store.commit(one)
    return "; ".join(await Oracle(commits=commits).examine(store))


async def test_what_was_acknowledged_is_looked_for(tmp_path: Path) -> None:
    """A commit that its caller was told of, and that is not stored, is found."""
    assert await witnessed(tmp_path, *SOUND) == ""
    lost = batch("lost", CommentAdded(author="a", text="gone"))
    assert "commit lost was acknowledged" in await witnessed(tmp_path, lost)
    lost = batch("lost again", CommentAdded(author="a", text="gone"))
    assert "commit lost again was acknowledged" in await witnessed(tmp_path, lost)


async def test_of_two_who_commit_under_one_op_id_the_first_is_heard(tmp_path: Path) -> None:
    """The second is told so, and what was in his batch is not looked for, nor a claim in it that was not granted."""
    said = [CommentAdded(author=who, text="me first") for who in ("ann", "ben")]
    first, second = [batch("one", it) for it in said]
    second = attrs.evolve(second, claims=claim("ben", 0.0, 5.0))
    claimed = [batch("two", it, claims=claim(it.author, 0.0, 5.0)) for it in said]
    assert await witnessed(tmp_path, *SOUND, first, second, first, *claimed) == ""


def claim(owner: str, now: float, until: float, token: int | None = None) -> tuple[Claim, ...]:
    return (Claim(card="a", owner=owner, now=now, until=until, token=token),)


async def test_claims_that_follow_each_other_pass(tmp_path: Path) -> None:
    """Claims that were renewed, given back or had expired when the next one began are as they should be."""
    told = await witnessed(
        tmp_path,
        JOINED,
        batch("1", claims=claim("ann", 0.0, 5.0)),
        batch("2", claims=claim("ann", 4.0, 9.0, token=1)),
        batch("3", claims=claim("bob", 9.0, 15.0)),
        batch("4", releases=(Release(card="a", token=2),)),
        batch("5", claims=claim("ann", 10.0, 15.0)),
    )
    assert told == ""


async def test_two_live_claims_are_found(tmp_path: Path) -> None:
    """Somebody who gets a card while another one holds it, by the time that each was told, is found."""
    told = await witnessed(
        tmp_path,
        JOINED,
        batch("lost", claims=claim("ann", 0.0, 5.0)),
        batch("1", claims=claim("eve", 6.0, 7.0)),
        batch("2", claims=claim("bob", 8.0, 9.0)),
    )
    assert "token 1 was given to ann and to eve" in told
    (tmp_path / "commits").unlink()
    log = CommitLog(tmp_path / "commits")
    for op_id, owner, token, now in (("1", "ann", 1, 0.0), ("2", "bob", 2, 3.0), ("3", "bob", 3, 1.0)):
        grant = {"build": "b", "card": "a", "owner": owner, "token": token, "now": now, "until": 5.0}
        told_of = {"op_id": op_id, "build": "b", "first_seq": 0, "last_seq": 0, "records": "", "repeated": False}
        log.write({"ack": told_of, "grants": [grant]})
    store = orket.MemoryStore()
    await store.open()
    found = "; ".join(await Oracle(commits=log).examine(store))
    assert "bob got it (token 2) while ann had it" in found
    assert "token 3 was granted before token 2" in found
    assert "token 3 was granted, and the record has None" in found
