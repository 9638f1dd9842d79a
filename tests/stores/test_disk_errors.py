"""The disk fails at any write, sync, truncation or deletion: a typed error, nothing lost, and it goes on afterwards."""

from pathlib import Path
from random import Random

import apsw
import pytest
from evidence import Evidence
from nightly import NIGHT, dealt
from power import Disk, RecordedStore, RecordingVFS
from power.crew import BUILDS, Image, ToldCommits, ToldLedger, crew, examine

from orket.errors import StorageFault, StoreError
from orket.stores import _database
from orket.testing.faults import WitnessedStore

pytestmark = [pytest.mark.anyio, pytest.mark.thorough, pytest.mark.nightly]
ERRORS = {
    "write": (apsw.SQLITE_IOERR_WRITE, apsw.SQLITE_FULL),
    "sync": (apsw.SQLITE_IOERR_FSYNC, apsw.SQLITE_IOERR_FSYNC),
    "truncate": (apsw.SQLITE_IOERR_TRUNCATE, apsw.SQLITE_IOERR_TRUNCATE),
    "delete": (apsw.SQLITE_IOERR_DELETE, apsw.SQLITE_IOERR_DELETE),
}


class Failing:
    """Let the k-th operation on a file fail, once, or all from then on."""

    def __init__(self, at: int, *, full: bool, lasting: bool) -> None:
        self.count, self.noticed = 0, False
        self._at, self._full, self._lasting = at, full, lasting

    def __repr__(self) -> str:
        return f"{'full' if self._full else 'failing'}, {'for good' if self._lasting else 'once'}"

    def __call__(self, operation: str, name: str) -> BaseException | None:
        self.count += 1
        if self.count == self._at or (self._lasting and 0 < self._at < self.count):
            return apsw.exception_for(ERRORS[operation][self._full])
        return None


async def suffer(folder: Path, failing: Failing, dice: Random) -> tuple[str, ...]:
    """Let a crew work while a disk fails, cut the power, or let another crew go on: say what is wrong then."""
    disk = Disk()
    store = RecordedStore(folder / "journal.db", RecordingVFS(disk, failing))
    try:
        async with crew(folder, ToldLedger(disk), WitnessedStore(store, ToldCommits(disk))) as orchestrator:
            await orchestrator.run_epic("launch", build=BUILDS[0])
    except StoreError as error:  # and nothing else
        failing.noticed = True
        if error.fault not in (StorageFault.IO, StorageFault.FULL) or error.advice not in str(error):
            return (f"no fault, or no advice: {error}",)
    end = len(disk.events)
    (cut := folder / "cut").mkdir()
    left = await examine(Image.of(disk, end, disk.image(end, dice)), cut)
    gone_on = await examine(Image.of(disk, end, {}), folder, finish=BUILDS[:1])
    return (*[f"after a power cut: {it}" for it in left.problems], *gone_on.problems)


@pytest.mark.fire("disk errors")
async def test_any_operation_of_the_disk_may_fail(memory_disk: Path, evidence: Evidence, monkeypatch) -> None:
    """The k-th operation fails, once or for good: a StoreError that says so, and what was acknowledged is kept."""
    monkeypatch.setattr(_database, "WAL_BYTES", 50_000)
    (memory_disk / "0").mkdir()
    counting = Failing(0, full=False, lasting=False)
    assert await suffer(memory_disk / "0", counting, Random(0)) == ()
    points, noticed, problems = range(1, counting.count + 1), 0, {}
    tried = Random(1).sample(points, 25) if NIGHT is None else dealt(points)
    for at in tried:
        (place := memory_disk / str(at)).mkdir()
        dice = Random(at)
        failing = Failing(at, full=dice.random() < 0.5, lasting=dice.random() < 0.5)
        if found := await suffer(place, failing, dice):
            problems[f"operation {at} of {counting.count}, {failing}"] = found
        noticed += failing.noticed
    evidence(runs=len(tried), failures=len(problems))
    assert problems == {}
    assert noticed > len(tried) / 2  # the others met a checkpoint, which the log makes up for
