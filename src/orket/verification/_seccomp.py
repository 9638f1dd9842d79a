"""A seccomp filter: only the system calls that are listed, and of some only with the arguments that are listed.

Stands alone, like the other parts of the cage. Other calls fail with EPERM. ``clone3`` and what is newer than the lists
fail with ENOSYS, so that the C library uses what it used before them. The filter is a program of the classic BPF
machine, see seccomp(2): it loads a word of ``struct seccomp_data``, compares, jumps forward, returns.
"""

import ctypes
import errno
import os
import struct
from types import MappingProxyType

from orket.verification._calls import (
    CLONE,
    CLONE3,
    COMMANDS,
    FALLOCATE,
    FCNTL,
    GROUPS,
    IOCTL,
    MMAP,
    OPTIONS,
    PRCTL,
    PRLIMIT,
    REQUESTS,
    SETSOCKOPT,
    SOCKET,
    SOCKETPAIR,
    TGKILL,
)

ALLOW, ERRNO, KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
PR_SET_SECCOMP, FILTER_MODE = 22, 2

X32 = 0x40000000  # the other calling convention of x86-64: the same calls, by other numbers
UNKNOWN = 463  # the first number that came after Linux 6.10
NAMESPACES = 0x7E020000  # CLONE_NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET
DATAGRAMS = 2  # the bit that SOCK_DGRAM and SOCK_RAW have, and SOCK_STREAM and SOCK_SEQPACKET have not
HUGE_PAGES = 0x40000  # MAP_HUGETLB: the machine has set aside few, for whom it knows
AF_UNIX, SOL_SOCKET = 1, 1
FILTERS = (26, 50, 51, 52)  # SO_ATTACH_FILTER and the like: the machine has room for so many programs, seccomp's too
PROTOCOLS = (0, 6, 17)  # the usual one, TCP, UDP: for any other the kernel may load a module
DENIED, MISSING, UNSUPPORTED = ERRNO | errno.EPERM, ERRNO | errno.ENOSYS, ERRNO | errno.EOPNOTSUPP

# By machine: its AUDIT_ARCH, and the column of the numbers.
MACHINES = MappingProxyType({"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)})

Instruction = tuple[int, int, int, int]  # what to do, how far to jump if so and if not, the operand


def make_filter(machine: str, *, families: list[int], guards: list[str], own_pid: int = 0) -> list[Instruction]:
    """Return the filter for a machine.

    Args:
        machine: its name, as ``os.uname`` has it.
        families: the families of sockets that may be made. Pairs of connected ones may always be, but none of
            datagrams: these can be sent, and connected, elsewhere.
        guards: which of GROUPS are denied; "room": files get no room but by writing them, the C library then writes.
        own_pid: with the guard "signals", the process whose threads may be signalled.

    Raises:
        OSError: there is no table for such a machine.
    """
    if machine not in MACHINES:
        raise OSError(errno.ENOSYS, f"no table of system calls for {machine}; there is one for {', '.join(MACHINES)}")
    architecture, column = MACHINES[machine]
    program = [
        *[(LOAD, 0, 0, ARCHITECTURE), (EQUAL, 1, 0, architecture), (RETURN, 0, 0, KILL_PROCESS)],
        (LOAD, 0, 0, NUMBER),
        *([(AT_LEAST, 0, 1, X32), (RETURN, 0, 0, KILL_PROCESS)] if machine == "x86_64" else []),
        *[(AT_LEAST, 0, 1, UNKNOWN), (RETURN, 0, 0, MISSING)],
        *[(EQUAL, 0, 1, CLONE3[column]), (RETURN, 0, 0, MISSING)],
        *[(EQUAL, 0, 1, FALLOCATE[column]), (RETURN, 0, 0, UNSUPPORTED if "room" in guards else ALLOW)],
    ]
    for name, calls in GROUPS.items():
        listed = [numbers[column] for numbers in calls.values() if numbers[column] >= 0 and name not in guards]
        program += [step for number in listed for step in ((EQUAL, 0, 1, number), (RETURN, 0, 0, ALLOW))]
    program += _where(CLONE[column], 0, [(ANY_BIT, NAMESPACES)], otherwise=ALLOW)
    program += _where(FCNTL[column], 1, [(EQUAL, command) for command in COMMANDS.values()], otherwise=DENIED)
    program += _where(IOCTL[column], 1, [(EQUAL, request) for request in REQUESTS.values()], otherwise=DENIED)
    program += _where(MMAP[column], 3, [(ANY_BIT, HUGE_PAGES)], otherwise=ALLOW)
    program += _where(PRCTL[column], 0, [(EQUAL, option) for option in OPTIONS.values()], otherwise=DENIED)
    program += _where(PRLIMIT[column], 0, [(EQUAL, 0)], otherwise=DENIED)
    filters = [(EQUAL, option) for option in FILTERS]
    program += _where(SETSOCKOPT[column], 2, filters, otherwise=ALLOW, only=(1, (SOL_SOCKET,), ALLOW))
    served = [(EQUAL, family) for family in families]
    program += _where(SOCKET[column], 0, served, otherwise=DENIED, only=(2, PROTOCOLS, DENIED))
    program += _where(SOCKETPAIR[column], 1, [(ANY_BIT, DATAGRAMS)], otherwise=ALLOW, only=(0, (AF_UNIX,), DENIED))
    threads = [(EQUAL, own_pid)] if "signals" in guards else [(AT_LEAST, 0)]
    program += _where(TGKILL[column], 0, threads, otherwise=DENIED)
    return [*program, (RETURN, 0, 0, DENIED)]


def _where(
    number: int,
    argument: int,
    tests: list[tuple[int, int]],
    *,
    otherwise: int,
    only: tuple[int, tuple[int, ...], int] = (0, (), ALLOW),
) -> list[Instruction]:
    """Return the part that decides about one call by an argument: if a test holds the opposite of *otherwise*.

    Only where another argument has one of some values, if there are any: else what *only* has behind them.
    """
    found = DENIED if otherwise == ALLOW else ALLOW
    place, values, verdict = only
    first = [(EQUAL, left, 0, value) for left, value in zip(range(len(values), 0, -1), values, strict=True)]
    first = [(LOAD, 0, 0, ARGUMENTS + 8 * place), *first, (RETURN, 0, 0, verdict)] if values else []
    steps = [step for test, value in tests for step in ((test, 0, 1, value), (RETURN, 0, 0, found))]
    body = [*first, (LOAD, 0, 0, ARGUMENTS + 8 * argument), *steps, (RETURN, 0, 0, otherwise)]
    return [(EQUAL, 0, len(body), number), *body]


class Program(ctypes.Structure):
    """``struct sock_fprog``."""

    _fields_ = (("length", ctypes.c_ushort), ("steps", ctypes.c_char_p))


def install(program: list[Instruction]) -> None:
    """Put the filter on this process and its children, for good; no_new_privs must be set.

    Raises:
        OSError: the kernel refused.
    """
    text = b"".join(struct.pack("HBBI", *step) for step in program)
    libc = ctypes.CDLL(None, use_errno=True)
    loaded = Program(len(program), text)
    if libc.prctl(PR_SET_SECCOMP, FILTER_MODE, ctypes.byref(loaded), 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"seccomp: {os.strerror(number)}")
