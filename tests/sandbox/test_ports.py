"""Ports of this machine, looked at and locked for real."""

import json
import os
import random
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from orket.contracts import SandboxPorts, TechStack
from orket.errors import SandboxError
from orket.sandbox import PortRanges
from orket.sandbox._ports import Reservation, is_free, lock_folder, reserve

STACK = TechStack.NODE_REACT_POSTGRES
MONGO = TechStack.FASTAPI_VUE_MONGO
HOLDER = """
import json, sys, tempfile
from orket.sandbox._ports import PortRanges, Reservation, reserve
from orket.contracts import TechStack
tempfile.tempdir = sys.argv[1]
kept = Reservation()
span = range(int(sys.argv[2]), int(sys.argv[2]) + 40)
spans = PortRanges(api=span, frontend=span, database=span, admin=span)
ports = reserve(kept, spans, TechStack.NODE_REACT_POSTGRES, (), None)
print(json.dumps([ports.api, ports.frontend, ports.database, ports.admin]), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def quiet_ports() -> None:
    """Here ports are looked at for real."""


@pytest.fixture(autouse=True)
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A temporary folder that the processes of a test share."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def a_free_span() -> int:
    """Return the beginning of a span of ports below those that the system gives to others."""
    for begin in random.sample(range(20_000, 30_000, 40), 250):  # not the same as in the test beside this one
        if all(is_free(port) for port in range(begin, begin + 40)):
            return begin
    raise AssertionError("this machine has no free ports")


def spans(begin: int) -> PortRanges:
    span = range(begin, begin + 40)
    return PortRanges(api=span, frontend=span, database=span, mongo=span, admin=span)


def all_of(ports: SandboxPorts) -> set[int | None]:
    return {ports.api, ports.frontend, ports.database, ports.admin}


@pytest.fixture
def kept() -> Iterator[Reservation]:
    """A reservation that ends with its test."""
    reservation = Reservation()
    yield reservation
    reservation.release()


def test_the_promised_ranges(kept: Reservation, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ports begin at 8001, 3001, 5433 and 8081; MongoDB's at 27018."""
    monkeypatch.setattr("orket.sandbox._ports.is_free", lambda port: True)
    assert reserve(kept, PortRanges(), STACK, (), None) == SandboxPorts(
        api=8001, frontend=3001, database=5433, admin=8081
    )
    assert reserve(kept, PortRanges(), MONGO, (), None) == SandboxPorts(
        api=8002, frontend=3002, database=27018, admin=8082
    )


def test_processes_never_get_the_same_port(shared: Path) -> None:
    """Several processes that reserve at once, whatever their stores are, get ports of their own."""
    begin = a_free_span()
    command = [sys.executable, "-c", HOLDER, str(shared), str(begin)]
    holders = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    try:
        given = [port for holder in holders for port in json.loads(holder.stdout.readline())]  # type: ignore[union-attr]
        assert len(set(given)) == len(given) == 16
        mine = Reservation()
        ports = reserve(mine, spans(begin), STACK, (), None)
        assert not all_of(ports) & set(given)
        mine.release()
    finally:
        for holder in holders:
            holder.communicate("")
    again = Reservation()  # what dead processes held is free
    assert all_of(reserve(again, spans(begin), STACK, (), None)) <= set(range(begin, begin + 4))
    again.release()


def test_a_port_that_is_in_use_is_not_given(kept: Reservation) -> None:
    """A port on which somebody listens, on the loopback address or on all, is left out."""
    begin = a_free_span()
    with closing(socket.socket()) as one, closing(socket.socket()) as other:
        one.bind(("127.0.0.1", begin))
        one.listen()
        other.bind(("", begin + 1))
        other.listen()
        assert min(all_of(reserve(kept, spans(begin), STACK, (), None)) - {None}) == begin + 2  # type: ignore[type-var]


def test_what_a_sandbox_had_is_preferred(kept: Reservation) -> None:
    """A sandbox gets its ports again where they are free, and none that is to be avoided."""
    begin = a_free_span()
    before = SandboxPorts(api=begin + 9, frontend=begin + 8, database=begin + 7, admin=None)
    ports = reserve(kept, spans(begin), STACK, (begin, begin + 8), before)
    assert (ports.api, ports.frontend, ports.database, ports.admin) == (begin + 9, begin + 1, begin + 7, begin + 2)


def test_a_range_may_be_used_up(kept: Reservation) -> None:
    """Where no port is left, the error names the range; what was reserved for the others goes with the reservation."""
    begin = a_free_span()
    ranges = PortRanges(api=range(begin, begin + 1), frontend=range(begin, begin + 1))
    with pytest.raises(SandboxError, match=f"no port for frontend is free from {begin} to {begin}"):
        reserve(kept, ranges, STACK, (), None)
    kept.release()
    again = Reservation()
    assert reserve(again, spans(begin), STACK, (), None).api == begin
    again.release()


def test_a_reservation_that_comes_too_late() -> None:
    """A lock that arrives when its reservation was released is let go at once."""
    late = Reservation()
    late.release()
    begin = a_free_span()
    ports = [reserve(late, spans(begin), STACK, (), None) for _ in range(2)]
    assert ports[0] == ports[1]


def test_the_locks_have_a_folder_that_all_share(kept: Reservation, shared: Path) -> None:
    """The folder of the locks is open to all users, its files to be read, whatever the umask; a link is refused."""
    before = os.umask(0o077)
    try:
        reserve(kept, PortRanges(), STACK, (), None)
    finally:
        os.umask(before)
    assert lock_folder() == shared / "orket-ports"
    assert oct(lock_folder().stat().st_mode)[-4:] == "1777"
    assert all(file.stat().st_mode & 0o022 == 0 for file in lock_folder().iterdir())
    assert all(file.stat().st_mode & 0o044 == 0o044 for file in lock_folder().iterdir())
    elsewhere = shared / "elsewhere"
    lock_folder().rename(elsewhere)
    lock_folder().symlink_to(elsewhere)
    with pytest.raises(SandboxError, match="is no folder"):
        reserve(kept, PortRanges(), STACK, (), None)


def test_a_folder_that_was_left_half_made_is_shared(kept: Reservation) -> None:
    """Where whoever made the folder of the locks was killed before it was open to all, the next one opens it."""
    lock_folder().mkdir(mode=0o755)
    reserve(kept, PortRanges(), STACK, (), None)
    assert oct(lock_folder().stat().st_mode)[-4:] == "1777"
