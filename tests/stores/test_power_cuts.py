"""The power fails, at any moment: what was acknowledged is on the disk, and what is on the disk is a whole record."""

import shutil
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from random import Random

import pytest
from evidence import Evidence
from nightly import drawn
from power import Disk, RecordedStore, Recording, RecordingVFS, record
from power.crew import BUILDS, Verdict, examine
from power.disk import Event, FolderSynced, Synced, Told

from orket.stores import Durability, _database

pytestmark = [pytest.mark.anyio, pytest.mark.thorough]
CUTS = drawn(500, 10_000)  # on each event loop
FINISHED = 50  # every so many records that a cut has left are worked on to the end


@pytest.fixture(autouse=True)
def short_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the write-ahead log be copied back into the database again and again."""
    monkeypatch.setattr(_database, "WAL_BYTES", 100_000)


@pytest.fixture
def desk(memory_disk: Path) -> Path:
    """Where records are made and looked at; nobody waits for a disk there."""
    (memory_disk / "work").mkdir()
    return memory_disk


async def work(
    folder: Path,
    durability: Durability = "full",
    disk: Disk | None = None,
    kind: type[RecordedStore] = RecordedStore,
) -> Recording:
    """Record the work of a crew."""
    disk = Disk() if disk is None else disk
    return await record(folder, kind(folder / "journal.db", RecordingVFS(disk), durability=durability), disk)


async def cut(recording: Recording, folder: Path, number: int, at: int, *, full: bool = True) -> Verdict:
    """Let the power fail, and look at what is left; keep it if something is wrong."""
    place = folder / str(number)
    place.mkdir()
    finish = () if number % FINISHED else BUILDS
    image = recording.cut(at, Random(number))
    verdict = await examine(image, place, recording.heads, full=full, finish=finish)
    if not verdict.problems:
        shutil.rmtree(place)
    return verdict


@pytest.mark.nightly
@pytest.mark.fire("power cuts")
async def test_a_power_cut_loses_nothing_that_was_acknowledged(desk: Path, evidence: Evidence) -> None:
    """After 1,000 cuts every acknowledged batch is there, the record is how the work began, and it can be finished."""
    recording = await work(desk / "work", "full")
    problems: dict[str, tuple[str, ...]] = {}
    moments = recording.moments(len(CUTS), Random(1 + CUTS.start))
    for number, at in zip(CUTS, moments, strict=True):
        verdict = await cut(recording, desk, number, at)
        if verdict.problems:
            problems[f"cut {number}, before event {at}"] = verdict.problems
    evidence(runs=len(CUTS), failures=len(problems))
    assert problems == {}


@pytest.mark.nightly
@pytest.mark.fire("power cuts, process")
async def test_who_does_not_wait_for_the_disk_loses_the_end(desk: Path, evidence: Evidence) -> None:
    """With durability "process" a cut takes the last commits, as documented; what is left is how the work began."""
    recording = await work(desk / "work", "process")
    cuts, lost, problems = len(CUTS) // 5, [], {}
    for number, at in enumerate(recording.moments(cuts, Random(2 + CUTS.start)), CUTS.start):
        verdict = await cut(recording, desk, number, at, full=False)
        lost.append(verdict.lost)
        if verdict.problems:
            problems[f"cut {number}, before event {at}"] = verdict.problems
    count = sum(told > 0 for told in lost)
    evidence(
        runs=cuts,
        failures=len(problems),
        note=f"{count} of {cuts} cuts took acknowledged commits: {sum(lost) / max(count, 1):.1f} on average, "
        f"{max(lost)} at most, of {commits(recording)}",
    )
    assert problems == {}
    assert count > 0, "the harness cuts too little"


def commits(recording: Recording) -> int:
    return len(recording.cut(len(recording.disk.events), Random(0)).acknowledged)


class Forgetful(Disk):
    """A disk that says it keeps what it was told to, and does not: of one file, or of the folder."""

    def __init__(self, name: str | None) -> None:
        super().__init__()
        self._name = name

    def add(self, event: Event) -> None:
        ignored = FolderSynced() if self._name is None else Synced(self._files.get(self._name, 0))
        if event != ignored:
            super().add(event)


class Careless(RecordedStore):
    """A store that never asks the disk to keep anything."""

    def _connect(self):
        database = super()._connect()
        database._connection.execute("PRAGMA synchronous = OFF")
        return database


async def forgetting(folder: Path, name: str | None) -> Recording:
    return await work(folder, disk=Forgetful(name))


async def careless(folder: Path) -> Recording:
    return await work(folder, kind=Careless)


async def lax(folder: Path) -> Recording:
    return await work(folder, "process")


async def hasty(folder: Path) -> Recording:
    """A store that says what is kept before it is."""
    recording = await work(folder)
    told = [event for event in recording.disk.events if isinstance(event, Told) and isinstance(event.what, dict)]
    acks = {event.what["ack"]["op_id"]: event for event in told if "ack" in event.what}
    events = []
    for event in recording.disk.events:
        if event not in acks.values():
            events.append(event)
        if event in told and "begun" in event.what:
            events.append(acks[event.what["begun"]])
    recording.disk.events[:] = events
    return recording


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize(
    ("wrong", "full"),
    [
        pytest.param(lax, True, id="synchronous normal"),
        pytest.param(careless, True, id="synchronous off"),
        pytest.param(careless, False, id="synchronous off, durability process"),
        pytest.param(hasty, True, id="acknowledged before the commit"),
        pytest.param(partial(forgetting, name="journal.db-wal"), True, id="log not synced"),
        pytest.param(partial(forgetting, name="journal.db-wal"), False, id="log not synced, durability process"),
        pytest.param(partial(forgetting, name="journal.db"), True, id="database not synced"),
        pytest.param(partial(forgetting, name="journal.db-journal"), True, id="rollback journal not synced"),
        pytest.param(partial(forgetting, name=None), True, id="folder not synced"),
    ],
)
async def test_a_store_that_does_not_keep_its_word_is_found(
    desk: Path, wrong: Callable[[Path], Awaitable[Recording]], full: bool
) -> None:
    """Whoever does not sync what it must, or speaks too early, is found by a few hundred cuts."""
    recording = await wrong(desk / "work")
    for number, at in enumerate(recording.moments(500, Random(3))):
        if (await cut(recording, desk, number, at, full=full)).problems:
            return
    pytest.fail("nobody noticed")
