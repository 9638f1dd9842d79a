"""A service that dies at any step, or whose engine fails at any command: what is left can be mended."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import anyio
import pytest
from attrs import define, field
from engine_double import EngineDouble
from sandbox_services import entropy_of, make_product, make_service

from orket.contracts import Batch, CommandResult, Store
from orket.errors import OrketError, SandboxError, StoreError
from orket.sandbox import SandboxOrchestrator, SandboxState
from orket.stores import MemoryStore
from orket.testing import SimulatedClock
from orket.testing.faults import FaultyStore, FrontStore

pytestmark = pytest.mark.anyio
T = TypeVar("T")
RESTS = {SandboxState.RUNNING, SandboxState.UNHEALTHY, SandboxState.STOPPED, SandboxState.DELETED}


@pytest.fixture
def workspace(memory_disk: Path) -> Path:
    """A workspace with a product, in memory: there are thousands of small files."""
    return make_product(memory_disk / "space")


class DeadError(Exception):
    """The process is gone."""


@define
class Death:
    """Ends a process at its k-th call of store or engine: before the call, or after it and before it is told."""

    at: int
    after: bool
    calls: int = 0
    is_dead: bool = field(default=False)

    async def around(self, call: Callable[[], Awaitable[T]]) -> T:
        if self.is_dead:
            raise DeadError
        self.calls += 1
        if self.calls != self.at:
            return await call()
        self.is_dead = True
        if self.after:
            await call()
        raise DeadError


class MortalStore(FrontStore):
    """A store whose process may die."""

    def __init__(self, store: Store, death: Death) -> None:
        super().__init__(store)
        self._death = death

    async def around(self, verb: str, call: Callable[[], Awaitable[T]], batch: Batch | None = None) -> T:
        return await self._death.around(call)


@define
class MortalEngine:
    """An engine that outlives the process that runs its commands."""

    engine: EngineDouble
    death: Death

    async def run(self, argv: Any, /, *, cwd: Path, timeout: float) -> CommandResult:  # noqa: ASYNC109
        return await self.death.around(lambda: self.engine.run(argv, cwd=cwd, timeout=timeout))


async def story(service: SandboxOrchestrator) -> None:
    """Build, build anew, and delete."""
    await service.create("launch", key="a")
    await service.create("other")
    await service.create("launch", key="b")
    await service.delete("sandbox-other")


def is_consistent(made: Any, engine: EngineDouble) -> bool:
    """Return whether the engine has what the record says."""
    containers = [it for it in engine.ours() if it.labels.get("orket.sandbox") == made.id and it.kind == "container"]
    if made.state is SandboxState.DELETED:
        return not [it for it in engine.ours() if made.id in (it.labels.get("orket.sandbox"), it.name)]
    return len(containers) == len(made.services)


@pytest.mark.thorough
@pytest.mark.no_cover
@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
async def test_a_service_may_die_at_every_step(after: bool, workspace: Path) -> None:
    """Whichever call a service dies at, the next one mends what is left, goes on, and takes everything away."""
    at, deaths = 1, 0
    while True:
        store, engine, clock = MemoryStore(), EngineDouble(), SimulatedClock(auto=True)
        await store.open()
        foreign = [it.name for it in engine.foreign()]
        death = Death(at, after)
        mortal = make_service(MortalStore(store, death), MortalEngine(engine, death), clock, workspace)
        with suppress(DeadError):
            await story(mortal)
        engine.health = ["healthy"]
        service = make_service(store, engine, clock, workspace, entropy=entropy_of("next"))
        found = await service.reconcile()
        assert not found.failed
        assert not found.busy
        listed = await service.list(deleted=True)
        assert {it.state for it in listed} <= RESTS, f"died at call {at}"
        assert not [it for it in listed if it.doomed]
        assert all(is_consistent(it, engine) for it in listed), f"died at call {at}"
        assert await service.reconcile() == await service.reconcile()
        await story(service)
        assert [(it.id, it.key) for it in await service.list()] == [("sandbox-launch", "b")]
        await service.delete("sandbox-launch")
        assert [it.name for it in engine.things.values()] == foreign, f"died at call {at}"
        assert not list((workspace.parent / "sandboxes").rglob("compose.json"))
        await store.verify()
        if not death.is_dead:
            break
        at, deaths = at + 1, deaths + 1
    assert deaths > 60


@pytest.mark.thorough
@pytest.mark.no_cover
@pytest.mark.parametrize("outcome", ["before", "after", "unknown"])
async def test_any_call_of_the_store_may_fail(outcome: Any, workspace: Path) -> None:
    """Whichever call of the store fails, the error is the store's, and what is left is mended when it is well again."""
    at, fired = 1, True
    while fired:
        inner, engine, clock = MemoryStore(), EngineDouble(), SimulatedClock(auto=True)
        await inner.open()
        store = FaultyStore(inner, at=at, outcome=outcome)
        service = make_service(store, engine, clock, workspace)
        with suppress(StoreError):
            await story(service)
        fired = store.fired
        service = make_service(inner, engine, clock, workspace, entropy=entropy_of("next"))
        await service.reconcile()
        await story(service)
        await service.delete("sandbox-launch")
        assert engine.ours() == [], f"call {at} failed"
        at += 1
    assert at > 30


