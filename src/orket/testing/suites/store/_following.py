"""Reading the journal: cursors, filters, waiting, and the proof that nothing was changed."""

from typing import Any, Final

import anyio
import anyio.lowlevel
from attrs import evolve
from hypothesis import strategies as st

from orket.contracts import Batch, CardChange, Document, Store
from orket.errors import JournalError, StoreError
from orket.testing._suite import rule
from orket.testing.suites.store._place import (
    CARD,
    RUN,
    StoreRules,
    Tampering,
    added,
    at_once,
    batch,
    changed,
    comments,
    entries,
    payloads,
    refusal,
    refused,
    sha,
    texts,
)

_SIZES: Final = st.lists(st.integers(0, 4), min_size=1, max_size=5)
_MOMENT: Final = 5  # turns of the event loop in which somebody who may go on does so
# Each changes what a batch says in one respect.
_CHANGES: Final = st.sampled_from(
    (
        {"op_id": "another"},
        {"run": "another"},
        {"build": "another"},
        {"card": None},
        {"at": 10.5},
        {"records": comments("1", "3")},
        {"records": comments("2", "1")},
        {"records": comments("1")},
    )
)


def _scattered() -> list[Batch]:
    where = [(run, build, card) for run in ("r", "r2") for build in ("b", "b2") for card in ("c", "c2", None)]
    return [
        batch(str(n), run=run, build=build, card=card, records=comments(n))
        for n, (run, build, card) in enumerate(where)
    ]


def _page(n: int, **parts: Any) -> Batch:
    """Return a batch that adds a card, a document and a run of its own."""
    card = CardChange(issue=evolve(CARD, id=f"I-{n}"), expected=0)
    document = Document(kind="kind", key=str(n), body=n)
    row = evolve(RUN, id=f"run {n}", started_at=float(n))
    return batch(str(n), run=row.id, run_row=row, changes=(card,), documents=(document,), **parts)


class EventRules(StoreRules):
    """Iterating over entries."""

    @rule("73", sizes=_SIZES, since=st.integers(0, 12), share=0.1)
    async def goes_on_after_a_cursor(self, sizes: list[int], since: int) -> None:
        """An iteration from a cursor yields all entries after it and none before, also inside a batch."""
        async with self.opened() as store:
            for n, size in enumerate(sizes):
                await store.commit(batch(str(n), records=comments(*[f"{n}.{index}" for index in range(size)])))
            everything = [f"{n}.{index}" for n, size in enumerate(sizes) for index in range(size)]
            assert await texts(store, since) == everything[since:]

    @rule("74", by=st.sampled_from(("run", "build", "card")), share=0.05)
    async def filters(self, by: str) -> None:
        """An iteration of a run, a build or a card yields their entries and no others."""
        batches = _scattered()
        async with self.opened() as store:
            await at_once(store, *batches)
            for value in (f"{by[0]}", f"{by[0]}2", "z"):
                wanted = sorted(one.op_id for one in batches if getattr(one, by) == value)
                assert sorted(await texts(store, 0, **{by: value})) == wanted

    @rule("75", since=st.integers(0, 12), share=0.05)
    async def filters_together(self, since: int) -> None:
        """Filters restrict together, and together with a cursor."""
        batches = _scattered()
        async with self.opened() as store:
            for one in batches:
                await store.commit(one)
            wanted = [n + 1 for n, one in enumerate(batches) if (one.run, one.card) == ("r", "c2") and n >= since]
            assert [entry.seq for entry in await entries(store, since, run="r", card="c2")] == wanted
            assert await texts(store, since, run="r2", build="b", card="c") == (["6"] if since <= 6 else [])

    @rule("76")
    async def reads_long_journals(self) -> None:
        """A journal of hundreds of batches and a million characters is read whole and in order, and so are as many
        cards, documents and runs.
        """
        async with self.opened() as store:
            long = "y" * 4000
            receipts = await at_once(store, *[_page(n, records=comments(long, n)) for n in range(300)])
            joined = sorted(receipts, key=lambda n: getattr(receipts[n], "first_seq", 0))
            assert [it.issue.id for it in await store.load_board("build")] == [f"I-{n}" for n in joined]
            assert len(await store.runs()) == len(await store.find("kind")) == 300
            assert [entry.seq for entry in await entries(store)] == list(range(1, 601))
            assert len(await texts(store, 124, build="build")) == 476

    @rule("77")
    async def ends_where_the_record_ended(self) -> None:
        """An iteration ends with the last entry that was stored when it began, although more are committed."""
        async with self.opened() as store:
            for n in range(3):
                await store.commit(batch(str(n), records=comments(n)))
            seen: list[int] = []
            async for entry in store.events():
                seen.append(entry.seq)
                if len(seen) < 10:
                    await store.commit(batch(f"late {entry.seq}", records=comments("late")))
        assert seen == [1, 2, 3]

    @rule("78")
    async def can_be_left_early(self) -> None:
        """An iteration that is left after its first entry disturbs neither commits nor other iterations."""
        async with self.opened() as store:
            await store.commit(batch("a", records=comments(*range(5))))
            for n in range(6):
                events = store.events()
                assert (await anext(events)).seq == 1
                if close := getattr(events, "aclose", None):
                    await close()
                with anyio.fail_after(self.patience):
                    await store.commit(batch(f"after {n}", records=comments("a")))
            assert len(await entries(store)) == 11

    @rule("101", sizes=_SIZES, share=0.1)
    async def says_where_the_record_ends(self, sizes: list[int]) -> None:
        """last_seq() is the number of the last entry, 0 without any; a batch without records, one that was applied
        before and one that is refused do not move it.
        """
        async with self.opened() as store:
            assert await store.last_seq() == 0
            await store.commit(added())
            assert await store.last_seq() == 0
            for n, size in enumerate(sizes):
                await store.commit(batch(str(n), records=comments(*range(size))))
                found = await entries(store)
                assert await store.last_seq() == (found[-1].seq if found else 0)
            await store.commit(batch("0", records=comments("again")))
            await refusal(store, batch("late", records=comments("a"), changes=(changed(2),)))
            assert await store.last_seq() == sum(sizes)


