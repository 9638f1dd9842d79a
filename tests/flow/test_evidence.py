"""Fixtures before reviews: what they say binds the law, whatever the reviewer wishes."""

from pathlib import Path
from typing import Any

import pytest
from small_world import diligent, issue, open_world, organization, wish

import orket
from orket.contracts import (
    Isolation,
    ModelRequest,
    ServiceQuestion,
    SuccessAnswer,
    SuccessQuestion,
    TurnKind,
    Verification,
    VerificationResult,
    Verifier,
)
from orket.errors import FixtureRefusedError, IsolationError, VerificationError
from orket.events import CallJudged, FailureReported, VerificationRecorded
from orket.nodes.evaluator import DefaultEvaluatorNode
from orket.nodes.pipeline_wiring import DefaultPipelineWiringStrategyNode
from orket.verification import SubprocessVerifier

pytestmark = pytest.mark.anyio
PASSING, FAILING = "def verify():\n    return True\n", "def verify():\n    return False\n"


def proven(root: Path, text: str, fixture: str = "proof.py") -> Path:
    """Return an organization whose issue has a fixture of that text."""
    organization(root, [issue("a", verification={"fixture": fixture})], process_rules={"turn_budget": 8})
    folder = root / "work" / "space" / "verification"
    folder.mkdir(parents=True)
    (folder / "proof.py").write_text(text)
    return root


class Reviews:
    """A model that wishes for done in each review, and keeps what reviews saw."""

    def __init__(self) -> None:
        self.seen: list[VerificationResult | None] = []
        self.offered: list[list[str]] = []
        self.prompts: list[str] = []

    def __call__(self, request: ModelRequest) -> object:
        assert request.brief is not None
        if request.brief.kind is TurnKind.REVIEW and request.brief.round == 1:
            self.seen.append(request.brief.verification)
            self.prompts.append(request.messages[1].content)
            (status,) = [tool for tool in request.tools if tool.name == "update_issue_status"]
            self.offered.append(status.parameters["properties"]["status"]["enum"])
        elif request.brief.kind is TurnKind.REVIEW:
            return wish("ready")
        return diligent(request)


async def test_a_passing_fixture_is_evidence_and_done_is_granted(tmp_path: Path) -> None:
    """The result stands in prompt, brief, journal and on the card, and the issue is done."""
    agent = Reviews()
    async with open_world(proven(tmp_path, PASSING), agent) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert (result.outcome, result.turns) == (orket.RunOutcome.DONE, 2)
        (recorded,) = [e.record async for e in orchestrator.history() if isinstance(e.record, VerificationRecorded)]
        (row,) = await orchestrator.store.load_board("build-launch")
        explained = await orchestrator.explain("a")
    assert agent.seen == [recorded.result]
    assert recorded.result.passed
    assert recorded.result.isolation
    assert row.issue.verification.last_run.passed
    assert "done" in agent.offered[0]
    assert "Result: passed" in agent.prompts[0]
    assert f"Isolation: {recorded.result.isolation}" in agent.prompts[0]
    assert recorded in [entry.record for entry in explained.chain]


async def test_a_failing_fixture_makes_done_impossible(tmp_path: Path) -> None:
    """Done is not offered, a wish for it is refused by the gate, and the reviewer sends the issue back."""
    agent = Reviews()
    async with open_world(proven(tmp_path, FAILING), agent) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert (result.outcome, result.turns, result.done) == (orket.RunOutcome.FAILED, 8, 0)
        rules = {e.record.rule async for e in orchestrator.history() if isinstance(e.record, CallJudged)}
    assert rules == {"", "status-change"}
    assert all("done" not in offered and "ready" in offered for offered in agent.offered)
    assert len(agent.offered) == 4


async def test_a_repaired_work_passes_the_second_review(tmp_path: Path) -> None:
    """The fixture runs anew before each review, on what lies in the workspace then."""
    text = (
        "import os\nfrom pathlib import Path\n\ndef verify():\n"
        "    return Path(os.environ['ORKET_WORKSPACE'], 'agent_output/a.txt').read_text() == 'right'\n"
    )
    words = ["right", "wrong"]

    def agent(request: ModelRequest) -> object:
        assert request.brief is not None
        brief = request.brief
        if brief.kind is TurnKind.REVIEW:
            assert brief.verification is not None
            return wish("done" if brief.verification.passed else "ready")
        if brief.round == 1:
            arguments = {"path": "agent_output/a.txt", "content": words.pop()}
            return orket.contracts.ToolCall(name="write_file", arguments=arguments)
        return wish("code_review")

    async with open_world(proven(tmp_path, text), agent) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert (result.outcome, result.turns) == (orket.RunOutcome.DONE, 4)
        results = [
            e.record.result.passed async for e in orchestrator.history() if isinstance(e.record, VerificationRecorded)
        ]
    assert results == [False, True]


