"""Files as every released schema version wrote them are opened, migrated, and worked on."""

import hashlib
import json
import shutil
import sqlite3
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from golden_files import GOLDEN, agent, assets, contents, documents, make, pay
from small_world import open_world

import orket
from orket import _codec
from orket.bugfix import Sequel
from orket.cards import CardStatus
from orket.contracts import Bug, BugFixPhase, PullReview
from orket.events import TurnResumed
from orket.stores import SQLiteStore
from orket.stores._migrate import migrations

pytestmark = pytest.mark.anyio
FILES = sorted(GOLDEN.glob("v*.sqlite"))
NEWEST = migrations()[-1].number
RELEASED = {  # the SHA-256 of each step: a file that has seen a step never sees what it is changed to
    "001_record.sql": "e744388bd6648541cde4dad662f517e8abc6e4cff43482e970ba750d894e3de1",
}


@pytest.fixture(params=FILES, ids=lambda path: path.stem)
def golden(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of a golden file."""
    return Path(shutil.copyfile(request.param, tmp_path / request.param.name))


@pytest.fixture
def held(golden: Path) -> dict[str, Any]:
    """What the file held when it was made."""
    return json.loads((GOLDEN / golden.name).with_suffix(".json").read_text("utf-8"))


def schema(path: Path) -> dict[str, tuple[str, str]]:
    """Return the tables and indexes of a file as SQLite was told to make them, apart from comments and spaces."""
    connection = sqlite3.connect(path)
    try:
        found = connection.execute("SELECT name, type, sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
    finally:
        connection.close()
    return {name: (kind, " ".join(line.partition("--")[0] for line in sql.split("\n"))) for name, kind, sql in found}


def version(path: Path) -> int:
    """Return the schema version of a file."""
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute("PRAGMA user_version").fetchone()[0])
    finally:
        connection.close()


def test_there_is_a_file_of_every_schema_version() -> None:
    """Each version that a step leads to has its golden file, of that version."""
    assert [path.stem for path in FILES] == [f"v{step.number:03}" for step in migrations()]
    assert [version(path) for path in FILES] == [step.number for step in migrations()]


def test_released_steps_are_never_edited() -> None:
    """A change of the schema is a file with the next number; those that users' files have seen stay as they are."""
    folder = resources.files("orket.stores").joinpath("migrations")
    found = {step.name: folder.joinpath(step.name).read_bytes() for step in migrations()}
    assert {name: hashlib.sha256(text.replace(b"\r\n", b"\n")).hexdigest() for name, text in found.items()} == RELEASED


async def test_a_migrated_file_holds_what_it_held(golden: Path, held: dict[str, Any]) -> None:
    """It has the newest schema; chain, records, cards, runs and documents are as before, and all can be read."""
    assert {**await contents(SQLiteStore(golden)), "documents": held["documents"]} == held
    assert version(golden) == NEWEST
    store = SQLiteStore(golden)
    await store.open()
    try:
        for entry in [entry async for entry in store.events()]:
            assert entry.record is not None
        for kind, count in held["documents"].items():
            found = await store.find(kind)
            assert len(found) == count
        codec = _codec.codec()
        states = [one for one in await store.find("review_pull") if one.key.endswith("!")]
        assert [codec.load(one.body, PullReview).id for one in states] == ["acme/shop#7"]
        phases = {one.key: one.body for one in await store.find("bugfix")}
        assert codec.load(phases.pop("core/hill/!"), BugFixPhase).sequel == "hill-phase2"
        assert sorted(codec.load(body, Bug).id for body in phases.values()) == ["BUG-1", "BUG-2"]
        (sequel,) = await store.find("sequel")
        assert codec.load(sequel.body, Sequel).as_rock().epics[0].epic == "hill-phase2-small"
        found = await orket.replay(store)
        assert (found.disagreement, found.records) == (None, held["records"])
    finally:
        await store.aclose()
    assert documents(golden) == held["documents"]


async def test_a_migrated_file_has_the_schema_of_a_new_one(golden: Path, tmp_path: Path) -> None:
    """Nobody can tell from tables and indexes which way a file has come."""
    for path in (golden, tmp_path / "new.sqlite"):
        store = SQLiteStore(path)
        await store.open()
        await store.aclose()
    assert schema(golden) == schema(tmp_path / "new.sqlite")


async def test_work_goes_on_in_a_migrated_file(golden: Path, tmp_path: Path) -> None:
    """The run that died is taken up where it stood, an effect of unknown outcome is settled, a sequel is run."""
    # The nodes are those of this version, and the file was written by another one: the host says that this is meant.
    root = assets(tmp_path / "crew")
    async with open_world(root, agent, store=golden, tools=[pay], accept_new_wiring=True) as crew:
        assert await crew.preflight() == ()
        broken = await crew.resume("run-broken")
        assert (broken.outcome, broken.done) == (orket.RunOutcome.DONE, 2)
        assert any([isinstance(entry.record, TurnResumed) async for entry in crew.history(run=broken.run)])
        (effect,) = await crew.unsettled()
        assert (effect.card, effect.tool, dict(effect.arguments)) == ("d", "pay", {"amount": 500})
        await crew.settle(effect, ran=True, actor="ann", output="paid")
        assert (await crew.explain("c")).wait is not None
        await crew.reopen("b", actor="ann", reason="Blue.")
        await crew.run_epic("launch")
        cards = {one.id: one.status for one in (await crew.board("build-launch")).builds[0].issues}
        assert (cards["a"], cards["d"], cards["f"]) == (CardStatus.DONE,) * 3
        assert (await crew.run_rock("hill-phase2")).outcome is orket.RunOutcome.DONE
        await crew.store.verify()


def test_the_script_makes_the_same_record_twice(tmp_path: Path) -> None:
    """Nothing in a golden file is a matter of chance: another making has the same chain, down to its head."""
    made = [tmp_path / name for name in ("one.sqlite", "other.sqlite")]
    for path in made:
        make(path)
    one, other = (json.loads(path.with_suffix(".json").read_text("utf-8")) for path in made)
    assert one == other
    assert version(made[0]) == NEWEST
