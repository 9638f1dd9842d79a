"""Issues that seats create join the running board, and are worked on like any other."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest
from small_world import WORKER_TOOLS, diligent, issue, open_world, organization

import orket
from orket.contracts import Batch, ModelRequest, ToolCall, TurnKind
from orket.errors import StoreConflictError
from orket.events import CardAdded
from orket.testing.faults import FrontStore

pytestmark = pytest.mark.anyio


def create(summary: str, **fields: object) -> ToolCall:
    return ToolCall(name="create_issue", arguments={"summary": summary, "seat": "coder", **fields})


async def test_a_created_issue_waits_for_its_dependencies_and_is_done(tmp_path: Path) -> None:
    """Two issues, one behind an asset's and one without: both are worked on in this run, in the right order."""
    order: list[str] = []

    def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        brief = request.brief
        if brief.kind is TurnKind.WORK and brief.round == 1:
            order.append(brief.issue.name)
            if brief.issue.id == "a":
                return [create("behind b", depends_on=["b"], priority=3, note="soon"), create("free")]
        return diligent(request)

    root = organization(tmp_path, [issue("a", priority=9), issue("b", "a")], process_rules={"concurrency": 1})
    async with open_world(root, agent) as orchestrator:
        result = await orchestrator.run_epic("launch")
        added = [e.record async for e in orchestrator.history() if isinstance(e.record, CardAdded)]
        rows = {row.issue.id: row.issue for row in await orchestrator.store.load_board("build-launch")}
        joined = {name: (await orchestrator.explain(name)).chain[0].record for name in rows}
    assert list(joined.values()) == added  # every explanation begins with how the card came to be
    assert (result.outcome, result.cards, result.done) == (orket.RunOutcome.DONE, 4, 4)
    assert order.index("behind b") > order.index("Do b") > order.index("Do a")
    assert [one.by for one in added] == ["config", "config", "coder", "coder"]
    made = rows[added[2].issue.id]
    assert (made.name, made.note, made.priority, made.depends_on) == ("behind b", "soon", 3.0, ("b",))
    assert (made.parent, made.build) == ("launch", "build-launch")


async def test_one_created_issue_may_wait_for_another(tmp_path: Path) -> None:
    """An issue that was created in an earlier round can be depended on in a later one of the same turn."""
    store = orket.MemoryStore()

    async def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        brief = request.brief
        if brief.issue.id == "a" and brief.kind is TurnKind.WORK and brief.round <= 2:
            others = [row.issue.id for row in await store.load_board("build-launch") if row.issue.id != "a"]
            return create(f"number {brief.round}", depends_on=others)
        return diligent(request)

    root = organization(tmp_path, [issue("a")])
    async with open_world(root, agent, store=store) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert (result.outcome, result.done) == (orket.RunOutcome.DONE, 3)
        (_, first, second) = (await orchestrator.board()).builds[0].issues
        assert (first.depends_on, second.depends_on) == ((), (first.id,))


REFUSED = [
    (create("x", seat="astronaut"), "no seat 'astronaut'; seats: coder, guard"),
    (create("x", depends_on=["b", "nothing", "none"]), "unknown issues in depends_on: nothing, none"),
]


@pytest.mark.parametrize(("call", "words"), REFUSED)
async def test_an_issue_for_nobody_or_behind_nothing_is_refused(tmp_path: Path, call: ToolCall, words: str) -> None:
    """The model is told what there is, nothing joins the board, and the turn may go on without it."""
    told: list[str] = []

    def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        told.extend(message.content for message in request.messages[2:])
        if request.brief.kind is TurnKind.WORK and request.brief.round == 1 and request.brief.issue.id == "a":
            return [create("good"), call]
        return diligent(request)

    root = organization(tmp_path, [issue("a"), issue("b")])
    async with open_world(root, agent) as orchestrator:
        result = await orchestrator.run_epic("launch")
    assert (result.outcome, result.cards) == (orket.RunOutcome.DONE, 3)
    assert any(words in text for text in told)


class Overtaken(FrontStore):
    """A store that answers late to the commit that adds a card: *b* is refused, and the board read, meanwhile."""

    def __init__(self) -> None:
        super().__init__(orket.MemoryStore())
        self._added = anyio.Event()
        self._refused = False

    async def around(self, verb: str, call: Callable[[], Awaitable[Any]], batch: Batch | None = None) -> Any:
        if batch and batch.card == "b" and not self._refused:
            self._refused = True
            await self._added.wait()
            raise StoreConflictError("somebody has changed 'b'", card="b")
        answer = await call()
        if batch and batch.card == "a" and any(isinstance(record, CardAdded) for record in batch.records):
            self._added.set()
            await anyio.wait_all_tasks_blocked()
        return answer


async def test_a_card_that_was_seen_on_record_before_its_turn_knew_joins_once(tmp_path: Path) -> None:
    """A turn that loses its claim reads the board, and with it what another turn of the run has just added."""

    def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        adds = request.brief.issue.id == "a" and request.brief.kind is TurnKind.WORK and request.brief.round == 1
        return create("more") if adds else diligent(request)

    tools = [*WORKER_TOOLS, "create_issue"]
    root = organization(tmp_path, [issue("a"), issue("b")], tools=tools, process_rules={"concurrency": 2})
    async with open_world(root, agent, store=Overtaken()) as orchestrator:
        result = await orchestrator.run_epic("launch")
    assert (result.outcome, result.done) == (orket.RunOutcome.DONE, 3)
