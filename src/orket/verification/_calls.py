"""The system calls that a fixture may make, by their numbers on x86-64 and on arm64; -1: not there.

Stands alone, like the other parts of the cage. What is on no list here is denied, whoever adds it to the kernel. Not
listed is what reaches other processes (ptrace, shared memory by number, ...), the machine (mounts, namespaces, modules,
the clock, ...), what a fixture could use up for others (inotify, asynchronous input and output, message queues), and
large parts of the kernel that are easier to attack than to need (io_uring, bpf, userfaultfd, keys, ...).
"""

from types import MappingProxyType

Numbers = tuple[int, int]

GROUPS = MappingProxyType(
    {
        "files": MappingProxyType(
            {
                "read": (0, 63),
                "write": (1, 64),
                "readv": (19, 65),
                "writev": (20, 66),
                "pread64": (17, 67),
                "pwrite64": (18, 68),
                "preadv": (295, 69),
                "pwritev": (296, 70),
                "preadv2": (327, 286),
                "pwritev2": (328, 287),
                "lseek": (8, 62),
                "close": (3, 57),
                "close_range": (436, 436),
                "open": (2, -1),
                "openat": (257, 56),
                "openat2": (437, 437),
                "creat": (85, -1),
                "stat": (4, -1),
                "fstat": (5, 80),
                "lstat": (6, -1),
                "newfstatat": (262, 79),
                "statx": (332, 291),
                "access": (21, -1),
                "faccessat": (269, 48),
                "faccessat2": (439, 439),
                "statfs": (137, 43),
                "fstatfs": (138, 44),
                "getdents": (78, -1),
                "getdents64": (217, 61),
                "getcwd": (79, 17),
                "chdir": (80, 49),
                "fchdir": (81, 50),
                "umask": (95, 166),
                "rename": (82, -1),
                "renameat": (264, 38),
                "renameat2": (316, 276),
                "mkdir": (83, -1),
                "mkdirat": (258, 34),
                "rmdir": (84, -1),
                "link": (86, -1),
                "linkat": (265, 37),
                "unlink": (87, -1),
                "unlinkat": (263, 35),
                "symlink": (88, -1),
                "symlinkat": (266, 36),
                "readlink": (89, -1),
                "readlinkat": (267, 78),
                "mknod": (133, -1),
                "mknodat": (259, 33),
                "ftruncate": (77, 46),
                "fadvise64": (221, 223),
                "readahead": (187, 213),
                "fsync": (74, 82),
                "fdatasync": (75, 83),
                "sync_file_range": (277, 84),
                "flock": (73, 32),
                "dup": (32, 23),
                "dup2": (33, -1),
                "dup3": (292, 24),
                "pipe": (22, -1),
                "pipe2": (293, 59),
                "sendfile": (40, 71),
                "splice": (275, 76),
                "copy_file_range": (326, 285),
                "getxattr": (191, 8),
                "lgetxattr": (192, 9),
                "fgetxattr": (193, 10),
                "listxattr": (194, 11),
                "llistxattr": (195, 12),
                "flistxattr": (196, 13),
            }
        ),
        "truncate": MappingProxyType(
            {
                "truncate": (76, 45),
            }
        ),
        # modes, owners, times, extended attributes: Landlock guards none of them
        "metadata": MappingProxyType(
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
        ),
        "waiting": MappingProxyType(
            {
                "poll": (7, -1),
                "ppoll": (271, 73),
                "select": (23, -1),
                "pselect6": (270, 72),
                "epoll_create": (213, -1),
                "epoll_create1": (291, 20),
                "epoll_ctl": (233, 21),
                "epoll_wait": (232, -1),
                "epoll_pwait": (281, 22),
                "epoll_pwait2": (441, 441),
                "eventfd": (284, -1),
                "eventfd2": (290, 19),
                "signalfd": (282, -1),
                "signalfd4": (289, 74),
                "timerfd_create": (283, 85),
                "timerfd_settime": (286, 86),
                "timerfd_gettime": (287, 87),
            }
        ),
        "memory": MappingProxyType(
            {
                "brk": (12, 214),
                "munmap": (11, 215),
                "mremap": (25, 216),
                "mprotect": (10, 226),
                "msync": (26, 227),
                "mincore": (27, 232),
                "madvise": (28, 233),
                "mlock": (149, 228),
                "mlock2": (325, 284),
                "munlock": (150, 229),
                "mlockall": (151, 230),
                "munlockall": (152, 231),
                "membarrier": (324, 283),
                "pkey_alloc": (330, 289),
                "pkey_free": (331, 290),
                "pkey_mprotect": (329, 288),
            }
        ),
        "processes": MappingProxyType(
            {
                "fork": (57, -1),
                "vfork": (58, -1),
                "execve": (59, 221),
                "execveat": (322, 281),
                "exit": (60, 93),
                "exit_group": (231, 94),
                "wait4": (61, 260),
                "waitid": (247, 95),
                "pidfd_open": (434, 434),
                "getpid": (39, 172),
                "getppid": (110, 173),
                "gettid": (186, 178),
                "getpgrp": (111, -1),
                "getpgid": (121, 155),
                "getsid": (124, 156),
                "getrusage": (98, 165),
                "getrlimit": (97, 163),
                "setrlimit": (160, 164),
                "arch_prctl": (158, -1),
                "rseq": (334, 293),
                "set_tid_address": (218, 96),
                "set_robust_list": (273, 99),
                "get_robust_list": (274, 100),
                "futex": (202, 98),
                "futex_waitv": (449, 449),
                "sched_yield": (24, 124),
                "sched_getaffinity": (204, 123),
                "sched_getattr": (315, 275),
                "sched_getparam": (143, 121),
                "sched_getscheduler": (145, 120),
                "sched_get_priority_max": (146, 125),
                "sched_get_priority_min": (147, 126),
                "sched_rr_get_interval": (148, 127),
                "getpriority": (140, 141),
                "getcpu": (309, 168),
            }
        ),
        # ways out of the group that is killed at once
        "groups": MappingProxyType(
            {
                "setpgid": (109, 154),
                "setsid": (112, 157),
            }
        ),
        "identities": MappingProxyType(
            {
                "getuid": (102, 174),
                "geteuid": (107, 175),
                "getresuid": (118, 148),
                "getgid": (104, 176),
                "getegid": (108, 177),
                "getresgid": (120, 150),
                "getgroups": (115, 158),
                "capget": (125, 90),
                "setuid": (105, 146),
                "setreuid": (113, 145),
                "setresuid": (117, 147),
                "setgid": (106, 144),
                "setregid": (114, 143),
                "setresgid": (119, 149),
            }
        ),
        "handlers": MappingProxyType(
            {
                "rt_sigaction": (13, 134),
                "rt_sigprocmask": (14, 135),
                "rt_sigreturn": (15, 139),
                "rt_sigpending": (127, 136),
                "rt_sigtimedwait": (128, 137),
                "rt_sigsuspend": (130, 133),
                "sigaltstack": (131, 132),
                "pause": (34, -1),
                "restart_syscall": (219, 128),
            }
        ),
        "signals": MappingProxyType(
            {
                "kill": (62, 129),
                "tkill": (200, 130),
                "rt_sigqueueinfo": (129, 138),
                "rt_tgsigqueueinfo": (297, 240),
                "pidfd_send_signal": (424, 424),
            }
        ),
        "time": MappingProxyType(
            {
                "nanosleep": (35, 101),
                "clock_nanosleep": (230, 115),
                "clock_gettime": (228, 113),
                "clock_getres": (229, 114),
                "gettimeofday": (96, 169),
                "time": (201, -1),
                "times": (100, 153),
                "alarm": (37, -1),
                "getitimer": (36, 102),
                "setitimer": (38, 103),
                "timer_create": (222, 107),
                "timer_settime": (223, 110),
                "timer_gettime": (224, 108),
                "timer_getoverrun": (225, 109),
                "timer_delete": (226, 111),
            }
        ),
        # pairs need no names; those that are not files are shared with everybody in the same network
        "names": MappingProxyType(
            {
                "bind": (49, 200),
                "listen": (50, 201),
                "accept": (43, 202),
                "accept4": (288, 242),
                "connect": (42, 203),
            }
        ),
        "sockets": MappingProxyType(
            {
                "getsockname": (51, 204),
                "getpeername": (52, 205),
                "sendto": (44, 206),
                "recvfrom": (45, 207),
                "sendmsg": (46, 211),
                "recvmsg": (47, 212),
                "sendmmsg": (307, 269),
                "recvmmsg": (299, 243),
                "shutdown": (48, 210),
                "getsockopt": (55, 209),
            }
        ),
        "machine": MappingProxyType(
            {
                "uname": (63, 160),
                "sysinfo": (99, 179),
                "getrandom": (318, 278),
            }
        ),
    }
)

