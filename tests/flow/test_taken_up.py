"""Turns that were left open are taken up with all that is known of them, or refused by name."""

from pathlib import Path
from typing import Any

import anyio
import pytest
from ports import StoreDouble
from small_world import WORKER_TOOLS, diligent, issue, open_world, organization, write_json

import orket
from orket.contracts import (
    ModelRequest,
    ServiceQuestion,
    SuccessAnswer,
    SuccessQuestion,
    ToolCall,
    TurnKind,
    Verification,
    VerificationResult,
)
from orket.errors import ResumeError
from orket.events import (
    ModelReplied,
    TurnResumed,
    VerificationRecorded,
)
from orket.nodes.evaluator import DefaultEvaluatorNode
from orket.nodes.pipeline_wiring import DefaultPipelineWiringStrategyNode

pytestmark = pytest.mark.anyio


class Ponders(DefaultEvaluatorNode):
    """An evaluator that thinks for ever."""

    def __init__(self) -> None:
        super().__init__()
        self.thinking = anyio.Event()

    async def evaluate_success(self, question: SuccessQuestion, /) -> SuccessAnswer:  # type: ignore[override]
        self.thinking.set()
        await anyio.sleep_forever()
        raise AssertionError


async def test_a_reply_is_not_asked_for_again_after_a_long_thought(tmp_path: Path) -> None:
    """Cancelled while an async evaluator thinks, the turn is taken up with the reply that was paid for."""
    asked: list[TurnKind] = []

    def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        asked.append(request.brief.kind)
        return diligent(request)

    root, store, evaluator = organization(tmp_path, [issue("a")]), orket.MemoryStore(), Ponders()
    async with open_world(root, agent, store=store, nodes={"evaluator": evaluator}) as orchestrator:
        await orchestrator.start("launch")
        await evaluator.thinking.wait()
    async with open_world(root, agent, store=store, accept_new_wiring=True) as orchestrator:
        assert (await orchestrator.run_epic("launch")).outcome is orket.RunOutcome.DONE
    assert asked == [TurnKind.WORK, TurnKind.REVIEW]


class Prover:
    """A verifier that counts its runs."""

    def __init__(self) -> None:
        self.runs = 0

    async def verify(self, verification: Verification, workspace: Path, /) -> VerificationResult:
        self.runs += 1
        return VerificationResult(passed=True, detail=f"run {self.runs}")


async def test_a_review_that_is_taken_up_keeps_its_evidence(tmp_path: Path) -> None:
    """The fixture is not run again for a turn that was left open: its recorded result still counts."""
    prover, asked = Prover(), anyio.Event()
    seen: list[VerificationResult | None] = []

    class Wiring(DefaultPipelineWiringStrategyNode):
        def create_verifier(self, question: ServiceQuestion, /) -> Prover:
            return prover

    async def waits(request: ModelRequest) -> object:
        assert request.brief is not None
        if request.brief.kind is TurnKind.REVIEW:
            asked.set()
            await anyio.sleep_forever()
        return diligent(request)

    def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        seen.append(request.brief.verification)
        return diligent(request)

    root, store = organization(tmp_path, [issue("a", verification={"fixture": "p.py"})]), orket.MemoryStore()
    options: dict[str, Any] = {"store": store, "nodes": {"pipeline_wiring": Wiring}}
    async with open_world(root, waits, **options) as orchestrator:
        await orchestrator.start("launch")
        await asked.wait()
    async with open_world(root, agent, **options) as orchestrator:
        assert (await orchestrator.run_epic("launch")).outcome is orket.RunOutcome.DONE
        records = [entry.record async for entry in orchestrator.history()]
    assert [one.detail for one in seen if one] == ["run 1"]
    assert prover.runs == 1
    assert sum(isinstance(record, VerificationRecorded) for record in records) == 1
    assert sum(isinstance(record, TurnResumed) for record in records) == 1


