"""What both stores give back."""

import hashlib

import anyio
import anyio.lowlevel
import pytest
from attrs import evolve

from orket.contracts import Batch, CardChange, Document, Issue, RunOutcome, RunRow, Store
from orket.errors import StoreError
from orket.events import CommentAdded, DecisionRemembered
from orket.stores import MemoryStore, SQLiteStore

pytestmark = pytest.mark.anyio

RUN = RunRow(id="run", build="build", card="epic", started_at=5.0, fingerprint="f" * 64, wiring={"planner": "default"})
HOSTILE = (
    "",
    "\x00",
    "a\x00b",
    "\ud800",
    "\udfff\ud800",
    "\U0001f600",
    "\u2028\n\r\t",
    "'; DROP TABLE card; --",
    "x" * 3_000_000,
)


def batch(op_id: str, **parts) -> Batch:
    return Batch(**({"op_id": op_id, "run": "run", "build": "build", "at": 10.0} | parts))


def comment(text: str) -> CommentAdded:
    return CommentAdded(author="ann", text=text)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


async def test_events_resume_inside_a_batch(store: Store) -> None:
    """Reading on from a cursor that lies inside a batch gives exactly the records after it."""
    await store.commit(batch("a", card="I-1", records=tuple(comment(str(n)) for n in range(5))))
    await store.commit(batch("b", records=(DecisionRemembered(text="x"),), at=11.5))
    found = [entry async for entry in store.events(3)]
    assert [(entry.seq, entry.at, entry.card) for entry in found] == [
        (4, 10.0, "I-1"),
        (5, 10.0, "I-1"),
        (6, 11.5, None),
    ]
    assert [entry.record for entry in found] == [comment("3"), comment("4"), DecisionRemembered(text="x")]
    assert [entry async for entry in store.events(6)] == []


async def test_events_are_selected_by_run_build_and_card(store: Store) -> None:
    """Each filter restricts, and they restrict together."""
    for n, (run, build, card) in enumerate((r, b, c) for r in "rs" for b in "bc" for c in ("x", "y", None)):
        await store.commit(batch(str(n), run=run, build=build, card=card, records=(comment(str(n)),)))
    assert [entry.seq async for entry in store.events(run="r")] == [1, 2, 3, 4, 5, 6]
    assert [entry.seq async for entry in store.events(build="c")] == [4, 5, 6, 10, 11, 12]
    assert [entry.seq async for entry in store.events(card="x")] == [1, 4, 7, 10]
    assert [entry.seq async for entry in store.events(1, run="s", build="b", card="y")] == [8]


async def test_events_are_read_in_pages(store: Store) -> None:
    """A journal of more rows and bytes than a page holds is read whole, in order, up to where it ended at the start."""
    for n in range(300):
        await store.commit(batch(str(n), records=(comment("y" * 9_000), comment(str(n)))))
    seen = []
    async for entry in store.events():
        if not seen:
            await store.commit(batch("late", records=(comment("late"),)))
        seen.append(entry.seq)
    assert seen == list(range(1, 601))


async def test_a_reader_that_leaves_early_disturbs_nobody(store: Store) -> None:
    """An iteration that is given up leaves the store working."""
    await store.commit(batch("a", records=tuple(comment(str(n)) for n in range(5))))
    events = store.events()
    assert (await anext(events)).seq == 1
    await events.aclose()
    assert (await store.commit(batch("b", records=(comment("b"),)))).last_seq == 6


async def test_runs_keep_their_charges(store: Store) -> None:
    """A run's row can be replaced; what it was charged stays and adds up, also what came before the row."""
    await store.commit(batch("early", turns=1))
    await store.commit(batch("begin", run_row=RUN, tokens=5))
    await store.commit(batch("work", turns=2, tokens=7))
    ended = evolve(RUN, outcome=RunOutcome.DONE, finished_at=9.0, reason="all done", turns=100, tokens=100)
    await store.commit(batch("end", run_row=ended))
    assert await store.load_run("run") == evolve(ended, turns=3, tokens=12)
    assert await store.load_run("other") is None


async def test_runs_are_listed_oldest_first(store: Store) -> None:
    """Runs come in the order they started, of one build or of all."""
    for name, build, started in (("c", "x", 3.0), ("a", "y", 1.0), ("b", "x", 2.0), ("d", "x", 3.0)):
        row = evolve(RUN, id=name, build=build, started_at=started)
        await store.commit(batch(name, run=name, build=build, run_row=row))
    assert [row.id for row in await store.runs()] == ["a", "b", "c", "d"]
    assert [row.id for row in await store.runs("x")] == ["b", "c", "d"]
    assert await store.runs("nothing") == ()


async def test_a_batch_brings_only_its_own_run(store: Store) -> None:
    """A batch with the row of another run is refused."""
    with pytest.raises(StoreError, match="run 'other'"):
        await store.commit(batch("a", run_row=evolve(RUN, id="other")))


