"""A real Docker engine for tests: started here, as root, and gone afterwards with all that it ran."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import attrs

IMAGE = "orket-busybox:1"
PROGRAMS = ("docker", "dockerd", "containerd", "runc", "docker-compose", "busybox")
APPLETS = ("sh", "cat", "echo", "ls", "sleep", "httpd", "wget", "nc", "false")
PACKAGES = "docker.io containerd runc docker-compose busybox-static"


@attrs.frozen
class DockerEngine:
    """A running engine, and the environment in which commands find it."""

    socket: Path
    environ: dict[str, str]

    def docker(self, *argv: str, check: bool = True) -> str:
        """Run a command of docker's and return what it printed."""
        command = ["docker", *argv]
        done = subprocess.run(command, env=self.environ, capture_output=True, text=True, check=False, timeout=60)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout.strip()

    def everything(self) -> set[str]:
        """Return what the engine has: containers, networks, volumes, images."""
        listings = {
            "container": ("ps", "-aq", "--no-trunc"),
            "network": ("network", "ls", "-q", "--no-trunc"),
            "volume": ("volume", "ls", "-q"),
            "image": ("images", "-aq", "--no-trunc"),
        }
        return {f"{kind} {one}" for kind, argv in listings.items() for one in self.docker(*argv).split()}


def missing_parts() -> str:
    """Return why no engine can be started here, or ""."""
    if os.geteuid() != 0:
        return "a Docker engine is started by root only"
    if gone := [name for name in PROGRAMS if shutil.which(name) is None]:
        return f"a Docker engine needs {', '.join(gone)}: apt-get install {PACKAGES}"
    return ""


@contextmanager
def docker_engine() -> Iterator[DockerEngine | str]:
    """Start an engine; give it, or the reason why it does not start.

    It changes no firewall and makes no bridge of its own, so that several may run beside each other.
    """
    place = Path(tempfile.mkdtemp(prefix="orket-engine-", dir="/tmp"))  # the path of a socket is short
    engine = DockerEngine(
        socket=place / "docker.sock",
        environ={
            "PATH": os.environ["PATH"],
            "HOME": str(place),
            "DOCKER_HOST": f"unix://{place}/docker.sock",
            "COMPOSE_HTTP_TIMEOUT": "60",
        },
    )
    command = ["dockerd", "-H", f"unix://{engine.socket}", "--data-root", str(place / "data")]
    command += ["--exec-root", str(place / "exec"), "--pidfile", str(place / "pid")]
    command += ["--iptables=false", "--bridge=none", "--ip-forward=false"]
    try:
        with (place / "log").open("w") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=engine.environ)
        try:
            if is_up(process, engine):
                make_image(place / "root", engine)
                yield engine
            else:
                yield f"the Docker engine does not start: {(place / 'log').read_text('utf-8')[-400:]}"
        finally:
            end(process, engine)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def is_up(process: subprocess.Popen[bytes], engine: DockerEngine) -> bool:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        if engine.socket.exists() and engine.docker("info", "--format", "{{.ServerVersion}}", check=False):
            return True
        time.sleep(0.05)
    return False


def make_image(root: Path, engine: DockerEngine) -> None:
    """Make the one image there is out of busybox: no registry is asked."""
    (root / "bin").mkdir(parents=True)
    shutil.copy(shutil.which("busybox") or "", root / "bin" / "busybox")
    for applet in APPLETS:
        (root / "bin" / applet).symlink_to("busybox")
    archive = root.with_suffix(".tar")
    subprocess.run(["tar", "-C", str(root), "-cf", str(archive), "."], check=True)
    engine.docker("import", str(archive), IMAGE)


def end(process: subprocess.Popen[bytes], engine: DockerEngine) -> None:
    """Remove all containers and end the engine; what still runs of it afterwards is killed."""
    if process.poll() is None:
        if left := engine.docker("ps", "-aq", check=False).split():
            engine.docker("rm", "-f", *left, check=False)
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
    process.kill()
    process.wait()
    for pid in leftovers(str(engine.socket.parent)):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def leftovers(place: str) -> list[int]:
    """Return the processes that were started with a path of an engine's folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                if place.encode() in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
    return found
