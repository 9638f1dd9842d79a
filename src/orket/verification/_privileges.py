"""What a process may do because of who runs it: given up for good, so that root is no more than an owner of files.

Stands alone, like the other parts of the cage. See capabilities(7).
"""

import ctypes
import os

PR_CAPBSET_READ, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, AMBIENT_CLEAR = 23, 24, 38, 47, 4
VERSION_3 = 0x20080522


class Header(ctypes.Structure):
    """``struct __user_cap_header_struct``."""

    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


def give_up_privileges() -> None:
    """Drop every capability and the way back to any: no program that is run gives privileges again.

    Raises:
        OSError: the kernel refused.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    _checked(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    capability = 0
    while libc.prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1:
        libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)  # refused to who has none to begin with
        capability += 1
    libc.prctl(PR_CAP_AMBIENT, AMBIENT_CLEAR, 0, 0, 0)
    none = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; twice 32 bits
    _checked(libc.capset(ctypes.byref(Header(VERSION_3, 0)), none))


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"giving up privileges: {os.strerror(number)}")
