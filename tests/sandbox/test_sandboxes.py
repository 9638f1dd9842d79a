"""What a host may do with sandboxes."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest
from engine_double import EngineDouble
from sandbox_services import entropy_of, issue_of, make_service, path_of, put

from orket.contracts import CardChange, CardRow, CommandResult, RunRow, Store, TechStack
from orket.errors import NoSandboxError, SandboxError, WiringError
from orket.nodes.sandbox_policy import DefaultSandboxPolicyNode
from orket.sandbox import Followed, PortRanges, SandboxOrchestrator, SandboxState
from orket.testing import SimulatedClock

pytestmark = pytest.mark.anyio

LABELS = {"orket.owner", "orket.sandbox"}


async def test_a_sandbox_lives(sandboxes: SandboxOrchestrator, engine: EngineDouble, store: Store) -> None:
    """A sandbox is created, waits until it is well, and is deleted with everything that the engine had of it."""
    foreign = [it.name for it in engine.things.values()]
    made = await sandboxes.create("launch")
    assert (made.id, made.state, made.card, made.url) == (
        "sandbox-launch",
        SandboxState.RUNNING,
        "launch",
        f"http://127.0.0.1:{made.ports.frontend}",
    )
    assert made.services == ("database", "api", "frontend", "admin")
    assert [it.id for it in await sandboxes.list()] == ["sandbox-launch"]
    assert await sandboxes.check(made.id) == made
    gone = await sandboxes.delete(made.id)
    assert gone.state is SandboxState.DELETED
    assert [it.name for it in engine.things.values()] == foreign
    assert await sandboxes.list() == ()
    assert await sandboxes.list(deleted=True) == (gone,)
    assert await path_of(store) == ["creating", "running", "stopping", "stopped", "deleted"]
    assert await sandboxes.delete(made.id) == gone
    await store.verify()


async def test_everything_of_it_is_labelled(sandboxes: SandboxOrchestrator, engine: EngineDouble) -> None:
    """Containers, networks and volumes carry the labels of store and sandbox; images have a name of ours."""
    await sandboxes.create("launch")
    ours = engine.ours()
    assert {it.kind for it in ours} == {"container", "network", "image"}
    assert all(it.labels.keys() >= LABELS for it in ours if it.kind != "image")
    assert all(it.name.startswith("orket-sandbox/") for it in ours if it.kind == "image")


async def test_nothing_runs_before_the_first_sandbox(store: Store, engine: EngineDouble, workspace: Path) -> None:
    """Making a service, listing, looking up and closing run no command, write nothing and make no folder."""
    service = make_service(store, engine, SimulatedClock(), workspace)
    assert await service.list() == ()
    assert await service.follow() == Followed()
    with pytest.raises(NoSandboxError):
        await service.find_api(issue_of())
    await service.aclose()
    assert engine.calls == []
    assert not (workspace.parent / "sandboxes").exists()
    assert [entry async for entry in store.events()] == []


async def test_the_password_stays_in_the_compose_file(
    sandboxes: SandboxOrchestrator, engine: EngineDouble, store: Store, workspace: Path
) -> None:
    """The password is in the compose file alone, which its owner only may read; logs and journal do not show it."""
    made = await sandboxes.create("launch")
    password = engine.files[0]["x-orket"]
    assert len(password) >= 32
    (file,) = (workspace.parent / "sandboxes").rglob("compose.json")
    assert password in file.read_text("utf-8")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    shown = await sandboxes.logs(made.id)
    assert "POSTGRES_PASSWORD=[secret]" in shown
    texts = [shown, repr(made), *[repr(entry) async for entry in store.events()], *map(str, engine.calls)]
    assert not [text for text in texts if password in text]


@pytest.mark.parametrize("is_before", [True, False])
async def test_logs_of_a_sandbox_that_is_built_anew(
    sandboxes: SandboxOrchestrator, engine: EngineDouble, is_before: bool
) -> None:
    """Where a sandbox is built anew while its logs are read, they show the new password no more than the old one."""
    made = await sandboxes.create("launch")

    async def build(command: tuple[str, ...], act: Any) -> CommandResult:
        engine.around = None
        result = None if is_before else act()
        await sandboxes.create("launch")
        return result or act()

    engine.around = build
    shown = await sandboxes.logs(made.id)
    assert len(engine.files) == 2
    assert not [file["x-orket"] for file in engine.files if file["x-orket"] in shown]


async def test_logs_of_one_service(sandboxes: SandboxOrchestrator, engine: EngineDouble, workspace: Path) -> None:
    """Logs can be of one service; without the compose file, which says what is secret, there are none."""
    made = await sandboxes.create("launch")
    assert (await sandboxes.logs(made.id, service="api")).splitlines()[0] == "== api"
    assert "== database" not in await sandboxes.logs(made.id, service="api", lines=5)
    assert "5" in engine.calls[-1]
    next((workspace.parent / "sandboxes").rglob("compose.json")).unlink()
    with pytest.raises(SandboxError, match="its compose file is gone"):
        await sandboxes.logs(made.id)
    assert (await sandboxes.check(made.id)).state is SandboxState.RUNNING
    assert (await sandboxes.delete(made.id)).state is SandboxState.DELETED


async def test_two_sandboxes_share_no_port(sandboxes: SandboxOrchestrator) -> None:
    """Sandboxes of one store have ports of their own, from the ranges that are promised."""
    one, two = await sandboxes.create("one"), await sandboxes.create("two", stack=TechStack.FASTAPI_VUE_MONGO)
    assert (one.ports.api, one.ports.frontend, one.ports.database, one.ports.admin) == (8001, 3001, 5433, 8081)
    assert (two.ports.api, two.ports.frontend, two.ports.database, two.ports.admin) == (8002, 3002, 27018, 8082)


async def test_ports_run_out(store: Store, engine: EngineDouble, clock: SimulatedClock, workspace: Path) -> None:
    """Where a range has no port left, the error says which, and nothing is left behind."""
    service = make_service(store, engine, clock, workspace, ports=PortRanges(api=range(8001, 8002)))
    await service.create("one")
    with pytest.raises(SandboxError, match="no port for api is free from 8001 to 8001"):
        await service.create("two")
    assert [it.id for it in await service.list()] == ["sandbox-one"]


async def test_a_port_that_somebody_else_binds(sandboxes: SandboxOrchestrator, engine: EngineDouble) -> None:
    """Where the engine finds a port taken, the sandbox is built with others."""
    engine.taken = {8001, 8002, 3003}
    made = await sandboxes.create("launch")
    assert (made.ports.api, made.ports.frontend) == (8004, 3004)
    engine.taken = set(range(8000, 9000))
    with pytest.raises(SandboxError, match="other programs took its ports 8 times"):
        await sandboxes.create("other")
    assert [it.id for it in await sandboxes.list()] == ["sandbox-launch"]


async def test_a_compose_that_does_not_say_that_it_failed(sandboxes: SandboxOrchestrator, engine: EngineDouble) -> None:
    """Where compose ends well and nothing runs, a port that was taken is found all the same, and its words are told."""
    words = ["bind: address already in use", "no such image"]

    async def around(command: tuple[str, ...], act: Any) -> CommandResult:
        return CommandResult(returncode=0, stdout="", stderr=words.pop(0)) if "up" in command and words else act()

    engine.around = around
    with pytest.raises(SandboxError, match=r"no container is left.*\n.*no such image"):
        await sandboxes.create("launch")
    assert (await sandboxes.create("launch")).state is SandboxState.RUNNING


async def test_podman(store: Store, engine: EngineDouble, clock: SimulatedClock, workspace: Path) -> None:
    """Podman is driven by its own commands, and asked to run the health checks that it leaves to others."""
    service = make_service(store, engine, clock, workspace, command=("/opt/podman-compose",))
    made = await service.create("launch")
    assert made.state is SandboxState.RUNNING
    assert {call[0] for call in engine.calls} == {"/opt/podman-compose", "/opt/podman"}
    examined = {call[-1].rsplit("_", 2)[-2] for call in engine.calls if call[1:3] == ("healthcheck", "run")}
    assert examined == set(made.services)
    await service.delete(made.id)
    assert engine.ours() == []


async def test_the_same_key_builds_once(sandboxes: SandboxOrchestrator, engine: EngineDouble) -> None:
    """What runs for a key is found again; another key, or a sandbox that does not run, is built anew."""
    first = await sandboxes.create("launch", key="a")
    assert await sandboxes.create("launch", key="a") == first
    second = await sandboxes.create("launch", key="b")
    assert second.version > first.version
    assert second.ports == first.ports
    engine.health = ["unhealthy"]
    assert (await sandboxes.check(first.id)).state is SandboxState.UNHEALTHY
    engine.health = ["healthy"]
    assert (await sandboxes.check(first.id)).state is SandboxState.RUNNING
    for it in engine.ours():
        it.status = "exited"
    third = await sandboxes.create("launch", key="b")
    assert third.version > second.version
    assert len(engine.files) == 3
    assert len({file["x-orket"] for file in engine.files}) == 3


async def test_health(sandboxes: SandboxOrchestrator, engine: EngineDouble, store: Store) -> None:
    """A look at a sandbox puts on record what has changed: ill, well again, stopped, gone."""
    made = await sandboxes.create("launch")
    engine.health = ["unhealthy"]
    ill = await sandboxes.check(made.id)
    assert (ill.state, "api unhealthy" in ill.detail) == (SandboxState.UNHEALTHY, True)
    with pytest.raises(NoSandboxError, match="sandbox-launch is unhealthy: admin unhealthy"):
        await sandboxes.find_api(issue_of("launch"))
    engine.health = ["healthy"]
    assert (await sandboxes.check(made.id)).detail == ""
    api = next(it for it in engine.ours() if it.name.endswith("_api_1"))
    api.status, api.code = "exited", 3
    assert (await sandboxes.check(made.id)).detail == "api exited (3)"
    for it in engine.ours():
        it.status = "exited"
    assert (await sandboxes.check(made.id)).state is SandboxState.STOPPED
    for it in engine.ours():
        it.status = "running"
    assert (await sandboxes.check(made.id)).state is SandboxState.RUNNING
    engine.things = {key: it for key, it in engine.things.items() if it.kind != "container"}
    assert (await sandboxes.check(made.id)).detail == "no container is left"
    assert (await sandboxes.delete(made.id)).state is SandboxState.DELETED
    assert engine.ours() == []


async def test_one_that_does_not_become_well(sandboxes: SandboxOrchestrator, engine: EngineDouble) -> None:
    """A sandbox that stays ill is left to look at, with the end of its logs in the error, without the password."""
    engine.health = ["starting", "unhealthy"]
    with pytest.raises(SandboxError, match="does not become well: admin unhealthy") as raised:
        await sandboxes.create("launch")
    assert "POSTGRES_PASSWORD=[secret]" in raised.value.message
    assert engine.files[0]["x-orket"] not in raised.value.message
    assert raised.value.sandbox == "sandbox-launch"
    assert [it.state for it in await sandboxes.list()] == [SandboxState.UNHEALTHY]
    engine.health = ["starting"]
    with pytest.raises(SandboxError, match="does not become well: admin starting"):
        await sandboxes.create("launch")


async def test_what_cannot_be_built_is_removed(sandboxes: SandboxOrchestrator, engine: EngineDouble) -> None:
    """Where compose fails, what it began is removed, and the error tells its words without the password."""

    async def around(command: tuple[str, ...], act: Any) -> CommandResult:
        result = act()
        if "up" in command:
            secret = engine.files[-1]["x-orket"]
            return CommandResult(returncode=1, stdout="", stderr=f"{'x' * 5000} no such image {secret}")
        return result

    engine.around = around
    with pytest.raises(SandboxError, match=r"cannot be built: building it failed \(1\): .*\[secret\]") as raised:
        await sandboxes.create("launch")
    assert len(raised.value.message) < 2500
    assert engine.ours() == []
    (left,) = await sandboxes.list(deleted=True)
    assert (left.state, "no such image [secret]" in left.detail) == (SandboxState.DELETED, True)


async def test_unknown_sandboxes(sandboxes: SandboxOrchestrator, engine: EngineDouble) -> None:
    """A sandbox that nobody has built is refused by name, with the names of those that there are."""
    await sandboxes.create("launch")
    for verb in (sandboxes.check, sandboxes.logs, sandboxes.delete):
        with pytest.raises(SandboxError, match="no sandbox 'x'; there are: sandbox-launch"):
            await verb("x")


async def test_products_lie_in_the_workspace(sandboxes: SandboxOrchestrator, workspace: Path, engine: Any) -> None:
    """A product outside the workspace, by its path or by a link, is refused before anything is built."""
    (workspace / "way-out").symlink_to(workspace.parent)
    for product in ("..", "way-out", "/etc", workspace.parent):
        with pytest.raises(SandboxError, match="lies outside the workspace"):
            await sandboxes.create("launch", product=product)
    backend = workspace / "agent_output" / "backend"
    backend.rename(workspace.parent / "elsewhere")
    backend.symlink_to(workspace.parent / "elsewhere")
    with pytest.raises(SandboxError, match=r"service api is built of .*, which lies outside the workspace"):
        await sandboxes.create("launch")
    backend.unlink()
    with pytest.raises(SandboxError, match=r"service api is built of .*, and there is no such folder"):
        await sandboxes.create("launch")
    assert engine.files == []
    assert engine.ours() == []


async def test_a_board_is_read_once(
    sandboxes: SandboxOrchestrator, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often a build was run, its board is looked at once for the issue whose sandbox is built."""
    for number in range(5):
        await put(
            store, row=RunRow(id=f"r{number}", build="b", card="launch", started_at=float(number), fingerprint="")
        )
    read, real = list[str](), store.load_board

    async def load(build: str, /) -> tuple[CardRow, ...]:
        read.append(build)
        return await real(build)

    monkeypatch.setattr(store, "load_board", load)
    await sandboxes.create("launch")
    assert read == ["b"]


