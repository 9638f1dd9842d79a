"""A real file under fire: whatever changes what a row of any table says is found.

``ORKET_TAMPERING_SEED`` in the environment says which changes are tried.
"""

import os
import random
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from evidence import Evidence
from nightly import drawn
from small_world import diligent, issue, open_world, organization

from orket.contracts import Batch, Document, ToolCall
from orket.errors import JournalError, StoreError
from orket.stores import SQLiteStore

TRIES = drawn(300, 10_000)
SEED = int(os.environ.get("ORKET_TAMPERING_SEED", "4"))
TABLES = ("card", "charge", "document", "head", "journal", "payload", "run")


def talkative(request) -> list[ToolCall]:
    """Leave something in every table: a comment, a file, a status."""
    comment = ToolCall(name="add_issue_comment", arguments={"text": f"I see {request.brief.issue.id}"})
    file = ToolCall(name="write_file", arguments={"path": f"agent_output/{request.brief.issue.id}", "content": "x"})
    return [comment, file, diligent(request)] if request.brief.kind == "work" else [diligent(request)]


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an epic that was run, with a document that was changed and one of a host's own."""
    root = tmp_path_factory.mktemp("record")
    path = root / "record.db"
    organization(root, [issue("a"), issue("b", "a"), issue("c", "a")])

    async def work() -> None:
        async with open_world(root, talkative, store=path) as crew:
            for run, build in (("one", "launch"), ("two", "again")):
                await crew.run_epic("launch", run_id=run, build=build)
            for op_id, body in (("x", {"n": 1}), ("y", {"n": 2})):
                document = Document(kind="note", key="k", body=body)
                await crew.store.commit(Batch(op_id=op_id, run="r", build="b", at=1.0, documents=(document,)))

    anyio.run(work)
    assert verdict(path) is None
    return path


def verdict(path: Path) -> StoreError | None:
    """Return what opening and verifying the file raises."""

    async def check() -> None:
        store = SQLiteStore(path)
        try:
            await store.open()
            await store.verify()
        finally:
            await store.aclose()

    try:
        anyio.run(check)
    except StoreError as error:
        return error
    return None


def content(path: Path) -> Any:
    """Return everything that a file says, read without orket; None where it cannot be read."""
    with closing(sqlite3.connect(path)) as raw, suppress(sqlite3.Error, ValueError):
        raw.text_factory = bytes
        head = [raw.execute(f"PRAGMA {name}").fetchone() for name in ("application_id", "user_version", "encoding")]
        schema = raw.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema").fetchall()
        # Documents have no order of their own: they are found by their keys.
        rows = [raw.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall() for table in TABLES]
        sound = raw.execute("PRAGMA integrity_check").fetchall()
        return repr((head, schema, rows, sound))  # 1 and 1.0 differ, too


def flip(path: Path, dice: random.Random) -> str:
    """Flip one bit of the file."""
    data = bytearray(path.read_bytes())
    place, bit = dice.randrange(len(data)), dice.randrange(8)
    data[place] ^= 1 << bit
    path.write_bytes(data)
    return f"bit {bit} of byte {place}"


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Change a file behind the store's back; nobody waits for the disk."""
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("PRAGMA synchronous = off")
        yield raw


def rows_of(raw: sqlite3.Connection, table: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    cursor = raw.execute(f"SELECT * FROM {table}")
    return [column[0] for column in cursor.description], cursor.fetchall()


def write_rows(raw: sqlite3.Connection, table: str, rows: list[tuple[Any, ...]]) -> None:
    raw.execute(f"DELETE FROM {table}")
    raw.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)


def delete(path: Path, dice: random.Random) -> str:
    """Delete one row."""
    table = dice.choice(TABLES)
    with opened(path) as raw:
        names, rows = rows_of(raw, table)
        gone = dice.choice(rows)
        raw.execute(f"DELETE FROM {table} WHERE {names[0]} = ? AND {names[1]} IS ?", gone[:2])
    return f"deleted {gone[:2]} of {table}"


