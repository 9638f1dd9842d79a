"""Remembered decisions in prompts: which are offered, of whom, and what is on record of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from attrs import evolve
from ports import StoreDouble
from shed_crew import TEXTS, Deciding, Foreign, offered, shed, wired
from small_world import diligent, issue, open_world, organization, wish

import orket
from orket._codec import digest
from orket.contracts import (
    Batch,
    Document,
    Memory,
    MemoryQuery,
    ModelRequest,
    ServiceQuestion,
    Store,
    ToolCall,
    TurnKind,
)
from orket.errors import RunError, StoreError
from orket.events import TurnOpened, TurnResumed
from orket.memory import FullTextMemory
from orket.nodes.pipeline_wiring import DefaultPipelineWiringStrategyNode
from orket.stores import SQLiteStore
from orket.testing.fakes import SimulatedClock

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    return orket.MemoryStore() if request.param == "memory" else SQLiteStore(tmp_path / "j.db")


async def test_the_most_relevant_decision_is_offered_first(tmp_path: Path, store: Store) -> None:
    """What shares words with the issue comes before what is newer, whichever of its texts the words are in."""
    last = [
        issue("n", "build", summary="What colour has the shed?"),
        issue("r", "n", requirements="Nothing deeper, please."),
        issue("m", "r", note="Is oak in store?"),
        issue("l", "m", labels=["green"]),
    ]
    agent = Deciding()
    async with open_world(shed(tmp_path, *last), agent, store=store) as orchestrator:
        assert (await orchestrator.run_epic("launch")).outcome is orket.RunOutcome.DONE
        assert len(await orchestrator.what_if((await orchestrator.store.runs())[0].id)) == 0
    paint, dig, build = TEXTS.values()
    assert agent.offers["paint"] == []
    assert agent.offers["dig"] == [paint]
    assert agent.offers["n"] == [paint, build, dig]
    assert agent.offers["r"] == [dig, build, paint]
    assert agent.offers["m"] == [build, dig, paint]
    assert agent.offers["l"] == [paint, build, dig]


async def test_as_many_are_offered_as_the_context_window_holds(tmp_path: Path) -> None:
    """A window of one leaves the most relevant decision."""
    agent, rules = Deciding(), {"context_window": 1}
    root = shed(tmp_path, issue("n", "build", summary="Paint it again"), process_rules=rules)
    async with open_world(root, agent) as orchestrator:
        await orchestrator.run_epic("launch")
    assert agent.offers["n"] == [TEXTS["paint"]]


async def test_decisions_of_other_builds_are_offered_where_they_match(tmp_path: Path, store: Store) -> None:
    """A build is told what another one has decided about the matter, and nothing else of it."""
    agent, root = Deciding(), shed(tmp_path, issue("n", summary="Which oak?"))
    async with open_world(root, agent, store=store) as orchestrator:
        for name in TEXTS:
            await orchestrator.run_issue(name, build="first")
    async with open_world(root, agent, store=store) as orchestrator:
        await orchestrator.run_issue("n", build="second")
    assert agent.offers["n"] == [TEXTS["build"]]


async def test_what_was_offered_is_on_record(tmp_path: Path, store: Store) -> None:
    """A turn names the decisions that its prompt was offered, in their order; a turn that was offered none, none."""
    agent = Deciding()
    async with open_world(shed(tmp_path), agent, store=store) as orchestrator:
        await orchestrator.run_epic("launch")
        named = {}
        async for entry in orchestrator.history():
            if isinstance(entry.record, TurnOpened):
                texts = [await orchestrator.store.payload(key) for key in entry.record.remembered]
                named.setdefault(entry.card, texts)
        await orchestrator.store.verify()
    assert named == agent.offers
    assert named["build"] != named["paint"] == []


async def test_a_turn_that_is_taken_up_keeps_what_it_was_offered(tmp_path: Path, store: Store) -> None:
    """After a crash the model is told what it was told, whatever has been remembered meanwhile."""
    root, scope = shed(tmp_path, issue("n", "build", summary="Paint it again")), anyio.CancelScope()
    seen: list[list[str]] = []
    decides = Deciding()

    async def mortal(request: ModelRequest) -> object:
        assert request.brief is not None
        if request.brief.issue.id != "n":
            return decides(request)
        seen.append(offered(request))
        if request.brief.round == 1:
            return [ToolCall(name="add_issue_comment", arguments={"comment": "first"})]
        if len(seen) == 2:
            scope.cancel()
            await anyio.sleep_forever()
        return diligent(request)

    with scope:
        async with open_world(root, mortal, store=store) as orchestrator:
            await orchestrator.run_epic("launch")
    document = Document(kind="memory", key="launch/x/r/1", body={"text": "Paint it again, again.", "at": 1})
    await store.open()
    await store.commit(Batch(op_id="o", run="r", build="b", at=1.0, documents=(document,)))
    await store.aclose()
    async with open_world(root, mortal, store=store) as orchestrator:
        assert (await orchestrator.run_epic("launch")).outcome is orket.RunOutcome.DONE
        assert [e.card async for e in orchestrator.history() if isinstance(e.record, TurnResumed)] == ["n"]
        for run in await orchestrator.store.runs():
            found = await orchestrator.what_if(run.id)
            assert (found.differences, found.unasked) == ((), ())
    assert seen[0] == seen[1] == seen[2] == [TEXTS["paint"], TEXTS["build"], TEXTS["dig"]]
    assert seen[3][0] == "Paint it again, again."  # the review turn is a new one


async def test_what_another_orchestrator_remembers_is_offered_soon(tmp_path: Path) -> None:
    """A run is offered what another orchestrator has decided, once a commit of its own shows that somebody has
    written, and a second has passed since it looked last."""
    clock, agent, path = SimulatedClock(), Deciding(), tmp_path / "j.db"
    names = ["early", "late", "latest"]
    issues = [issue(one, *names[:place], note="green shed, any metre") for place, one in enumerate(names)]
    root, other_root = organization(tmp_path, issues), organization(tmp_path / "other", [issue("paint"), issue("dig")])

    async def meanwhile(request: ModelRequest) -> object:
        assert request.brief is not None
        name, kind = request.brief.issue.id, request.brief.kind
        agent.offers[f"{name} {kind}"] = offered(request)
        if (name, kind) in (("early", TurnKind.WORK), ("late", TurnKind.WORK)):
            async with open_world(other_root, Deciding(), store=path) as second:
                await second.run_issue("paint" if name == "early" else "dig", build="elsewhere")
        if (name, kind) == ("late", TurnKind.REVIEW):
            clock.advance(1)
        return diligent(request)

    async with open_world(root, meanwhile, store=path, clock=clock) as orchestrator:
        await orchestrator.run_epic("launch")
    paint, dig, _ = TEXTS.values()
    assert agent.offers == {
        "early work": [],
        "early review": [paint],  # the work turn's own commits came behind those of the other one
        "late work": [paint],
        "late review": [paint],  # it has looked within this second
        "latest work": [paint, dig],
        "latest review": [paint, dig],
    }


async def test_a_run_that_begins_is_offered_what_others_have_decided(tmp_path: Path) -> None:
    """The first prompt of a run knows what was committed before, however shortly."""
    clock, agent, path = SimulatedClock(), Deciding(), tmp_path / "j.db"
    root, other_root = (
        organization(tmp_path, [issue("a"), issue("shed")]),
        organization(tmp_path / "o", [issue("paint")]),
    )
    async with open_world(root, agent, store=path, clock=clock) as orchestrator:
        await orchestrator.run_issue("a")
        async with open_world(other_root, agent, store=path, clock=clock) as other:
            await other.run_issue("paint", build="elsewhere")
        await orchestrator.run_issue("shed")
    assert agent.offers["shed"] == [TEXTS["paint"]]


async def test_prompts_of_a_time_without_search_are_asked_again_as_they_were(tmp_path: Path) -> None:
    """Where turns do not name what they were offered, as when prompts were told the newest decisions,
    the oldest first; its questions are rebuilt so."""

    class Before(Foreign):
        """Offers what was offered before decisions were searched."""

        async def search(self, query: MemoryQuery, /) -> Any:
            return tuple(self.kept)

    async def forget(batch: Batch, commit: Callable[[], Any]) -> Any:
        records = [evolve(one, remembered=()) if isinstance(one, TurnOpened) else one for one in batch.records]
        return await store.inner.commit(evolve(batch, records=tuple(records)))

    store, root = StoreDouble(around=forget), shed(tmp_path, issue("n", "build"))
    nodes = {"pipeline_wiring": wired(Before)}
    async with open_world(root, Deciding(), store=store, nodes=nodes) as orchestrator:
        await orchestrator.run_epic("launch", run_id="then")
    async with open_world(root, Deciding(), store=store) as orchestrator:
        found = await orchestrator.what_if("then")
        assert (found.differences, found.asked > 40) == ((), True)
        assert {one.kind for one in found.unasked} == {"pipeline_wiring"}


async def test_what_is_gone_cannot_be_asked_again(tmp_path: Path) -> None:
    """Where the store has lost a text that a prompt was offered, the question is named as one that cannot be asked."""
    store = Forgetting()
    async with open_world(shed(tmp_path), Deciding(), store=store) as orchestrator:
        await orchestrator.run_epic("launch", run_id="r")
        assert (await orchestrator.what_if("r")).unasked == ()
        store.lost.update(digest(text) for text in TEXTS.values())
        found = await orchestrator.what_if("r")
    assert {one.why for one in found.unasked} == {"the decisions or notes that it was told are not in the store"}
    assert {one.method for one in found.unasked} == {"compose"}
    assert found.differences == ()


class Forgetting(StoreDouble):
    """A store that has lost some texts."""

    def __init__(self) -> None:
        super().__init__()
        self.lost: set[str] = set()

    async def payload(self, digest: str, /) -> str | None:
        return None if digest in self.lost else await super().payload(digest)


async def test_hosts_search_what_was_remembered(tmp_path: Path, store: Store) -> None:
    """recall finds decisions of all builds with where and when they were made, those of others included."""
    clock = SimulatedClock(500.0)
    async with open_world(shed(tmp_path), Deciding(), store=store, clock=clock) as orchestrator:
        assert await orchestrator.recall("shed") == ()
        await orchestrator.run_epic("launch", build="first", run_id="r")
        (shed_,) = await orchestrator.recall("What about the SHED?", limit=2)
        assert (shed_.text, shed_.build, shed_.card, shed_.at) == (TEXTS["paint"], "first", "paint", 500.0)
        assert shed_.key.startswith("first/paint/r/")
        for limit in (0, True, "1"):
            with pytest.raises(RunError, match="a whole number from 1 on"):
                await orchestrator.recall("x", limit=limit)
        with pytest.raises(RunError, match="valid: a text"):
            await orchestrator.recall(None)  # type: ignore[arg-type]


async def test_hosts_find_what_others_have_just_written(tmp_path: Path) -> None:
    """recall sees what another orchestrator has committed, whether or not this one has ever written anything."""
    path, root = tmp_path / "j.db", shed(tmp_path)
    async with open_world(root, Deciding(), store=path) as one, open_world(root, Deciding(), store=path) as other:
        assert await other.recall("shed metre oak") == ()
        for count, name in enumerate(TEXTS, 1):
            await one.run_issue(name)
            assert len(await other.recall("shed metre oak")) == count
        await other.run_epic("launch")
        await one.run_issue("paint", build="again")
        assert len(await other.recall("shed metre oak")) == 4


async def test_a_memory_is_told_of_everything_once(tmp_path: Path) -> None:
    """A host that has written nothing itself tells its memory of each decision once, however often it is asked."""
    path, root, memory = tmp_path / "j.db", shed(tmp_path), Foreign()
    nodes = {"pipeline_wiring": wired(lambda: memory)}
    async with open_world(root, Deciding(), store=path) as one:
        await one.run_issue("paint")
        async with open_world(root, diligent, store=path, nodes=nodes) as other:
            for name in TEXTS:
                await one.run_issue(name)
                for _ in range(2):
                    await other.recall("shed")
    assert memory.told == [*TEXTS.values()]


async def test_a_document_that_holds_no_decision_stops_the_run(tmp_path: Path) -> None:
    """Somebody's document of kind memory that is none is named, and not left out."""
    store = orket.MemoryStore()
    await store.open()
    document = Document(kind="memory", key="b/x/r/1", body={"text": 5})
    await store.commit(Batch(op_id="o", run="r", build="b", at=1.0, documents=(document,)))
    await store.aclose()
    async with open_world(organization(tmp_path, [issue("a")]), diligent, store=store) as orchestrator:
        with pytest.raises(StoreError, match="'b/x/r/1' of kind 'memory' holds no remembered decision"):
            await orchestrator.run_epic("launch")


