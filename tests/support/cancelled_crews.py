"""A crew in which every kind of thing waits for something, and hosts that know only their own event loop."""

import asyncio
import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import attrs
import trio

import orket
from orket.contracts import EffectClass, ModelReply, ModelRequest, RawToolCall, Settlement, Tool, ToolContext, TurnKind
from orket.errors import ModelError, UnknownCardError
from orket.events import TurnClosed
from orket.memory import FullTextMemory
from orket.nodes.evaluator import DefaultEvaluatorNode
from orket.nodes.pipeline_wiring import DefaultPipelineWiringStrategyNode
from orket.nodes.planner import DefaultPlannerNode
from orket.nodes.prompt_strategy import DefaultPromptStrategyNode
from orket.nodes.router import DefaultRouterNode
from orket.nodes.tool_strategy import DefaultToolStrategyNode
from orket.stores import SQLiteStore
from orket.testing import Effect, EffectLedger
from orket.testing.faults import Act, Pulse

pause = anyio.lowlevel.checkpoint
TOOLS = ["ring", "chime", "note", "look", "add_issue_comment", "update_issue_status"]
EPICS: dict[str, dict[str, list[str]]] = {
    "launch": {"rings": [], "fails": ["rings"], "asks": ["rings"]},  # a chain, and a fan
    "trifle": {"rings": []},
}
Calls = list[tuple[str, dict[str, Any]]]


class SlowPlanner(DefaultPlannerNode):
    """Thinks, like all of them here, before it answers."""

    async def plan(self, question, /):
        await pause()
        return super().plan(question)


class SlowRouter(DefaultRouterNode):
    async def route(self, question, /):
        await pause()
        return super().route(question)


class SlowPrompts(DefaultPromptStrategyNode):
    async def select_model(self, question, /):
        await pause()
        return super().select_model(question)

    async def select_dialect(self, question, /):
        await pause()
        return super().select_dialect(question)

    async def compose(self, question, /):
        await pause()
        return super().compose(question)


class SlowTools(DefaultToolStrategyNode):
    async def compose(self, question, /):
        await pause()
        return super().compose(question)


class SlowEvaluator(DefaultEvaluatorNode):
    async def evaluate_success(self, question, /):
        await pause()
        return super().evaluate_success(question)

    async def evaluate_failure(self, question, /):
        await pause()
        return super().evaluate_failure(question)


class SlowMemory(FullTextMemory):
    async def add(self, remembered, /):
        await pause()
        super().add(remembered)

    async def search(self, query, /):
        await pause()
        return super().search(query)


class SlowServices(DefaultPipelineWiringStrategyNode):
    """Answers at once, as it must; what it gives does not."""

    def create_memory(self, _question, /):
        return SlowMemory()


class Watchful:
    """A gate rule of the host, asked in a thread."""

    name = "watchful"

    def check(self, _question: object) -> None:
        return None


async def slow_model(request: ModelRequest) -> ModelReply:
    """Work; fail once, ask once, have something remembered."""
    await pause()
    brief = request.brief
    assert brief is not None
    if brief.kind is TurnKind.REVIEW:
        decision = f"DECISION: {brief.issue.id} it is"
        return attrs.evolve(reply([("update_issue_status", {"status": "done"})]), text=decision)
    if brief.issue.id == "fails" and brief.issue.retry_count == 0:
        raise ModelError("the line is busy")
    rounds = work_of(brief.issue.id, "unblock" in str(request.messages))
    done = ("update_issue_status", {"status": "code_review"})
    return reply(rounds[brief.round - 1] if brief.round <= len(rounds) else [done])


def work_of(issue: str, is_told: bool) -> list[Calls]:
    """What an issue's work turn calls, round by round."""
    ring, chime, note, look = [(name, {"note": f"{issue}: {name}"}) for name in TOOLS[:4]]
    asking = {"status": "blocked", "wait_reason": "input", "reason": "Which colour?"}
    return {
        "rings": [[ring, chime, note, ("add_issue_comment", {"comment": "begun"})]],
        "fails": [[look]],
        "asks": [] if is_told else [[("update_issue_status", asking)]],
    }.get(issue, [])


def reply(calls: Calls) -> ModelReply:
    raw = [RawToolCall(name=name, arguments=arguments, id=f"call-{at}") for at, (name, arguments) in enumerate(calls)]
    return ModelReply(tool_calls=tuple(raw))


def chime_of(ledger: EffectLedger) -> Tool:
    """An ``async def`` tool that runs at most once, pauses before and after it acts, and can be asked."""

    async def look_up(key: str) -> Settlement | None:
        await pause()
        acted = any(effect.key == key for effect in ledger.effects)
        return Settlement(ran=acted, output="chimed" if acted else "")

    @orket.tool(reconcile=look_up)
    async def chime(note: str, context: ToolContext) -> str:
        """Chime."""
        await pause()
        ledger.record(Effect(key=context.key, tool="chime", effect=EffectClass.AT_MOST_ONCE, note=note))
        await pause()
        return "chimed"

    return chime


async def nobody_knows(_key: str) -> None:
    await pause()


def write_organization(root: Path) -> Path:
    """Write what the crew works for."""
    epics = {
        f"model/core/epics/{name}": {
            "team": "crew",
            "environment": "standard",
            "architecture_governance": {"idesign": True},
            "issues": [{"id": it, "summary": it, "seat": "coder", "depends_on": needs} for it, needs in issues.items()],
        }
        for name, issues in EPICS.items()
    }
    seats = {"coder": {"roles": ["coder"]}, "guard": {"roles": ["integrity_guard"]}}
    for name, asset in {
        "config/organization": {"name": "Cancelled"},
        "model/core/teams/crew": {"seats": seats},
        "model/core/roles/coder": {"description": "works", "tools": TOOLS},
        "model/core/roles/integrity_guard": {"description": "judges", "tools": ["update_issue_status"]},
        "model/core/environments/standard": {"model": "none"},
        **epics,
        "model/core/rocks/march": {"epics": [{"epic": "launch", "department": "core"}]},
    }.items():
        path = root / f"{name}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(asset), "utf-8")
    return root


