"""Cards that a newer orket wrote are refused by name, all of them, and stay as they are."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from attrs import evolve

from orket.contracts import Batch, CardChange, Issue, Store
from orket.errors import StoreVersionError
from orket.stores import MemoryStore, SQLiteStore

pytestmark = pytest.mark.anyio
PAUSED = '{"id":"b","name":"B","seat":"s","status":"paused","version":1}'
NEWER = '{"$v":2,"id":"c","name":"C","seat":"s","version":1}'


async def spoil(store: Store, path: Path) -> None:
    """Write what only a newer orket could."""
    if isinstance(store, MemoryStore):
        for card, body in (("b", PAUSED), ("c", NEWER)):
            store._cards["build", card].body = body
        return
    with closing(sqlite3.connect(path)) as connection, connection:
        for card, body in (("b", PAUSED), ("c", NEWER)):
            connection.execute("UPDATE card SET body = ? WHERE build = 'build' AND id = ?", (body, card))


@pytest.mark.parametrize("kind", ["memory", "file"])
async def test_every_card_that_cannot_be_read_is_named(tmp_path: Path, kind: str) -> None:
    """A status and a version that this orket does not know are told with their cards; another build is readable."""
    path = tmp_path / "j.db"
    store: Store = MemoryStore() if kind == "memory" else SQLiteStore(path)
    await store.open()
    issues = [Issue(id=name, name=name, seat="s", version=1) for name in "abc"]
    for build in ("build", "other"):
        changes = tuple([CardChange(issue=evolve(issue, build=build), expected=0) for issue in issues])
        await store.commit(Batch(op_id=build, run="r", build=build, at=1.0, changes=changes))
    await spoil(store, path)
    for _ in range(2):
        with pytest.raises(StoreVersionError, match=r"build build: card 'b'.*paused.*card 'c'.*version 2") as caught:
            await store.load_board("build")
        assert set(caught.value.cards) == {"b", "c"}
    assert len(await store.load_board("other")) == 3
    await store.aclose()
    if kind == "file":
        with closing(sqlite3.connect(path)) as connection:
            bodies = {row[0] for row in connection.execute("SELECT body FROM card")}
        assert {PAUSED, NEWER} <= bodies
