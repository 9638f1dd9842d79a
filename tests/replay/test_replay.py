"""The fold of the journal: the same board without a call, and the first record that stored cards do not agree with."""

import shutil
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any

import anyio
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from small_world import diligent, issue, open_world, organization, wish

import orket
from orket._codec import codec
from orket.cards import CardStatus
from orket.contracts import Batch, CardChange, ModelRequest, Store, ToolCall, TurnKind
from orket.errors import GovernanceError, RunError, StoreVersionError
from orket.events import CardAdded, CardMoved, CardReprioritized, JournalEntry, VerificationRecorded
from orket.stores import SQLiteStore

pytestmark = pytest.mark.anyio
CHANGING = (CardAdded, CardMoved, CardReprioritized, VerificationRecorded)


def lively(request: ModelRequest) -> list[ToolCall]:
    """Ask a person about ``b``, create an issue for ``c``, have the first review of ``a`` send it back."""
    assert request.brief is not None
    about, is_work, comments = request.brief.issue, request.brief.kind is TurnKind.WORK, "comment by" in str(request)
    if about.id == "b" and is_work and "Blue" not in str(request.messages):
        return [wish("blocked", wait_reason="input", reason="Which colour?")]
    if about.id == "c" and is_work:
        arguments = {"summary": "More", "seat": "coder", "priority": 1.0}
        return [ToolCall(name="create_issue", arguments=arguments), wish("code_review")]
    if about.id == "a" and not is_work and about.retry_count == 0 and not comments and about.version < 6:
        return [wish("ready", reason="again")]
    return [diligent(request)]


async def live(root: Path, store: orket.MemoryStore | Path) -> None:
    """Leave a record in which everything happened that changes cards."""
    organization(root, [issue("a", verification={"fixture": "proof.py"}), issue("b", "a"), issue("c")])
    proof = root / "work" / "space" / "verification" / "proof.py"
    proof.parent.mkdir(parents=True, exist_ok=True)
    proof.write_text("def verify():\n    return True\n")
    async with open_world(root, lively, store=store) as crew:
        await crew.run_epic("launch", run_id="first")
        await crew.reprioritize("b", 9, actor="ann")
        await crew.unblock("b", actor="ann", reason="Blue.")
        await crew.run_epic("launch", run_id="second")
        await crew.reopen("c", actor="ann")
        await crew.cancel("c", actor="ann")
        await crew.run_epic("launch", build="elsewhere", run_id="third")


async def read(store: Store) -> list[JournalEntry]:
    return [entry async for entry in store.events()]


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of such a record."""
    root = tmp_path_factory.mktemp("live")
    anyio.run(live, root, root / "journal.db")
    return root / "journal.db"


@pytest.fixture
def path(record: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copy(record, tmp_path / "journal.db"))


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    """A store on a copy of it."""
    opened = SQLiteStore(path, durability="process")
    await opened.open()
    yield opened
    await opened.aclose()


@pytest.fixture(scope="module")
def entries(record: Path) -> list[JournalEntry]:
    """Its entries."""

    async def work() -> list[JournalEntry]:
        store = SQLiteStore(record)
        await store.open()
        try:
            return await read(store)
        finally:
            await store.aclose()

    return anyio.run(work)


def change(path: Path, script: str, *values: object) -> None:
    """Change one row behind the store's back."""
    with closing(sqlite3.connect(path)) as raw, raw:
        assert raw.execute(script, values).rowcount == 1


async def test_the_fold_is_the_board(store: Store) -> None:
    """Folding a store gives its cards, exactly and in their order, and so does folding its entries alone."""
    folded = await orket.replay(store)
    assert folded.disagreement is None
    assert set(folded.boards) == {"build-launch", "elsewhere"}
    for build, issues in folded.boards.items():
        assert issues == tuple([row.issue for row in await store.load_board(build)])
    assert {one.status for one in folded.boards["build-launch"]} == {CardStatus.DONE, CardStatus.CANCELED}
    entries = await read(store)
    assert {type(entry.record) for entry in entries} >= set(CHANGING)
    assert (folded.records, folded.last_seq) == (len(entries), entries[-1].seq)
    assert await orket.replay(entries) == await orket.replay(store.events()) == folded


