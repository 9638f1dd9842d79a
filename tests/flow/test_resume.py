"""A run that died is continued: replies are not asked for twice, recorded effects do not run again."""

import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path

import anyio
import pytest
from small_world import WORKER_TOOLS, diligent, issue, open_world, organization, wish

import orket
from orket.contracts import EffectClass, ModelRequest, ToolCall
from orket.events import EffectIntended, EffectRecorded, ModelReplied, TurnResumed
from orket.stores import SQLiteStore

pytestmark = pytest.mark.anyio

SUPPORT = Path(__file__).parents[1] / "support"
CHILD = """
    import os, sys
    sys.path.insert(0, {support!r})
    from pathlib import Path
    import anyio, orket
    from orket.contracts import EffectClass, ToolCall
    from small_world import open_world, wish

    @orket.tool(effect=EffectClass.{effect})
    def ring(times: int) -> str:
        with open({ledger!r}, "a") as ledger:
            ledger.write("ring\\n")
        {death}
        return "rung"

    def agent(request):
        with open({asked!r}, "a") as asked:
            asked.write("asked\\n")
        return ToolCall(name="ring", arguments={{"times": 1}})

    async def main():
        options = {{"store": Path({store!r}), "tools": [ring], "limits": orket.Limits(lease=2.0)}}
        async with open_world(Path({root!r}), agent, **options) as o:
            await o.run_epic("launch")

    anyio.run(main)
"""


def die_in_a_tool(tmp_path: Path, effect: str) -> Mapping[str, Path]:
    """Run an epic in a child that dies while its first tool acts; return the files it leaves."""
    paths = {name: tmp_path / name for name in ("ledger", "asked", "store.db")}
    organization(tmp_path, [issue("a")], tools=[*WORKER_TOOLS, "ring"])
    source = textwrap.dedent(CHILD).format(
        support=str(SUPPORT),
        effect=effect,
        ledger=str(paths["ledger"]),
        asked=str(paths["asked"]),
        death="os._exit(9)",
        root=str(tmp_path),
        store=str(paths["store.db"]),
    )
    done = subprocess.run([sys.executable, "-c", source], timeout=60, check=False)
    assert done.returncode == 9
    return paths


def survivor(tmp_path: Path, paths: Mapping[str, Path], effect: EffectClass) -> orket.Orchestrator:
    """Return an orchestrator with the same tool, that does not die."""

    @orket.tool(effect=effect)
    def ring(times: int) -> str:
        with paths["ledger"].open("a") as ledger:
            ledger.write("ring\n")
        return f"rung {times}"

    def agent(request: ModelRequest) -> object:
        with paths["asked"].open("a") as asked:
            asked.write("asked again\n")
        return diligent(request)

    store = SQLiteStore(paths["store.db"])
    return open_world(tmp_path, agent, store=store, tools=[ring])


async def test_an_idempotent_effect_runs_again_and_the_reply_is_used_again(tmp_path: Path) -> None:
    """The recorded reply is not asked for again; its effect without a result runs again with the same key."""
    paths = die_in_a_tool(tmp_path, "IDEMPOTENT")
    async with survivor(tmp_path, paths, EffectClass.IDEMPOTENT) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert result.outcome is orket.RunOutcome.DONE
        entries = [entry.record async for entry in orchestrator.history(card="a")]
        intended = [record.key for record in entries if isinstance(record, EffectIntended)]
        recorded = [record.key for record in entries if isinstance(record, EffectRecorded)]
        assert intended == recorded
        assert sum(isinstance(record, TurnResumed) for record in entries) == 1
        assert [r.round for r in entries if isinstance(r, ModelReplied)] == [1, 2, 1]
    assert paths["ledger"].read_text() == "ring\nring\n"
    assert paths["asked"].read_text() == "asked\nasked again\nasked again\n"


async def test_an_at_most_once_effect_never_runs_again(tmp_path: Path) -> None:
    """An effect that may have happened is not repeated: its card waits, and the reason names it."""
    paths = die_in_a_tool(tmp_path, "AT_MOST_ONCE")
    async with survivor(tmp_path, paths, EffectClass.AT_MOST_ONCE) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert result.outcome is orket.RunOutcome.STALLED
        assert result.reasons["a"].startswith("system: effect_unknown: ring")
    assert paths["ledger"].read_text() == "ring\n"
    assert paths["asked"].read_text() == "asked\n"


async def test_a_replayed_turn_repeats_no_comment_and_no_issue(tmp_path: Path) -> None:
    """What a turn put on the board before it was interrupted is there once."""
    root = organization(tmp_path, [issue("a")])
    calls = [
        ToolCall(name="add_issue_comment", arguments={"comment": "begun"}),
        ToolCall(name="create_issue", arguments={"summary": "more", "seat": "coder"}),
    ]
    rounds: list[int] = []
    scope = anyio.CancelScope()

    async def first(request: ModelRequest) -> object:
        assert request.brief is not None
        rounds.append(request.brief.round)
        if request.brief.round == 1:
            return calls
        scope.cancel()  # the host gives up in the second round
        await anyio.sleep_forever()
        return None

    store = tmp_path / "record" / "j.db"
    with scope:
        async with open_world(root, first, store=store) as orchestrator:
            await orchestrator.run_epic("launch")

    async with open_world(root, diligent, store=store) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert (result.outcome, result.cards) == (orket.RunOutcome.DONE, 2)
    assert rounds == [1, 2]


async def test_a_claim_of_a_dead_owner_is_waited_for(tmp_path: Path) -> None:
    """A card that somebody else holds is not touched until the claim has expired; then it is taken up."""
    paths = die_in_a_tool(tmp_path, "IDEMPOTENT")
    async with survivor(tmp_path, paths, EffectClass.IDEMPOTENT) as orchestrator:
        (row,) = await orchestrator.store.load_board("build-launch")
        assert (row.owner is not None, row.token) == (True, 1)
        await orchestrator.run_epic("launch")
        (row,) = await orchestrator.store.load_board("build-launch")
        assert row.owner is None
        assert row.token > 1


async def test_two_orchestrators_share_one_file(tmp_path: Path) -> None:
    """Two orchestrators on one SQLite file finish every issue once between them."""
    root = organization(tmp_path, [issue(f"i{n}") for n in range(12)])
    store = tmp_path / "record" / "j.db"
    results: list[orket.RunResult] = []

    async def work(slow: bool) -> None:
        async def agent(request: ModelRequest) -> object:
            await anyio.sleep(0.002 if slow else 0)
            return diligent(request)

        async with open_world(root, agent, store=SQLiteStore(store), limits=orket.Limits(lease=1.0)) as orchestrator:
            results.append(await orchestrator.run_epic("launch"))

    store.parent.mkdir()
    async with open_world(root, diligent, store=SQLiteStore(store)) as orchestrator:
        await orchestrator.run_epic("launch", target_issue_id="i0")
    async with anyio.create_task_group() as group:
        group.start_soon(work, True)
        group.start_soon(work, False)
    assert [result.outcome for result in results] == [orket.RunOutcome.DONE] * 2
    assert [result.done for result in results] == [12, 12]
    async with open_world(root, lambda _: wish("done"), store=SQLiteStore(store)) as orchestrator:
        moved = [e async for e in orchestrator.history() if getattr(e.record, "after", None) is orket.CardStatus.DONE]
        assert len({entry.card for entry in moved}) == len(moved) == 12
