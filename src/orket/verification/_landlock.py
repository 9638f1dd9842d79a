"""Landlock by system calls: from here on, this process and its children open only what they were granted.

Stands alone, like the other parts of the cage: it also runs in processes that cannot import orket.
See landlock(7); the rights and structures are those of ``linux/landlock.h``.
"""

import ctypes
import os

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446  # the same on every architecture
VERSION_QUERY = 1
RULE_PATH_BENEATH = 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_DIR, REMOVE_FILE = 1, 2, 4, 8, 16, 32
MAKE_CHAR, MAKE_DIR, MAKE_REG, MAKE_SOCK, MAKE_FIFO, MAKE_BLOCK, MAKE_SYM = 64, 128, 256, 512, 1024, 2048, 4096
REFER, TRUNCATE, IOCTL_DEV = 8192, 16384, 32768
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV  # rights that a rule about a file may hold

READ = EXECUTE | READ_FILE | READ_DIR
WRITE = (READ | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | MAKE_SOCK | MAKE_FIFO | MAKE_SYM) | (
    REFER | TRUNCATE
)
DEVICE = READ_FILE | WRITE_FILE
DEVICES = DEVICE | READ_DIR | IOCTL_DEV

SCOPES = 1 | 2  # abstract unix sockets, and signals to processes outside
TCP = 1 | 2  # bind and connect

SCOPES_SINCE = 6  # ABI of Linux 6.12
REFER_SINCE = 2  # ABI of Linux 5.19; before it, nothing is moved from one folder to another
TRUNCATE_SINCE = 3  # ABI of Linux 6.2


class RulesetAttributes(ctypes.Structure):
    """``struct landlock_ruleset_attr``."""

    _fields_ = (("access_fs", ctypes.c_uint64), ("access_net", ctypes.c_uint64), ("scoped", ctypes.c_uint64))


class PathAttributes(ctypes.Structure):
    """``struct landlock_path_beneath_attr``."""

    _pack_ = 1
    _layout_ = "ms"  # the layout of packed structures, to be named from Python 3.14 on
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def find_abi() -> int:
    """Return the version of Landlock that this kernel has; 0: none, or switched off."""
    return max(0, int(ctypes.CDLL(None).syscall(CREATE_RULESET, None, 0, VERSION_QUERY)))


def handled_rights(abi: int) -> tuple[int, int, int]:
    """Return what version *abi* can deny: rights to files, to TCP ports, and the scopes."""
    files = MAKE_SYM * 2 - 1
    for right, since in ((REFER, REFER_SINCE), (TRUNCATE, TRUNCATE_SINCE), (IOCTL_DEV, 5)):
        files |= right if abi >= since else 0
    return files, TCP if abi >= 4 else 0, SCOPES if abi >= SCOPES_SINCE else 0


def restrict(abi: int, rights: dict[str, int], *, network: bool = False) -> None:
    """Deny this process, for good, all that *abi* can deny except *rights* by path; paths that are not there are none.

    With *network* it may listen and connect.

    Raises:
        OSError: the kernel refused.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    files, ports, scopes = handled_rights(abi)
    attributes = RulesetAttributes(files, 0 if network else ports, scopes)
    size = 8 if abi < 4 else 16 if abi < SCOPES_SINCE else 24
    ruleset = _checked(libc.syscall(CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(size), 0), "ruleset")
    try:
        for path, wanted in rights.items():
            _allow(libc, ruleset, path, wanted & files)
        _checked(libc.syscall(RESTRICT_SELF, ruleset, 0), "restrict")
    finally:
        os.close(ruleset)


def _allow(libc: ctypes.CDLL, ruleset: int, path: str, rights: int) -> None:
    try:
        descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not os.path.isdir(path):  # noqa: PTH112 - pathlib takes longer to import than all of this
            rights &= OF_FILES
        rule = PathAttributes(rights, descriptor)
        _checked(libc.syscall(ADD_RULE, ruleset, RULE_PATH_BENEATH, ctypes.byref(rule), 0), path)
    finally:
        os.close(descriptor)


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"landlock, {what}: {os.strerror(number)}")
    return result
