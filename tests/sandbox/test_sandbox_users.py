"""Who uses sandboxes: the review desk, scenarios with endpoints, evaluators that ask for one."""

from pathlib import Path
from typing import Any

import anyio
import pytest
from engine_double import EngineDouble
from sandbox_services import entropy_of, issue_of, make_service, put

from orket.contracts import CommandResult, DeployRequest, Document, RunRow, Store
from orket.errors import NoSandboxError, SandboxError
from orket.events import SandboxRequested
from orket.sandbox import Followed, Sandbox, SandboxOrchestrator, SandboxState
from orket.sandbox._plan import Plan, Planner
from orket.sandbox._record import REQUESTS
from orket.testing import SimulatedClock

pytestmark = pytest.mark.anyio


async def test_deployments(sandboxes: SandboxOrchestrator, engine: EngineDouble) -> None:
    """A merged pull request gets the sandbox of its card, or of its repository, once for each key."""
    request = DeployRequest(key="k" * 64, repository="acme/shop", number=7, head="c" * 40, card="launch")
    first = await sandboxes.deploy(request)
    assert (first.id, first.url) == ("sandbox-launch", "http://127.0.0.1:3001")
    assert await sandboxes.deploy(request) == first
    assert len(engine.files) == 1
    other = await sandboxes.deploy(DeployRequest(key="l" * 64, repository="acme/shop", number=8, head="c" * 40))
    assert other.id.startswith("sandbox-acme-shop-")


async def test_the_sandbox_of_an_issue(sandboxes: SandboxOrchestrator, store: Store) -> None:
    """An issue's endpoints are called in its own sandbox, else in its epic's, else in its rock's."""
    rock = RunRow(id="rock", build="rb", card="moon", started_at=0.0, fingerprint="")
    epic = RunRow(id="r", build="b", card="launch", started_at=0.0, fingerprint="", parent="rock")
    for row in (rock, epic):
        await put(store, row=row)
    with pytest.raises(NoSandboxError, match="nobody has built one for ISSUE-1 or launch or moon"):
        await sandboxes.find_api(issue_of())
    for card in ("moon", "launch", "ISSUE-1"):
        made = await sandboxes.create(card)
        assert await sandboxes.find_api(issue_of()) == made.api


async def test_requests_are_followed(sandboxes: SandboxOrchestrator, store: Store, engine: EngineDouble) -> None:
    """What evaluators asked for is built once, the last request of a card, also after a restart of the host."""
    for card in ("one", "two", "one"):
        await put(store, SandboxRequested(reason="done"), card=card)
    assert [it.card for it in (await sandboxes.follow()).built] == ["two", "one"]
    assert await sandboxes.follow() == Followed()
    await put(store, SandboxRequested(reason="done"), card="two")
    assert [it.card for it in (await sandboxes.follow()).built] == ["two"]
    assert len(engine.files) == 3


async def test_who_follows_late_takes_nothing_back(
    sandboxes: SandboxOrchestrator,
    store: Store,
    engine: EngineDouble,
    clock: SimulatedClock,
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where one host ends following after another one that has seen more, nothing of that is built once more."""
    other = make_service(store, engine, clock, workspace, entropy=entropy_of("other"))
    await put(store, SandboxRequested(reason="done"), card="one")
    real, later = store.find, 0

    async def overtaken(kind: str, /, *, prefix: str = "") -> tuple[Document, ...]:
        nonlocal later
        if kind == REQUESTS and engine.files and not later:  # what the first one asks for when it has built all it knew
            later = 1
            await put(store, SandboxRequested(reason="done"), card="two")
            assert [it.card for it in (await other.follow()).built] == ["one", "two"]
        return await real(kind, prefix=prefix)

    monkeypatch.setattr(store, "find", overtaken)
    assert [it.card for it in (await sandboxes.follow()).built] == ["one"]
    assert later
    await sandboxes.delete("sandbox-two")
    again = make_service(store, engine, clock, workspace, entropy=entropy_of("again"))
    assert await again.follow() == Followed()


async def test_an_older_request_takes_no_newer_sandbox_away(
    sandboxes: SandboxOrchestrator,
    store: Store,
    engine: EngineDouble,
    clock: SimulatedClock,
    workspace: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A host that knows only an older request of a card leaves what another one has built for a newer one."""
    other = make_service(store, engine, clock, workspace, entropy=entropy_of("other"))
    await put(store, SandboxRequested(reason="done"), card="one")
    real, said = Planner.plan, list[Sandbox]()

    async def overtaken(planner: Planner, *asked: Any) -> Plan:
        plan = await real(planner, *asked)
        if planner is sandboxes._planner:
            await put(store, SandboxRequested(reason="done"), card="one")
            said.extend((await other.follow()).built)
        return plan

    monkeypatch.setattr(Planner, "plan", overtaken)
    assert list((await sandboxes.follow()).built) == said
    assert [it.key for it in said] == ["request-2"]
    assert len(engine.files) == 1


async def test_requests_that_cannot_be_met(sandboxes: SandboxOrchestrator, store: Store, engine: EngineDouble) -> None:
    """What cannot be built is on record and not tried again; where the engine is away, it is."""
    await put(store, SandboxRequested(reason="done"), card="one")

    async def away(command: tuple[str, ...], act: Any) -> CommandResult:
        return CommandResult(returncode=1, stdout="", stderr="Cannot connect to the Docker daemon")

    engine.around = away
    with pytest.raises(SandboxError, match="Cannot connect to the Docker daemon"):
        await sandboxes.follow()

    async def broken(command: tuple[str, ...], act: Any) -> CommandResult:
        return CommandResult(returncode=1, stdout="", stderr="no") if "up" in command else act()

    engine.around = broken
    await put(store, SandboxRequested(reason="done"), card="two")
    failed = (await sandboxes.follow()).failed
    assert {card: "cannot be built" in why for card, why in failed.items()} == {"one": True, "two": True}
    engine.around = None
    assert await sandboxes.follow() == Followed()
    left = await sandboxes.list(deleted=True)
    assert [(it.state, it.key) for it in left] == [
        (SandboxState.DELETED, "request-1"),
        (SandboxState.DELETED, "request-2"),
    ]


async def test_a_host_may_keep_following(
    sandboxes: SandboxOrchestrator, store: Store, engine: EngineDouble, clock: SimulatedClock
) -> None:
    """A task of the host builds what evaluators ask for, as they do, and waits for an engine that is away."""
    away = 2

    async def around(command: tuple[str, ...], act: Any) -> CommandResult:
        nonlocal away
        away -= 1
        return CommandResult(returncode=1, stdout="", stderr="down") if away >= 0 else act()

    engine.around = around
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(sandboxes.keep_following)
        for card in ("one", "two"):
            await put(store, SandboxRequested(reason="done"), card=card)
            with anyio.fail_after(60):
                while not [it for it in await sandboxes.list() if it.card == card and it.state == "running"]:
                    await clock.sleep(1)
        tasks.cancel_scope.cancel()
    assert len(engine.files) == 2
