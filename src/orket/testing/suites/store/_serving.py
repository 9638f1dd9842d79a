"""Documents, payloads and runs."""

from typing import Any, Final

from attrs import evolve
from hypothesis import strategies as st

from orket.contracts import Document, RunOutcome
from orket.errors import JournalError
from orket.testing._suite import rule
from orket.testing.suites.store._place import (
    RUN,
    StoreRules,
    batch,
    bodies,
    comments,
    entries,
    payloads,
    refused,
    sha,
)

_BODIES: Final = st.lists(
    st.sampled_from((1, 0, "text", "", [], [None], {}, {"a": 1}, False, 0.5)), min_size=2, max_size=4
)
_KEYS: Final = ("a/2", "a/1", "a", "A/1", "a%", "a_1", "b", "", "a*", "é", "ﬀ", "\U0001f600", "a/1/x", "B", "a ")
_CHARGES: Final = st.lists(
    st.tuples(st.sampled_from(("run", "other")), st.integers(0, 3), st.sampled_from((0, 7, 2**33))), max_size=4
)


def _put(op_id: str, **documents: Any) -> Any:
    found = tuple([Document(kind="kind", key=key, body=body) for key, body in documents.items()])
    return batch(op_id, documents=found)


class DocumentRules(StoreRules):
    """State of services, by kind and key."""

    @rule("61", values=_BODIES, share=0.1)
    async def replaces_documents(self, values: list[Any]) -> None:
        """A document that is put again has its last body, even one that is empty, 0 or false."""
        async with self.opened() as store:
            for n, body in enumerate(values):
                await store.commit(_put(str(n), key=body))
                assert await bodies(store) == {"key": body}

    @rule("62")
    async def deletes_documents(self) -> None:
        """A body of None deletes the document of that kind and key, if there is one, and no other."""
        async with self.opened() as store:
            other = Document(kind="other", key="a", body=1)
            await store.commit(_put("put", a=1, ab=2))
            await store.commit(batch("other", documents=(other,)))
            await store.commit(_put("delete", a=None, missing=None))
            assert await bodies(store) == {"ab": 2}
            assert await store.find("other") == (other,)

    @rule("63", prefix=st.sampled_from(("a", "a ", "a/", "A", "a%", "a_", "a*", "", "b", "f", "z")), share=0.1)
    async def finds_by_prefix(self, prefix: str) -> None:
        """Documents are found by the very characters that their keys begin with."""
        async with self.opened() as store:
            await store.commit(_put("op", **{key: key for key in _KEYS}))
            found = await bodies(store, prefix=prefix)
        assert set(found) == {key for key in _KEYS if key.startswith(prefix)}

    @rule("64")
    async def finds_in_order(self) -> None:
        """Documents are found in the order of their keys, by code points."""
        async with self.opened() as store:
            for n, key in enumerate(_KEYS):
                await store.commit(_put(str(n), **{key: n}))
            assert list(await bodies(store)) == sorted(_KEYS)


class PayloadRules(StoreRules):
    """Long texts, kept once."""

    @rule("65")
    async def takes_payloads_again(self) -> None:
        """A payload that is stored already may be committed again, alone or beside new ones."""
        async with self.opened() as store:
            await store.commit(batch("one", payloads=payloads("a", "b")))
            await store.commit(batch("two", payloads=payloads("b", "c")))
            assert [await store.payload(sha(text)) for text in "abc"] == ["a", "b", "c"]

    @rule("66")
    async def finds_wrong_payloads(self) -> None:
        """verify() does not pass a payload that was committed under the digest of another text."""
        async with self.opened() as store:
            await store.commit(batch("op", records=comments(sha("text")), payloads={sha("text"): "another"}))
            with refused(JournalError):
                await store.verify()

    @rule("67")
    async def knows_what_it_lacks(self) -> None:
        """What is not stored is None, or empty: cards, runs, documents, payloads, entries."""
        async with self.opened() as store:
            await store.commit(batch("op", run_row=RUN, payloads=payloads("a"), documents=()))
            assert await store.load_board("nothing") == ()
            assert await store.load_run("nothing") is None
            assert await store.runs("nothing") == ()
            assert await store.find("nothing") == ()
            assert await store.payload(sha("nothing")) is None
            assert await entries(store) == await entries(store, 10) == []


class RunRules(StoreRules):
    """Rows of runs, and what runs are charged."""

    @rule("68")
    async def replaces_runs(self) -> None:
        """A run's row that is committed again replaces the one before."""
        async with self.opened() as store:
            ended = evolve(RUN, outcome=RunOutcome.DONE, reason="all done", finished_at=9.0, wiring={"a": 1})
            await store.commit(batch("begin", run_row=RUN))
            await store.commit(batch("end", run_row=ended))
            assert await store.load_run("run") == ended
            assert await store.runs() == (ended,)

    @rule("69", charges=_CHARGES, share=0.1)
    async def adds_charges_up(self, charges: list[tuple[str, int, int]]) -> None:
        """What batches charge a run adds up, also what came before its row; each run has its own."""
        async with self.opened() as store:
            for n, (run, turns, tokens) in enumerate([*charges, ("run", 1, 1)]):
                await store.commit(batch(str(n), run=run, turns=turns, tokens=tokens))
            for run in ("run", "other"):
                await store.commit(batch(f"row of {run}", run=run, run_row=evolve(RUN, id=run), turns=1))
            found = {run.id: (run.turns, run.tokens) for run in await store.runs()}
        for run in ("run", "other"):
            own = [(turns, tokens) for of, turns, tokens in [*charges, ("run", 1, 1), (run, 1, 0)] if of == run]
            assert found[run] == (sum(turns for turns, _ in own), sum(tokens for _, tokens in own))

    @rule("70")
    async def charges_nothing_by_rows(self) -> None:
        """The charges that a run's row names are not counted, neither at first nor when it is replaced."""
        async with self.opened() as store:
            await store.commit(batch("begin", run_row=evolve(RUN, turns=5, tokens=5), turns=2, tokens=3))
            await store.commit(batch("end", run_row=evolve(RUN, turns=100, tokens=100)))
            assert await store.load_run("run") == evolve(RUN, turns=2, tokens=3)

    @rule("71")
    async def lists_runs_of_a_build(self) -> None:
        """The runs of a build are listed alone, and those of all builds together."""
        async with self.opened() as store:
            for n, build in enumerate(("x", "xy", "x")):
                row = evolve(RUN, id=str(n), build=build, started_at=float(n))
                await store.commit(batch(str(n), run=str(n), build=build, run_row=row))
            assert [[run.id for run in await store.runs(build)] for build in ("x", "xy", None)] == [
                ["0", "2"],
                ["1"],
                ["0", "1", "2"],
            ]

    @rule("72")
    async def lists_runs_by_start(self) -> None:
        """Runs are listed oldest first, by when they started."""
        async with self.opened() as store:
            for name, started in (("a", 1.75), ("b", 1.25), ("c", 1.5)):
                await store.commit(batch(name, run=name, run_row=evolve(RUN, id=name, started_at=started)))
            assert [run.id for run in await store.runs()] == ["b", "c", "a"]
            assert [run.id for run in await store.runs("build")] == ["b", "c", "a"]
