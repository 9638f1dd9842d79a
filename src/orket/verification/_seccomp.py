"""A seccomp filter: system calls that no fixture needs, and that would let it out, are denied.

Stands alone, like the other parts of the cage. Most calls that are listed fail with EPERM. ``clone3`` and what is newer
than the list fail with ENOSYS, so that the C library uses what it used before them. The filter is a program of the
classic BPF machine, see seccomp(2): it loads a word of ``struct seccomp_data``, compares, jumps forward, returns.
"""

import ctypes
import errno
import os
import struct
from types import MappingProxyType

ALLOW, ERRNO, KILL_PROCESS = 0x7FFF0000, 0x00050000, 0x80000000
LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
PR_SET_SECCOMP, FILTER_MODE = 22, 2

X32 = 0x40000000  # the other calling convention of x86-64: the same calls, by other numbers
UNKNOWN = 463  # the first number that came after Linux 6.10
NAMESPACES = 0x7E020000  # CLONE_NEWNS | NEWCGROUP | NEWUTS | NEWIPC | NEWUSER | NEWPID | NEWNET
TERMINAL_INPUT = (0x5412, 0x541C)  # TIOCSTI, TIOCLINUX
# A file has its owner signalled when it is ready: F_SETOWN, F_SETOWN_EX, and the same as FIOSETOWN, SIOCSPGRP.
OWNER, OWNER_BY_IOCTL = (8, 15), (0x8901, 0x8902)
DATAGRAMS = 2  # the bit that SOCK_DGRAM and SOCK_RAW have, and SOCK_STREAM and SOCK_SEQPACKET have not
DENIED = ERRNO | errno.EPERM

# By machine: its AUDIT_ARCH, and the column of the tables below.
MACHINES = MappingProxyType({"x86_64": (0xC000003E, 0), "aarch64": (0xC00000B7, 1)})

# Numbers on x86-64 and on arm64; -1: not there.
ALWAYS = MappingProxyType(
    {
        # other processes, as a debugger sees them
        "ptrace": (101, 117),
        "process_vm_readv": (310, 270),
        "process_vm_writev": (311, 271),
        "process_madvise": (440, 440),
        "kcmp": (312, 272),
        "pidfd_getfd": (438, 438),
        # how other processes are scheduled
        "setpriority": (141, 140),
        "sched_setscheduler": (144, 119),
        "sched_setparam": (142, 118),
        "sched_setattr": (314, 274),
        "sched_setaffinity": (203, 122),
        "ioprio_set": (251, 30),
        "migrate_pages": (256, 238),
        "move_pages": (279, 239),
        # namespaces, mounts and roots
        "unshare": (272, 97),
        "setns": (308, 268),
        "mount": (165, 40),
        "umount2": (166, 39),
        "pivot_root": (155, 41),
        "chroot": (161, 51),
        "open_tree": (428, 428),
        "move_mount": (429, 429),
        "fsopen": (430, 430),
        "fsconfig": (431, 431),
        "fsmount": (432, 432),
        "fspick": (433, 433),
        "mount_setattr": (442, 442),
        "open_by_handle_at": (304, 265),
        "name_to_handle_at": (303, 264),
        # large parts of the kernel that are easier to attack than to need
        "bpf": (321, 280),
        "perf_event_open": (298, 241),
        "userfaultfd": (323, 282),
        "fanotify_init": (300, 262),
        "io_uring_setup": (425, 425),
        "io_uring_enter": (426, 426),
        "io_uring_register": (427, 427),
        "keyctl": (250, 219),
        "add_key": (248, 217),
        "request_key": (249, 218),
        "personality": (135, 92),
        # memory that no limit counts, and what other processes share, which is known by small numbers
        "memfd_create": (319, 279),
        "memfd_secret": (447, 447),
        "shmget": (29, 194),
        "shmat": (30, 196),
        "shmctl": (31, 195),
        "shmdt": (67, 197),
        "semget": (64, 190),
        "semop": (65, 193),
        "semctl": (66, 191),
        "semtimedop": (220, 192),
        "msgget": (68, 186),
        "msgsnd": (69, 189),
        "msgrcv": (70, 188),
        "msgctl": (71, 187),
        "mq_open": (240, 180),
        "mq_unlink": (241, 181),
        # the machine itself
        "kexec_load": (246, 104),
        "kexec_file_load": (320, 294),
        "init_module": (175, 105),
        "finit_module": (313, 273),
        "delete_module": (176, 106),
        "reboot": (169, 142),
        "swapon": (167, 224),
        "swapoff": (168, 225),
        "sethostname": (170, 161),
        "setdomainname": (171, 162),
        "acct": (163, 89),
        "quotactl": (179, 60),
        "quotactl_fd": (443, 443),
        "settimeofday": (164, 170),
        "clock_settime": (227, 112),
        "clock_adjtime": (305, 266),
        "adjtimex": (159, 171),
        "iopl": (172, -1),
        "ioperm": (173, -1),
        "modify_ldt": (154, -1),
        "uselib": (134, -1),
        "vhangup": (153, 58),
        "syslog": (103, 116),
    }
)
METADATA = MappingProxyType(  # modes, owners, times, extended attributes: Landlock guards none of them
    {
        "chmod": (90, -1),
        "fchmod": (91, 52),
        "fchmodat": (268, 53),
        "fchmodat2": (452, 452),
        "chown": (92, -1),
        "lchown": (94, -1),
        "fchown": (93, 55),
        "fchownat": (260, 54),
        "setxattr": (188, 5),
        "lsetxattr": (189, 6),
        "fsetxattr": (190, 7),
        "removexattr": (197, 14),
        "lremovexattr": (198, 15),
        "fremovexattr": (199, 16),
        "utime": (132, -1),
        "utimes": (235, -1),
        "futimesat": (261, -1),
        "utimensat": (280, 88),
    }
)
GROUPS = MappingProxyType({"setsid": (112, 157), "setpgid": (109, 154)})  # ways out of the group that is killed at once
SIGNALS = MappingProxyType(
    {
        "kill": (62, 129),
        "tkill": (200, 130),
        "rt_sigqueueinfo": (129, 138),
        "rt_tgsigqueueinfo": (297, 240),
        "pidfd_send_signal": (424, 424),
    }
)
TRUNCATE = MappingProxyType({"truncate": (76, 45)})
GUARDS = MappingProxyType({"metadata": METADATA, "groups": GROUPS, "signals": SIGNALS, "truncate": TRUNCATE})
CLONE, CLONE3, FCNTL, IOCTL, PRLIMIT, TGKILL = (56, 220), (435, 435), (72, 25), (16, 29), (302, 261), (234, 131)
SOCKET, SOCKETPAIR = (41, 198), (53, 199)

