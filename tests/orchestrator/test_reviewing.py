"""What an orchestrator does for the review desk."""

from pathlib import Path
from typing import Any

import pytest
from deliveries import HEAD, REPOSITORY, SECRET, delivery, merged, payload
from gitea_world import World, WorldClient
from small_world import diligent, issue, open_world, organization

from orket.cards import CardStatus
from orket.contracts import (
    DeployedSandbox,
    DeployRequest,
    ModelRequest,
    ReviewStarter,
    SandboxDeployer,
    Service,
    ServiceQuestion,
    TurnKind,
)
from orket.errors import RunError, UnknownCardError
from orket.events import TurnOpened
from orket.nodes.pipeline_wiring import DefaultPipelineWiringStrategyNode
from orket.review import ReviewDesk
from orket.sandbox import SandboxOrchestrator

pytestmark = pytest.mark.anyio


def crew(root: Path, model: Any = diligent, **options: Any) -> Any:
    """An orchestrator with two issues, the second of which waits for the first."""
    organization(root / "org", [issue("ISSUE-1"), issue("ISSUE-2", "ISSUE-1")])
    return open_world(root / "org", model, **options)


class Halting:
    """A model that moves work to review, and is halted there; later it reviews."""

    def __init__(self) -> None:
        self.halt: Any = None

    def __call__(self, request: ModelRequest) -> Any:
        if self.halt is not None:
            self.halt()
        return diligent(request)


async def test_a_delivery_starts_a_review_turn(tmp_path: Path) -> None:
    """New code of a card in review starts a review turn of it and of no other, under a run id that no one else has."""
    model = Halting()
    async with crew(tmp_path, model) as house:
        model.halt = house.halt
        await house.run_epic("launch")
        model.halt = None
        (view,) = (await house.board()).builds
        assert [it.status for it in view.issues] == [CardStatus.CODE_REVIEW, CardStatus.READY]
        assert isinstance(house, ReviewStarter)
        world = WorldClient(World())
        ports: dict[str, Any] = {"store": house.store, "gitea": world, "reviews": house}
        async with ReviewDesk(secret=SECRET, repositories=[REPOSITORY], **ports) as desk:
            before = [entry.seq async for entry in house.history()][-1]
            assert (await desk.handle(*delivery(payload("opened")))).status == 202
            await desk.settled()
        runs = [row for row in await house.store.runs() if row.id.startswith("review-")]
        assert [(row.card, row.target, row.build) for row in runs] == [("launch", "ISSUE-1", view.build)]
        seen = 0  # read before the run is: what comes between wakes
        while (await house.store.load_run(runs[0].id)).outcome is None:
            await house.store.wait(seen)
            seen = [entry.seq async for entry in house.history()][-1]
        turns = [it async for it in house.history(since=before) if isinstance(it.record, TurnOpened)]
        assert [(it.card, it.record.kind) for it in turns] == [("ISSUE-1", TurnKind.REVIEW)]
        (view,) = (await house.board()).builds
        assert [it.status for it in view.issues] == [CardStatus.DONE, CardStatus.READY]


async def test_a_run_is_started_once(tmp_path: Path) -> None:
    """The same run id starts nothing twice, while it runs and when it has ended."""
    model = Halting()
    async with crew(tmp_path, model) as house:
        model.halt = house.halt
        await house.run_epic("launch")
        model.halt = None
        assert await house.start_review("ISSUE-1", "review-1") == "run review-1 reviews ISSUE-1"
        assert await house.start_review("ISSUE-1", "review-1") == "run review-1 was started before"
        assert [row.id for row in await house.store.runs()].count("review-1") == 1


async def test_a_card_that_is_not_in_review_is_left_alone(tmp_path: Path) -> None:
    """A card that is done, or was never worked on, is not run; one that no board has is refused by name."""
    async with crew(tmp_path) as house:
        with pytest.raises(UnknownCardError, match="ISSUE-1"):
            await house.start_review("ISSUE-1", "review-1")
        await house.run_epic("launch")
        assert await house.start_review("ISSUE-1", "review-1") == "ISSUE-1 is done: there is nothing to review"
        await house.run_epic("launch", build="second")
        with pytest.raises(RunError, match="several boards"):
            await house.start_review("ISSUE-1", "review-1")
        assert not [row for row in await house.store.runs() if row.id.startswith("review-")]


async def test_a_review_that_cannot_begin_is_refused(tmp_path: Path) -> None:
    """Where the epic's assets are gone, the error comes from start_review, and no run is on record."""
    model = Halting()
    async with crew(tmp_path, model) as house:
        model.halt = house.halt
        await house.run_epic("launch")
        (tmp_path / "org" / "model" / "core" / "teams" / "crew.json").unlink()
        with pytest.raises(Exception, match="crew"):
            await house.start_review("ISSUE-1", "review-1")
        assert await house.store.load_run("review-1") is None


class Sandboxes:
    """A sandbox service that counts."""

    def __init__(self) -> None:
        self.deployed: list[DeployRequest] = []
        self.closed = 0

    async def deploy(self, request: DeployRequest, /) -> DeployedSandbox:
        self.deployed.append(request)
        return DeployedSandbox(id="sandbox-shop", url="http://127.0.0.1:8001")

    async def aclose(self) -> None:
        self.closed += 1


class Idle:
    """A service that deploys nothing."""

    async def aclose(self) -> None:
        return


class Wiring(DefaultPipelineWiringStrategyNode):
    """Give the service that the test has."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def create_sandbox_orchestrator(self, question: ServiceQuestion, /) -> Service:
        return self._service


async def test_the_wiring_brings_the_sandboxes(tmp_path: Path) -> None:
    """What the pipeline wiring has for sandboxes deploys what was merged, and is closed with the orchestrator."""
    service, world = Sandboxes(), World()
    async with crew(tmp_path, nodes={"pipeline_wiring": Wiring(service)}) as house:
        assert isinstance(house.sandboxes, SandboxDeployer)
        ports: dict[str, Any] = {"store": house.store, "gitea": WorldClient(world), "sandboxes": house.sandboxes}
        async with ReviewDesk(secret=SECRET, repositories=[REPOSITORY], **ports) as desk:
            await desk.handle(*delivery(merged()))
            await desk.settled()
        assert service.closed == 0
    assert [(it.head, it.card) for it in service.deployed] == [(HEAD, "ISSUE-1")]
    assert "sandbox-shop" in world.comments[7][0]
    assert service.closed == 1


async def test_the_stock_wiring_has_sandboxes(tmp_path: Path) -> None:
    """The stock service builds sandboxes; as long as none is asked for, it runs no command and makes no folder."""
    async with crew(tmp_path) as house:
        assert isinstance(house.sandboxes, SandboxOrchestrator)
        assert await house.sandboxes.list() == ()
        await house.run_epic("launch")
    assert not list(tmp_path.rglob("*.sandboxes"))  # noqa: ASYNC240 - a folder of a test


async def test_there_may_be_no_sandboxes(tmp_path: Path) -> None:
    """A service that cannot deploy is none for the review desk."""
    async with crew(tmp_path, nodes={"pipeline_wiring": Wiring(Idle())}) as house:
        assert house.sandboxes is None