@pytest.mark.parametrize("given", ["argument", "issue", "rule", "default"])
async def test_who_says_what_is_built(
    given: str, store: Store, engine: EngineDouble, clock: SimulatedClock, workspace: Path
) -> None:
    """What is passed wins over the issue's params, these over the process rules, and these over the defaults."""
    (workspace / "agent_output").rename(workspace / "shop")
    (workspace / "agent_output").symlink_to(workspace / "shop")
    rules: dict[str, Any] = {"sandbox_stack": "django-react-postgres", "sandbox_product": "shop"}
    params = {"sandbox_stack": "csharp-razor-ef", "sandbox_product": str(workspace / "shop")}
    service = make_service(store, engine, clock, workspace, process_rules=rules if given != "default" else {})
    if given in ("argument", "issue"):
        row = RunRow(id="r", build="b", card="launch", started_at=0.0, fingerprint="")
        change = CardChange(issue=issue_of(params=params, version=1), expected=0)
        await put(store, row=row, changes=(change,))
    passed = {"stack": "node-react-postgres", "product": "shop"} if given == "argument" else {}
    made = await service.create("ISSUE-1", **passed)
    wanted = {"argument": "node-", "issue": "csharp-", "rule": "django-", "default": "fastapi-react-"}
    assert made.stack.value.startswith(wanted[given])
    assert made.product == str(workspace / "shop")