async def test_a_turn_whose_payload_is_gone_is_not_taken_up(tmp_path: Path) -> None:
    """A journal that names a text which the store does not have is refused, with the entry's number."""
    root, store, asked = organization(tmp_path, [issue("a")]), orket.MemoryStore(), anyio.Event()

    async def waits(_request: ModelRequest) -> object:
        asked.set()
        await anyio.sleep_forever()

    async with open_world(root, waits, store=store) as orchestrator:
        await orchestrator.start("launch")
        await asked.wait()

    class Forgetful(StoreDouble):
        async def payload(self, digest: str, /) -> str | None:
            return None

    async with open_world(root, diligent, store=Forgetful(store)) as orchestrator:
        with pytest.raises(ResumeError, match="is not in the store") as caught:
            await orchestrator.run_epic("launch")
        assert [one.what for one in caught.value.obstacles] == ["payload"]
    async with open_world(root, diligent, store=store) as orchestrator:
        assert (await orchestrator.run_epic("launch")).outcome is orket.RunOutcome.DONE


async def test_two_effects_of_a_round_that_never_run_twice_are_recorded_one_by_one(tmp_path: Path) -> None:
    """A crash in the second of two at-most-once effects leaves the first one's result in the journal."""
    rung: list[int] = []
    asked = anyio.Event()

    @orket.tool
    async def ring(times: int) -> str:
        rung.append(times)
        if times == 2 and not asked.is_set():
            asked.set()
            await anyio.sleep_forever()
        return f"rung {times}"

    def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        if request.brief.kind is TurnKind.WORK and request.brief.round == 1:
            return [ToolCall(name="ring", arguments={"times": number}) for number in (1, 2)]
        return diligent(request)

    root, store = organization(tmp_path, [issue("a")], tools=[*WORKER_TOOLS, "ring"]), orket.MemoryStore()
    async with open_world(root, agent, store=store, tools=[ring]) as orchestrator:
        await orchestrator.start("launch")
        await asked.wait()
    async with open_world(root, agent, store=store, tools=[ring]) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert result.reasons["a"].startswith("system: effect_unknown: ring")
        replies = [e.record async for e in orchestrator.history() if isinstance(e.record, ModelReplied)]
    assert rung == [1, 2]
    assert len(replies) == 1


@pytest.mark.parametrize(
    ("seats", "words"),
    [({"builder": "coder"}, "seat 'coder'"), ({"coder": "baker"}, "role 'coder'"), ({}, "tool 'extra'")],
)
async def test_a_turn_that_lost_its_seat_role_or_tool_is_refused_by_name(
    tmp_path: Path, seats: dict[str, str], words: str
) -> None:
    """Taken up under another team, a turn that was left open names what is gone; with it the build goes on."""

    @orket.tool
    def extra(x: int) -> str:
        return "more"

    root = organization(tmp_path, [issue("a")], tools=[*WORKER_TOOLS, "extra"])
    store, asked = orket.MemoryStore(), anyio.Event()

    async def waits(_request: ModelRequest) -> object:
        asked.set()
        await anyio.sleep_forever()

    async with open_world(root, waits, store=store, tools=[extra]) as orchestrator:
        await orchestrator.start("launch")
        await asked.wait()
    core = root / "model" / "core"
    before = (core / "teams" / "crew.json").read_text()
    changed = {name: {"name": name, "roles": [role]} for name, role in seats.items()}
    write_json(core / "roles" / "baker.json", {"name": "baker", "description": "bakes"})
    guard = {"guard": {"name": "Guard", "roles": ["integrity_guard"]}}
    if seats:
        write_json(core / "teams" / "crew.json", {"name": "crew", "seats": {**changed, **guard}})
    async with open_world(root, diligent, store=store, tools=[extra] if seats else []) as orchestrator:
        with pytest.raises(orket.RunError, match=f"{words}.*left open"):
            await orchestrator.run_epic("launch")
    (core / "teams" / "crew.json").write_text(before)
    async with open_world(root, diligent, store=store, tools=[extra]) as orchestrator:
        assert (await orchestrator.run_epic("launch")).outcome is orket.RunOutcome.DONE
