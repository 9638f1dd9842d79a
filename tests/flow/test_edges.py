"""Corners of the flow: roles that exist nowhere, refused wishes, requests of host tools, agents reading the record."""

import os
from pathlib import Path

import pytest
from attrs import evolve
from ports import StoreDouble
from small_world import WORKER_TOOLS, diligent, issue, open_world, organization, wish, write_json

import orket
from orket.contracts import (
    Batch,
    CardChange,
    IssueRequest,
    ModelRequest,
    Route,
    RouteQuestion,
    SuccessAnswer,
    SuccessQuestion,
    ToolCall,
    ToolResult,
    TurnKind,
)
from orket.events import (
    CardMoved,
    CardNominated,
    CreditsReported,
    RefinementProposed,
    TurnOpened,
    WishRefused,
)
from orket.governance import MAX_ADDED_ISSUES, MAX_CREATED_ISSUES
from orket.nodes.evaluator import DefaultEvaluatorNode
from orket.nodes.router import DefaultRouterNode
from orket.stores import SQLiteStore

pytestmark = pytest.mark.anyio
BOARD_TOOLS = ["nominate_card", "report_credits", "refinement_proposal", "request_excuse"]


async def test_proposals_and_reports_stand_in_the_journal(tmp_path: Path) -> None:
    """A nomination, a report of cost and a proposal are records of the issue's turn, and change nothing else."""
    calls = [
        ToolCall(name="nominate_card", arguments={"kind": "epic", "summary": "a second floor", "reason": "room"}),
        ToolCall(name="report_credits", arguments={"amount": 2.5, "detail": "bricks"}),
        ToolCall(name="refinement_proposal", arguments={"target": "roles/coder", "proposal": "more tools"}),
    ]

    def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        return calls if request.brief.kind is TurnKind.WORK and request.brief.round == 1 else diligent(request)

    root = organization(tmp_path, [issue("a")], tools=[*WORKER_TOOLS, *BOARD_TOOLS])
    async with open_world(root, agent) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert (result.outcome, result.cards) == (orket.RunOutcome.DONE, 1)
        records = [entry.record async for entry in orchestrator.history(card="a")]
    kinds = (CardNominated, CreditsReported, RefinementProposed)
    assert [record for record in records if isinstance(record, kinds)] == [
        CardNominated(seat="coder", kind="epic", summary="a second floor", reason="room"),
        CreditsReported(seat="coder", amount=2.5, detail="bricks"),
        RefinementProposed(seat="coder", target="roles/coder", proposal="more tools"),
    ]


async def test_an_excuse_waits_for_a_person(tmp_path: Path) -> None:
    """A seat that asks to be excused leaves its issue waiting for input, with its own words."""

    def agent(_request: ModelRequest) -> object:
        return ToolCall(name="request_excuse", arguments={"reason": "I cannot draw"})

    root = organization(tmp_path, [issue("a")], tools=[*WORKER_TOOLS, *BOARD_TOOLS])
    async with open_world(root, agent) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert result.reasons == {"a": "input: I cannot draw"}
        assert (await orchestrator.explain("a")).issue.status is orket.CardStatus.WAITING_FOR_DEVELOPER


