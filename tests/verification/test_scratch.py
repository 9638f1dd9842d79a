"""The scratch folder, and how what lies in it is counted and removed."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from orket.verification import _watch
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


def test_what_cannot_be_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Folders that are nested too deeply, and closed ones, count as too many files."""
    (tmp_path / Path(*["a"] * 100)).mkdir(parents=True)
    assert count_files(str(tmp_path), 200)[0] == 100
    (tmp_path / Path(*["a"] * 101)).mkdir()
    assert count_files(str(tmp_path), 200)[0] == 201

    def scandir(path: str) -> None:  # root may look into any folder
        raise PermissionError(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert count_files(str(tmp_path), 200) == (201, 0)


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


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing is added up")
@pytest.mark.parametrize(
    ("bounds", "says"),
    [
        ({"processes": 100, "memory": 2**40, "cpu": 100, "files": 100, "size": 10**9}, ""),
        ({"memory": 1}, r"memory: \d{4,}, valid: up to 1"),
        ({"processes": -3}, r"processes: -2, valid: up to -3"),
        ({"files": 2}, "files: 3, valid: up to 2"),
        ({"files": 100, "size": 100_000}, r"size: \d{6,}, valid: up to 100000"),
    ],
)
def test_what_a_family_uses(bounds: dict[str, int], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes, memory, and files, also those that a process holds open without a name, are added up."""
    monkeypatch.setattr(_watch, "PAUSE", 0)
    for name in "abc":
        (tmp_path / name).touch()
    script = f"exec 3>{tmp_path}/d; rm {tmp_path}/d; head -c 200000 /dev/zero >&3; sleep 600 & echo; wait"
    with subprocess.Popen(["sh", "-c", f"({script}) & wait"], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        try:
            watch = Watch(child.pid, {**bounds, "scratch": str(tmp_path)})
            assert re.fullmatch(says, watch.look())
        finally:
            for pid in descendants(child.pid):
                os.kill(pid, 9)


@pytest.mark.parametrize("name", ["memory", "room for files"])
def test_what_the_machine_needs_is_left(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the machine has less than a part of what it had left, it is said to run out, whoever has the rest."""
    monkeypatch.setattr(_watch, "PAUSE", 0)
    found = _watch.spare(str(tmp_path))
    assert found.keys() >= ({"memory", "room for files"} if sys.platform == "linux" else {"room for files"})
    assert all(left > 0 for left in found.values())
    left = {"memory": 800, "room for files": 800}
    monkeypatch.setattr(_watch, "spare", lambda _: dict(left))
    watch = Watch(os.getpid(), {"processes": 10**6, "scratch": str(tmp_path)})
    left[name] = 100
    assert watch.look() == ""
    left[name] = 99
    assert watch.look() == f"{name} of the machine: 99 left, valid: 100 or more"
    left.clear()
    assert watch.look() == ""
    assert Watch(os.getpid(), {}).look() == ""


def test_what_others_have_taken_is_no_scarcity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where others have more than their part already, there is nothing left, and nobody is stopped for it."""
    says = {
        "/proc/net/sockstat": "TCP: inuse 1 orphan 0 tw 0 alloc 1 mem 900\nUDP: inuse 0 mem 0\n",
        "/proc/sys/net/ipv4/tcp_mem": "1\t500\t1000\n",
        "/proc/sys/kernel/pty/max": "4096",
        "/proc/sys/kernel/pty/reserve": "1024",
        "/proc/sys/kernel/pty/nr": "4000",
    }
    read = _watch._read
    monkeypatch.setattr(_watch, "_read", lambda path: says.get(path) or read(path))
    monkeypatch.setattr(_watch, "PAUSE", 0)
    found = _watch.spare(str(tmp_path))
    assert (found["memory of TCP"], found["terminals"]) == (0, 0)
    assert Watch(os.getpid(), {"processes": 10**6, "scratch": str(tmp_path)}).look() == ""
    says |= {"/proc/sys/net/ipv4/tcp_mem": "1\t1000\t2000\n", "/proc/sys/kernel/pty/nr": "72"}
    found = _watch.spare(str(tmp_path))
    assert (found["memory of TCP"], found["terminals"]) == (100 * _watch.PAGE, 3000)


def test_a_look_has_its_time() -> None:
    """Between two looks there is a pause, in which nothing is added up."""
    watch = Watch(os.getpid(), {"memory": 0})
    assert watch.look() == ""
    assert 0 < (watch.rest() or 0) <= _watch.PAUSE
