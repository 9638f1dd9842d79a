"""A record of the journal that was changed behind the store's back is named, by its very sequence number."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from small_world import diligent, issue, open_world, organization, wish

import orket
from orket.contracts import ModelRequest, Store, ToolCall, TurnKind
from orket.errors import JournalError
from orket.events import CardMoved, JournalEntry, TurnClosed
from orket.stores import SQLiteStore

pytestmark = pytest.mark.anyio
Change = Callable[[dict[str, Any]], object]
TELLING: dict[str, list[Change]] = {  # what a fold cannot overlook, by the kind of record
    "card_added": [
        lambda fields: fields["issue"].update(priority=77.0),
        lambda fields: fields["issue"].update(name="another"),
        lambda fields: fields["issue"].update(version=5),
    ],
    "card_moved": [
        lambda fields: fields.update(after="archived"),
        lambda fields: fields.update(before="archived"),
        lambda fields: fields.update(version=fields["version"] + 1),
    ],
    "card_reprioritized": [lambda fields: fields.update(after=-1.0), lambda fields: fields.update(version=99)],
    "turn_closed": [lambda fields: fields.update(status="archived")],
}


def busy(request: ModelRequest) -> list[ToolCall]:
    """Comment, be refused, add an issue and move on."""
    assert request.brief is not None
    if request.brief.kind is TurnKind.REVIEW:
        return [diligent(request)]
    comment = ToolCall(name="add_issue_comment", arguments={"comment": "I see."})
    if request.brief.round == 1:
        return [comment, ToolCall(name="write_file", arguments={"path": "../out", "content": "x"})]
    if request.brief.issue.id == "a":
        return [ToolCall(name="create_issue", arguments={"summary": "More", "seat": "coder"}), wish("code_review")]
    return [comment, diligent(request)]


async def live(root: Path, store: Store | Path) -> list[JournalEntry]:
    """Leave a record, and return its entries."""
    organization(root, [issue("a"), issue("b", "a")], process_rules={"concurrency": 2})
    async with open_world(root, busy, store=store) as crew:
        await crew.run_epic("launch")
        await crew.reprioritize("b", 3, actor="ann")
        await crew.reopen("b", actor="ann", reason="once more")
        await crew.run_epic("launch")
        return [entry async for entry in crew.history()]


def rewritten(body: str, index: int, change: Change) -> str:
    """Return the records of a row with one of them changed."""
    records = json.loads(body)
    before = json.dumps(records[index])
    change(records[index][1])
    assert json.dumps(records[index]) != before
    return json.dumps(records, separators=(",", ":"), ensure_ascii=False)


def first_text(fields: dict[str, Any]) -> None:
    """Change something of any record: its first text, or else a number."""
    name = next(name for name, value in fields.items() if isinstance(value, str | int | list))
    value = fields[name]
    fields[name] = f"{value}!" if isinstance(value, str) else (value + 1 if isinstance(value, int) else [*value, "!"])


async def test_each_record_that_tells_of_a_card_is_named_exactly(tmp_path: Path) -> None:
    """Whichever record that says how a card stands is changed, in whichever way, the fold of the store names it."""
    store = orket.MemoryStore()
    await live(tmp_path, store)
    await store.open()
    sound, tried = list(store._journal), 0
    for place, row in enumerate(sound):
        for index, (kind, _) in enumerate(json.loads(row[-1])):
            for change in TELLING.get(kind, []):
                store._journal = [*sound[:place], (*row[:-1], rewritten(row[-1], index, change)), *sound[place + 1 :]]
                found = (await orket.replay(store)).disagreement
                assert found is not None
                assert (found.seq, found.last) == (row[1] + index, row[1] + index), (kind, found)
                tried += 1
    store._journal = sound
    assert (await orket.replay(store)).disagreement is None
    assert tried > 40


async def test_each_other_record_is_named_with_those_written_with_it(tmp_path: Path) -> None:
    """A changed record that nothing else repeats is one of those of its commit, which are named; alone it is exact."""
    store = orket.MemoryStore()
    await live(tmp_path, store)
    await store.open()
    sound, exact = list(store._journal), 0
    for place, row in enumerate(sound):
        for index, (kind, _) in enumerate(json.loads(row[-1])):
            if kind not in TELLING:
                store._journal = list(sound)
                store._journal[place] = (*row[:-1], rewritten(row[-1], index, first_text))
                found = (await orket.replay(store)).disagreement
                assert found is not None
                assert found.seq <= row[1] + index <= found.last
                assert (found.seq, found.last) in {(row[1], row[2]), (row[1] + index, row[1] + index)}
                exact += found.seq == found.last
    assert exact


async def test_a_row_that_is_gone_is_named_by_what_is_missing(tmp_path: Path) -> None:
    """The first record that is missing is the first that disagrees, whatever it was about."""
    store = orket.MemoryStore()
    await live(tmp_path, store)
    await store.open()
    sound = list(store._journal)
    for place, row in enumerate(sound[:-1]):
        store._journal = [*sound[:place], *sound[place + 1 :]]
        found = (await orket.replay(store)).disagreement
        assert found is not None
        assert found.seq == row[1]


async def test_a_file_tells_the_same(tmp_path: Path) -> None:
    """In a file a changed move is named as in memory, and so is one that cannot even be read any more."""
    path = tmp_path / "journal.db"
    entries = await live(tmp_path, path)
    moves = [entry for entry in entries if isinstance(entry.record, CardMoved)]
    closings = [entry for entry in entries if isinstance(entry.record, TurnClosed)]
    for entry, change in [
        (moves[0], lambda fields: fields.update(after="archived")),
        (moves[-1], lambda fields: fields.update(before="archived")),
        (closings[1], lambda fields: fields.update(status="archived")),
        (moves[3], lambda fields: fields.update(after="no status")),
    ]:
        with closing(sqlite3.connect(path)) as raw, raw:
            query = "SELECT first_seq, body FROM journal WHERE ? BETWEEN first_seq AND last_seq"
            first, body = raw.execute(query, (entry.seq,)).fetchone()
            said = rewritten(body, entry.seq - first, change)
            raw.execute("UPDATE journal SET body = ? WHERE first_seq = ?", (said, first))
        store = SQLiteStore(path)
        await store.open()
        try:
            found = (await orket.replay(store)).disagreement
            with pytest.raises(JournalError) as caught:
                await store.verify()
        finally:
            await store.aclose()
        assert found is not None
        assert found.seq <= entry.seq <= found.last
        assert caught.value.seq <= found.seq <= found.last <= caught.value.last
        if "no status" not in said:
            assert found.seq == found.last == entry.seq
        with closing(sqlite3.connect(path)) as raw, raw:
            raw.execute("UPDATE journal SET body = ? WHERE first_seq = ?", (body, first))


async def test_entries_alone_name_the_first_that_does_not_fit(tmp_path: Path) -> None:
    """Without the chain, what is named is the first record that those before it contradict."""
    entries = await live(tmp_path, orket.MemoryStore())
    assert (await orket.replay(entries)).disagreement is None
    (first, second) = [entry for entry in entries if isinstance(entry.record, CardMoved) and entry.card == "a"][:2]
    gone = [entry for entry in entries if entry is not first]
    found = (await orket.replay(gone)).disagreement
    assert found is not None
    assert (found.card, found.build) == ("a", "build-launch")
    assert first.seq < found.seq <= second.seq
