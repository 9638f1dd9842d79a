"""A batch is applied whole or not at all, and once."""

import math
from typing import Final

from attrs import evolve
from hypothesis import strategies as st

from orket.contracts import Batch, CardChange, Document, Receipt, Store
from orket.errors import StoreError
from orket.testing._suite import rule
from orket.testing.suites.store._place import (
    CARD,
    RUN,
    StoreRules,
    added,
    at_once,
    batch,
    bodies,
    changed,
    claim,
    comments,
    entries,
    given_back,
    payloads,
    refusal,
    refused,
    row,
    sha,
    taken,
    texts,
)

# What makes a batch conflict, each in another part of it; the other parts are as they should be.
_CONFLICTS: Final = ("version", "missing card", "second change", "claim", "token", "release")


def _everything(op_id: str, conflict: str = "") -> Batch:
    """Return a batch with all parts there are, for a board with the cards I-1 and I-2, which ann holds with token 1."""
    mine, other = changed(1, 1, name="Changed"), evolve(CARD, id="I-2", version=2, name="Changed")
    changes = [mine, CardChange(issue=other, expected=1, token=1)]
    claims, releases = [claim("cid")], given_back(1)
    match conflict:
        case "version":
            changes[1] = evolve(changes[1], issue=evolve(other, version=9), expected=8)
        case "missing card":
            changes.append(CardChange(issue=evolve(other, id="I-9"), expected=1))
        case "second change":
            changes.append(mine)
        case "claim":
            claims.append(claim("bob", card="I-2"))
        case "token":
            changes[1] = evolve(changes[1], token=7)
        case "release":
            releases = given_back(5)
    return batch(
        op_id,
        card="I-1",
        records=comments("first", "second"),
        changes=tuple(changes),
        claims=tuple(claims),
        releases=releases,
        documents=(Document(kind="kind", key="key", body="new"), Document(kind="kind", key="old", body=None)),
        payloads=payloads("text"),
        run_row=RUN,
        turns=2,
        tokens=30,
    )


async def _prepared(store: Store) -> None:
    await store.commit(added("I-1", "I-2"))
    hold = claim("ann", card="I-2", until=99.0)
    await store.commit(batch("hold", claims=(hold,), documents=(Document(kind="kind", key="old", body=1),)))


class AtomicRules(StoreRules):
    """Whole or not at all."""

    @rule("49")
    async def applies_every_part(self) -> None:
        """A batch that is granted is applied with all its parts."""
        async with self.opened() as store:
            await _prepared(store)
            receipt = await store.commit(_everything("op"))
            assert (receipt.last_seq, dict(receipt.tokens)) == (2, {"I-1": 1})
            assert await texts(store) == ["first", "second"]
            board = await store.load_board("build")
            assert [(it.issue.name, it.owner, it.token) for it in board] == [
                ("Changed", None, 1),
                ("Changed", "ann", 1),
            ]
            assert await bodies(store) == {"key": "new"}
            assert await store.payload(sha("text")) == "text"
            assert await store.load_run("run") == evolve(RUN, turns=2, tokens=30)

    @rule("50")
    async def records_nothing_that_was_refused(self) -> None:
        """A batch that is refused leaves no record."""
        async with self.opened() as store:
            await _prepared(store)
            for conflict in _CONFLICTS:
                await refusal(store, _everything(conflict, conflict))
                assert await entries(store) == [], conflict

    @rule("51")
    async def changes_no_card_when_refused(self) -> None:
        """A batch that is refused leaves all cards and claims as they were, whichever part of it conflicts."""
        async with self.opened() as store:
            await _prepared(store)
            before = await store.load_board("build")
            for conflict in _CONFLICTS:
                await refusal(store, _everything(conflict, conflict))
                assert await store.load_board("build") == before, conflict

    @rule("52")
    async def keeps_nothing_beside_when_refused(self) -> None:
        """A batch that is refused leaves documents, payloads, runs and charges as they were."""
        async with self.opened() as store:
            await _prepared(store)
            for conflict in _CONFLICTS:
                await refusal(store, _everything(conflict, conflict))
            assert await bodies(store) == {"old": 1}
            assert await store.payload(sha("text")) is None
            assert await store.load_run("run") is None
            await store.commit(batch("row", run_row=RUN))
            assert await store.load_run("run") == RUN

    @rule("53")
    async def forgets_refused_op_ids(self) -> None:
        """The op_id of a batch that was refused can be used again."""
        async with self.opened() as store:
            await store.commit(added())
            await refusal(store, batch("op", records=comments("a"), changes=(changed(4),)))
            await store.commit(batch("op", records=comments("b"), changes=(changed(1),)))
            assert await texts(store) == ["b"]

    @rule("54")
    async def refuses_what_cannot_be_stored(self) -> None:
        """What has no place in a record (NaN, what JSON does not have, ids that are not Unicode, the row of another
        run) is a StoreError, nothing of its batch is applied, and the store goes on.
        """
        wrong: tuple[dict[str, object], ...] = (
            {"at": math.nan},
            {"changes": (changed(0, params={"a": math.inf}),)},
            {"documents": (Document(kind="kind", key="key", body={"a": object()}),)},
            {"claims": (claim("ann", until=math.nan),)},
            {"run": "\ud800"},
            {"run_row": evolve(RUN, id="another")},
        )
        async with self.opened() as store:
            for n, parts in enumerate(wrong):
                with refused(StoreError):
                    await store.commit(batch(f"op {n}", records=comments("a"), **parts))
            assert await entries(store) == []
            assert await store.load_board("build") == ()
            assert (await store.commit(batch("good", records=comments("good")))).first_seq == 1

    @rule("55")
    async def lets_the_others_through(self) -> None:
        """Of batches that are committed at the same time, one that conflicts is refused alone."""
        async with self.opened() as store:
            await store.commit(added())
            bad = batch("bad", records=comments("bad"), changes=(changed(7),))
            good = [batch(f"{n}", records=comments(n)) for n in range(6)]
            answers = await at_once(store, *good[:3], bad, *good[3:])
            assert [n for n, answer in answers.items() if not isinstance(answer, Receipt)] == [3]
            assert sorted(await texts(store)) == [str(n) for n in range(6)]


