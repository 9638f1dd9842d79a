"""Fixtures that reach for files, sockets and processes outside: what each level stops, and what it does not."""

import os
import socket
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import pytest
from bait import Bait

from orket.contracts import Isolation

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"]), pytest.mark.thorough]
RLIMITS = Isolation.RLIMITS


@pytest.fixture(autouse=True)
def _secret_environment(tempted: Bait, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give this process a secret in its environment."""
    monkeypatch.setenv("SECRET", tempted.token)


# Name: body of verify(bait), and what it gets at where there are only resource limits.
ATTACKS = {
    "reads a secret": ("return open(bait['secret']).read()", {"secret"}),
    "reads through a symlink": ("import os; os.symlink(bait['secret'], 'a'); return open('a').read()", {"secret"}),
    "reads through a hard link": (
        "import os; os.link(bait['secret'], 'a'); os.unlink('a'); return open(bait['secret']).read()",
        {"secret"},
    ),
    "reads through its descriptors' folder": (
        "import os; f = os.open('.', os.O_RDONLY); return open(f'/proc/self/fd/{f}/../../..' + bait['secret']).read()",
        {"secret"},
    ),
    "reads through /proc/self/root": ("return open('/proc/self/root' + bait['secret']).read()", {"secret"}),
    "lists a home": ("import os; return f'ESCAPED {os.listdir(bait[\"outside\"])}'", {"said"}),
    "reads by another program": (
        "import subprocess; return subprocess.run(['cat', bait['secret']], capture_output=True, text=True).stdout",
        {"secret"},
    ),
    "writes a file": ("open(bait['outside'] + '/new', 'w').close()", {"outside"}),
    "truncates a file": ("import os; os.truncate(bait['outside'] + '/filled/file', 0)", {"outside"}),
    "appends to a file": ("open(bait['outside'] + '/filled/file', 'a').write('more')", {"outside"}),
    "removes a file": ("import os; os.unlink(bait['outside'] + '/filled/file')", {"outside"}),
    "removes a tree": ("import shutil; shutil.rmtree(bait['outside'] + '/filled')", {"outside"}),
    "renames a folder": ("import os; os.rename(bait['outside'] + '/filled', bait['outside'] + '/e')", {"outside"}),
    "makes a folder": ("import os; os.mkdir(bait['outside'] + '/new')", {"outside"}),
    "changes a mode": ("import os; os.chmod(bait['secret'], 0o777)", {"outside"}),
    "changes times": ("import os; os.utime(bait['secret'], (0, 0))", {"outside"}),
    "changes an attribute": (
        "import os; f = bait['secret']; os.setxattr(f, 'user.a', b'a'); return 'ESCAPED'",
        {"said"},
    ),
    "hides in shared memory": ("open('/dev/shm/' + bait['name'], 'w').close()", {"shm"}),
    "reads memory that others share": (
        "import ctypes; c = ctypes.CDLL(None); c.shmat.restype = ctypes.c_ssize_t\n"
        "a = c.shmat(bait['segment'], None, 0); return ctypes.string_at(a, 16).decode() if a != -1 else ''",
        {"secret"},
    ),
    "removes memory that others share": (
        "import ctypes; ctypes.CDLL(None).shmctl(bait['segment'], 0, None)",
        {"outside"},
    ),
    "connects over TCP": (
        "import socket; socket.create_connection(('127.0.0.1', bait['tcp']), 5)",
        {"network"},
    ),
    "sends over UDP": (
        "import socket; socket.socket(2, 2).sendto(b'x', ('127.0.0.1', bait['udp']))",
        {"network"},
    ),
    "connects to an abstract socket": (
        "import socket; socket.socket(socket.AF_UNIX).connect(bait['abstract'])",
        {"network"},
    ),
    "connects to a socket by path": (
        "import socket; socket.socket(socket.AF_UNIX).connect(bait['path'])",
        {"network"},
    ),
    "sends through one of a pair of sockets": (
        "import socket; socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b'x', bait['datagrams'])",
        {"network"},
    ),
    "connects one of a pair of sockets anew": (
        "import socket; a, _ = socket.socketpair(1, 2); a.connect(bait['datagrams']); a.send(b'x')",
        {"network"},
    ),
    "talks to the hypervisor": ("import socket; socket.socket(socket.AF_VSOCK); return 'ESCAPED'", {"said"}),
    "kills a process": ("import os; os.kill(bait['victim'], 9)", {"outside"}),
    "stops a process": ("import os; os.kill(bait['victim'], 19)", {"outside"}),
    "signals by descriptor": (
        "import os, signal; signal.pidfd_send_signal(os.pidfd_open(bait['victim']), 9)",
        {"outside"},
    ),
    "limits a process": (
        "import resource as r; r.prlimit(bait['victim'], r.RLIMIT_NOFILE, (5, 5))",
        {"outside"},
    ),
    "lets who opens a file wait": (
        "import fcntl, os; f = open(os.environ['ORKET_WORKSPACE'] + '/verification/check.py')\n"
        "fcntl.fcntl(f, 1024, 0); return 'ESCAPED'",  # F_SETLEASE, F_RDLCK
        {"said"},
    ),
    "uses up what watches files": (
        "import ctypes; return 'ESCAPED' if ctypes.CDLL(None).inotify_init1(0) >= 0 else ''",
        {"said"},
    ),
    "uses up timers": (
        "import ctypes; c, t = ctypes.CDLL(None), ctypes.c_void_p()\n"
        "return 'ESCAPED' if all(c.timer_create(1, None, ctypes.byref(t)) == 0 for _ in range(1100)) else ''",
        set(),
    ),
    "makes a namespace": (
        "import ctypes; return 'ESCAPED' if ctypes.CDLL(None).unshare(0x10000000) == 0 else ''",
        {"said"},
    ),
}


# What resource limits alone allow or not, depending on who runs fixtures and on the kernel's settings.
OTHERS = {
    "reads environments": """
        import glob
        for path in glob.glob('/proc/[0-9]*/environ'):
            try: print(open(path, errors='replace').read())
            except OSError: pass
    """,
    "reads memory": """
        open(f'/proc/{bait["victim"]}/mem', 'rb')
        return 'ESCAPED'
    """,
    "traces": """
        import ctypes, os
        c = ctypes.CDLL(None)
        if c.ptrace(16, bait['victim'], 0, 0) == 0:
            os.waitpid(bait['victim'], 0x40000000)
            c.ptrace(17, bait['victim'], 0, 0)
            return 'ESCAPED'
    """,
    "copies memory": """
        import ctypes
        c = ctypes.CDLL(None)
        own, there = (ctypes.c_size_t * 2)(), (ctypes.c_size_t * 2)(0x400000, 1)
        return 'ESCAPED' if c.process_vm_readv(bait['victim'], own, 1, there, 1, 0) > 0 else ''
    """,
    "slows down": "import os; os.setpriority(os.PRIO_PROCESS, bait['victim'], 19)",
    "changes the kernel's settings": """
        import os
        for folder, _, names in os.walk('/proc/sys'):
            for name in names:
                try: os.close(os.open(f'{folder}/{name}', os.O_WRONLY))
                except OSError: continue
                return f'ESCAPED by {folder}/{name}'
    """,
    "writes to the kernel's log": "import os; os.open('/dev/kmsg', os.O_WRONLY); return 'ESCAPED'",
    "uses up asynchronous input and output": """
        import ctypes
        there = ctypes.c_ulong()
        return 'ESCAPED' if ctypes.CDLL(None).syscall(206, 60_000, ctypes.byref(there)) == 0 else ''
    """,
    "changes flags and versions of inodes": """
        import fcntl, os
        with open(os.environ['ORKET_WORKSPACE'] + '/verification/check.py') as file:
            for request, value in ((0x40086602, 0x40), (0x40086602, 0x80040), (0x40087602, 7), (0x401C5820, 0)):
                try: fcntl.ioctl(file, request, value.to_bytes(32, 'little'))
                except OSError: continue
                return 'ESCAPED'
    """,
    "enlarges pipes": """
        import fcntl, os
        fcntl.fcntl(os.pipe()[0], 1031, 2**20)
        return 'ESCAPED'
    """,
    "lays claim to pages that were set aside": """
        import ctypes
        c = ctypes.CDLL(None, use_errno=True)
        c.mmap.restype = ctypes.c_ssize_t
        c.mmap(None, 2**21, 3, 0x40022, -1, 0)
        return '' if ctypes.get_errno() == 1 else 'ESCAPED'
    """,
    "has modules loaded for what sockets speak": """
        import ctypes
        c, pair = ctypes.CDLL(None, use_errno=True), (ctypes.c_int * 2)()
        for family, protocol in ((30, 0), (40, 0), (2, 132)):
            for make in (c.socketpair, c.socket):
                ctypes.set_errno(0)
                make(family, 1, protocol, pair)
                if ctypes.get_errno() != 1: return f'ESCAPED by {family}'
    """,
    "takes memory for tables of futexes": """
        import ctypes
        return 'ESCAPED' if ctypes.CDLL(None).prctl(78, 1, 16, 0, 0) == 0 else ''
    """,
    "keeps rules and filters by descriptors": """
        import ctypes
        c, files = ctypes.CDLL(None), ctypes.c_uint64(1)
        class Program(ctypes.Structure):
            _fields_ = (('length', ctypes.c_ushort), ('steps', ctypes.c_char_p))
        allow = Program(1, (6).to_bytes(4, 'little') + (0x7FFF0000).to_bytes(4, 'little'))
        found = c.syscall(444, ctypes.byref(files), 8, 0), c.syscall(317, 1, 8, ctypes.byref(allow))
        return f'ESCAPED {found}' if max(found) >= 0 else ''
    """,
    "has programs compiled for sockets": """
        import socket
        allow = (6).to_bytes(4, 'little') + (1).to_bytes(4, 'little')
        import ctypes
        class Program(ctypes.Structure):
            _fields_ = (('length', ctypes.c_ushort), ('steps', ctypes.c_char_p))
        socket.socketpair()[0].setsockopt(socket.SOL_SOCKET, 26, bytes(Program(1, allow)))
        return 'ESCAPED'
    """,
    "writes to what its launcher reads": """
        import os
        os.write(os.open('/proc/1/fd/0', os.O_RDWR), b'x')
        return 'ESCAPED'
    """,
    "takes descriptors": """
        import ctypes, os
        there = os.pidfd_open(bait['victim'])
        return 'ESCAPED' if ctypes.CDLL(None).syscall(438, there, 0, 0) >= 0 else ''
    """,
}


@pytest.mark.parametrize("name", ATTACKS)
async def test_what_resource_limits_do_not_stop(name: str, attack: Callable[..., Any]) -> None:
    """With resource limits alone, a fixture gets at what is documented: nobody shall think that it does not."""
    body, weakness = ATTACKS[name]
    attempt = await attack(body, level=RLIMITS)
    assert attempt.escapes == weakness, attempt.said


async def test_what_is_outside_stays_out_of_reach(level: Isolation, attack: Callable[..., Any]) -> None:
    """At the stronger levels no fixture gets at anything outside."""
    if level is RLIMITS:
        pytest.skip("resource limits do not promise it")
    attempt = await attack(*[body for body, _ in ATTACKS.values()], *OTHERS.values(), level=level)
    assert attempt.escapes == set(), attempt.said
    assert "did not report" not in attempt.said


# Stopped at every level.
PRIVILEGED = {
    "mounts": "return 'ESCAPED' if c.mount(b'none', b'.', b'tmpfs', 0, 0) == 0 else ''",
    "unmounts": "return 'ESCAPED' if c.umount2(b'/proc', 2) == 0 else ''",
    "changes its root": "import os; os.chroot('.'); return 'ESCAPED'",
    "becomes somebody else": "import os; os.setgroups([]); os.setresuid(1, 1, 1); return 'ESCAPED'",
    "makes a device": "import os, stat; os.mknod('a', stat.S_IFBLK | 0o600, os.makedev(254, 0)); return 'ESCAPED'",
    "opens a raw socket": "import socket; socket.socket(2, 3, 1); return 'ESCAPED'",
    "gains privileges": "return 'ESCAPED' if c.prctl(39, 0, 0, 0, 0) != 1 else ''",
    "names the machine": "import socket; socket.sethostname('mine'); return 'ESCAPED'",
    "sets the clock": "import time; time.clock_settime(0, 0); return 'ESCAPED'",
    "reads the kernel's memory": "open('/dev/mem', 'rb').read(1); return 'ESCAPED'",
    "loads a module": "return 'ESCAPED' if c.syscall(175, b'', 0, b'') == 0 else ''",
    "raises its limits": "import resource as r; r.setrlimit(r.RLIMIT_AS, (-1, -1)); return 'ESCAPED'",
    "raises its priority": "import os; os.nice(-5); return 'ESCAPED'",
    "types into a terminal": (
        "import fcntl\nfor f in range(3):\n try: fcntl.ioctl(f, 0x5412, b'x'); return 'ESCAPED'\n except OSError: pass"
    ),
    "opens the terminal": "open('/dev/tty'); return 'ESCAPED'",
    "looks for secrets in its environment": "import os; return repr(os.environ)",
}


async def test_no_fixture_has_privileges(level: Isolation, attack: Callable[..., Any]) -> None:
    """Nobody who runs fixtures, not even root, gives them a right that belongs to the machine."""
    setup = "import ctypes; c = ctypes.CDLL(None, use_errno=True)\n"
    attempt = await attack(*[setup + body for body in PRIVILEGED.values()], level=level)
    assert attempt.escapes == set(), attempt.said
    assert "did not report" not in attempt.said


async def test_nothing_is_found_of_a_crash(level: Isolation, attack: Callable[..., Any]) -> None:
    """A fixture that ends itself by a crash leaves no image of its memory, and says by which signal it ended."""
    attempt = await attack("import ctypes, os; ctypes.CDLL(None).prctl(4, 1, 0, 0, 0); os.abort()", level=level)
    assert attempt.escapes == set()
    assert "killed by SIGABRT" in attempt.said


async def test_fixtures_read_what_they_need(level: Isolation, attack: Callable[..., Any], tempted: Any) -> None:
    """The interpreter, its libraries, other programs, the workspace, devices and a scratch folder are there."""
    attempt = await attack(
        """
        import asyncio, decimal, os, shutil, ssl, sqlite3, subprocess, tempfile, threading, zoneinfo
        thread = threading.Thread(target=print, args=('threads',)); thread.start(); thread.join()
        print(subprocess.run(['echo', 'programs'], capture_output=True, text=True, check=True).stdout)
        async def wait():
            await asyncio.sleep(0)
            return 'loops'
        print(asyncio.run(wait()), len(os.urandom(3)), os.listdir(os.environ['ORKET_WORKSPACE']))
        os.makedirs('a/b'); os.rename('a/b', 'c'); open('c/d', 'w').write('x'); os.symlink('c', 'e')
        with tempfile.TemporaryFile() as file: file.write(b'x')
        base = sqlite3.connect('base.db'); base.execute('create table t (a)'); base.close()
        open('/dev/null', 'w').write('x')
        return zoneinfo.ZoneInfo('UTC').key + ' fine'
        """,
        level=level,
    )
    assert "fine" in attempt.said, attempt.said
    assert all(word in attempt.said for word in ("threads", "programs", "loops 3", "verification"))
    assert attempt.escapes == set()


async def test_sockets_in_the_workspace_are_out_of_reach(
    level: Isolation, attack: Callable[..., Any], workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who listens at a socket in the workspace, which fixtures read, is no more reached than others outside."""
    monkeypatch.chdir(workspace)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("agent_output/daemon")  # a path from here: that of the workspace may be too long
        listening.listen()
        reach = "os.chdir(os.environ['ORKET_WORKSPACE']); socket.socket(1).connect('agent_output/daemon')"
        attempt = await attack(f"import os, socket; {reach}; return 'ESCAPED'", level=level)
    assert attempt.escapes == ({"said"} if level is RLIMITS else set()), attempt.said


async def test_pipes_in_the_workspace_are_not_written(
    level: Isolation, attack: Callable[..., Any], workspace: Path
) -> None:
    """Who reads from a pipe in the workspace, which fixtures read, is told nothing by one."""
    os.mkfifo(workspace / "agent_output/pipe")
    reading = os.open(workspace / "agent_output/pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        await attack(
            """
            import os
            there = os.environ['ORKET_WORKSPACE'] + '/agent_output/pipe'
            os.write(os.open(there, os.O_WRONLY | os.O_NONBLOCK), b'x')
            """,
            level=level,
        )
        assert os.read(reading, 1) == (b"x" if level is RLIMITS else b"")
    finally:
        os.close(reading)


async def test_no_name_is_taken_from_who_would_listen(
    level: Isolation, attack: Callable[..., Any], workspace: Path
) -> None:
    """One of a pair of sockets takes no abstract name, of which each is there once for all of a network."""
    there, seen = f"\0orket-{level.name}-{id(attack)}", workspace / "agent_output/seen"

    def look() -> None:
        with socket.socket(socket.AF_UNIX) as listening, suppress(OSError):
            listening.bind(there)
            return
        seen.touch()

    async def watch() -> None:
        while True:
            await anyio.to_thread.run_sync(look)

    body = f"""
        import errno, os, socket, time
        it, end = socket.socketpair()[0], time.monotonic() + {8.0 if level is RLIMITS else 0.5}
        while True:
            try: it.bind({there!r}); break
            except OSError as error:  # who looks has the name himself, for a moment
                if error.errno != errno.EADDRINUSE: raise
        while time.monotonic() < end and not os.path.exists(os.environ['ORKET_WORKSPACE'] + '/agent_output/seen'):
            time.sleep(0.01)
    """
    async with anyio.create_task_group() as watching:
        watching.start_soon(watch)
        await attack(body, level=level)
        watching.cancel_scope.cancel()
    assert seen.exists() is (level is RLIMITS)


async def test_bubblewrap_has_a_network_of_its_own(attack: Callable[..., Any], level: Isolation) -> None:
    """Where the network is the fixture's own, it may serve and call itself; the host's is not there."""
    if level is not Isolation.BUBBLEWRAP:
        pytest.skip("only bubblewrap gives a network")
    attempt = await attack(
        """
        import socket
        server = socket.create_server(('127.0.0.1', bait['tcp']))
        client = socket.create_connection(server.getsockname())
        server.accept()[0].sendall(b'hello')
        return client.recv(5).decode()
        """,
        level=level,
    )
    assert "hello" in attempt.said
    assert attempt.escapes == set()