@pytest.mark.parametrize(
    ("rules", "wrong"),
    [({"sandbox_stack": "cobol"}, "valid: fastapi-react"), ({"sandbox_product": 7}, "valid: a folder")],
)
async def test_wrong_rules(rules: Any, wrong: str, store: Store, clock: SimulatedClock, workspace: Path) -> None:
    """A stack that is none, and a product that is no path, are refused with what is valid."""
    with pytest.raises(SandboxError, match=wrong):
        await make_service(store, EngineDouble(), clock, workspace, process_rules=rules).create("launch")


async def test_the_folder_may_not_lie_in_the_workspace(store: Store, workspace: Path) -> None:
    """Compose files in the workspace, where agents read, are refused when the service is made."""
    with pytest.raises(WiringError, match="lies in the workspace"):
        make_service(store, EngineDouble(), SimulatedClock(), workspace, folder=workspace / "sandboxes")


class Own(DefaultSandboxPolicyNode):
    """A stack of a host's own."""

    def compose_file(self, question: Any, /) -> str:
        services = {
            "job": {"image": "job", "labels": ["mine=1", "orket.owner=forged"], "networks": ["inner"]},
            "api": {
                "image": "api",
                "ports": [{"target": 80, "published": str(question.ports.api), "host_ip": "127.0.0.1"}],
            },
        }
        return json.dumps(
            {"services": services, "networks": {"inner": None}, "volumes": {"data": {"labels": {"a": "b"}}}}
        )


