"""Files below a folder, reached by descriptors only."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orket import _files
from orket._files import PathRefusedError, folder, identity, list_folder, read_file, replace_file, split_path

LIMIT = 1000


def read(root: Path, path: str, *, protected: frozenset[_files.Identity] = frozenset()) -> bytes:
    *parents, name = split_path(path)
    with folder(root, tuple(parents)) as directory:
        return read_file(directory, name, limit=LIMIT, protected=protected)


def write(root: Path, path: str, content: bytes, *, create: bool = True, **options: Any) -> None:
    *parents, name = split_path(path)
    with folder(root, tuple(parents), create=create) as directory:
        replace_file(directory, name, content, temporary=".new", **options)


@pytest.fixture(params=["pinned", "compared"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Open files with O_PATH, and as on platforms that do not have it."""
    if request.param == "compared":
        monkeypatch.setattr(_files, "_O_PATH", 0)
    return request.param


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("a", ("a",)),
        ("a/b.txt", ("a", "b.txt")),
        ("./a//b/./c/", ("a", "b", "c")),
        (".", ()),
        ("", ()),
        (".hidden/ä/console.py", (".hidden", "ä", "console.py")),
        ("com/com10/nul_", ("com", "com10", "nul_")),
    ],
)
def test_paths(path: str, parts: tuple[str, ...]) -> None:
    """A relative path falls into its components; dots and doubled slashes mean nothing."""
    assert split_path(path) == parts


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/etc/passwd", "is absolute"),
        ("../a", "'..' leads upwards"),
        ("a/../../b", "'..' leads upwards"),
        ("a\\b", "has a backslash"),
        ("C:a", "a colon"),
        ("a.txt:stream", "a colon"),
        ("a\0b", "a control character"),
        ("a\nb", "a control character"),
        ("con", "device on Windows"),
        ("a/NUL.txt/b", "device on Windows"),
        ("Com1.tar.gz", "device on Windows"),
        ("LPT³", "device on Windows"),
        ("aux .c", "device on Windows"),
        ("CONOUT$", "device on Windows"),
        ("a.", "ends with a dot"),
        ("a /b", "ends with a dot or a space"),
        ("...", "ends with a dot"),
        ("a" * 256, "is too long"),
        ("ä" * 128, "is too long"),
        ("\ud800", "is not valid Unicode"),
        ("/".join("a" * 33), "too deep"),
    ],
)
def test_paths_that_are_refused(path: str, reason: str) -> None:
    """A path that leaves the folder, or is special on any platform, is refused with the reason."""
    with pytest.raises(PathRefusedError, match=reason.replace("$", r"\$")):
        split_path(path)


@given(st.text(st.sampled_from("./\\ab:~ \0"), max_size=12))
def test_no_path_leads_out(path: str) -> None:
    """Whatever its text, a path either is refused or stays below the folder."""
    try:
        parts = split_path(path)
    except PathRefusedError:
        return
    root = Path("/folder")
    assert os.path.normpath(root.joinpath(*parts)).startswith(str(root))
    assert not {"..", ".", ""} & set(parts)


def test_what_is_written_is_read(tmp_path: Path, way: str) -> None:
    """Missing folders are made, a file is replaced whole and keeps its mode, and nothing else is left behind."""
    write(tmp_path, "a/b/c.txt", b"one")
    (tmp_path / "a/b/c.txt").chmod(0o750)
    (tmp_path / "a/b/.new").write_text("left by a crash")
    write(tmp_path, "a/b/c.txt", b"two")
    assert read(tmp_path, "a/b/c.txt") == b"two"
    assert (tmp_path / "a/b/c.txt").stat().st_mode & 0o777 == 0o750
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["a", "b", "c.txt"]