async def test_many_decisions_are_told_in_portions(tmp_path: Path) -> None:
    """A memory is told of many decisions bit by bit, in the order they were made."""
    store, memory = orket.MemoryStore(), Foreign()
    await store.open()
    documents = [Document(kind="memory", key=f"b/x/r/{n}", body={"text": f"no {n}", "at": n}) for n in range(250)]
    await store.commit(Batch(op_id="o", run="r", build="b", at=1.0, documents=tuple(documents)))
    await store.aclose()
    root, node = organization(tmp_path, [issue("a")]), wired(lambda: memory)
    async with open_world(root, diligent, store=store, nodes={"pipeline_wiring": node}) as orchestrator:
        assert len(await orchestrator.recall("no", limit=300)) == 250
    assert memory.told == [f"no {n}" for n in range(250)]


async def test_the_stock_memory_is_the_full_text_one(tmp_path: Path) -> None:
    """The core offers its memory to the pipeline wiring under the name memory, and each orchestrator has its own."""
    made: list[object] = []

    class Looking(DefaultPipelineWiringStrategyNode):
        def create_memory(self, question: ServiceQuestion, /) -> Memory | None:
            made.append(memory := super().create_memory(question))
            return memory

    for _ in range(2):
        async with open_world(organization(tmp_path, []), lambda _: wish("done"), nodes={"pipeline_wiring": Looking}):
            pass
    assert [type(one) for one in made] == [FullTextMemory] * 2
    assert made[0] is not made[1]
