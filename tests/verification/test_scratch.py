"""The scratch folder, and how what lies in it is counted and removed."""

import os
import subprocess
from pathlib import Path

from orket.verification._scratch import make_scratch, remove_scratch
from orket.verification._watch import Watch, _search_children, count_files, descendants, over


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
    for _ in range(1100):
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
    """A child, and its child, are found below this process, in this order."""
    script = "sleep 600 & echo $!; wait"
    with subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        grandchild = int(child.stdout.readline())
        try:
            found = descendants(os.getpid())
            assert found.index(child.pid) < found.index(grandchild)
            assert descendants(child.pid) == [grandchild]
            assert _search_children(child.pid) == [grandchild]
        finally:
            os.kill(grandchild, 9)
    assert descendants(child.pid) == []
