"""Issues on their way from an epic's file to the board."""

import gc
from pathlib import Path

import pytest
from small_world import diligent, issue, open_world, organization

import orket
from orket.contracts import ModelRequest, Prompt, PromptQuestion
from orket.events import CardAdded
from orket.nodes.prompt_strategy import DefaultPromptStrategyNode

pytestmark = pytest.mark.anyio


async def test_an_issue_is_in_memory_once(tmp_path: Path) -> None:
    """Once the issues have joined the board, the board alone holds them, for collectors to walk to and hosts to pay."""
    held: list[int] = []

    def agent(request: ModelRequest) -> object:
        if not held:
            gc.collect()
            held.append(sum(type(one) is orket.Issue and one.id == "last" for one in gc.get_objects()))
        return diligent(request)

    root = organization(tmp_path, [*(issue(f"i{number}") for number in range(30)), issue("last")])
    async with open_world(root, agent) as orchestrator:
        result = await orchestrator.run_epic("launch")
    assert (result.outcome, held) == (orket.RunOutcome.DONE, [1])


async def test_nodes_see_the_epic_without_its_issues(tmp_path: Path) -> None:
    """The epic of a prompt's question says everything but the issues."""
    seen: set[tuple[str, int]] = set()

    class Noting(DefaultPromptStrategyNode):
        def compose(self, question: PromptQuestion, /) -> Prompt:
            seen.add((question.epic.description, len(question.epic.issues)))
            return super().compose(question)

    root = organization(tmp_path, [issue("a"), issue("b", "a")], description="Lift off.")
    async with open_world(root, diligent, nodes={"prompt_strategy": Noting}) as orchestrator:
        await orchestrator.run_epic("launch")
    assert seen == {("Lift off.", 0)}


@pytest.mark.parametrize("count", [1, 99, 100, 101, 250])
async def test_all_issues_join_in_their_order(tmp_path: Path, count: int) -> None:
    """However many commits it takes, the journal has each issue join once, in the order of the file."""
    names = [f"i{number}" for number in range(count)]
    store = orket.MemoryStore()
    root = organization(tmp_path, [issue(name) for name in names])
    async with open_world(root, diligent, store=store) as orchestrator:
        result = await orchestrator.run_epic("launch")
        joined = [entry.record.issue.id async for entry in store.events() if isinstance(entry.record, CardAdded)]
    assert (result.cards, joined) == (count, names)
