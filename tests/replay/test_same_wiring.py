"""Recorded questions asked again, of the same nodes: they decide all of it as they did."""

from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from lively_crew import LIVELY, Strict, crew_of, moody, small
from small_world import diligent, issue, organization, wish, write_json

import orket
from orket.contracts import (
    ModelRequest,
    ToolCall,
    TurnKind,
)
from orket.events import CallJudged, CardMoved, DecisionMade, TurnClosed
from orket.nodes.router import DefaultRouterNode

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("seed", range(8))
async def test_the_same_wiring_decides_the_same(tmp_path: Path, seed: int) -> None:
    """Whatever happened in a run and the one after it, the same nodes decide all of it as they did."""
    store = orket.MemoryStore() if seed % 2 else tmp_path / "journal.db"
    root = small(tmp_path, concurrency=(1, 3, 8)[seed % 3], context_window=(2, 10)[seed % 2])
    async with crew_of(root, store, moody(seed), nodes=LIVELY if seed % 4 else {}) as crew:
        await crew.run_epic("launch", run_id="one")
        for waiting in (await crew.board()).builds[0].issues:
            if waiting.status in (orket.CardStatus.WAITING_FOR_DEVELOPER, orket.CardStatus.BLOCKED):
                await crew.unblock(waiting.id, actor="ann", reason="Blue.")
        await crew.run_epic("launch", run_id="two")
        before = await crew.store.verify()
        for run in ("one", "two"):
            found = await crew.what_if(run)
            assert found.unasked == ()
            assert found.differences == ()
            assert not found
            assert found.asked > 20 or run == "two"
        assert await crew.store.verify() == before


async def test_assets_are_those_of_the_run(tmp_path: Path) -> None:
    """Questions are rebuilt from the assets as they were when the run began, whatever they have become."""
    root, store = small(tmp_path), orket.MemoryStore()
    async with crew_of(root, store, model_override="m-1", user_preference="p") as crew:
        await crew.run_epic("launch", run_id="one", target_issue_id="i3")
    core = root / "model" / "core"
    write_json(core / "roles" / "coder.json", {"name": "coder", "description": "changed", "tools": ["read_file"]})
    write_json(core / "environments" / "standard.json", {"name": "standard", "model": "another"})
    write_json(root / "config" / "organization.json", {"name": "Small", "vision": "changed"})
    async with crew_of(root, store, model_override="m-1") as crew:
        found = await crew.what_if("one")
        assert (found.differences, [one.method for one in found.unasked]) == ((), [])


async def test_a_turn_that_was_taken_up_is_asked_again_where_it_was_decided(tmp_path: Path) -> None:
    """A run that died is asked what it decided, the one that took it up the rest, and nobody what nobody decided."""
    root, store, scope = small(tmp_path, count=2), orket.MemoryStore(), anyio.CancelScope()

    async def mortal(request: ModelRequest) -> Any:
        if request.brief.round == 1:
            return [ToolCall(name="add_issue_comment", arguments={"comment": "first"})]
        scope.cancel()
        return await anyio.sleep_forever()

    with scope:
        async with crew_of(root, store, mortal) as crew:
            await crew.run_epic("launch", run_id="one")
    async with crew_of(root, store) as crew:
        assert (await crew.run_epic("launch", run_id="two")).outcome is orket.RunOutcome.DONE
        for run in ("one", "two"):
            found = await crew.what_if(run)
            assert (found.differences, found.unasked) == ((), ())
            assert {one.method for one in await crew.what_if(run, {"evaluator": Strict})} == (
                {"evaluate_success"} if run == "two" else set()
            )


async def test_a_long_question_is_rebuilt_from_the_board(tmp_path: Path) -> None:
    """A reference that was cut is compared by its digest with the question as the board stood."""
    issues = [issue(f"a-very-long-name-of-an-issue-{'x' * 90}-{n}") for n in range(30)]
    root = organization(tmp_path, issues, process_rules={"concurrency": 1})
    async with crew_of(root, orket.MemoryStore()) as crew:
        await crew.run_epic("launch", run_id="one")
        found = await crew.what_if("one")
        cut = [entry async for entry in crew.history() if "…" in str(getattr(entry.record, "question", ""))]
    assert cut
    assert (found.differences, found.unasked) == ((), ())


async def test_what_was_proven_is_part_of_the_question(tmp_path: Path) -> None:
    """A review's prompt and judgement rest on the evidence on record; no fixture is run again."""
    root = organization(tmp_path, [issue("a", verification={"fixture": "proof.py"})], process_rules={"turn_budget": 4})
    proof = root / "work" / "space" / "verification" / "proof.py"
    proof.parent.mkdir(parents=True)
    proof.write_text("def verify():\n    return False\n")
    async with crew_of(root, orket.MemoryStore()) as crew:
        await crew.run_epic("launch", run_id="one")
        proof.unlink()
        found = await crew.what_if("one")
    assert (found.differences, found.unasked) == ((), ())


