"""The cage: what the filter of system calls decides, and Landlock as older kernels have it."""

import errno
import socket
import sys
from itertools import pairwise, product
from pathlib import Path

import anyio
import pytest
from attrs import evolve

from orket.contracts import Isolation, Scenario, Verification
from orket.verification import SubprocessVerifier, _landlock, _seccomp
from orket.verification._ladder import Machine, Wanted, _attempt
from orket.verification._programs import SUPERVISOR, program_text

X86, ARM = 0xC000003E, 0xC00000B7
DENIED, MISSING = _seccomp.ERRNO | errno.EPERM, _seccomp.ERRNO | errno.ENOSYS


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
    """Each call of the tables is denied, only with its guard; everything else that is known is allowed."""
    plain = _seccomp.make_filter(machine, families=[1, 2], guards=[])
    strict = _seccomp.make_filter(machine, families=[], guards=list(_seccomp.GUARDS), own_pid=77)
    known = set()
    for name, numbers in _seccomp.ALWAYS.items():
        known.add(numbers[column])
        assert numbers[column] < 0 or decide(plain, architecture, numbers[column]) == DENIED, name
    for table in _seccomp.GUARDS.values():
        for name, numbers in table.items():
            known.add(numbers[column])
            if numbers[column] >= 0:
                assert decide(plain, architecture, numbers[column]) == _seccomp.ALLOW, name
                assert decide(strict, architecture, numbers[column]) == DENIED, name
    sockets = (_seccomp.SOCKET, _seccomp.SOCKETPAIR)
    by_arguments = (_seccomp.CLONE, _seccomp.FCNTL, _seccomp.IOCTL, _seccomp.PRLIMIT, *sockets, _seccomp.TGKILL)
    judged = {call[column] for call in (*by_arguments, _seccomp.CLONE3)}
    for number in set(range(_seccomp.UNKNOWN)) - known - judged:
        assert decide(strict, architecture, number) == _seccomp.ALLOW, number


@pytest.mark.parametrize(("machine", "architecture", "column"), [("x86_64", X86, 0), ("aarch64", ARM, 1)])
def test_what_the_filter_decides_by_arguments(machine: str, architecture: int, column: int) -> None:
    """Sockets by family, pairs by type, clones by namespaces, ioctls by request, limits and signals by process."""
    plain = _seccomp.make_filter(machine, families=[1, 2], guards=[])
    strict = _seccomp.make_filter(machine, families=[], guards=["signals"], own_pid=77)

    def plainly(call: tuple[int, int], *arguments: int) -> int:
        return decide(plain, architecture, call[column], *arguments)

    assert [plainly(_seccomp.SOCKET, family) for family in (1, 2, 16, 40)] == [_seccomp.ALLOW] * 2 + [DENIED] * 2
    assert decide(strict, architecture, _seccomp.SOCKET[column], 1) == DENIED
    kinds = [*socket.SocketKind, socket.SOCK_STREAM | socket.SOCK_CLOEXEC, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK]
    assert [kind for kind in kinds if plainly(_seccomp.SOCKETPAIR, 1, kind) == DENIED] == [
        *(socket.SOCK_DGRAM, socket.SOCK_RAW, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK),
    ]
    assert plainly(_seccomp.CLONE, 0x01200011) == _seccomp.ALLOW
    assert plainly(_seccomp.CLONE, 0x10000011) == DENIED
    assert plainly(_seccomp.CLONE3) == MISSING
    assert [plainly(_seccomp.IOCTL, 0, request) for request in (0x5401, 0x5412, 0x541C)] == [
        _seccomp.ALLOW,
        DENIED,
        DENIED,
    ]
    assert [plainly(_seccomp.PRLIMIT, pid) for pid in (0, 1)] == [_seccomp.ALLOW, DENIED]
    assert [decide(strict, architecture, _seccomp.TGKILL[column], pid) for pid in (77, 78)] == [_seccomp.ALLOW, DENIED]
    owners = [(_seccomp.FCNTL, one) for one in (8, 15)] + [(_seccomp.IOCTL, one) for one in (0x8901, 0x8902)]
    for call, request in owners:
        assert plainly(call, 3, request) == _seccomp.ALLOW
        assert decide(strict, architecture, call[column], 3, request) == DENIED
    assert decide(strict, architecture, _seccomp.FCNTL[column], 3, 4) == _seccomp.ALLOW
    assert decide(plain, architecture, _seccomp.UNKNOWN) == MISSING


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