async def test_a_host_tool_creates_no_more_issues_than_a_turn_may(tmp_path: Path) -> None:
    """The limit of a turn also binds tools that the gate does not know to create issues."""

    @orket.tool
    def plan(x: int) -> ToolResult:
        requests = tuple([IssueRequest(summary=f"s{number}", seat="coder") for number in range(4)])
        return ToolResult(ok=True, output="planned", requests=requests)

    def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        if request.brief.issue.id == "a" and request.brief.kind is TurnKind.WORK and request.brief.round < 5:
            return ToolCall(name="plan", arguments={"x": 1})
        return diligent(request)

    root = organization(tmp_path, [issue("a")], tools=[*WORKER_TOOLS, "plan"])
    async with open_world(root, agent, tools=[plan]) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert (result.outcome, result.cards) == (orket.RunOutcome.DONE, 1 + MAX_CREATED_ISSUES // 4 * 4)


async def test_a_host_tool_cannot_flood_the_board(tmp_path: Path) -> None:
    """The limit of the board binds host tools too: in the end no issue is added any more, and the run ends."""

    @orket.tool
    def plan(x: int) -> ToolResult:
        requests = tuple([IssueRequest(summary=f"s{number}", seat="coder") for number in range(MAX_CREATED_ISSUES)])
        return ToolResult(ok=True, output="planned", requests=requests)

    def agent(request: ModelRequest) -> object:
        return [ToolCall(name="plan", arguments={"x": 1}), wish("blocked", wait_reason="input")]

    tools, rules = [*WORKER_TOOLS, "plan"], {"concurrency": 1}
    root = organization(tmp_path, [issue("a", max_retries=0)], tools=tools, process_rules=rules)
    async with open_world(root, agent, tools=[plan]) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert (result.outcome, result.cards) == (orket.RunOutcome.FAILED, 1 + MAX_ADDED_ISSUES)
        assert f"at most {MAX_ADDED_ISSUES} are allowed" in result.reason


class Outsider(DefaultRouterNode):
    """Sends work to a seat whose role exists nowhere."""

    def route(self, question: RouteQuestion, /) -> Route:
        return Route(seat="ghost" if question.kind is TurnKind.WORK else "guard", reason="why not")


async def test_a_seat_whose_role_exists_nowhere_is_no_seat(tmp_path: Path) -> None:
    """The issue is canceled as one whose seat is missing, and the reason names the role."""
    root = organization(tmp_path, [issue("a")])
    seats = {
        "coder": {"name": "Coder", "roles": ["coder"]},
        "guard": {"name": "Guard", "roles": ["integrity_guard"]},
        "ghost": {"name": "Ghost", "roles": ["haunting"]},
    }
    write_json(root / "model" / "core" / "teams" / "crew.json", {"name": "crew", "seats": seats})
    async with open_world(root, diligent, nodes={"router": Outsider}) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert (result.outcome, result.canceled) == (orket.RunOutcome.DONE, 1)
        moved = [e.record async for e in orchestrator.history() if isinstance(e.record, CardMoved)]
    assert "haunting" in moved[-1].reason


class Vague(DefaultEvaluatorNode):
    """Wishes for a waiting status and does not say what for."""

    def evaluate_success(self, question: SuccessQuestion, /) -> SuccessAnswer:
        return SuccessAnswer(wish=orket.CardStatus.BLOCKED, reason="enough")


async def test_a_wish_that_the_law_refuses_is_recorded(tmp_path: Path) -> None:
    """The refusal names its rule, and the turn has failed as a violation: the issue is blocked by the core."""
    root = organization(tmp_path, [issue("a")])
    async with open_world(root, diligent, nodes={"evaluator": Vague}) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert result.outcome is orket.RunOutcome.STALLED
        records = [entry.record async for entry in orchestrator.history(card="a")]
    (refused,) = [record for record in records if isinstance(record, WishRefused)]
    assert (refused.wish, refused.by, refused.rule) == (orket.CardStatus.BLOCKED, "coder", "wait-reason")
    moves = [record for record in records if isinstance(record, CardMoved)]
    assert (moves[-1].by, moves[-1].wait_reason) == ("core", orket.WaitReason.SYSTEM)


async def test_self_review_needs_no_asset_of_the_guards_role(tmp_path: Path) -> None:
    """An organization without a guard, and without the role's asset, is reviewed by the seat with the stock role."""
    root = organization(tmp_path, [issue("a")], guard=False)
    (root / "model" / "core" / "roles" / "integrity_guard.json").unlink()
    async with open_world(root, diligent) as orchestrator:
        assert (await orchestrator.run_epic("launch")).outcome is orket.RunOutcome.DONE
        opened = [e.record async for e in orchestrator.history() if isinstance(e.record, TurnOpened)]
    assert [one.roles for one in opened] == [("coder",), ("integrity_guard", "coder")]
    assert "read_file" in opened[1].tools


async def test_an_issue_that_wanted_a_reviewer_is_unblocked_by_an_operator(tmp_path: Path) -> None:
    """Blocked because duties are separate, then set to review by hand, it is judged once there is a guard."""
    root, store = organization(tmp_path, [issue("a")], guard=False), orket.MemoryStore()
    async with open_world(root, diligent, store=store, separation_of_duties=True) as orchestrator:
        assert (await orchestrator.run_epic("launch")).outcome is orket.RunOutcome.STALLED
        (row,) = await store.load_board("build-launch")
        version = row.issue.version
        back = evolve(
            row.issue, status=orket.CardStatus.CODE_REVIEW, version=version + 1, wait_reason=None, wait_detail=""
        )
        change = CardChange(issue=back, expected=version)
        await store.commit(Batch(op_id="hand", run="hand", build="build-launch", at=row.until, changes=(change,)))
    organization(tmp_path, [issue("a")], guard=True)
    async with open_world(root, diligent, store=store, separation_of_duties=True) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert (result.outcome, result.turns) == (orket.RunOutcome.DONE, 1)


@pytest.mark.parametrize("kind", ["sqlite", "double"])
async def test_agents_do_not_read_the_record(tmp_path: Path, kind: str) -> None:
    """A hard link to the store's file in the workspace is refused, whatever else the store keeps open."""
    root, told = organization(tmp_path, [issue("a")]), list[str]()
    path = tmp_path / "record" / "j.db"
    path.parent.mkdir()

    class Elsewhere(StoreDouble):
        """A store that says where it lies, and keeps no further files."""

        @property
        def location(self) -> Path | None:
            return path

    if kind == "double":
        path.write_text("the record")
        (path.parent / "j.db-wal").mkdir()

    def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        told.extend(message.content for message in request.messages[2:])
        if request.brief.kind is TurnKind.WORK and request.brief.round == 1:
            (tmp_path / "work" / "space" / "link.txt").unlink(missing_ok=True)
            os.link(path, tmp_path / "work" / "space" / "link.txt")
            return ToolCall(name="read_file", arguments={"path": "link.txt"})
        return diligent(request)

    store = SQLiteStore(path) if kind == "sqlite" else Elsewhere()
    async with open_world(root, agent, store=store) as orchestrator:
        assert (await orchestrator.run_epic("launch")).outcome is orket.RunOutcome.DONE
    assert any("belongs to the record" in text for text in told)