Instruction = tuple[int, int, int, int]  # what to do, how far to jump if so and if not, the operand


def make_filter(machine: str, *, families: list[int], guards: list[str], own_pid: int = 0) -> list[Instruction]:
    """Return the filter for a machine.

    Args:
        machine: its name, as ``os.uname`` has it.
        families: the families of sockets that may be made. Pairs of connected ones may always be, but none of
            datagrams: these can be sent, and connected, elsewhere.
        guards: which of GUARDS are denied too.
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
        *[(AT_LEAST, 0, 1, UNKNOWN), (RETURN, 0, 0, ERRNO | errno.ENOSYS)],
        *[(EQUAL, 0, 1, CLONE3[column]), (RETURN, 0, 0, ERRNO | errno.ENOSYS)],
    ]
    for table in (ALWAYS, *(GUARDS[name] for name in guards)):
        numbers = [numbers[column] for numbers in table.values() if numbers[column] >= 0]
        program += [step for number in numbers for step in ((EQUAL, 0, 1, number), (RETURN, 0, 0, DENIED))]
    program += _where(CLONE[column], 0, [(ANY_BIT, NAMESPACES)], otherwise=ALLOW)
    requests = (*TERMINAL_INPUT, *(OWNER_BY_IOCTL if "signals" in guards else ()))
    program += _where(IOCTL[column], 1, [(EQUAL, request) for request in requests], otherwise=ALLOW)
    program += _where(PRLIMIT[column], 0, [(EQUAL, 0)], otherwise=DENIED)
    program += _where(SOCKET[column], 0, [(EQUAL, family) for family in families], otherwise=DENIED)
    program += _where(SOCKETPAIR[column], 1, [(ANY_BIT, DATAGRAMS)], otherwise=ALLOW)
    if "signals" in guards:
        program += _where(FCNTL[column], 1, [(EQUAL, command) for command in OWNER], otherwise=ALLOW)
        program += _where(TGKILL[column], 0, [(EQUAL, own_pid)], otherwise=DENIED)
    return [*program, (RETURN, 0, 0, ALLOW)]


def _where(number: int, argument: int, tests: list[tuple[int, int]], *, otherwise: int) -> list[Instruction]:
    """Return the part that decides about one call by an argument: if a test holds the opposite of *otherwise*."""
    found = DENIED if otherwise == ALLOW else ALLOW
    steps = [step for test, value in tests for step in ((test, 0, 1, value), (RETURN, 0, 0, found))]
    body = [(LOAD, 0, 0, ARGUMENTS + 8 * argument), *steps, (RETURN, 0, 0, otherwise)]
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
