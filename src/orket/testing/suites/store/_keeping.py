"""What goes in comes out: as it was, in order, and apart from what others hold."""

import json
from typing import Any, Final

import anyio
from attrs import evolve
from hypothesis import strategies as st

from orket.cards import CardStatus, Issue
from orket.contracts import CardChange, Document, Receipt, RunRow, Store
from orket.errors import StoreConflictError
from orket.events import DecisionMade, Record
from orket.testing._suite import rule
from orket.testing.strategies import json_values
from orket.testing.strategies._batches import (
    all_types_of_records,
    hostile_texts,
    new_cards,
    places,
    records,
    run_rows,
)
from orket.testing.suites.store._place import (
    RUN,
    StoreRules,
    added,
    at_once,
    batch,
    bodies,
    changed,
    comments,
    entries,
    payloads,
    row,
    sha,
    texts,
)

_FEW: Final = 0.1
_BATCHES: Final = st.lists(st.tuples(st.sampled_from("rs"), st.integers(0, 3)), min_size=2, max_size=5)
# Ids that a collation, a normal form or a C string would take for each other.
_ALIKE: Final = ("", "\x00", "a", "A", "a ", " a", "a\x00", "a\x00b", "\xe9", "e\u0301", "%", "_", "'\"")
_NUMBERS: Final = (0, -1, 2**53 + 1, 2**63, -(2**64), 10**40, 0.1, 1e308, 5e-324, 1.0, -0.5, True, False)


def _comments(sizes: list[tuple[str, int]]) -> list[Any]:
    return [
        batch(str(n), run=run, build=f"of {run}", records=comments(*[f"{n}.{i}" for i in range(size)]))
        for n, (run, size) in enumerate(sizes)
    ]


def _decided(answer: Any) -> DecisionMade:
    return DecisionMade(kind="planner", method="plan", node="n", question="q", answer=answer)


async def _mutable(store: Store) -> list[Any]:
    """Return what lets itself be written to of the run and of the first entry."""
    run_row, (entry,) = await store.load_run("run"), await entries(store)
    assert run_row is not None
    assert isinstance(entry.record, DecisionMade)
    return [run_row.wiring, entry.record.answer]