class Insists(DefaultEvaluatorNode):
    """An evaluator that wishes for done whatever was proven."""

    def evaluate_success(self, question: SuccessQuestion, /) -> SuccessAnswer:
        if question.report.kind is TurnKind.REVIEW:
            return SuccessAnswer(wish=orket.CardStatus.DONE, reason="I insist")
        return super().evaluate_success(question)


async def test_no_evaluator_can_finish_what_is_not_proven(tmp_path: Path) -> None:
    """A wish for done against a failed fixture breaks the evaluator's contract: nothing is done."""
    root = proven(tmp_path, FAILING)
    async with open_world(root, lambda r: Reviews()(r), nodes={"evaluator": Insists}) as orchestrator:
        with pytest.raises(orket.NodeError, match="wish is 'done'"):
            await orchestrator.run_epic("launch")
        assert (await orchestrator.board()).builds[0].issues[0].status is orket.CardStatus.CODE_REVIEW


class NoVerifier(DefaultPipelineWiringStrategyNode):
    def create_verifier(self, question: ServiceQuestion, /) -> Verifier | None:
        return None


@pytest.mark.parametrize(
    ("fixture", "nodes", "detail"),
    [
        ("proof.py", {"pipeline_wiring": NoVerifier}, "no verifier"),
        ("missing.py", {}, "missing.py"),
    ],
)
async def test_a_fixture_that_cannot_be_run_has_not_passed(
    tmp_path: Path, fixture: str, nodes: dict[str, Any], detail: str
) -> None:
    """Without a verifier or the file, the evidence says why; nothing is done."""
    agent = Reviews()
    async with open_world(proven(tmp_path, PASSING, fixture), agent, nodes=nodes) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert result.done == 0
        with pytest.raises(VerificationError, match=detail):
            await orchestrator.verify_issue("a")
    assert agent.seen
    assert all(one is not None and not one.passed and detail in one.detail for one in agent.seen)


@pytest.mark.parametrize("fixture", ["../outside.py", "/etc/passwd", "link.py"])
async def test_a_fixture_outside_its_folder_is_a_security_refusal(tmp_path: Path, fixture: str) -> None:
    """Nothing of it runs, no review is held, and the issue waits with the reason and a failure report."""
    root = proven(tmp_path, PASSING, fixture)
    space = tmp_path / "work" / "space"
    (space / "outside.py").write_text("import pathlib\npathlib.Path('ran').touch()\n" + PASSING)
    (space / "verification" / "link.py").symlink_to(space / "outside.py")
    agent = Reviews()
    async with open_world(root, agent) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert (result.outcome, result.done) == (orket.RunOutcome.STALLED, 0)
        found = await orchestrator.explain("a")
        with pytest.raises(FixtureRefusedError, match="fixture"):
            await orchestrator.verify_issue("a")
    assert agent.seen == []
    assert found.issue.status is orket.CardStatus.BLOCKED
    assert found.wait is not None
    assert found.wait[0] is orket.WaitReason.SYSTEM
    assert found.wait[1].startswith("fixture_outside: fixture")
    (report,) = [entry.record for entry in found.chain if isinstance(entry.record, FailureReported)]
    assert (report.violation, report.remedy) == ("security", FixtureRefusedError.remedy)


class Weak:
    """A verifier that says how weak it is."""

    def __init__(self, isolation: str) -> None:
        self._isolation = isolation

    async def verify(self, verification: Verification, workspace: Path, /) -> VerificationResult:
        return VerificationResult(passed=True, isolation=self._isolation)


def wired(verifier: Verifier) -> type[DefaultPipelineWiringStrategyNode]:
    """Return a wiring with this verifier."""

    class Wiring(DefaultPipelineWiringStrategyNode):
        def create_verifier(self, question: ServiceQuestion, /) -> Verifier | None:
            return verifier

    return Wiring