async def test_a_stack_of_ones_own(store: Store, engine: EngineDouble, clock: Any, workspace: Path) -> None:
    """A policy describes what it likes; the labels are ours, whatever it says."""
    service = make_service(store, engine, clock, workspace, policy=Own)
    made = await service.create("launch")
    assert (made.services, made.published, made.url) == (("job", "api"), ("api",), made.api)
    owners = {it.labels["orket.owner"] for it in engine.ours()}
    assert len(owners) == 1
    assert "forged" not in owners
    assert {it.labels.get("mine") for it in engine.ours() if "job" in it.name} == {"1"}
    assert {it.kind for it in engine.ours()} == {"container", "network", "volume"}
    await service.delete(made.id)
    assert engine.ours() == []


async def test_two_stores_do_not_meet(engine: EngineDouble, clock: Any, workspace: Path, tmp_path: Path) -> None:
    """Two stores on one engine have sandboxes of the same card beside each other; deleting one leaves the other."""
    from orket.stores import MemoryStore

    services = []
    for name in ("a", "b"):
        store = MemoryStore()
        await store.open()
        services.append(make_service(store, engine, clock, workspace, entropy=entropy_of(name)))
    made = [await service.create("launch") for service in services]
    assert made[0].id == made[1].id
    assert made[0].project != made[1].project
    await services[0].delete(made[0].id)
    assert (await services[0].reconcile()).removed == ()
    assert (await services[1].check(made[1].id)).state is SandboxState.RUNNING
    assert "[secret]" in await services[1].logs(made[1].id)