def test_links_are_never_followed(tmp_path: Path, way: str) -> None:
    """A symbolic link is refused as folder and as file, for reading and writing, wherever it points."""
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    for path in (outside, inside):
        path.mkdir()
        (path / "file").write_text("old")
    for name, target in (("away", outside), ("near", inside), ("gone", inside / "nothing")):
        (inside / name).symlink_to(target)
    (inside / "link").symlink_to("file")
    (inside / "self").symlink_to("self")
    for path in ("away/file", "near/file", "gone/file", "link", "self", "self/file", "away", "file/more"):
        with pytest.raises(PathRefusedError, match="symbolic link"):
            read(inside, path)
        with pytest.raises(PathRefusedError, match="symbolic link"):
            write(inside, path, b"new")
    assert [(path / "file").read_text() for path in (outside, inside)] == ["old", "old"]
    assert not (inside / "nothing").exists()


def test_only_regular_files(tmp_path: Path, way: str) -> None:
    """Folders, pipes, missing and oversized files are refused; opening a pipe does not hang."""
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"x" * (LIMIT + 1))
    (tmp_path / "fits").write_bytes(b"x" * LIMIT)
    assert len(read(tmp_path, "fits")) == LIMIT
    for name, reason in (
        ("folder", "is a folder"),
        ("pipe", "not a regular"),
        ("none", "does not exist"),
        ("none/a", "does not exist"),
        ("large", "too large"),
    ):
        with pytest.raises(PathRefusedError, match=reason):
            read(tmp_path, name)
    for name in ("folder", "pipe"):
        with pytest.raises(PathRefusedError):
            write(tmp_path, name, b"")


def test_a_missing_root(tmp_path: Path) -> None:
    """A workspace that is not there is named."""
    with pytest.raises(PathRefusedError, match=r"nowhere' does not exist"):
        read(tmp_path / "nowhere", "a")


def test_a_root_may_be_a_link(tmp_path: Path) -> None:
    """The path to the folder itself is the host's own business."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    write(tmp_path / "link", "a", b"1")
    assert (tmp_path / "real/a").read_bytes() == b"1"


def test_hard_links_are_not_written(tmp_path: Path) -> None:
    """A file with a second name is not written, so that the other name never changes meaning unnoticed."""
    (tmp_path / "outside").write_text("old")
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside/name").hardlink_to(tmp_path / "outside")
    with pytest.raises(PathRefusedError, match="has 2 hard links"):
        write(tmp_path / "inside", "name", b"new")
    assert (tmp_path / "outside").read_text() == "old"


def test_a_failed_write_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the system fails between writing and renaming, the old file stands and the new one is gone."""
    (tmp_path / "a").write_text("old")

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "rename", fail)
    with pytest.raises(PathRefusedError, match="cannot be used: No space left on device"):
        write(tmp_path, "a", b"new")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"a": "old"}


def test_protected_files_keep_their_locks(tmp_path: Path, way: str) -> None:
    """A protected database is refused before it is opened, so that SQLite's locks on it stay."""
    database = tmp_path / "record.db"
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("CREATE TABLE t (a)")
    connection.execute("BEGIN EXCLUSIVE")
    protected = frozenset({(database.stat().st_dev, database.stat().st_ino)})
    (tmp_path / "other").hardlink_to(database)
    for name in ("record.db", "other"):
        with pytest.raises(PathRefusedError, match="belongs to the record"):
            read(tmp_path, name, protected=protected)
        with pytest.raises(PathRefusedError, match="belongs to the record"):
            write(tmp_path, name, b"", protected=protected)
    assert is_locked(database)
    connection.close()


def is_locked(database: Path) -> bool:
    """Ask from another process, which is who POSIX locks are for."""
    if (child := os.fork()) == 0:
        code = 1
        with suppress(sqlite3.OperationalError):
            sqlite3.connect(database, timeout=0).execute("INSERT INTO t VALUES (1)")
            code = 0
        os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 1