def crew(root: Path, kind: str) -> Callable[[Path, EffectLedger], orket.Orchestrator]:
    """Return a scenario: a crew for the organization in *root*, with a record in memory or in a file."""

    registry = orket.DecisionNodeRegistry()  # one for all: it looks through the installed packages

    def scenario(folder: Path, ledger: EffectLedger) -> orket.Orchestrator:
        file = partial(SQLiteStore, folder / "journal.db", durability="process", busy_timeout=1.0)
        return orket.Orchestrator(
            config=root,
            workspace=folder / "workspace",
            store=orket.MemoryStore() if kind == "memory" else file(),
            model=slow_model,
            tools=[
                ledger.tool("ring"),
                chime_of(ledger),
                ledger.tool("note", effect=EffectClass.IDEMPOTENT),
                ledger.tool("look", effect=EffectClass.READ),
            ],
            nodes={
                "planner": SlowPlanner(),
                "router": SlowRouter(),
                "prompt_strategy": SlowPrompts(),
                "tool_strategy": SlowTools(),
                "evaluator": SlowEvaluator(),
                "pipeline_wiring": SlowServices(),
            },
            gate_rules=[Watchful()],
            registry=registry,
            environ={},
        )

    return scenario


async def operate(crew: orket.Orchestrator) -> None:
    """Run a rock until somebody is asked, answer, and run to the end."""
    await crew.run_card("march")
    for board in (await crew.board()).builds:
        for issue in board.issues:
            if issue.wait_reason is orket.WaitReason.INPUT:
                await crew.unblock(issue.id, actor="ann", reason="unblock: blue", build=board.build)
    await crew.run_card("march")


async def people(crew: orket.Orchestrator) -> None:
    """Take up what is open, settle what nobody knows, and look at everything that there is."""
    await crew.preflight()
    await crew.run_epic("trifle")
    await crew.run_epic("trifle")  # its tool is asked once more
    for effect in await crew.unsettled():
        await crew.settle(effect, ran=True, actor="ann", output="chimed")
    await crew.run_epic("trifle")
    with suppress(UnknownCardError):
        await crew.run_epic("trifle", target_issue_id="ringz")
    await crew.reprioritize("rings", 5, actor="ann")
    await crew.explain("rings")
    await crew.recall("rings")
    async for _ in crew.history(card="rings"):
        pass
    await crew.store.verify()


async def watch(crew: orket.Orchestrator) -> None:
    """Start a run, subscribe to its events, halt it, resume it."""
    run = await crew.start("trifle")

    async def follow() -> None:
        async for entry in run.events():
            if isinstance(entry.record, TurnClosed):
                run.halt()

    async with anyio.create_task_group() as group:
        group.start_soon(follow)
        await run.outcome()
    await crew.resume(run.id)


async def by_wait_for(act: Act, pulse: Pulse) -> bool:
    """Set a limit as hosts on asyncio do."""
    pulse.on(pulse.pass_time)
    try:
        await asyncio.wait_for(act(), 4)
    except TimeoutError:
        return True
    return False


async def by_timeout(act: Act, pulse: Pulse) -> bool:
    """Set a limit as hosts on asyncio do since 3.11."""
    pulse.on(pulse.pass_time)
    try:
        async with asyncio.timeout(4) as limit:
            await act()
    except TimeoutError:
        return True
    assert not limit.expired(), "the limit was passed, and nobody heard of it"
    return False


async def by_trio_scope(act: Act, pulse: Pulse) -> bool:
    """Cancel a scope of trio's own."""
    with trio.CancelScope() as scope:
        pulse.on(scope.cancel)
        await act()
    return scope.cancelled_caught


async def by_move_on_after(act: Act, pulse: Pulse) -> bool:
    """Set a limit as hosts on trio do."""
    pulse.on(pulse.pass_time)
    with trio.move_on_after(4) as scope:
        await act()
    return scope.cancelled_caught


def interrupted(root: Path, folder: Path) -> Callable[[Path, EffectLedger], orket.Orchestrator]:
    """Return a scenario: a crew that takes up what another one was about when it was cancelled, in a chime.

    Whether it chimed nobody can tell.
    """
    folder.mkdir()
    ledger = EffectLedger(folder / "ledger.jsonl")

    async def work() -> None:
        with anyio.CancelScope() as scope:

            @orket.tool
            async def chime(note: str, context: ToolContext) -> str:
                """Chime, and hear nothing any more."""
                ledger.record(Effect(key=context.key, tool="chime", effect=EffectClass.AT_MOST_ONCE, note=note))
                scope.cancel()
                await anyio.sleep_forever()
                return ""

            made = crew(root, "sqlite")(folder, ledger)
            tools = [chime, *[tool for tool in made._tools if tool.spec.name != "chime"]]
            async with attrs.evolve(made, tools=tools) as orchestrator:
                await orchestrator.run_epic("trifle")

    anyio.run(work)

    def scenario(place: Path, ledger: EffectLedger) -> orket.Orchestrator:
        for name in ("journal.db", "ledger.jsonl"):
            shutil.copy(folder / name, place / name)
        made = crew(root, "sqlite")(place, ledger)
        chime = attrs.evolve(chime_of(ledger), reconcile=nobody_knows)
        return attrs.evolve(made, tools=[chime, *[tool for tool in made._tools if tool.spec.name != "chime"]])

    return scenario