class RoundTripRules(StoreRules):
    """What was committed is read back unchanged."""

    @rule("01", many=st.lists(records(), min_size=1, max_size=4), each=all_types_of_records(), share=_FEW)
    async def keeps_records(self, many: list[Record], each: list[Record]) -> None:
        """A record of any type comes back as it was committed."""
        async with self.opened() as store:
            await store.commit(batch("many", records=tuple(many)))
            await store.commit(batch("each", records=tuple(each)))
            assert [entry.record for entry in await entries(store)] == [*many, *each]

    @rule("02", where=places(), share=_FEW)
    async def keeps_where_and_when(self, where: tuple[str, str, str | None, float]) -> None:
        """An entry says of which run, build and card its record is, and when it was committed, to the last digit."""
        run, build, card, at = where
        async with self.opened() as store:
            await store.commit(batch("op", run=run, build=build, card=card, at=at, records=comments("a")))
            (entry,) = await entries(store)
        assert (entry.run, entry.build, entry.card, entry.at) == where

    @rule("03", issues=st.lists(new_cards(), min_size=1, max_size=4, unique_by=lambda it: it.id), share=_FEW)
    async def keeps_cards(self, issues: list[Issue]) -> None:
        """A card comes back as it was committed."""
        async with self.opened() as store:
            await store.commit(batch("op", changes=tuple([CardChange(issue=it, expected=0) for it in issues])))
            board = await store.load_board("build")
        assert {it.issue.id: it.issue for it in board} == {it.id: it for it in issues}

    @rule("04", body=json_values(), share=_FEW)
    async def keeps_documents(self, body: Any) -> None:
        """A document's body comes back as it was committed."""
        async with self.opened() as store:
            await store.commit(batch("op", documents=(Document(kind="kind", key="key", body={"it": body}),)))
            assert await bodies(store) == {"key": {"it": body}}

    @rule("05", text=hostile_texts(), share=_FEW)
    async def keeps_payloads(self, text: str) -> None:
        """A payload is found under the SHA-256 of its text."""
        async with self.opened() as store:
            await store.commit(batch("op", payloads=payloads(text)))
            assert await store.payload(sha(text)) == text

    @rule("06", run_row=run_rows(), share=_FEW)
    async def keeps_runs(self, run_row: RunRow) -> None:
        """A run comes back as it was committed."""
        async with self.opened() as store:
            await store.commit(batch("op", run_row=run_row))
            assert await store.load_run("run") == run_row

    @rule("07", text=hostile_texts(), share=_FEW)
    async def keeps_hostile_texts(self, text: str) -> None:
        """Any text is kept, whatever SQL, JSON or UTF-8 would make of it."""
        issue = Issue(id="I-1", name=text, seat="s", note=text, params={text: [text]}, version=1)
        async with self.opened() as store:
            document = Document(kind="kind", key="key", body={text: text})
            change = CardChange(issue=issue, expected=0)
            await store.commit(batch("op", records=comments(text), changes=(change,), documents=(document,)))
            assert await texts(store) == [text]
            assert (await row(store)).issue == issue
            assert await bodies(store) == {"key": {text: text}}

    @rule("08")
    async def tells_ids_apart(self) -> None:
        """Ids that differ in anything are different: case, blanks, NUL, normal form."""
        async with self.opened() as store:
            await at_once(
                store,
                *[
                    batch(it, build=it, records=comments(it), documents=(Document(kind=it, key=it, body=n),))
                    for n, it in enumerate(_ALIKE)
                ],
            )
            for n, it in enumerate(_ALIKE):
                assert await texts(store, build=it) == [it]
                assert await bodies(store, it) == {it: n}

    @rule("09")
    async def keeps_numbers(self) -> None:
        """Numbers keep their value and their type, however large or small."""
        async with self.opened() as store:
            await store.commit(batch("op", documents=(Document(kind="kind", key="key", body=list(_NUMBERS)),)))
            (found,) = (await bodies(store)).values()
        assert json.dumps(found) == json.dumps(_NUMBERS)


class OrderRules(StoreRules):
    """The journal and the board have one order."""

    @rule("10", sizes=_BATCHES, share=_FEW)
    async def numbers_records_from_one(self, sizes: list[tuple[str, int]]) -> None:
        """The records of a store are numbered 1, 2, 3 …, whatever their run, build and batch."""
        async with self.opened() as store:
            for one in _comments(sizes):
                await store.commit(one)
            found = await entries(store)
        assert [entry.seq for entry in found] == list(range(1, sum(size for _, size in sizes) + 1))

    @rule("11", sizes=_BATCHES, share=_FEW)
    async def receipts_say_where(self, sizes: list[tuple[str, int]]) -> None:
        """A receipt names the first and the last number of its batch's records, 0 and 0 without any."""
        end = 0
        async with self.opened() as store:
            for one, (_, size) in zip(_comments(sizes), sizes, strict=True):
                receipt = await store.commit(one)
                span = (end + 1, end + size) if size else (0, 0)
                assert receipt == Receipt(first_seq=span[0], last_seq=span[1], tokens={})
                end += size

    @rule("12")
    async def orders_by_commit(self) -> None:
        """Entries come in the order that they were committed in, whatever the time on them."""
        async with self.opened() as store:
            for n, at in enumerate((30.0, 10.0, 20.0)):
                await store.commit(batch(str(n), at=at, records=comments(f"{n}a", f"{n}b")))
            assert await texts(store) == ["0a", "0b", "1a", "1b", "2a", "2b"]

    @rule("13")
    async def orders_the_board_by_joining(self) -> None:
        """Cards come in the order that they joined the board, whatever their ids and what became of them."""
        async with self.opened() as store:
            await store.commit(added("I-3", "I-1"))
            await store.commit(added("I-2", op_id="later"))
            await store.commit(batch("move", changes=(changed(1, status=CardStatus.DONE, priority=9.0),)))
            assert [it.issue.id for it in await store.load_board("build")] == ["I-3", "I-1", "I-2"]

    @rule("14")
    async def loses_no_number(self) -> None:
        """A batch that is refused uses up no number."""
        async with self.opened() as store:
            await store.commit(batch("a", records=comments("a"), changes=(changed(0),)))
            for n in range(3):
                try:
                    await store.commit(batch(f"refused {n}", records=comments("x", "y"), changes=(changed(5),)))
                except StoreConflictError:
                    await store.commit(batch(f"next {n}", records=comments("b")))
            assert [entry.seq for entry in await entries(store)] == [1, 2, 3, 4]

    @rule("15")
    async def keeps_batches_together(self) -> None:
        """Of batches that are committed at the same time each has its records beside each other, where its receipt
        says.
        """
        async with self.opened() as store:
            answers = await at_once(store, *_comments([("r", 2)] * 8))
            found = {entry.seq: entry.record for entry in await entries(store)}
        assert len(found) == 16
        for n, receipt in answers.items():
            assert isinstance(receipt, Receipt)
            assert receipt.last_seq == receipt.first_seq + 1
            assert (found[receipt.first_seq], found[receipt.last_seq]) == comments(f"{n}.0", f"{n}.1")