async def test_documents_are_put_found_and_deleted(store: Store) -> None:
    """Documents are found by kind and prefix in the order of their keys; a body of None deletes one."""
    bodies = {"a/2": [1, {"x": None}], "a/1": "text", "a": 0, "b": False, "a\uffff": 1.5}
    documents = tuple(Document(kind="review", key=key, body=body) for key, body in bodies.items())
    await store.commit(batch("a", documents=(*documents, Document(kind="other", key="a/1", body=1))))
    assert {d.key: d.body for d in await store.find("review")} == bodies
    assert [d.key for d in await store.find("review", prefix="a/")] == ["a/1", "a/2"]
    changes = (Document(kind="review", key="a/1", body=2), Document(kind="review", key="a/2", body=None))
    await store.commit(batch("b", documents=changes))
    assert await store.find("review", prefix="a/") == (changes[0],)
    await store.commit(batch("c", documents=(Document(kind="review", key="gone", body=None),)))
    assert await store.find("nothing") == ()


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:12]))
async def test_hostile_text_comes_back_unharmed(store: Store, text: str) -> None:
    """Lone surrogates, NUL, line separators, SQL and megabytes survive in records, cards, documents and payloads."""
    issue = Issue(id="I", name=text, seat="s", params={"k" + text: [text]}, version=1)
    await store.commit(
        batch(
            "a",
            records=(comment(text),),
            changes=(CardChange(issue=issue, expected=0),),
            documents=(Document(kind="k", key="d", body={"t": text}),),
            payloads={sha(text): text},
        )
    )
    assert [entry.record async for entry in store.events()] == [comment(text)]
    assert (await store.load_board("build"))[0].issue == issue
    assert (await store.find("k"))[0].body == {"t": text}
    assert await store.payload(sha(text)) == text
    assert (await store.verify()).records == 1


async def test_ids_may_hold_what_sql_does_not_like(store: Store) -> None:
    """NUL, quotes and emptiness are ordinary in ids."""
    for name in ("", "\x00", "a\x00", "a\x00b", "'\"%_"):
        await store.commit(batch(f"op{name}", build=name, run=name, card=name, records=(comment(name),)))
    assert [entry.build async for entry in store.events(card="a\x00")] == ["a\x00"]
    assert [entry.run async for entry in store.events(build="")] == [""]


async def test_payloads_are_kept_once(store: Store) -> None:
    """A payload is found by its digest; one that is not there is None, and what is no digest is refused."""
    for op_id in "ab":
        await store.commit(batch(op_id, payloads={sha("hello"): "hello"}))
    assert await store.payload(sha("hello")) == "hello"
    assert await store.payload(sha("other")) is None
    with pytest.raises(StoreError, match="64 hexadecimal digits"):
        await store.payload("hello")


async def test_a_wrong_payload_is_found(store: Store) -> None:
    """A payload committed under a digest not its own is found by verify, which names the record that uses it."""
    await store.commit(batch("a", records=(comment("x"), comment(sha("hello"))), payloads={sha("hello"): "good bye"}))
    with pytest.raises(StoreError, match=sha("hello")) as caught:
        await store.verify()
    assert caught.value.seq == 1


async def test_wait_wakes_when_the_journal_grows(store: Store) -> None:
    """A waiter sleeps until there is a record beyond its cursor; one behind the end does not sleep at all."""
    woken = anyio.Event()

    async def waiter() -> None:
        await store.wait(2)
        woken.set()

    async with anyio.create_task_group() as group:
        group.start_soon(waiter)
        await anyio.lowlevel.checkpoint()
        await store.commit(batch("a", records=(comment("1"), comment("2"))))
        await store.commit(batch("b", turns=1))
        assert not woken.is_set()
        await store.commit(batch("c", records=(comment("3"),)))
        await woken.wait()
    with anyio.fail_after(5):
        await store.wait(0)


async def test_closing_wakes_who_waits(store: Store) -> None:
    """A waiter whose store is closed gets a StoreError instead of sleeping for ever."""

    async def waiter() -> None:
        with pytest.raises(StoreError, match="closed"):
            await store.wait(0)

    async with anyio.create_task_group() as group:
        group.start_soon(waiter)
        for _ in range(3):
            await anyio.lowlevel.checkpoint()
        await store.aclose()


async def test_a_closed_store_refuses(store: Store) -> None:
    """Before open and after aclose every verb is a StoreError; aclose can be repeated and open is not."""
    with pytest.raises(StoreError, match="already"):
        await store.open()
    await store.aclose()
    await store.aclose()
    for call in (store.load_board("b"), store.load_run("r"), store.runs(), store.wait(0), store.payload("0" * 64)):
        with pytest.raises(StoreError, match="not open"):
            await call
    for call in (store.find("k"), store.verify(), store.commit(batch("a")), anext(store.events())):
        with pytest.raises(StoreError, match="not open"):
            await call


async def test_a_reopened_store_goes_on(store: Store) -> None:
    """After closing and opening again everything is there, repeated batches are known, and the numbers go on."""
    first = await store.commit(batch("a", records=(comment("1"),), run_row=RUN, payloads={sha("p"): "p"}))
    head = await store.verify()
    await store.aclose()
    await store.open()
    with anyio.fail_after(5):
        await store.wait(0)
    assert await store.verify() == head
    assert await store.commit(batch("a")) == first
    assert await store.payload(sha("p")) == "p"
    assert await store.load_run("run") == RUN
    assert (await store.commit(batch("b", records=(comment("2"),)))).first_seq == 2


async def test_both_stores_make_one_chain(tmp_path) -> None:
    """The same batches have the same head in memory and in a file, and an empty journal verifies."""
    proofs = []
    for store in (MemoryStore(), SQLiteStore(tmp_path / "s.sqlite")):
        await store.open()
        empty = await store.verify()
        for n in range(5):
            await store.commit(
                batch(str(n), at=-0.0 if n == 1 else n, card="é" if n else None, records=(comment("ü" * n),) * n)
            )
        proofs.append((empty, await store.verify()))
        await store.aclose()
    assert proofs[0] == proofs[1]
    assert (proofs[0][0].records, proofs[0][1].records) == (0, 10)
