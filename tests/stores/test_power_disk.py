"""The disk that power cuts are tried on: what it may lose, what it keeps, and that it is told what the system is."""

import ctypes
from collections.abc import Callable
from pathlib import Path
from random import Random

import apsw
import pytest
from power import Disk, RecordingVFS, dial
from power.disk import Cut, Event, FolderSynced, Synced, Told, Written

from orket.stores._connection import connect
from orket.stores._migrate import Migration, check, migrate, migrations

SEEDS = range(200)


def images(*events: Event | Callable[[Disk], object]) -> list[dict[str, bytes]]:
    """Return what may be left after some events on the file ``f``, whose name is on the disk."""
    disk = Disk()
    assert disk.file("f") == 1
    disk.add(FolderSynced())
    for event in events:
        if callable(event):
            event(disk)
        else:
            disk.add(event)
    return [disk.image(len(disk.events), Random(seed)) for seed in SEEDS]


def test_what_was_synced_stays() -> None:
    """Bytes that were synced are there after any cut, also where nobody has written since beside bytes that are not."""
    found = images(Written(1, 0, b"a" * 1000), Synced(1), Written(1, 100, b"b" * 10))
    assert {image["f"] for image in found} == {b"a" * 1000, b"a" * 100 + b"b" * 10 + b"a" * 890}


def test_writes_are_torn_at_sectors() -> None:
    """Of one write any sectors may come, but none comes in part."""
    found = {image["f"] for image in images(Written(1, 0, b"a" * 2048), Synced(1), Written(1, 0, b"b" * 2048))}
    sectors = {tuple(file[start : start + 512] for start in range(0, 2048, 512)) for file in found}
    assert {part for parts in sectors for part in parts} == {b"a" * 512, b"b" * 512}
    assert len(sectors) > 10


def test_writes_overtake_each_other() -> None:
    """A later write may come without an earlier one, and a sector may be as it was in between."""
    found = {
        image["f"]
        for image in images(
            Written(1, 0, b"a" * 1024), Synced(1), Written(1, 0, b"b"), Written(1, 600, b"b"), Written(1, 0, b"c")
        )
    }
    assert {(file[:1], file[600:601]) for file in found} == {(x, y) for x in (b"a", b"b", b"c") for y in (b"a", b"b")}


def test_sizes_come_on_their_own() -> None:
    """A file may be longer than what came of its data, and data may come that the size does not reach."""
    found = {image["f"] for image in images(Written(1, 0, b"a" * 512), Written(1, 512, b"b" * 512))}
    assert {len(file) for file in found} == {0, 512, 1024}
    assert bytes(512) + b"b" * 512 in found
    assert any(len(file) == 1024 and not {*file[:512]} <= {0, ord("a")} for file in found), "only zeros"


def test_a_file_may_stay_as_long_as_it_was() -> None:
    """A cut of the file may be lost, or come; what was cut away never comes back once it did."""
    found = {image["f"] for image in images(Written(1, 0, b"a" * 1024), Synced(1), Cut(1, 512))}
    assert found == {b"a" * 1024, b"a" * 512}


def test_names_come_with_the_folder() -> None:
    """A new file may be gone and a deleted one may be there, until the folder is synced; what it held was synced."""

    def more(disk: Disk) -> None:
        disk.add(Written(disk.file("g"), 0, b"g"))
        disk.add(Synced(disk.file("g")))
        disk.delete("f")

    found = images(more)
    assert {tuple(sorted(image)) for image in found} == {(), ("f",), ("g",), ("f", "g")}
    assert {image.get("g") for image in found} == {None, b"g"}
    assert {tuple(image) for image in images(more, FolderSynced())} == {("g",)}


def test_what_was_told_stays_told() -> None:
    """What became known outside is known after a cut that comes later."""
    disk = Disk()
    disk.add(Told("a"))
    disk.add(Told("b"))
    assert (disk.told(1), disk.told(2)) == (["a"], ["a", "b"])


def test_the_folder_is_synced_where_the_system_does_it(tmp_path: Path) -> None:
    """SQLite's VFS for Unix syncs the folder just as often as the log of the disk says, and when."""
    opened = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_char_p, ctypes.POINTER(ctypes.c_int))
    disk = Disk()
    vfs = RecordingVFS(disk)
    plain = vfs.xGetSystemCall("openDirectory")
    if not plain:
        pytest.skip("this system has no folders that are synced")
    seen: list[int] = []

    @opened
    def open_directory(path: bytes, handle: object) -> int:
        seen.append(sum(isinstance(event, FolderSynced) for event in disk.events))
        return opened(plain)(path, handle)

    vfs.xSetSystemCall("openDirectory", ctypes.cast(open_directory, ctypes.c_void_p).value)
    try:
        for _ in range(2):
            connection = connect(tmp_path / "f", synchronous=True, busy_timeout=1.0, dial=dial(vfs.called))
            connection.execute("INSERT INTO document VALUES (hex(randomblob(9)), 'b', 'c')")
            connection.close()
    finally:
        vfs.xSetSystemCall("openDirectory", plain)
    assert seen == list(range(sum(isinstance(event, FolderSynced) for event in disk.events)))
    assert len(seen) >= 4


@pytest.mark.parametrize("synchronous", [True, False])
def test_every_sync_reaches_the_disk_itself(tmp_path: Path, synchronous: bool) -> None:
    """From the first transaction on SQLite syncs in full, also where a plain one stops at the disk's cache (macOS)."""
    found: list[int] = []

    class Watching(RecordingVFS):
        def synced(self, flags: int) -> None:
            found.append(flags)

    vfs = Watching(Disk())
    connection = connect(tmp_path / "f", synchronous=synchronous, busy_timeout=1.0, dial=dial(vfs.called))
    connection.execute("INSERT INTO document VALUES ('a', 'b', 'c')")
    connection.close()
    assert len(found) > 5
    assert {flags & ~apsw.SQLITE_SYNC_DATAONLY for flags in found} == {apsw.SQLITE_SYNC_FULL}


def test_a_migration_comes_whole_or_not_at_all(tmp_path: Path) -> None:
    """Wherever the power fails in a migration, the file has the schema of before or of after, and its rows."""
    disk, steps = Disk(), migrations()
    more = Migration(
        number=len(steps) + 1, name="more", sql="CREATE TABLE more (x);\nUPDATE head SET place = place + 7;\n"
    )
    connection = connect(
        tmp_path / "f", synchronous=True, busy_timeout=1.0, dial=dial((vfs := RecordingVFS(disk)).called)
    )
    begun = len(disk.events)
    migrate(connection, tmp_path / "f", (*steps, more))
    connection.close()
    found = set()
    for seed in SEEDS[:100]:
        (place := tmp_path / str(seed)).mkdir()
        for name, content in disk.image(Random(seed).randint(begun, len(disk.events)), Random(seed)).items():
            (place / name).write_bytes(content)
        connection = apsw.Connection(str(place / "f"))
        version = check(connection, place / "f", (*steps, more))
        tables = connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'more'").fetchone()
        rows = connection.execute("SELECT DISTINCT place FROM head").fetchall()
        connection.close()
        found.add((version, tables[0], rows[0][0], len(rows)))
    assert found == {(len(steps), 0, 0, 1), (len(steps) + 1, 1, 7, 1)}
    assert vfs.called