async def test_a_broken_dialect_was_one_of_the_families(tmp_path: Path) -> None:
    """A dialect whose file was broken is among the families that the prompt strategy was told of, in their order."""
    root = organization(tmp_path, [issue("a")])
    dialects = root / "model" / "core" / "dialects"
    for family in ("zephyr", "phi", "aya"):
        write_json(dialects / f"{family}.json", {"model_family": family, "dsl_format": "{}"})
    (dialects / "phi.json").write_text("no JSON")
    async with crew_of(root, orket.MemoryStore()) as crew:
        await crew.run_epic("launch", run_id="one")
        found = await crew.what_if("one")
    assert (found.differences, found.unasked) == ((), ())


async def test_a_board_that_grew_beside_a_turn_changes_no_verdict(tmp_path: Path) -> None:
    """A limit that counts issues is judged as the board may have stood then, while other turns added to it."""

    async def prolific(request: ModelRequest) -> Any:
        await anyio.lowlevel.checkpoint()
        more = {"summary": "More", "seat": "coder"}
        return [ToolCall(name="create_issue", arguments=more) for _ in range(10)] + [wish("code_review")]

    root = organization(tmp_path, [issue("a"), issue("b")], process_rules={"concurrency": 8, "turn_budget": 60})
    async with crew_of(root, orket.MemoryStore(), prolific) as crew:
        await crew.run_epic("launch", run_id="one")
        found = await crew.what_if("one")
        verdicts = [entry.record async for entry in crew.history() if isinstance(entry.record, CallJudged)]
    assert {verdict.rule for verdict in verdicts} >= {"", "issue-limit"}
    assert (found.differences, found.unasked) == ((), ())


async def test_nothing_is_called_and_nothing_written(tmp_path: Path) -> None:
    """Models are not asked and tools not run; even a closed record's bytes stay the same."""
    calls: list[str] = []

    @orket.tool
    def ring() -> str:
        """Ring."""
        calls.append("tool")
        return "rung"

    def agent(request: ModelRequest) -> Any:
        calls.append("model")
        assert request.brief is not None
        first = request.brief.kind is TurnKind.WORK and request.brief.round == 1
        return ToolCall(name="ring", arguments={}) if first else diligent(request)

    root = organization(tmp_path, [issue("a")], tools=["ring", "update_issue_status"])
    path = tmp_path / "journal.db"
    async with crew_of(root, path, agent, tools=[ring]) as crew:
        await crew.run_epic("launch", run_id="one")
    done, content = list(calls), path.read_bytes()
    async with crew_of(root, path, agent, tools=[ring]) as crew:
        found = await crew.what_if("one", {"router": DefaultRouterNode})
        assert (found.differences, found.unasked) == ((), ())
    assert calls == done == ["model", "tool", "model", "model"]
    assert path.read_bytes() == content


async def test_everything_that_happens_to_a_board_is_decided_again(tmp_path: Path) -> None:
    """Refusals, long talks with tools, reviews that send back, failures, retries and a stall: all of it is the same."""

    def agent(request: ModelRequest) -> Any:
        assert request.brief is not None
        about, is_work, number = request.brief.issue, request.brief.kind is TurnKind.WORK, request.brief.round
        comment = ToolCall(name="add_issue_comment", arguments={"comment": f"round {number}"})
        match about.id:
            case "i0" if is_work and number < 4:  # a long talk, with a refusal in it
                outside = ToolCall(name="write_file", arguments={"path": "../out", "content": "x"})
                inside = ToolCall(name="write_file", arguments={"path": "agent_output/a", "content": "x"})
                return [comment, inside, outside if number == 2 else ToolCall(name="list_directory", arguments={})]
            case "i2" if not is_work and "round" not in str(request.messages) and about.version < 8:
                return [wish("ready", reason="again")]
            case "i3" if is_work and about.retry_count < 2:
                return ""
            case "i5" if is_work:
                return wish("waiting_for_developer", wait_reason="input", reason="Which?")
            case "i6" if is_work:
                return ToolCall(name="write_file", arguments={"path": "../out", "content": "x"})
        return diligent(request)

    root = small(tmp_path, count=9, concurrency=2)
    async with crew_of(root, tmp_path / "journal.db", agent, nodes=LIVELY) as crew:
        assert (await crew.run_epic("launch", run_id="one")).outcome is orket.RunOutcome.STALLED
        found = await crew.what_if("one")
        records = [entry.record async for entry in crew.history()]
    assert (found.differences, found.follow_ups, found.unasked) == ((), (), ())
    decided = [record for record in records if isinstance(record, DecisionMade | CallJudged)]
    assert found.asked == len(decided) > 150
    assert {record.method for record in decided if isinstance(record, DecisionMade)} == {
        *("plan", "route", "compose", "select_model", "select_dialect", "evaluate_success", "evaluate_failure"),
        *("concurrency_limit", "turn_budget"),
    }
    assert any(isinstance(record, CallJudged) and not record.allowed for record in records)
    moves = [(record.before, record.after) for record in records if isinstance(record, CardMoved)]
    assert ("code_review", "ready") in moves
    assert ("in_progress", "blocked") in moves
    assert max(record.retry_count for record in records if isinstance(record, CardMoved)) >= 2
    assert max(record.rounds for record in records if isinstance(record, TurnClosed)) == 4
