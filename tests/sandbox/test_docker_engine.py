"""Sandboxes on a real Docker engine, which these tests start and end."""

import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx2
import pytest
from busybox_sandboxes import BusyboxSandboxes, write_product
from docker_engine import IMAGE, DockerEngine, docker_engine, missing_parts
from sandbox_services import make_service
from small_world import issue, open_world, organization, wish

from orket._clock import SystemClock
from orket.contracts import ModelRequest, Store, TurnKind
from orket.errors import SandboxError
from orket.events import VerificationRecorded
from orket.sandbox import PortRanges, SandboxLimits, SandboxOrchestrator, SandboxState
from orket.stores import SQLiteStore
from orket.verification import LocalCommandRunner

pytestmark = [pytest.mark.anyio, pytest.mark.thorough]
QUICK = SandboxLimits(query=60, build=120, start=60, poll=0.1)


@pytest.fixture(scope="module")
def engine() -> Iterator[DockerEngine]:
    """A running engine with one image."""
    if missing := missing_parts():
        pytest.skip(missing)
    with docker_engine() as started:
        if isinstance(started, str):
            pytest.skip(started)
        yield started


@pytest.fixture
async def store(tmp_path: Path, anyio_backend: str) -> AsyncIterator[Store]:
    """An open store."""
    opened = SQLiteStore(tmp_path / "journal.db")
    await opened.open()
    yield opened
    await opened.aclose()


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """A workspace with a product that answers."""
    write_product(tmp_path / "space" / "agent_output", hello={"hello": "world"})
    return tmp_path / "space"


@pytest.fixture
def quiet_ports() -> None:
    """Here ports are taken for real."""


def service_on(engine: DockerEngine, store: Store, workspace: Path, **options: Any) -> SandboxOrchestrator:
    runner = LocalCommandRunner(environ=engine.environ)
    options = {"limits": QUICK, "policy": BusyboxSandboxes, "entropy": os.urandom, **options}
    return make_service(store, runner, SystemClock(), workspace, **options)


def ours(engine: DockerEngine) -> list[str]:
    """Return what the engine has that carries our labels or names."""
    mine = ("--quiet", "--filter", "label=orket.owner")
    listed = [("ps", "--all", *mine), ("network", "ls", *mine), ("volume", "ls", *mine)]
    listed.append(("images", "--quiet", "--filter", "reference=orket-sandbox/*"))
    return [one for argv in listed for one in engine.docker(*argv).split()]


async def test_a_sandbox_lives(engine: DockerEngine, store: Store, workspace: Path) -> None:
    """A sandbox is built, becomes well, answers over HTTP through its port, shows its logs, and leaves nothing."""
    before = engine.everything()
    service = service_on(engine, store, workspace)
    made = await service.create("launch")
    assert made.state is SandboxState.RUNNING
    async with httpx2.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"{made.api}/hello")).json() == {"hello": "world"}
    shown = await service.logs(made.id)
    assert "password is [secret]" in shown
    assert "response:200" in shown
    assert (await service.check(made.id)) == made
    labels = engine.docker("ps", "--all", "--filter", "label=orket.sandbox=sandbox-launch", "--quiet")
    assert len(labels.split()) == 2
    assert (await service.delete(made.id)).state is SandboxState.DELETED
    assert engine.everything() == before


