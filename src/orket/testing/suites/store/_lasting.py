"""What outlasts a store, a task and each of several instances."""

import inspect
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import anyio
import anyio.lowlevel
from attrs import evolve
from hypothesis import strategies as st

from orket.contracts import Document, Receipt, Store
from orket.errors import StoreError
from orket.testing._suite import rule
from orket.testing.suites.store._place import (
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
    payloads,
    refusal,
    refused,
    row,
    sha,
    taken,
    texts,
)


class ReopeningRules(StoreRules):
    """A record outlasts the store that wrote it."""

    @rule("87", needs="durable")
    async def keeps_the_journal(self) -> None:
        """Entries, the number of the last one and the head of their chain are there after reopening."""
        async with self.place() as place:
            store = await place.open()
            for n in range(3):
                await store.commit(batch(str(n), card="c", at=n + 0.25, records=comments(n, "x")))
            before, proof = await entries(store), await store.verify()
            store = await place.reopen()
            assert await store.last_seq() == before[-1].seq
            assert await entries(store) == before
            assert await store.verify() == proof

    @rule("88", needs="durable")
    async def keeps_the_board(self) -> None:
        """Cards are there after reopening, in their order, with the claims on them."""
        async with self.place() as place:
            store = await place.open()
            await store.commit(added("I-3", "I-1", "I-2"))
            token = await taken(store, "take", "ann", until=99.5)
            await store.commit(batch("move", changes=(changed(1, token, name="Changed"),)))
            before = await store.load_board("build")
            store = await place.reopen()
            assert await store.load_board("build") == before
            await refusal(store, batch("theft", claims=(claim("bob"),)))

    @rule("89", needs="durable")
    async def keeps_what_is_beside(self) -> None:
        """Documents, payloads, runs and their charges are there after reopening."""
        async with self.place() as place:
            store = await place.open()
            documents = (Document(kind="kind", key="a", body=1), Document(kind="kind", key="b", body=[{}]))
            parts: dict[str, Any] = {"documents": documents, "payloads": payloads("text"), "run_row": RUN}
            await store.commit(batch("op", turns=2, tokens=3, **parts))
            await store.commit(batch("delete", documents=(Document(kind="kind", key="a", body=None),)))
            store = await place.reopen()
            assert await bodies(store) == {"b": [{}]}
            assert await store.payload(sha("text")) == "text"
            assert await store.runs() == (evolve(RUN, turns=2, tokens=3),)

    @rule("90", needs="durable")
    async def goes_on_where_it_was(self) -> None:
        """After reopening, op_ids are known, and the numbers of records and claims go on."""
        async with self.place() as place:
            store = await place.open()
            await store.commit(added())
            first = await store.commit(batch("op", records=comments("a", "b"), claims=(claim("ann"),)))
            store = await place.reopen()
            again = await store.commit(batch("op", records=comments("c")))
            assert (again, again.repeated) == (first, True)
            assert await store.commit(batch("next", records=comments("d"), claims=(claim("ann"),))) == Receipt(
                first_seq=3, last_seq=3, tokens={"I-1": 2}
            )
            assert (await store.verify()).records == 3


class SharingRules(StoreRules):
    """Several instances on one database."""

    @rule("91", needs="shared")
    async def shows_what_others_wrote(self) -> None:
        """What one instance has committed every other one reads."""
        async with self.place() as place:
            one, other = await place.open(), await place.open()
            document = Document(kind="kind", key="key", body=1)
            await one.commit(added())
            await one.commit(
                batch("op", records=comments("a"), documents=(document,), payloads=payloads("b"), run_row=RUN)
            )
            assert await texts(other) == ["a"]
            assert (await row(other)).issue.version == 1
            assert await bodies(other) == {"key": 1}
            assert await other.payload(sha("b")) == "b"
            assert await other.load_run("run") == RUN
            assert await other.verify() == await one.verify()

    @rule("92", needs="shared")
    async def holds_cards_against_others(self) -> None:
        """Versions and claims hold against every instance."""
        async with self.place() as place:
            one, other = await place.open(), await place.open()
            await one.commit(added())
            await other.load_board("build")
            await one.commit(batch("move", changes=(changed(1),)))
            await refusal(other, batch("late", changes=(changed(1),)))
            token = await taken(one, "take", "ann")
            await refusal(other, batch("theft", claims=(claim("bob"),)))
            await refusal(other, batch("no token", changes=(changed(2),)))
            await other.commit(batch("token", changes=(changed(2, token),)))

    @rule("93", needs="shared")
    async def knows_op_ids_of_others(self) -> None:
        """A batch that one instance has applied is not applied again by another."""
        async with self.place() as place:
            one, other = await place.open(), await place.open()
            first = await one.commit(batch("op", records=comments("a")))
            again = await other.commit(batch("op", records=comments("a")))
            assert (again, again.repeated) == (first, True)
            assert await texts(one) == ["a"]

    @rule("94", needs="shared")
    async def numbers_together(self) -> None:
        """Instances that write at the same time make one journal, whose numbers and hashes hold."""
        async with self.place() as place:
            stores = (await place.open(), await place.open())
            answers = await at_once(stores, *[batch(str(n), records=comments(n)) for n in range(12)])
            found = {entry.seq: entry.record for entry in await entries(stores[0])}
            assert (await stores[1].verify()).records == 12
        assert sorted(found) == list(range(1, 13))
        for n, receipt in answers.items():
            assert isinstance(receipt, Receipt)
            assert (found[receipt.first_seq],) == comments(n)

    @rule("102", needs="shared")
    async def says_where_others_have_got_to(self) -> None:
        """last_seq() of every instance is the number of the last entry, whichever of them committed it."""
        async with self.place() as place:
            one, other = await place.open(), await place.open()
            for n, writer in enumerate((one, other, other, one), 1):
                await writer.commit(batch(str(n), records=comments("a")))
                assert (await one.last_seq(), await other.last_seq()) == (n, n)