FAULTS: dict[str, Callable[[Callable[[], CommandResult]], CommandResult]] = {
    "refuses": lambda act: CommandResult(returncode=1, stdout="", stderr="no"),
    "fails": lambda act: (act(), CommandResult(returncode=1, stdout="", stderr="lost"))[1],
    "hangs": lambda act: CommandResult(returncode=-9, stdout="", stderr="", timed_out=True),
    "is slow": lambda act: (act(), CommandResult(returncode=-9, stdout="", stderr="", timed_out=True))[1],
    "is not there": lambda act: CommandResult(returncode=127, stdout="", stderr="cannot be started: no such file"),
    "garbles": lambda act: (act(), CommandResult(returncode=0, stdout="\ufffd[}\n{", stderr=""))[1],
}


@pytest.mark.thorough
@pytest.mark.no_cover
@pytest.mark.parametrize("fault", FAULTS)
async def test_any_command_may_fail(fault: str, workspace: Path) -> None:
    """Whichever command fails, hangs or says nonsense: the error is a SandboxError, and what is left is mended."""
    at, fired = 1, True
    while fired:
        store, engine, clock = MemoryStore(), EngineDouble(), SimulatedClock(auto=True)
        await store.open()
        foreign = [it.name for it in engine.foreign()]
        service = make_service(store, engine, clock, workspace)
        number = at

        async def around(command: tuple[str, ...], act: Callable[[], CommandResult]) -> CommandResult:
            nonlocal number
            number -= 1
            return FAULTS[fault](act) if number == 0 else act()

        engine.around = around
        with suppress(SandboxError):
            await story(service)
        fired, engine.around = number <= 0, None
        engine.health = ["healthy"]
        assert not (await service.reconcile()).failed
        assert {it.state for it in await service.list(deleted=True)} <= RESTS, f"command {at}"
        await story(service)
        await service.delete("sandbox-launch")
        assert [it.name for it in engine.things.values()] == foreign, f"command {at}"
        at += 1
    assert at > 40


async def test_an_engine_that_never_answers(workspace: Path) -> None:
    """Without an engine nothing is built and nothing is on record; the error says what helps and may be retried."""
    store, engine = MemoryStore(), EngineDouble()
    await store.open()

    async def away(command: tuple[str, ...], act: Any) -> CommandResult:
        return CommandResult(returncode=127, stdout="", stderr="cannot be started: docker")

    engine.around = away
    service = make_service(store, engine, SimulatedClock(auto=True), workspace)
    for act in (service.create("launch"), service.reconcile()):
        with pytest.raises(SandboxError, match="install it, or name another by ORKET_SANDBOX_COMMAND") as raised:
            await act
        assert not raised.value.retryable
    assert await service.list(deleted=True) == ()