def test_exchanged_while_opening(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without O_PATH, a file that is exchanged between the look and the opening is refused."""
    monkeypatch.setattr(_files, "_O_PATH", 0)
    (tmp_path / "a").write_text("one")
    (tmp_path / "b").write_text("two")
    look = os.stat

    def exchange(name: str, **options: object) -> os.stat_result:
        found = look(name, **options)  # type: ignore[arg-type]
        (tmp_path / "b").replace(tmp_path / "a")
        return found

    with folder(tmp_path, ()) as directory:
        monkeypatch.setattr(os, "stat", exchange)
        with pytest.raises(PathRefusedError, match="was exchanged"):
            read_file(directory, "a", limit=LIMIT)


def test_listing(tmp_path: Path) -> None:
    """A listing is sorted, capped, counts everything and does not follow links."""
    for name in ("c", "a", "b"):
        (tmp_path / name).write_text(name)
    (tmp_path / "away").symlink_to("/")
    with folder(tmp_path, ()) as directory:
        entries, total = list_folder(directory, limit=3)
        assert [name for name, _ in entries] == ["a", "away", "b"]
        assert total == 4
        assert identity(directory, "a") == (entries[0][1].st_dev, entries[0][1].st_ino)
        assert identity(directory, "none") is None


def test_no_descriptor_is_left_open(tmp_path: Path, way: str) -> None:
    """Neither success nor refusal leaves a descriptor open."""
    before = len(list(Path("/proc/self/fd").iterdir()))
    write(tmp_path, "a/b", b"1")
    read(tmp_path, "a/b")
    for path in ("a", "a/none", "a/b/c", "none/b"):
        with pytest.raises(PathRefusedError):
            read(tmp_path, path)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


SWAP = """
import os
print("began", flush=True)
while True:
    os.rename("work", "kept")
    os.rename("link", "work")
    os.rename("work", "link")
    os.rename("kept", "work")
    os.rename("work/deep/file", "work/deep/kept")
    os.rename("work/deep/link", "work/deep/file")
    os.rename("work/deep/file", "work/deep/link")
    os.rename("work/deep/kept", "work/deep/file")
"""


@contextmanager
def swapping(folder: Path) -> Iterator[None]:
    """Let a process swap names in a folder while the block runs; a thread would do so only when we wait."""
    with subprocess.Popen([sys.executable, "-I", "-c", SWAP], cwd=folder, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"began\n"
            yield
        finally:
            process.kill()


def test_no_race_leads_out(tmp_path: Path, way: str) -> None:
    """While folders and files turn into links to the outside and back, nothing outside is read or written."""
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    for path in (outside, inside / "work/deep"):
        path.mkdir(parents=True)
    (outside / "deep").mkdir()
    for path in (outside, outside / "deep"):
        (path / "file").write_text("secret")
    (inside / "work/deep/file").write_text("own")
    (inside / "link").symlink_to(outside)
    (inside / "work/deep/link").symlink_to(outside / "file")
    tried = read_well = 0
    with swapping(inside):
        while tried < 500 or not read_well:
            tried += 1
            with suppress(PathRefusedError):
                assert read(inside, "work/deep/file") == b"own"
                read_well += 1
            with suppress(PathRefusedError):
                write(inside, "work/deep/new", b"written", create=False)
    assert {str(path.relative_to(outside)): path.is_dir() or path.read_text() for path in outside.rglob("*")} == {
        "deep": True,
        "file": "secret",
        "deep/file": "secret",
    }


def test_supported() -> None:
    """Where these tests run, files can be opened relative to descriptors."""
    assert _files.supported()


def test_new_folders_are_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is written into folders that were missing is durable: each name that is new was synced with its folder."""
    synced: list[tuple[int, int]] = []
    sync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda handle: (synced.append(inode(os.fstat(handle))), sync(handle)))
    with folder(tmp_path, ("a", "b"), create=True) as directory:
        replace_file(directory, "c", b"x", temporary=".new")
    for name in ("", "a", "a/b", "a/b/c"):
        assert inode((tmp_path / name).stat()) in synced, name


def inode(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