@pytest.mark.parametrize("source", ["host", "organization"])
@pytest.mark.parametrize("own", ["", "prison", "rlimits", "landlock+seccomp without nofile"])
async def test_a_machine_that_is_too_weak_blocks_the_issue(tmp_path: Path, source: str, own: str) -> None:
    """Whoever demands the isolation and whoever verifies: without it no review is held, and the reason is said."""
    root = proven(tmp_path, PASSING)
    rules = {"turn_budget": 8} | ({"verification_isolation": "bubblewrap"} if source == "organization" else {})
    organization(root, [issue("a", verification={"fixture": "proof.py"})], process_rules=rules)
    demand = {"isolation": Isolation.BUBBLEWRAP} if source == "host" else {}
    verifier = Weak(own) if own else SubprocessVerifier(minimum=Isolation.BUBBLEWRAP, levels=(Isolation.RLIMITS,))
    nodes = {"pipeline_wiring": wired(verifier)}
    async with open_world(root, Reviews(), nodes=nodes, **demand) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert (result.outcome, result.done) == (orket.RunOutcome.STALLED, 0)
        found = await orchestrator.explain("a")
        with pytest.raises(IsolationError) as caught:
            await orchestrator.verify_issue("a")
    assert (caught.value.needed, caught.value.found) == ("bubblewrap", own.partition(" ")[0] or "rlimits")
    assert found.wait is not None
    assert found.wait[1].startswith("isolation_too_weak: fixtures need the isolation bubblewrap, and ")
    assert found.issue.verification is not None
    assert found.issue.verification.last_run is None


async def test_a_machine_that_is_strong_enough_goes_on(tmp_path: Path) -> None:
    """A verifier of the demanded isolation, or a stronger one, is believed; what is demanded stands in its question."""
    asked: list[Isolation] = []

    class Wiring(DefaultPipelineWiringStrategyNode):
        def create_verifier(self, question: ServiceQuestion, /) -> Verifier | None:
            asked.append(question.isolation)
            return Weak("bubblewrap without cpu")

    root = proven(tmp_path, PASSING)
    demand = Isolation.LANDLOCK
    nodes = {"pipeline_wiring": Wiring}
    async with open_world(root, Reviews(), nodes=nodes, isolation=demand) as orchestrator:
        assert (await orchestrator.run_epic("launch")).outcome is orket.RunOutcome.DONE
    assert asked == [demand]


async def test_a_demand_that_is_no_level_is_refused(tmp_path: Path) -> None:
    """A process rule that names no level, or a host that passes none, is an error before anything runs."""
    root = organization(tmp_path, [issue("a")], process_rules={"verification_isolation": "vault"})
    with pytest.raises(orket.ConfigError, match="valid: bubblewrap, landlock"):
        async with open_world(root, Reviews()):
            pass
    with pytest.raises(orket.WiringError, match="isolation is 'vault'"):
        open_world(root, Reviews(), isolation="vault")


class Junk:
    """A verifier that breaks its contract."""

    def __init__(self, answer: object) -> None:
        self._answer = answer

    async def verify(self, verification: Verification, workspace: Path, /) -> VerificationResult:
        if isinstance(self._answer, Exception):
            raise self._answer
        return self._answer  # type: ignore[return-value]


@pytest.mark.parametrize("answer", [None, True, OSError("no disk"), VerificationResult(passed="yes")], ids=repr)  # type: ignore[arg-type]
async def test_a_verifier_that_breaks_its_contract_proves_nothing(tmp_path: Path, answer: object) -> None:
    """What a foreign verifier raises or returns instead of a result is a fixture that did not pass."""

    class Wiring(DefaultPipelineWiringStrategyNode):
        def create_verifier(self, question: ServiceQuestion, /) -> Verifier | None:
            return Junk(answer)

    agent = Reviews()
    async with open_world(proven(tmp_path, PASSING), agent, nodes={"pipeline_wiring": Wiring}) as orchestrator:
        result = await orchestrator.run_epic("launch")
        assert result.done == 0
        with pytest.raises(VerificationError, match="verifier"):
            await orchestrator.verify_issue("a")
    assert all(one is not None and one.passed is False and "verifier" in one.detail for one in agent.seen)
