"""The cage: what the filter of system calls decides, and Landlock as older kernels have it."""

import errno
import socket
import sys
from collections.abc import Iterable
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import anyio
import pytest
from attrs import evolve

from orket.contracts import Isolation, Scenario, Verification
from orket.verification import SubprocessVerifier, _calls, _landlock, _seccomp
from orket.verification._ladder import Machine, Wanted, _attempt
from orket.verification._programs import SUPERVISOR, program_text

X86, ARM = 0xC000003E, 0xC00000B7
DENIED, MISSING = _seccomp.ERRNO | errno.EPERM, _seccomp.ERRNO | errno.ENOSYS
PROCESSES = (_calls.CLONE, _calls.PRCTL, _calls.PRLIMIT, _calls.TGKILL)
SOCKETS = (_calls.SOCKET, _calls.SOCKETPAIR, _calls.SETSOCKOPT)
BY_ARGUMENTS = (*PROCESSES, *SOCKETS, _calls.FCNTL, _calls.IOCTL, _calls.MMAP, _calls.FALLOCATE)


def decide(program: list[_seccomp.Instruction], architecture: int, number: int, *arguments: int) -> int:
    """Run a filter as the kernel would."""
    words = {_seccomp.NUMBER: number, _seccomp.ARCHITECTURE: architecture}
    words |= {_seccomp.ARGUMENTS + 8 * place: value for place, value in enumerate((*arguments, *[0] * 6))}
    tests = {
        _seccomp.EQUAL: lambda a, k: a == k,
        _seccomp.AT_LEAST: lambda a, k: a >= k,
        _seccomp.ANY_BIT: lambda a, k: bool(a & k),
    }
    place = loaded = 0
    while True:
        code, yes, no, operand = program[place]
        if code == _seccomp.RETURN:
            return operand
        if code == _seccomp.LOAD:
            loaded = words[operand]
        else:
            place += yes if tests[code](loaded, operand) else no
        place += 1


@pytest.mark.parametrize(("machine", "architecture", "column"), [("x86_64", X86, 0), ("aarch64", ARM, 1)])
def test_what_the_filter_decides(machine: str, architecture: int, column: int) -> None:
    """The calls of the tables are allowed, those of a guard only without it; everything else is denied."""
    plain = _seccomp.make_filter(machine, families=[1, 2], guards=[])
    guards = ["metadata", "groups", "names", "signals", "truncate"]
    strict = _seccomp.make_filter(machine, families=[], guards=guards, own_pid=77)
    listed = {numbers[column]: group for group, calls in _calls.GROUPS.items() for numbers in calls.values()}
    by_arguments = {call[column] for call in (*BY_ARGUMENTS, _calls.CLONE3)}
    assert not listed.keys() & by_arguments
    for number in set(range(_seccomp.UNKNOWN)) - by_arguments:
        assert decide(plain, architecture, number) == (_seccomp.ALLOW if number in listed else DENIED), number
        allowed = number in listed and listed[number] not in guards
        assert decide(strict, architecture, number) == (_seccomp.ALLOW if allowed else DENIED), number
    for number in (_seccomp.UNKNOWN, _seccomp.UNKNOWN + 1, 0x3FFFFFFF, _calls.CLONE3[column]):
        assert decide(plain, architecture, number) == MISSING


@pytest.mark.parametrize(("machine", "architecture", "column"), [("x86_64", X86, 0), ("aarch64", ARM, 1)])
def test_what_the_filter_decides_by_arguments(machine: str, architecture: int, column: int) -> None:
    """Sockets by family and protocol, pairs by type, clones by namespaces, others by what is asked or by process."""
    plain = _seccomp.make_filter(machine, families=[1, 2], guards=[])
    strict = _seccomp.make_filter(machine, families=[], guards=["signals", "room"], own_pid=77)

    def allowed(
        call: tuple[int, int], place: int, values: Iterable[int], program: Any = plain, *, before: Iterable[int] = ()
    ) -> list[int]:
        filled = [*before, *[0] * place][:place]
        found = {value: decide(program, architecture, call[column], *filled, value) for value in values}
        assert set(found.values()) <= {_seccomp.ALLOW, DENIED}
        return [value for value in found if found[value] == _seccomp.ALLOW]

    assert allowed(_calls.SOCKET, 0, range(50)) == [1, 2]
    assert allowed(_calls.SOCKET, 0, range(50), strict) == []
    streams = [socket.SOCK_STREAM, socket.SOCK_SEQPACKET, socket.SOCK_STREAM | socket.SOCK_CLOEXEC]
    kinds = [*streams, socket.SOCK_DGRAM, socket.SOCK_RAW, 2 | 0o4000]
    assert allowed(_calls.SOCKETPAIR, 1, kinds, before=[1]) == streams
    assert allowed(_calls.SOCKETPAIR, 1, kinds, before=[30]) == []
    assert allowed(_calls.SOCKET, 2, range(300), before=[2]) == [0, 6, 17]
    assert allowed(_calls.SOCKET, 2, range(300), before=[3]) == []
    assert allowed(_calls.SETSOCKOPT, 2, range(49, 54), before=[0, socket.SOL_SOCKET]) == [49, 53]
    assert allowed(_calls.SETSOCKOPT, 2, [2, 26], before=[0, socket.SOL_SOCKET]) == [2]
    assert allowed(_calls.SETSOCKOPT, 2, [26, 50], before=[0, socket.IPPROTO_IPV6]) == [26, 50]
    assert allowed(_calls.MMAP, 3, [0x22, 0x21, 0x40022, 0x20022]) == [0x22, 0x21, 0x20022]
    assert allowed(_calls.PRCTL, 0, range(80)) == sorted(_calls.OPTIONS.values())
    assert not {22, 35, 57, 62, 78} & set(_calls.OPTIONS.values())  # filters, maps, input, cores, tables of futexes
    assert decide(plain, architecture, _calls.FALLOCATE[column]) == _seccomp.ALLOW
    assert decide(strict, architecture, _calls.FALLOCATE[column]) == _seccomp.ERRNO | errno.EOPNOTSUPP
    assert allowed(_calls.CLONE, 0, [0x01200011, 0x10000011, 0x20000, 0x40000000]) == [0x01200011]
    assert allowed(_calls.FCNTL, 1, [*range(64), *range(1024, 1048)]) == sorted(_calls.COMMANDS.values())
    assert not {8, 10, 15, 1024, 1026, 1031} & set(_calls.COMMANDS.values())  # owners, signals, leases, watches, sizes
    requests = [0x5401, 0x5412, 0x541C, 0x8901, 0x8902, 0x40086602, 0x401C5820, 0x541B]
    assert allowed(_calls.IOCTL, 1, requests) == [0x5401, 0x541B]
    assert allowed(_calls.IOCTL, 1, _calls.REQUESTS.values()) == list(_calls.REQUESTS.values())
    assert allowed(_calls.PRLIMIT, 0, [0, 1, 77]) == [0]
    assert allowed(_calls.TGKILL, 0, [0, 77, 78]) == [0, 77, 78]
    assert allowed(_calls.TGKILL, 0, [0, 77, 78], strict) == [77]


