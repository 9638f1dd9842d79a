"""Endpoints before reviews: the sandbox that the wiring has, and what becomes of an issue without one."""

from pathlib import Path
from typing import Any

import pytest
from http_double import answer, http_double
from small_world import diligent, issue, open_world, organization

import orket
from orket.contracts import Issue, ModelRequest, Service, ServiceQuestion, TurnKind
from orket.errors import NoSandboxError, VerificationError
from orket.nodes.pipeline_wiring import DefaultPipelineWiringStrategyNode

pytestmark = pytest.mark.anyio
SCENARIOS = [
    {"id": "fix", "expected": 3, "input": [1, 2]},
    {"id": "post", "endpoint": "/items", "method": "post", "payload": {"n": 1}, "expected_output": {"n": [1]}},
]


class Sandboxes:
    """A service that builds no sandboxes but knows one."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.closed = False

    async def find_api(self, issue: Issue, /) -> str:
        if not self.url:
            raise NoSandboxError(f"no sandbox of {issue.id} runs; start one", card=issue.id)
        return self.url

    async def aclose(self) -> None:
        self.closed = True


def wired(sandboxes: Service | None) -> dict[str, Any]:
    class Wiring(DefaultPipelineWiringStrategyNode):
        def create_sandbox_orchestrator(self, question: ServiceQuestion, /) -> Service | None:
            return sandboxes

    return {"pipeline_wiring": Wiring}


def world(root: Path, *, fixture: bool = True) -> Path:
    """Return an organization whose issue has a fixture and an endpoint, or the endpoint alone."""
    proof = {"fixture": "proof.py", "scenarios": SCENARIOS} if fixture else {"scenarios": SCENARIOS[1:]}
    organization(root, [issue("a", verification=proof)], process_rules={"turn_budget": 2})
    folder = root / "work" / "space" / "verification"
    folder.mkdir(parents=True)
    (folder / "proof.py").write_text("def verify(v): return sum(v)")
    return root


def reviewer(prompts: list[str]) -> Any:
    def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        if request.brief.kind is TurnKind.REVIEW:
            prompts.append(request.messages[1].content)
        return diligent(request)

    return agent


@pytest.mark.parametrize("fixture", [True, False])
async def test_endpoints_are_evidence_like_fixtures(tmp_path: Path, fixture: bool) -> None:
    """Both kinds of scenarios stand in one result, in their order; the service is closed with the orchestrator."""
    prompts: list[str] = []
    async with http_double(answer(200, {"n": [1]})) as double:
        sandboxes = Sandboxes(double.url)
        nodes = wired(sandboxes)
        async with open_world(world(tmp_path, fixture=fixture), reviewer(prompts), nodes=nodes) as orchestrator:
            assert (await orchestrator.run_epic("launch")).outcome is orket.RunOutcome.DONE
            found = await orchestrator.explain("a")
    assert (double.heard[0].path, double.heard[0].body) == ("/items", {"n": 1})
    assert found.issue.verification is not None
    assert found.issue.verification.last_run is not None
    ids = [result.id for result in found.issue.verification.last_run.scenarios]
    assert ids == (["fix", "post"] if fixture else ["post"])
    assert "- post passed" in prompts[0]
    assert sandboxes.closed


async def test_an_endpoint_that_fails_is_not_done(tmp_path: Path) -> None:
    """One scenario that did not pass is enough, and the reviewer reads which and why."""
    prompts: list[str] = []
    async with http_double(answer(500, {})) as double:
        nodes = wired(Sandboxes(double.url))
        async with open_world(world(tmp_path), reviewer(prompts), nodes=nodes) as orchestrator:
            result = await orchestrator.run_epic("launch")
    assert result.done == 0
    assert "- fix passed\n- post FAILED: POST /items: status 500, expected 200" in prompts[0]


@pytest.mark.parametrize(
    ("sandboxes", "why"),
    [(None, "the wiring has nothing that builds sandboxes"), (Sandboxes(""), "no sandbox of a runs; start one")],
)
async def test_without_a_sandbox_nothing_is_proven(tmp_path: Path, sandboxes: Service | None, why: str) -> None:
    """The refusal is typed for the host, and stands in the reviewer's prompt; nothing is done."""
    prompts: list[str] = []
    async with open_world(world(tmp_path), reviewer(prompts), nodes=wired(sandboxes)) as orchestrator:
        result = await orchestrator.run_epic("launch")
        with pytest.raises(NoSandboxError, match=why):
            await orchestrator.verify_issue("a")
    assert result.done == 0
    assert why in prompts[0]


class Broken(Sandboxes):
    async def find_api(self, issue: Issue, /) -> str:
        raise OSError("no disk")


async def test_a_lookup_that_breaks_its_contract_proves_nothing(tmp_path: Path) -> None:
    """What a foreign lookup raises instead of its own error is a verification that cannot be run."""
    async with open_world(world(tmp_path), reviewer([]), nodes=wired(Broken("x"))) as orchestrator:
        assert (await orchestrator.run_epic("launch")).done == 0
        with pytest.raises(VerificationError, match="the endpoint verifier raised OSError"):
            await orchestrator.verify_issue("a")


@pytest.mark.parametrize(
    ("wrong", "valid"),
    [
        ({"endpoint": "//elsewhere/items"}, "begins with one"),
        ({"endpoint": "http://elsewhere"}, "begins with one"),
        ({"endpoint": "/a", "method": "TRACE"}, "one of GET"),
        ({"endpoint": "/a", "expected_status": 99}, "from 100 to 599"),
    ],
)
async def test_endpoints_in_assets_are_checked(tmp_path: Path, wrong: dict[str, Any], valid: str) -> None:
    """An endpoint that is no path of the sandbox's API, a method or a status that is none, is an error of the asset."""
    root = organization(tmp_path, [issue("a", verification={"scenarios": [{"id": "x", **wrong}]})])
    async with open_world(root, diligent) as orchestrator:
        with pytest.raises(orket.ConfigError, match=valid):
            await orchestrator.run_epic("launch")