class IsolationRules(StoreRules):
    """What a caller holds is not what the store holds."""

    @rule("16")
    async def shares_nothing_with_writers(self) -> None:
        """What a caller does to the parts of a batch after it was committed does not reach the record."""
        params, body, wiring, answer = [{"a": [1]} for _ in range(4)]
        kept = dict(payloads("text"))
        async with self.opened() as store:
            document = Document(kind="kind", key="key", body=body)
            parts = {"changes": (changed(0, params=params),), "documents": (document,), "payloads": kept}
            await store.commit(batch("op", **parts, records=(_decided(answer),), run_row=evolve(RUN, wiring=wiring)))
            for given in (params, body, wiring, answer):
                given["a"].append(2)
            kept[sha("text")] = "another"
            assert (await row(store)).issue.params == {"a": [1]}
            assert await bodies(store) == {"key": {"a": [1]}}
            assert await store.payload(sha("text")) == "text"
            assert await _mutable(store) == [{"a": [1]}] * 2

    @rule("17")
    async def shares_nothing_with_readers(self) -> None:
        """What a reader does to what it was given does not reach the next reader."""
        async with self.opened() as store:
            document = Document(kind="kind", key="key", body={"a": [1]})
            parts = {"changes": (changed(0, params={"a": [1]}),), "documents": (document,)}
            records, run_row = (_decided({"a": [1]}),), evolve(RUN, wiring={"a": [1]})
            await store.commit(batch("op", **parts, records=records, run_row=run_row))
            for found in await _mutable(store):
                found["a"].append(2)
            (await row(store)).issue.params["a"].append(2)
            (await bodies(store))["key"]["a"].append(2)
            assert (await row(store)).issue.params == {"a": [1]}
            assert await bodies(store) == {"key": {"a": [1]}}
            assert await _mutable(store) == [{"a": [1]}] * 2

    @rule("18")
    async def keeps_builds_apart(self) -> None:
        """Cards of the same id in two builds are two cards."""
        async with self.opened() as store:
            await store.commit(added(op_id="one", build="build"))
            await store.commit(added(op_id="two", build="build-2"))
            await store.commit(batch("change", build="build-2", changes=(changed(1, name="Another"),)))
            found = [await store.load_board(build) for build in ("build", "build-2")]
        assert [[(it.issue.name, it.issue.version) for it in board] for board in found] == [
            [("Do it", 1)],
            [("Another", 2)],
        ]

    @rule("19")
    async def keeps_reads_whole(self) -> None:
        """A reader never sees a part of a batch, however many are committed meanwhile."""
        async with self.opened() as store:
            await store.commit(added("I-1", "I-2"))

            async def write() -> None:
                for version in range(1, 6):
                    change = changed(version)
                    other = evolve(change, issue=evolve(change.issue, id="I-2"))
                    await store.commit(batch(str(version), changes=(change, other)))

            async def read() -> None:
                while True:
                    versions = [it.issue.version for it in await store.load_board("build")]
                    assert len(set(versions)) == 1, f"one card is ahead of the other: {versions}"
                    if versions[0] == 6:
                        return

            async with anyio.create_task_group() as group:
                group.start_soon(read)
                await write()