def test_other_conventions_are_killed() -> None:
    """A call by the numbers of another architecture, or of x32, ends the process."""
    program = _seccomp.make_filter("x86_64", families=[], guards=[])
    assert decide(program, 0x40000003, 1) == _seccomp.KILL_PROCESS
    assert decide(program, X86, _seccomp.X32 + 1) == _seccomp.KILL_PROCESS
    with pytest.raises(OSError, match="no table of system calls for riscv64; there is one for x86_64, aarch64"):
        _seccomp.make_filter("riscv64", families=[], guards=[])


def test_rights_grow_with_the_version() -> None:
    """Each version of Landlock denies what the one before does, and more or the same."""
    versions = [_landlock.handled_rights(abi) for abi in range(1, 9)]
    assert versions[0] == (0x1FFF, 0, 0)
    assert versions[-1] == (0xFFFF, 3, 3)
    for (older, newer), part in product(pairwise(versions), range(3)):
        assert older[part] & ~newer[part] == 0


@pytest.mark.anyio
@pytest.mark.thorough
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("abi", [1, 2, 3, 4, 5, 6])
async def test_landlock_of_older_kernels_holds_too(abi: int) -> None:
    """What a version cannot deny, the filter of system calls does: no attempt succeeds."""
    if sys.platform != "linux" or abi > _landlock.find_abi():
        pytest.skip(f"this kernel has no Landlock of version {abi}")
    verifier = SubprocessVerifier(levels=(Isolation.RLIMITS,))
    machine = await verifier.probe()
    assert isinstance(machine, Machine)
    wanted = Wanted(
        levels=(Isolation.LANDLOCK,),
        python=verifier.python,
        readable=(),
        scratch_size=1,
        limits=verifier.limits.resources,
    )
    confinement = evolve(machine.confinement, abi=abi)
    assert await _attempt(Isolation.LANDLOCK, confinement, wanted, program_text(*SUPERVISOR)) == ""


OWNED = """
import fcntl, os, socket
def verify(victim):
    denied = []
    asked = victim.to_bytes(4, "little")
    for owner in (lambda it: fcntl.fcntl(it, 8, victim), lambda it: fcntl.ioctl(it, 0x8902, asked)):
        mine, other = socket.socketpair()
        try:
            owner(mine)
            fcntl.fcntl(mine, 10, 9)  # SIGKILL, not SIGIO
            fcntl.fcntl(mine, fcntl.F_SETFL, fcntl.fcntl(mine, fcntl.F_GETFL) | os.O_ASYNC)
            other.send(b"x")
        except PermissionError: denied.append(True)
    return denied
"""


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_no_file_signals_somebody_outside(workspace: Path) -> None:
    """Where Landlock does not know of signals yet, nobody outside is made the owner that a file has signalled."""
    if sys.platform != "linux" or not _landlock.find_abi():
        pytest.skip("there is no Landlock")
    verifier = SubprocessVerifier(levels=(Isolation.LANDLOCK,))
    machine = await verifier.probe()
    older = min(machine.confinement.abi, _landlock.SCOPES_SINCE - 1)
    verifier._found.machine = evolve(machine, confinement=evolve(machine.confinement, abi=older))
    (workspace / "verification" / "check.py").write_text(OWNED, encoding="utf-8")
    async with await anyio.open_process(["sleep", "600"]) as victim:
        asked = Scenario(id="owned", input=victim.pid, expected=[True, True])
        result = await verifier.verify(Verification(fixture="check.py", scenarios=(asked,)), workspace)
        ended = victim.returncode
        victim.kill()
    assert result.passed, result
    assert ended is None