@pytest.mark.parametrize("anyio_backend", ["trio"])  # the other one does it in another test
async def test_a_host_restarts(engine: DockerEngine, store: Store, workspace: Path) -> None:
    """Another service on the store finds the sandbox, adopts it, sees it fall ill, stop and go; others stay."""
    foreign = engine.docker(
        "run", "--detach", "--network=none", "--label=orket.sandbox=sandbox-launch", IMAGE, "sleep", "900"
    )
    before = engine.everything()
    made = await service_on(engine, store, workspace).create("launch", key="a")
    again = service_on(engine, store, workspace)
    assert (await again.reconcile()).adopted == ("sandbox-launch",)
    assert await again.create("launch", key="a") == made
    api = engine.docker("ps", "--quiet", "--filter", "label=orket.owner", "--filter", "label=orket.service=api")
    engine.docker("exec", api, "/bin/busybox", "rm", "/www/health")
    deadline = SystemClock().now() + 30
    while (now := await again.check(made.id)).state is SandboxState.RUNNING:
        assert SystemClock().now() < deadline
    assert (now.state, now.detail) == (SandboxState.UNHEALTHY, "api unhealthy")
    assert "[secret]" in await again.logs(made.id)
    engine.docker("kill", api)
    assert "api exited (137)" in (await again.check(made.id)).detail
    assert (await again.delete(made.id)).state is SandboxState.DELETED
    assert engine.everything() == before
    assert engine.docker("inspect", "--format", "{{.State.Status}}", foreign) == "running"
    engine.docker("rm", "--force", foreign)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # the other one does it in another test
async def test_what_cannot_start_is_removed(engine: DockerEngine, store: Store, workspace: Path) -> None:
    """A build that fails leaves nothing; one that falls ill is left to look at, and removed when it is deleted."""
    service = service_on(engine, store, workspace)
    dockerfile = workspace / "agent_output" / "backend" / "Dockerfile"
    good = dockerfile.read_text("utf-8")
    dockerfile.write_text(f"FROM {IMAGE}\nRUN false\n", "utf-8")
    with pytest.raises(SandboxError, match="cannot be built"):
        await service.create("launch")
    assert ours(engine) == []
    dockerfile.write_text(good, "utf-8")
    (workspace / "agent_output" / "backend" / "www" / "health").unlink()
    with pytest.raises(SandboxError, match=r"does not become well: api unhealthy"):
        await service.create("launch")
    (left,) = await service.list()
    assert left.state is SandboxState.UNHEALTHY
    await service.delete(left.id)
    assert await service.list() == ()
    assert ours(engine) == []


@pytest.mark.parametrize("anyio_backend", ["trio"])  # the other one does it in another test
async def test_a_port_is_bound_meanwhile(
    engine: DockerEngine, store: Store, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A port that a program binds between our look at it and the engine's is given up for another one."""
    with closing(socket.socket()) as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        number = other.getsockname()[1]
        monkeypatch.setattr("orket.sandbox._ports.is_free", lambda port: True)
        service = service_on(engine, store, workspace, ports=PortRanges(api=range(number, number + 50)))
        made = await service.create("launch")
        assert made.ports.api > number
        await service.delete(made.id)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # the other one does it in another test
async def test_endpoints_are_called_in_the_sandbox(engine: DockerEngine, tmp_path: Path) -> None:
    """A crew whose issue has scenarios with endpoints is reviewed with what its running sandbox answers."""
    scenarios = [
        {"id": "says", "endpoint": "/hello", "method": "GET", "expected": {"hello": "world"}},
        {"id": "lost", "endpoint": "/gone", "method": "GET", "expected_status": 404},
    ]
    organization(
        tmp_path / "org",
        [issue("ISSUE-1", verification={"scenarios": scenarios})],
        process_rules={"sandbox_command": "docker-compose"},
    )
    told: list[Any] = []

    def model(request: ModelRequest) -> Any:
        assert request.brief is not None
        if request.brief.kind is TurnKind.REVIEW:
            told.append(request.brief.verification)
            return wish("done")
        return wish("code_review")

    store = SQLiteStore(tmp_path / "journal.db")
    nodes: dict[str, Any] = {"sandbox_policy": BusyboxSandboxes}
    async with open_world(tmp_path / "org", model, store=store, nodes=nodes, environ=engine.environ) as house:
        write_product(tmp_path / "org" / "work" / "space" / "agent_output", hello={"hello": "world"})
        assert isinstance(house.sandboxes, SandboxOrchestrator)
        made = await house.sandboxes.create("launch")
        assert (await house.run_epic("launch")).outcome == "done"
        recorded = [it.record.result async for it in house.history() if isinstance(it.record, VerificationRecorded)]
        assert [one.passed for one in recorded[0].scenarios] == [True, True]
        assert told[0].passed
        await house.sandboxes.delete(made.id)
