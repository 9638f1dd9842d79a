"""What is changed of a record in memory behind the store's back is found, in whichever table."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import pytest
from small_world import diligent, issue, open_world, organization

from orket.contracts import Batch, Document
from orket.errors import JournalError
from orket.stores import MemoryStore

pytestmark = pytest.mark.anyio
Change = Callable[[MemoryStore], object]


def first(table: dict[bytes, bytes]) -> bytes:
    return next(iter(table))


def turned_round(table: dict[Any, Any]) -> None:
    """Let the rows of a table stand in another order."""
    items = list(reversed(table.items()))
    table.clear()
    table.update(items)


CHANGES: dict[str, Change] = {
    "card body": lambda it: setattr(it._cards["again", "a"], "body", it._cards["launch", "a"].body + " "),
    "card version": lambda it: setattr(it._cards["launch", "a"], "version", 1),
    "card owner": lambda it: setattr(it._cards["launch", "a"], "owner", "me"),
    "card until": lambda it: setattr(it._cards["launch", "a"], "until", 1.5),
    "card token": lambda it: setattr(it._cards["launch", "a"], "token", 9),
    "card gone": lambda it: it._cards.pop(("launch", "a")),
    "card added": lambda it: it._cards.update({("launch", "new"): it._cards["launch", "a"].copy()}),
    "card moved": lambda it: turned_round(it._cards),
    "charge": lambda it: it._charges.update(one=(99, 0)),
    "charge gone": lambda it: it._charges.pop("one"),
    "document": lambda it: it._documents.update({("note", "k"): "{}"}),
    "document back": lambda it: it._documents.update({("note", "k"): '{"n":1}'}),
    "document gone": lambda it: it._documents.pop(("note", "k")),
    "document added": lambda it: it._documents.update({("note", "x"): "{}"}),
    "run body": lambda it: it._runs.update(one=attrs.evolve(it._runs["one"], body="{}")),
    "run build": lambda it: it._runs.update(one=attrs.evolve(it._runs["one"], build="again")),
    "run gone": lambda it: it._runs.pop("one"),
    "run moved": lambda it: turned_round(it._runs),
    "operation": lambda it: it._operations.update(y=1),
    "operation gone": lambda it: it._operations.pop("x"),
    "operation added": lambda it: it._operations.update(z=1),
    "payload": lambda it: it._payloads.update({first(it._payloads): b"other"}),
    "payload gone": lambda it: it._payloads.pop(first(it._payloads)),
    "journal cut": lambda it: it._journal.pop(),
    "journal gone": lambda it: it._journal.pop(3),
    "journal moved": lambda it: it._journal.insert(2, it._journal.pop(3)),
    "journal doubled": lambda it: it._journal.insert(2, it._journal[2]),
}


@pytest.mark.parametrize("what", CHANGES)
async def test_whatever_is_changed_is_found(tmp_path: Path, what: str) -> None:
    """A row of any table that is changed, gone, new, moved, or what it once was breaks the proof, and nothing else."""
    store = MemoryStore()
    async with open_world(organization(tmp_path, [issue("a"), issue("b", "a")]), diligent, store=store) as crew:
        for run, build in (("one", "launch"), ("two", "again")):
            await crew.run_epic("launch", run_id=run, build=build)
        for op_id, body in (("x", {"n": 1}), ("y", {"n": 2})):
            document = Document(kind="note", key="k", body=body)
            await store.commit(Batch(op_id=op_id, run="r", build="b", at=1.0, documents=(document,)))
        sound = await store.verify()
        assert await store.verify() == sound
        CHANGES[what](store)
        with pytest.raises(JournalError) as caught:
            await store.verify()
    assert caught.value.seq > 0 or caught.value.data["table"] == what.split()[0]