class OnceRules(StoreRules):
    """A batch is applied once, however often it is committed."""

    @rule("56", count=st.integers(1, 3), held=st.booleans(), share=0.06)
    async def repeats_the_receipt(self, count: int, held: bool) -> None:
        """A batch whose op_id was applied returns the first receipt, tokens included, even if it would conflict now."""
        async with self.opened() as store:
            await store.commit(added())
            claims = (claim("ann"),) if held else ()
            one = batch(
                "op", records=comments(*range(count)), claims=claims, changes=(changed(1, 1 if held else None),)
            )
            first = await store.commit(one)
            await store.commit(batch("more", records=comments("x")))
            assert await store.commit(one) == first
            assert (
                await store.commit(batch("op", records=comments("x"), claims=(claim("bob"),), changes=(changed(8),)))
                == first
            )

    @rule("57")
    async def changes_nothing_twice(self) -> None:
        """A batch whose op_id was applied changes nothing: no record, card, document or charge."""
        async with self.opened() as store:
            await _prepared(store)
            await store.commit(_everything("op"))
            await store.commit(batch("later", documents=(Document(kind="kind", key="key", body="later"),)))
            await store.commit(_everything("op"))
            assert await texts(store) == ["first", "second"]
            assert (await row(store)).issue.version == 2
            assert await bodies(store) == {"key": "later"}
            assert await store.load_run("run") == evolve(RUN, turns=2, tokens=30)

    @rule("58")
    async def knows_batches_without_records(self) -> None:
        """The op_id of a batch without records is known too."""
        async with self.opened() as store:
            for _ in range(2):
                await store.commit(batch("op", run_row=RUN, turns=3))
            assert await store.load_run("run") == evolve(RUN, turns=3)

    @rule("59")
    async def knows_op_ids_everywhere(self) -> None:
        """An op_id is known over all runs and builds."""
        async with self.opened() as store:
            first = await store.commit(batch("op", records=comments("a")))
            assert await store.commit(batch("op", run="another", build="another", records=comments("b"))) == first
            assert await texts(store) == ["a"]

    @rule("60")
    async def applies_once_what_comes_at_once(self) -> None:
        """The same batch committed several times at the same time is applied once, and all get its receipt."""
        async with self.opened() as store:
            await store.commit(added())
            one = batch("op", records=comments("a"), claims=(claim("ann"),))
            answers = await at_once(store, *[one] * 5)
            assert list(answers.values()) == [Receipt(first_seq=1, last_seq=1, tokens={"I-1": 1})] * 5
            assert await texts(store) == ["a"]
            assert await taken(store, "again", "ann") == 2

    @rule("100")
    async def tells_the_first_from_repetitions(self) -> None:
        """Of all receipts of an op_id the one of the commit that was applied alone is not a repetition."""
        async with self.opened() as store:
            await store.commit(added())
            one = batch("op", records=comments("a"), claims=(claim("ann"),))
            answers = await at_once(store, one, batch("other"), one, one)
            said = {n: receipt.repeated for n, receipt in answers.items() if isinstance(receipt, Receipt)}
            assert (said.pop(1), sorted(said.values())) == (False, [False, True, True])
            for again in (one, batch("other"), batch("op", claims=(claim("bob"),))):
                assert (await store.commit(again)).repeated
            assert not (await store.commit(batch("next"))).repeated
