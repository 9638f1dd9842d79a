"""Which isolation is found, and what is said of those that are not."""

import os
import shutil
import sys
from pathlib import Path

import anyio
import pytest

from orket.contracts import Isolation, Verification
from orket.errors import IsolationError, VerificationError
from orket.verification import SubprocessVerifier, _landlock
from orket.verification._confine import links_to, visible

pytestmark = pytest.mark.anyio


def test_the_ladder() -> None:
    """Every level meets itself and the weaker ones."""
    bubblewrap, landlock, rlimits = Isolation
    assert [level.meets(landlock) for level in Isolation] == [True, True, False]
    assert bubblewrap.meets(rlimits)
    assert not rlimits.meets(bubblewrap)


async def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, workspace: Path) -> None:
    """A machine without the stronger levels says of each why, also where they are demanded, and runs nothing."""
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    monkeypatch.setattr(_landlock, "find_abi", lambda: 0)
    verifier = SubprocessVerifier(minimum=Isolation.LANDLOCK)
    machine = await verifier.probe()
    assert machine is await verifier.probe()
    assert machine.level is Isolation.RLIMITS
    if sys.platform == "linux":
        assert machine.missing == {
            Isolation.BUBBLEWRAP: "bwrap is not installed",
            Isolation.LANDLOCK: "the kernel has no Landlock, or it is switched off",
        }
    (workspace / "verification/check.py").write_text("open('ran', 'w').close()")
    with pytest.raises(
        IsolationError, match=r"need the isolation landlock.seccomp, and this machine has rlimits"
    ) as it:
        await verifier.verify(Verification(fixture="check.py"), workspace)
    assert (it.value.needed, it.value.found, it.value.missing) == ("landlock+seccomp", "rlimits", machine.missing)


async def test_no_level_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where none of the levels that may be used holds, that is an error."""
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(VerificationError, match="no isolation that was asked for holds on this machine: bubblewrap: "):
        await SubprocessVerifier(levels=(Isolation.BUBBLEWRAP,)).probe()


PRETENDS = '#!/bin/sh\nwhile [ "$1" != -- ]; do shift; done; shift; exec "$@"\n'


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no launcher is tried")
@pytest.mark.parametrize(
    ("script", "why"),
    [
        (PRETENDS, "it can read a file outside, it can change the mode"),
        ("#!/bin/sh\necho 'bwrap: no permissions to create a new namespace' >&2; exit 1\n", "bwrap: no permissions"),
        ("#!/bin/sh\nexit 3\n", "it ended with code 3"),
    ],
)
async def test_nothing_is_believed_untried(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, script: str, why: str
) -> None:
    """A launcher that does not isolate, or does not work here, is found out from within."""
    launcher = tmp_path / "bwrap"
    launcher.write_text(script)
    launcher.chmod(0o755)
    real = shutil.which
    monkeypatch.setattr(shutil, "which", lambda name: str(launcher) if name == "bwrap" else real(name))
    machine = await SubprocessVerifier(levels=(Isolation.BUBBLEWRAP, Isolation.RLIMITS)).probe()
    assert machine.level is Isolation.RLIMITS
    assert machine.missing[Isolation.BUBBLEWRAP].startswith(why)
    assert machine.explanation.startswith(f"bubblewrap: {why}")


CONTAINER = ("unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc")
FIRST = """
import os, anyio
from orket.verification import SubprocessVerifier
machine = anyio.run(SubprocessVerifier().probe)
print(os.getpid(), machine.level, machine.explanation)
"""


async def test_the_first_process_of_a_container_is_not_found_within() -> None:
    """Where this process has a number that another one has within an isolation, it is not taken for that one."""
    if (await SubprocessVerifier().probe()).level is not Isolation.BUBBLEWRAP:
        pytest.skip("there is no bubblewrap")
    if (await anyio.run_process([*CONTAINER, "true"], check=False)).returncode:
        pytest.skip("who runs this makes no namespaces")
    told = await anyio.run_process([*CONTAINER, sys.executable, "-c", FIRST])
    assert told.stdout == b"1 bubblewrap \n"


def test_homes_are_not_visible(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of an interpreter's folders none is shown that holds a home; links are shown with what they lead to."""
    home = tmp_path / "users" / "one"
    inside = home / "python"
    inside.mkdir(parents=True)
    (tmp_path / "link").symlink_to(inside)
    monkeypatch.setenv("HOME", str(home))
    paths = [str(path) for path in (tmp_path, home, inside, tmp_path / "link", tmp_path / "none")]
    assert visible(["", "/", *paths]) == tuple(sorted([str(inside), str(tmp_path / "link")]))


def test_the_way_to_a_program(tmp_path: Path) -> None:
    """Every folder on the way over links is named, and a circle ends."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    (tmp_path / "a/python").symlink_to(tmp_path / "b/python")
    (tmp_path / "b/python").symlink_to(os.devnull)
    assert links_to(str(tmp_path / "a/python")) == (str(tmp_path / "a"), str(tmp_path / "b"), "/dev")
    (tmp_path / "circle").symlink_to("circle")
    assert set(links_to(str(tmp_path / "circle"))) == {str(tmp_path)}