class CancellationRules(StoreRules):
    """Callers that are cancelled."""

    @rule("95", after=st.integers(0, 4), share=0.1)
    async def cancels_whole_or_not_at_all(self, after: int) -> None:
        """A commit whose caller is cancelled is applied whole or not at all, and can be repeated under its op_id."""
        async with self.opened() as store:
            await store.commit(added())
            change, document = changed(1, name="Changed"), Document(kind="kind", key="key", body=1)
            one = batch(
                "op", records=comments("a", "b"), changes=(change,), documents=(document,), turns=1, run_row=RUN
            )
            await _cancelled(store, one, after)
            with anyio.fail_after(self.patience):
                receipt = await store.commit(one)
                assert (await store.commit(batch("next", records=comments("c")))).first_seq == receipt.last_seq + 1
            assert (receipt.first_seq, receipt.last_seq) == (1, 2)
            assert await texts(store) == ["a", "b", "c"]
            assert (await row(store)).issue == change.issue
            assert await bodies(store) == {"key": 1}
            assert await store.load_run("run") == evolve(RUN, turns=1)

    @rule("96")
    async def finishes_for_callers_that_left(self) -> None:
        """A batch that was handed over is applied although its caller is cancelled while it waits."""
        async with self.opened() as store:
            for n in range(3):
                await _cancelled(store, batch(f"{n}", records=comments(n)), 5)
            await store.commit(batch("last", records=comments("last")))
            assert sorted(await texts(store)) == ["0", "1", "2", "last"]


class ClosingRules(StoreRules):
    """The beginning and the end of a store."""

    @rule("97")
    async def finishes_what_was_begun(self) -> None:
        """aclose() finishes every commit that was begun."""
        async with self.place() as place:
            store = await place.open()
            answers: list[Receipt] = []

            async def commit(n: int) -> None:
                answers.append(await store.commit(batch(str(n), records=comments(n))))

            async with anyio.create_task_group() as group:
                for n in range(8):
                    group.start_soon(commit, n)
                for _ in range(3):
                    await anyio.lowlevel.checkpoint()
                await store.aclose()
            assert sorted(receipt.first_seq for receipt in answers) == list(range(1, 9))
            if self.durable:
                assert len(await texts(await place.reopen())) == 8

    @rule("98")
    async def serves_only_while_open(self) -> None:
        """Before open() and after aclose(), which may be repeated, every verb is a StoreError, and so is a second
        open().
        """
        async with self.place() as place:
            store = self.make_store(place.folder)
            await self._refuses_everything(store)
            await store.open()
            place.opened.append(store)
            with refused(StoreError):
                await store.open()
            await store.commit(batch("op", records=comments("a")))
            await store.aclose()
            await store.aclose()
            await self._refuses_everything(store)

    @rule("99")
    async def fits_the_protocol(self) -> None:
        """A store has every verb of its protocol, callable as the core calls it, and its location is a file or None."""
        async with self.opened() as store:
            for name, wanted in _verbs():
                method = getattr(store, name, None)
                assert callable(method), f"{name}{wanted} is missing"
                try:
                    inspect.signature(method).bind(*_positional(wanted), **_by_name(wanted))
                except TypeError as error:
                    raise AssertionError(f"{name}{inspect.signature(method)} is to be called as {wanted}") from error
            location = store.location
            assert location is None or (location.is_absolute() and location.exists())

    async def _refuses_everything(self, store: Store) -> None:
        async def iterate() -> None:
            await anext(store.events())

        calls: tuple[Callable[[], Awaitable[Any]], ...] = (
            lambda: store.commit(batch("refused")),
            lambda: store.load_board("build"),
            lambda: store.load_run("run"),
            store.runs,
            store.last_seq,
            iterate,
            lambda: store.wait(0),
            lambda: store.payload("0" * 64),
            lambda: store.find("kind"),
            store.verify,
        )
        for call in calls:
            with anyio.fail_after(self.patience), refused(StoreError):
                await call()


async def _cancelled(store: Store, one: Any, after: int) -> None:
    """Commit a batch and cancel the caller after some turns of the event loop."""
    async with anyio.create_task_group() as group:
        group.start_soon(store.commit, one)
        for _ in range(after):
            await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()


def _verbs() -> Iterator[tuple[str, inspect.Signature]]:
    """Yield the methods of the protocol, each with its arguments apart from self."""
    for name, member in vars(Store).items():
        if inspect.isfunction(member) and not name.startswith("_"):
            signature = inspect.signature(member)
            yield name, signature.replace(parameters=list(signature.parameters.values())[1:])


def _positional(signature: inspect.Signature) -> list[None]:
    return [None for it in signature.parameters.values() if it.kind is not it.KEYWORD_ONLY]


def _by_name(signature: inspect.Signature) -> dict[str, None]:
    return {it.name: None for it in signature.parameters.values() if it.kind is it.KEYWORD_ONLY}