async def test_nothing_is_called(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nodes, models, tools, gate and law may all be broken: the fold asks none of them."""

    def broken(*_args: object, **_options: object) -> object:
        raise AssertionError("called")

    for place in ("orket._decide._ask", "orket._flow._asking._request", "orket.tools._runtime.ToolRuntimeExecutor"):
        monkeypatch.setattr(place, broken)
    monkeypatch.setattr("orket.governance._machine.judge_transition", broken)
    assert (await orket.replay(store)).disagreement is None


async def test_a_store_without_records_agrees() -> None:
    """Nothing folds to nothing."""
    store = orket.MemoryStore()
    await store.open()
    assert await orket.replay(store) == await orket.replay([]) == orket.Replay(boards={}, records=0, last_seq=0)


SCRIPTS = {
    "status": (
        "UPDATE card SET body = json_set(body, '$.status', 'blocked') WHERE build = 'build-launch' AND id = 'a'",
        CardMoved,
    ),
    "name": (
        "UPDATE card SET body = json_set(body, '$.name', 'x') WHERE build = 'build-launch' AND id = 'a'",
        CardAdded,
    ),
    "priority": (
        "UPDATE card SET body = json_set(body, '$.priority', 3.0) WHERE build = 'build-launch' AND id = 'b'",
        CardReprioritized,
    ),
    "verification": (
        "UPDATE card SET body = json_set(body, '$.verification.last_run.passed', json('false')) "
        "WHERE build = 'elsewhere' AND id = 'a'",
        VerificationRecorded,
    ),
    "deleted": ("DELETE FROM card WHERE build = 'build-launch' AND id = 'b'", CardAdded),
    "moved": ("UPDATE card SET place = place + 100 WHERE build = 'build-launch' AND id = 'a'", CardAdded),
    "strange": (
        "INSERT INTO card SELECT 99, build, 'x', 1, NULL, 0.0, 0, json_set(body, '$.id', 'x') FROM card "
        "WHERE place = 1",
        None,
    ),
}


@pytest.mark.parametrize("what", SCRIPTS)
async def test_a_stored_card_that_disagrees_is_named(path: Path, store: Store, what: str) -> None:
    """The first record is named since which a card is not what the records make of it; 0 where none speaks of it."""
    script, kind = SCRIPTS[what]
    change(path, script)
    found = (await orket.replay(store)).disagreement
    by_seq = {entry.seq: entry for entry in await read(store)}
    assert found is not None
    assert found.card in {"a", "b", "x"}
    if kind is None:
        assert found.seq == 0
    else:
        assert isinstance(by_seq[found.seq].record, kind)
        assert by_seq[found.seq].build == found.build


async def test_a_card_that_stayed_behind_is_named_with_the_record_it_lacks(path: Path, store: Store) -> None:
    """A stored card that is what it was before a record disagrees with that record."""
    entries = await read(store)
    moves = [entry for entry in entries if isinstance(entry.record, CardMoved) and entry.card == "a"]
    folded = await orket.replay([entry for entry in entries if entry.seq < moves[2].seq])
    stale = codec().text(folded.boards["build-launch"][0])
    change(path, "UPDATE card SET body = ? WHERE build = 'build-launch' AND id = 'a'", stale)
    found = (await orket.replay(store)).disagreement
    assert found is not None
    assert (found.seq, found.card) == (moves[2].seq, "a")


async def test_what_is_committed_without_a_record_is_seen(store: Store) -> None:
    """A card that a host changes without saying so disagrees since the record that gave it what was changed."""
    (row, *_) = await store.load_board("build-launch")
    changed = evolve(row.issue, note="psst", version=row.issue.version + 1)
    change = CardChange(issue=changed, expected=row.issue.version)
    await store.commit(Batch(op_id="psst", run="r", build="build-launch", at=1.0, changes=(change,)))
    found = (await orket.replay(store)).disagreement
    assert (found.card, found.build) == ("a", "build-launch")
    assert "note" in found.detail


async def test_the_law_is_not_needed_for_a_journal_that_it_refuses() -> None:
    """A record that could never have been written folds like any other: what was, was."""
    card = orket.Issue(id="a", name="a", seat="s", status=CardStatus.ARCHIVED, version=1)
    moved = CardMoved(before=CardStatus.ARCHIVED, after=CardStatus.DONE, by="x", role="", reason="", version=2)
    with pytest.raises(GovernanceError):
        orket.governance.move(card, CardStatus.DONE, actor=orket.governance.Actor.SEAT, by="x", reason="")
    said = {"at": 1.0, "run": "r", "build": "b", "card": "a"}
    folded = await orket.replay(
        [JournalEntry(seq=1, record=CardAdded(issue=card, by="x"), **said), JournalEntry(seq=2, record=moved, **said)]
    )
    assert folded.disagreement is None
    assert folded.boards["b"][0].status is CardStatus.DONE


@given(data=st.data())
async def test_a_journal_that_lacks_or_swaps_records_disagrees_with_itself(
    entries: list[JournalEntry], data: st.DataObject
) -> None:
    """Without one of the records that change a card, one up to the next of them does not fit; nor one out of order."""
    about: dict[tuple[str, str], list[int]] = {}
    for index, entry in enumerate(entries):
        if isinstance(entry.record, CHANGING):
            card = entry.record.issue.id if isinstance(entry.record, CardAdded) else entry.card
            about.setdefault((entry.build, card or ""), []).append(index)
    indices = data.draw(st.sampled_from([found for found in about.values() if len(found) > 1]))
    place = data.draw(st.integers(0, len(indices) - 2))
    gone = [*entries[: indices[place]], *entries[indices[place] + 1 :]]
    found = (await orket.replay(gone)).disagreement
    assert found is not None
    assert entries[indices[place]].seq < found.seq <= entries[indices[place + 1]].seq
    one, other = sorted(data.draw(st.lists(st.integers(0, len(entries) - 1), min_size=2, max_size=2, unique=True)))
    swapped = list(entries)
    swapped[one], swapped[other] = swapped[other], swapped[one]
    found = (await orket.replay(swapped)).disagreement
    assert found is not None
    assert entries[one].seq <= found.seq <= entries[other].seq


async def test_what_is_committed_meanwhile_is_folded_too(tmp_path: Path) -> None:
    """A store that is written while it is replayed does not disagree with itself."""

    class Late(orket.MemoryStore):
        """A store on which somebody acts between its records and its cards being read."""

        acts = 0

        async def load_board(self, build: str, /):
            if self.acts:
                self.acts -= 1
                await crew.reprioritize("a", self.acts, actor="ann", build="build-launch")
            return await super().load_board(build)

    store = Late()
    async with open_world(organization(tmp_path, [issue("a")]), diligent, store=store) as crew:
        await crew.run_epic("launch")
        before = (await orket.replay(store)).records
        store.acts = 3
        folded = await orket.replay(store)
        (stored,) = await store.load_board("build-launch")
    assert folded.disagreement is None
    assert folded.records == before + 3
    assert folded.boards["build-launch"] == (stored.issue,)


async def test_a_sound_record_that_cannot_be_read_is_an_error(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a newer orket wrote is no disagreement: nobody can fold it."""
    monkeypatch.delitem(codec()._classes, "card_moved")
    with pytest.raises(StoreVersionError, match="card_moved"):
        await orket.replay(store)


@pytest.mark.parametrize("wrong", ["journal.db", None, 3, [1]])
async def test_what_is_no_journal_is_refused(wrong: Any) -> None:
    """A path, or a list of anything but entries, is a typed error that says what is valid."""
    with pytest.raises(RunError, match=r"^replay found .*; valid: an open store, or the entries of a journal$"):
        await orket.replay(wrong)