class WaitRules(StoreRules):
    """Sleeping until there is more."""

    @rule("79")
    async def waits_for_nothing_that_is_there(self) -> None:
        """A wait behind the end of what this instance has committed returns at once."""
        async with self.opened() as store:
            await store.commit(batch("a", records=comments("a", "b")))
            with anyio.fail_after(self.patience):
                await store.wait(0)
                await store.wait(1)

    @rule("80")
    async def wakes_when_there_is_more(self) -> None:
        """A wait lasts until an entry beyond its cursor is committed, not shorter and not longer, for all who wait."""
        woken: list[int] = []

        async def waiter(store: Store, since: int) -> None:
            await store.wait(since)
            woken.append(since)

        async with self.opened() as store:
            with anyio.fail_after(self.patience):
                async with anyio.create_task_group() as group:
                    for since in (1, 2, 2, 3):
                        group.start_soon(waiter, store, since)
                    await _moment()
                    assert woken == []
                    await store.commit(batch("a", records=comments("a")))
                    await store.commit(batch("nothing", turns=1))
                    await _moment()
                    assert woken == []
                    await store.commit(batch("b", records=comments("b", "c")))
                    while len(woken) < 3:  # noqa: ASYNC110 - what is waited for is not the suite's
                        await anyio.sleep(0.001)
                    await _moment()
                    assert sorted(woken) == [1, 2, 2]
                    await store.commit(batch("d", records=comments("d")))
        assert sorted(woken) == [1, 2, 2, 3]

    @rule("81")
    async def wakes_when_closed(self) -> None:
        """A wait on a store that is closed meanwhile is a StoreError."""
        refused: list[StoreError] = []

        async def waiter(store: Store) -> None:
            try:
                await store.wait(0)
            except StoreError as error:
                refused.append(error)

        async with self.opened() as store:
            with anyio.fail_after(self.patience):
                async with anyio.create_task_group() as group:
                    group.start_soon(waiter, store)
                    await _moment()
                    await store.aclose()
        assert len(refused) == 1


class ChainRules(StoreRules):
    """The hash chain."""

    @rule("82", sizes=_SIZES, share=0.05)
    async def counts_what_it_verified(self, sizes: list[int]) -> None:
        """verify() says how many records stand, with a head of 64 hexadecimal digits that each of them moves."""
        async with self.opened() as store:
            heads, count = [(await store.verify()).head], 0
            for n, size in enumerate(sizes):
                await store.commit(batch(str(n), records=comments(*range(size))))
                proof, count = await store.verify(), count + size
                assert proof.records == count
                assert len(proof.head) == 64
                assert set(proof.head) <= set("0123456789abcdef")
                assert size == 0 or proof.head not in heads
                heads.append(proof.head)

    @rule("83", change=_CHANGES, first=st.booleans(), share=0.2)
    async def chains_everything(self, change: dict[str, Any], first: bool) -> None:
        """The head covers all that entries say, and all before them; it is the same for the same batches."""
        batches = [batch("op", card="c", records=comments("1", "2")), batch("op 2", card="c", records=comments("3"))]
        position = 0 if first else 1
        other = [*batches]
        other[position] = evolve(batches[position], **change)
        assert await self._head(batches) == await self._head(batches)
        assert await self._head(other) != await self._head(batches)

    async def _head(self, batches: list[Batch]) -> str:
        async with self.opened() as store:
            for one in batches:
                await store.commit(one)
            return (await store.verify()).head

    @rule("84", needs="tamperable", seq=st.sampled_from((1, 3)), share=0.02)
    async def finds_a_changed_entry(self, seq: int) -> None:
        """verify() names the first entry of a batch whose stored records were changed."""
        assert await self._found("entry", seq) == seq

    @rule("85", needs="tamperable", seq=st.sampled_from((1, 3)), share=0.02)
    async def finds_a_missing_entry(self, seq: int) -> None:
        """verify() names the first entry that is missing where a batch was removed."""
        assert await self._found("gone", seq) == seq

    @rule("86", needs="tamperable")
    async def finds_a_changed_payload(self) -> None:
        """verify() does not pass a payload whose stored text was changed, and names an entry that uses it."""
        assert await self._found("payload", 3) in (3, 4)

    async def _found(self, what: Tampering, seq: int) -> int | None:
        """Return which entry verify() names after something was tampered with."""
        async with self.place() as place:
            store = await place.open()
            for n in range(3):
                named = sha("text") if n == 1 else "x"
                await store.commit(
                    batch(str(n), records=comments(n, named), payloads=payloads("text") if n == 1 else {})
                )
            await store.verify()
            await place.close()
            self.tamper(place.folder, what, seq)
            store = await place.open()
            with refused(JournalError) as caught:
                await store.verify()
        return caught[0].seq


async def _moment() -> None:
    for _ in range(_MOMENT):
        await anyio.lowlevel.checkpoint()
