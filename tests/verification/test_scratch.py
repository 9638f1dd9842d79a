"""The scratch folder, and how what lies in it is counted and removed."""

import os
from pathlib import Path

from orket.verification._scratch import make_scratch, remove_scratch
from orket.verification._watch import Watch, count_files, descendants, over


def test_removal_of_whatever_lies_there(tmp_path: Path) -> None:
    """Folders deeper than any path, closed ones, links and pipes are removed; what links lead to stays."""
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("kept")
    scratch = make_scratch()
    assert scratch.stat().st_mode & 0o77 == 0
    (scratch / "link").symlink_to(kept)
    os.mkfifo(scratch / "pipe")
    (scratch / "closed/inner").mkdir(parents=True)
    (scratch / "closed/inner/file").touch()
    (scratch / "closed").chmod(0)
    current = os.open(scratch, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("deep", dir_fd=current)
        inner = os.open("deep", os.O_RDONLY, dir_fd=current)
        os.close(current)
        current = inner
    os.close(current)
    remove_scratch(scratch)
    assert not scratch.exists()
    assert (kept / "file").read_text() == "kept"
    remove_scratch(scratch)


def test_counting(tmp_path: Path) -> None:
    """Files and folders count, bytes are those on the disk, and counting ends behind the bound."""
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/c").write_bytes(bytes(10_000))
    (tmp_path / "sparse").touch()
    os.truncate(tmp_path / "sparse", 10**9)
    files, size = count_files(str(tmp_path), 100)
    assert files == 4
    assert 10_000 <= size < 100_000
    assert count_files(str(tmp_path), 2)[0] == 3
    assert count_files(str(tmp_path / "none"), 2) == (0, 0)


def test_bounds() -> None:
    """What is more than its bound is named with both; without bounds nobody looks."""
    assert over({"processes": 5, "memory": 1}, {"processes": 4, "memory": 1}) == "processes: 5, valid: up to 4"
    assert Watch(os.getpid(), {}).rest() is None


def test_descendants() -> None:
    """A child, and its child, are found below this process."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        grandchild = os.fork()
        if grandchild:
            os.write(writer, b"%d" % grandchild)
        os.read(reader if grandchild == 0 else os.pipe()[0], 1)
        os._exit(0)
    grandchild = int(os.read(reader, 20))
    try:
        found = descendants(os.getpid())
        assert child in found
        assert found.index(child) < found.index(grandchild)
        assert len(descendants(os.getpid(), 0)) >= 1
    finally:
        for pid in (child, grandchild):
            os.kill(pid, 9)
        os.waitpid(child, 0)
        os.close(reader)
        os.close(writer)