# Calls that are decided by an argument.
CLONE: Numbers = (56, 220)
CLONE3: Numbers = (435, 435)
FALLOCATE: Numbers = (285, 47)
FCNTL: Numbers = (72, 25)
IOCTL: Numbers = (16, 29)
MMAP: Numbers = (9, 222)
PRCTL: Numbers = (157, 167)
PRLIMIT: Numbers = (302, 261)
SETSOCKOPT: Numbers = (54, 208)
SOCKET: Numbers = (41, 198)
SOCKETPAIR: Numbers = (53, 199)
TGKILL: Numbers = (234, 131)

# What fcntl may do: descriptors, their flags, locks. No leases, which let who opens a file wait; no owner, who is
# signalled when a file is ready; no larger pipes, of which a user has only so much.
COMMANDS = MappingProxyType(
    {
        "F_DUPFD": 0,
        "F_GETFD": 1,
        "F_SETFD": 2,
        "F_GETFL": 3,
        "F_SETFL": 4,
        "F_GETLK": 5,
        "F_SETLK": 6,
        "F_SETLKW": 7,
        "F_OFD_GETLK": 36,
        "F_OFD_SETLK": 37,
        "F_OFD_SETLKW": 38,
        "F_DUPFD_CLOEXEC": 1030,
        "F_GETPIPE_SZ": 1032,
    }
)
# What prctl may be asked: a process's name, its parent's death, what it inherits, its vectors. Nothing that allocates.
OPTIONS = MappingProxyType(
    {
        "PR_SET_PDEATHSIG": 1,
        "PR_GET_PDEATHSIG": 2,
        "PR_GET_DUMPABLE": 3,
        "PR_SET_DUMPABLE": 4,
        "PR_SET_NAME": 15,
        "PR_GET_NAME": 16,
        "PR_GET_SECCOMP": 21,
        "PR_CAPBSET_READ": 23,
        "PR_SET_TIMERSLACK": 29,
        "PR_GET_TIMERSLACK": 30,
        "PR_SET_CHILD_SUBREAPER": 36,
        "PR_GET_CHILD_SUBREAPER": 37,
        "PR_SET_NO_NEW_PRIVS": 38,
        "PR_GET_NO_NEW_PRIVS": 39,
        "PR_SET_THP_DISABLE": 41,
        "PR_GET_THP_DISABLE": 42,
        "PR_CAP_AMBIENT": 47,
        "PR_SVE_SET_VL": 50,
        "PR_SVE_GET_VL": 51,
        "PR_GET_SPECULATION_CTRL": 52,
        "PR_PAC_RESET_KEYS": 54,
        "PR_SET_TAGGED_ADDR_CTRL": 55,
        "PR_GET_TAGGED_ADDR_CTRL": 56,
    }
)
# What ioctl may ask: of any descriptor, of terminals of its own, of its network. Nothing that changes inodes, and
# nothing that types into a terminal (TIOCSTI, TIOCLINUX).
REQUESTS = MappingProxyType(
    {
        "FIONREAD": 0x541B,
        "FIONBIO": 0x5421,
        "FIONCLEX": 0x5450,
        "FIOCLEX": 0x5451,
        "FIOASYNC": 0x5452,
        "FICLONE": 0x40049409,
        "FICLONERANGE": 0x4020940D,
        "TCGETS": 0x5401,
        "TCSETS": 0x5402,
        "TCSETSW": 0x5403,
        "TCSETSF": 0x5404,
        "TCGETS2": 0x802C542A,
        "TCSETS2": 0x402C542B,
        "TCSETSW2": 0x402C542C,
        "TCSETSF2": 0x402C542D,
        "TCSBRK": 0x5409,
        "TCFLSH": 0x540B,
        "TIOCSCTTY": 0x540E,
        "TIOCGPGRP": 0x540F,
        "TIOCSPGRP": 0x5410,
        "TIOCOUTQ": 0x5411,
        "TIOCGSID": 0x5429,
        "TIOCGWINSZ": 0x5413,
        "TIOCSWINSZ": 0x5414,
        "TIOCNOTTY": 0x5422,
        "TIOCGPTN": 0x80045430,
        "TIOCSPTLCK": 0x40045431,
        "TIOCGPTPEER": 0x5441,
        "SIOCATMARK": 0x8905,
        "SIOCGIFNAME": 0x8910,
        "SIOCGIFCONF": 0x8912,
        "SIOCGIFFLAGS": 0x8913,
        "SIOCGIFADDR": 0x8915,
        "SIOCGIFNETMASK": 0x891B,
        "SIOCGIFMTU": 0x8921,
        "SIOCGIFHWADDR": 0x8927,
        "SIOCGIFINDEX": 0x8933,
    }
)
