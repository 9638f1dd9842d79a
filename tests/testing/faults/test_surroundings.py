"""What is left over is seen."""

import subprocess
import sys
import threading
from pathlib import Path

import anyio
import pytest

from orket.testing.faults import Surroundings

pytestmark = pytest.mark.anyio


def patient_child() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)


async def test_nothing_is_left_of_nothing() -> None:
    """Looking around leaves nothing behind, worker threads that wait for work do not count."""
    before = await Surroundings.now()
    await anyio.to_thread.run_sync(int)
    assert (await Surroundings.now()).beyond(before) == ()


async def test_threads_and_tasks_are_seen() -> None:
    """A thread and a task that go on are named."""
    before, end = await Surroundings.now(), threading.Event()
    thread = threading.Thread(target=end.wait, name="busy")
    thread.start()
    async with anyio.create_task_group() as group:
        group.start_soon(anyio.sleep_forever, name="sleeper")
        found = (await Surroundings.now()).beyond(before)
        group.cancel_scope.cancel()
    end.set()
    thread.join()
    assert found == ("1 of threads more: busy", "1 of tasks more: sleeper")
    assert (await Surroundings.now()).beyond(before) == ()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc")
async def test_files_and_children_are_seen(tmp_path: Path) -> None:
    """An open file and a child are named."""
    before = await Surroundings.now()
    with (tmp_path / "open").open("w"), (tmp_path / "/proc/sys/vm/overcommit_memory").open():  # glibc
        (file,) = (await Surroundings.now()).beyond(before)
    with patient_child() as child:
        found = (await Surroundings.now()).beyond(before)
    assert file == f"1 of files more: {tmp_path / 'open'}"
    assert f"1 of children more: process {child.pid}" in found
    assert (await Surroundings.now()).beyond(before) == ()
