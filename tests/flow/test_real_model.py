"""Whole epics run to done with a real llama.cpp server as their only model."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve
from model_server import model_server
from real_organization import ROOT, needs_organization
from small_world import issue, open_world, organization

import orket
from orket.contracts import CardStatus, Toolset, ToolsetQuestion
from orket.events import ModelReplied
from orket.models import OpenAICompatibleModel
from orket.nodes.tool_strategy import DefaultToolStrategyNode

pytestmark = pytest.mark.anyio
FORWARD = frozenset({CardStatus.CODE_REVIEW, CardStatus.DONE})


class Forward(DefaultToolStrategyNode):
    """Offer only the status tool, and of it only the ways forward.

    The tiny model writes at random what the grammar of the offered schemas lets it write: without this it blocks and
    cancels as readily as it finishes.
    """

    def compose(self, question: ToolsetQuestion, /) -> Toolset:
        wishes = tuple(wish for wish in question.wishes if wish in FORWARD)
        offered = super().compose(evolve(question, wishes=wishes)).tools
        return Toolset(tools=tuple(tool for tool in offered if tool.name == "update_issue_status"), reason="forward")


@pytest.fixture(scope="module")
def long_url(model_file: Path) -> Iterator[str]:
    """A server whose context holds the prompts of a whole organization: the tiny model's tokens are bytes."""
    with model_server(model_file, model_file.with_name("long.log"), tokens=32_768) as url:
        yield url


async def test_a_small_epic_is_done_by_a_real_model(tmp_path: Path, long_url: str) -> None:
    """Three dependent issues go from ready to done, and every step was decoded by the server."""
    root = organization(tmp_path, [issue("a"), issue("b", "a"), issue("c", "b")])
    model = OpenAICompatibleModel(long_url, params={"seed": 1})
    async with open_world(root, model, nodes={"tool_strategy": Forward}) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert (result.outcome, result.done) == (orket.RunOutcome.DONE, 3), result
        replies = [e.record async for e in orchestrator.history() if isinstance(e.record, ModelReplied)]
        assert len(replies) >= 6
        assert all(reply.prompt_tokens > 1000 and reply.completion_tokens > 0 for reply in replies)


@needs_organization
async def test_a_real_epic_is_done_by_a_real_model(tmp_path: Path, long_url: str) -> None:
    """core_baseline of a real organization ends with each issue done."""
    orchestrator = orket.Orchestrator(
        config=ROOT,
        workspace=tmp_path / "space",
        store=tmp_path / "record" / "j.db",
        model=OpenAICompatibleModel(long_url, params={"seed": 1}),
        nodes={"tool_strategy": Forward},
        environ={},
    )
    async with orchestrator:
        result = await orchestrator.run_epic("core_baseline")
        assert (result.outcome, result.done) == (orket.RunOutcome.DONE, 3), result
        assert (await orchestrator.store.verify()).records > 0