async def test_who_is_at_work_is_left_alone(workspace: Path) -> None:
    """Reconciling leaves a sandbox alone that another service is building; deleting it waits for that."""
    store, engine, clock = MemoryStore(), EngineDouble(), SimulatedClock(auto=True)
    await store.open()
    begun, go_on = anyio.Event(), anyio.Event()

    async def around(command: tuple[str, ...], act: Callable[[], CommandResult]) -> CommandResult:
        if "up" in command:
            begun.set()
            await go_on.wait()
        return act()

    engine.around = around
    builder = make_service(store, engine, clock, workspace)
    other = make_service(store, engine, clock, workspace, entropy=entropy_of("other"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(builder.create, "launch")
        await begun.wait()
        assert (await other.reconcile()).busy == ("sandbox-launch",)
        assert (await other.check("sandbox-launch")).state is SandboxState.CREATING
        tasks.start_soon(other.delete, "sandbox-launch")
        await clock.sleep(1)
        go_on.set()
    assert engine.ours() == []
    assert [it.state for it in await other.list(deleted=True)] == [SandboxState.DELETED]


async def test_cancelling_leaves_what_can_be_mended(workspace: Path) -> None:
    """A build that is cancelled gives back its locks; reconciling removes what it began."""
    store, engine, clock = MemoryStore(), EngineDouble(), SimulatedClock(auto=True)
    await store.open()
    service = make_service(store, engine, clock, workspace)

    async def around(command: tuple[str, ...], act: Callable[[], CommandResult]) -> CommandResult:
        if "up" in command:
            act()
            for it in engine.ours():
                it.status = "exited" if it.kind == "container" else ""
            scope.cancel()
        await anyio.lowlevel.checkpoint()
        return act()

    engine.around = around
    with anyio.CancelScope() as scope:
        await service.create("launch")
    assert scope.cancelled_caught
    engine.around = None
    assert (await service.reconcile()).removed == ("sandbox-launch",)
    assert engine.ours() == []
    assert (await service.create("launch")).ports.api == 8001


async def test_somebody_removes_what_is_labelled_and_not_on_record(workspace: Path) -> None:
    """Containers with our labels of which nothing is on record are removed; what is labelled as no id is not."""
    store, engine = MemoryStore(), EngineDouble()
    await store.open()
    service = make_service(store, engine, SimulatedClock(auto=True), workspace)
    await service.create("launch")
    mine = {**next(it.labels for it in engine.ours() if it.kind == "container")}
    engine.things["lost"] = type(engine.ours()[0])(
        kind="volume", name="lost", labels={**mine, "orket.sandbox": "sandbox-lost"}
    )
    engine.things["odd"] = type(engine.ours()[0])(kind="volume", name="odd", labels={**mine, "orket.sandbox": "../.."})
    found = await service.reconcile()
    assert (found.adopted, found.removed) == (("sandbox-launch",), ("sandbox-lost",))
    assert "lost" not in engine.things
    assert "odd" in engine.things


async def test_errors_are_ours(workspace: Path) -> None:
    """A policy that breaks its contract ends a build with orket's own error, and nothing was begun."""

    class Broken:
        contract_version = 1

        def build_sandbox_id(self, rock_id: str, /) -> str:
            return "-rf"

        def build_compose_project(self, sandbox_id: str, /) -> str:
            return ""

        def database_url(self, stack: Any, ports: Any, password: str, /) -> str:
            return ""

        def compose_file(self, question: Any, /) -> str:
            return ""

    store, engine = MemoryStore(), EngineDouble()
    await store.open()
    with pytest.raises(OrketError, match="broke its contract"):
        await make_service(store, engine, SimulatedClock(), workspace, policy=Broken).create("launch")
    assert engine.calls == []


async def test_a_disk_that_is_in_the_way(workspace: Path) -> None:
    """Where compose file or locks have no place, the error says where, and what was begun is removed."""
    store, engine = MemoryStore(), EngineDouble()
    await store.open()
    folder = workspace.parent / "sandboxes"
    folder.write_text("a file", "utf-8")
    with pytest.raises(SandboxError, match=r"sandboxes/.* cannot be made, written or locked: Not a directory"):
        await make_service(store, engine, SimulatedClock(auto=True), workspace).create("launch")
    folder.unlink()
    service = make_service(store, engine, SimulatedClock(auto=True), workspace)
    await service.reconcile()
    (owner,) = folder.iterdir()
    (owner / "sandbox-launch").write_text("a file", "utf-8")
    with pytest.raises(SandboxError, match=r"cannot be built: .*sandbox-launch cannot be made"):
        await service.create("launch")
    assert [it.state for it in await service.list(deleted=True)] == [SandboxState.DELETED]
    (owner / "sandbox-launch").unlink()
    (owner / "sandbox-launch.lock").unlink()
    (owner / "sandbox-launch.lock").mkdir()
    with pytest.raises(SandboxError, match=r"sandbox-launch.lock cannot be made"):
        await service.create("launch")


async def test_an_engine_that_goes_away_in_the_middle(workspace: Path) -> None:
    """Where what was begun cannot be removed either, the error says both and may be retried; later it is removed."""
    store, engine = MemoryStore(), EngineDouble()
    await store.open()
    service = make_service(store, engine, SimulatedClock(auto=True), workspace)
    is_away = False

    async def around(command: tuple[str, ...], act: Callable[[], CommandResult]) -> CommandResult:
        nonlocal is_away
        if "up" in command:
            act()
            is_away = True
        return CommandResult(returncode=1, stdout="", stderr="gone") if is_away else act()

    engine.around = around
    with pytest.raises(SandboxError, match=r"cannot be built: .*\nand not be removed: docker ps failed") as raised:
        await service.create("launch")
    assert raised.value.retryable
    engine.around = None
    (left,) = await service.list()
    assert (left.state, left.doomed) == (SandboxState.STOPPING, True)
    assert (await service.reconcile()).removed == ("sandbox-launch",)
    assert engine.ours() == []