def swap(path: Path, dice: random.Random) -> str:
    """Let two rows take each other's place, or exchange one column of theirs."""
    table = dice.choice([table for table in TABLES if table != "head"])  # it has one row
    with suppress(sqlite3.IntegrityError), opened(path) as raw:
        names, rows = rows_of(raw, table)
        one, other = dice.sample(range(len(rows)), 2)
        columns = [dice.randrange(len(names))] if dice.random() < 0.5 else range(1, len(names))
        first, second = list(rows[one]), list(rows[other])
        for column in columns:
            first[column], second[column] = second[column], first[column]
        rows[one], rows[other] = tuple(first), tuple(second)
        write_rows(raw, table, rows)
    return f"swapped rows {one} and {other} of {table}, columns {[*columns]}"


def changes(record: Path, folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield as many copies of the file as are tried, each changed in one respect."""
    dice, before, count = random.Random(SEED + TRIES.start), content(record), 0
    while count < len(TRIES):
        path = folder / f"{count}.db"
        shutil.copy(record, path)
        what = dice.choice((flip, flip, delete, swap))(path, dice)
        if content(path) != before:  # else the bit lies where nothing is stored, or the two rows were alike
            count += 1
            yield what, path
        for file in folder.glob(f"{path.name}*"):
            file.unlink()


@pytest.mark.nightly
@pytest.mark.fire("tampering")
def test_whatever_is_changed_in_a_file_is_found(record: Path, tmp_path: Path, evidence: Evidence) -> None:
    """Opening or verifying refuses each of many random flips, deletions and swaps that change what the file says."""
    unseen = [what for what, path in changes(record, tmp_path) if verdict(path) is None]
    evidence(runs=len(TRIES), failures=len(unseen))
    assert unseen == []


@pytest.mark.parametrize("table", TABLES)
def test_every_table_is_covered(record: Path, tmp_path: Path, table: str) -> None:
    """Each row that is deleted and each cell that is changed is a JournalError, in every table."""
    with closing(sqlite3.connect(record)) as raw:
        names, rows = rows_of(raw, table)
    key = f"{names[0]} = ? AND {names[1]} IS ?"
    scripts = [(f"DELETE FROM {table} WHERE {key}", row[:2]) for row in (rows[0], rows[-1])]
    for name, value in zip(names, rows[-1], strict=True):
        other = value + 1 if isinstance(value, int | float) else b"?" if isinstance(value, bytes) else "?"
        scripts.append((f"UPDATE {table} SET {name} = ? WHERE {key}", (other, *rows[-1][:2])))
    for script, values in scripts:
        path = tmp_path / "changed.db"
        shutil.copy(record, path)
        with opened(path) as raw:
            assert raw.execute(script, values).rowcount == 1
        assert isinstance(verdict(path), JournalError), (script, values)


def test_a_row_that_is_put_back_is_found(record: Path, tmp_path: Path) -> None:
    """A document with the text and a card with the state that it once had are not what was written last."""
    for script in ("UPDATE document SET body = '{\"n\":1}' WHERE kind = 'note'", "UPDATE card SET token = token - 1"):
        path = tmp_path / "changed.db"
        shutil.copy(record, path)
        with opened(path) as raw:
            raw.execute(script)
        assert isinstance(verdict(path), JournalError)


@pytest.mark.parametrize(
    "script",
    [
        "INSERT INTO journal SELECT {0}, 1, 2, at, run, build, card, 'new', changes, hash, body FROM journal LIMIT 1",
        "UPDATE payload SET rowid = {0}, body = x'00' WHERE rowid = 1",
    ],
)
@pytest.mark.parametrize("place", [0, -1, -(2**63)])
def test_a_row_before_the_first_one_is_found(record: Path, tmp_path: Path, script: str, place: int) -> None:
    """A row that was put where nobody begins to follow is a JournalError: whoever filters would read it."""
    path = tmp_path / "changed.db"
    shutil.copy(record, path)
    with opened(path) as raw:
        assert raw.execute(script.format(place)).rowcount == 1
    assert isinstance(verdict(path), JournalError)


def test_a_foreign_index_and_a_lost_one_are_found(record: Path, tmp_path: Path) -> None:
    """The schema is the one that orket makes; an index that lies is damage."""
    for script in (
        "DROP INDEX journal_card",
        "CREATE INDEX more ON card (token)",
        "ALTER TABLE run ADD COLUMN more TEXT",
    ):
        path = tmp_path / "changed.db"
        shutil.copy(record, path)
        with opened(path) as raw:
            raw.execute(script)
        assert isinstance(verdict(path), JournalError), script
