"""A run that died is taken up only under the nodes that it had, unless the host accepts others; strict assets."""

import json
from pathlib import Path

import anyio
import pytest
from small_world import diligent, issue, open_world, organization

import orket
from orket.contracts import ModelRequest, Route, RouteQuestion
from orket.errors import ConfigError, ResumeError
from orket.nodes.router import DefaultRouterNode

pytestmark = pytest.mark.anyio


class Another(DefaultRouterNode):
    def route(self, question: RouteQuestion, /) -> Route:
        return super().route(question)


async def die(root: Path, store: orket.MemoryStore) -> None:
    """Leave a run of the epic behind that never came to rest."""
    scope = anyio.CancelScope()

    async def agent(_request: ModelRequest) -> object:
        scope.cancel()
        await anyio.sleep_forever()

    with scope:
        async with open_world(root, agent, store=store) as orchestrator:
            await orchestrator.run_epic("launch")


async def test_a_died_run_is_not_taken_up_under_other_nodes(tmp_path: Path) -> None:
    """The refusal names the kind, what it was and is, and how to go on; the build stays as it was."""
    root, store = organization(tmp_path, [issue("a")]), orket.MemoryStore()
    await die(root, store)
    async with open_world(root, diligent, store=store, nodes={"router": Another}) as orchestrator:
        for _ in range(2):
            with pytest.raises(ResumeError, match=r"(?s)router: .*had default .*now it is .*accept_new_wiring=True"):
                await orchestrator.run_epic("launch")
        assert len(await store.runs()) == 1
        assert (await orchestrator.run_epic("launch", build="elsewhere")).outcome is orket.RunOutcome.DONE
    async with open_world(root, diligent, store=store) as orchestrator:
        assert (await orchestrator.run_epic("launch")).outcome is orket.RunOutcome.DONE


async def test_a_host_may_accept_new_nodes(tmp_path: Path) -> None:
    """Accepted, the died run is continued by other nodes; so is, without a word, one that came to rest."""
    root, store = organization(tmp_path, [issue("a"), issue("b")]), orket.MemoryStore()
    await die(root, store)
    nodes = {"router": Another}
    async with open_world(root, diligent, store=store, nodes=nodes, accept_new_wiring=True) as orchestrator:
        result = await orchestrator.run_epic("launch", target_issue_id="a")
        assert (result.outcome, result.done) == (orket.RunOutcome.DONE, 1)
    async with open_world(root, diligent, store=store) as orchestrator:
        assert (await orchestrator.run_epic("launch")).done == 2


async def test_strict_makes_unknown_keys_errors(tmp_path: Path) -> None:
    """What is odd in an asset is a warning, and an error where the host is strict."""
    root = organization(tmp_path, [issue("a")])
    path = root / "model" / "core" / "epics" / "launch.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"colour": "blue"}))
    async with open_world(root, diligent) as orchestrator:
        assert (await orchestrator.run_epic("launch")).outcome is orket.RunOutcome.DONE
        assert any("colour" in warning for warning in orchestrator.warnings)
    async with open_world(root, diligent, strict=True) as orchestrator:
        with pytest.raises(ConfigError, match="colour"):
            await orchestrator.run_epic("launch")
