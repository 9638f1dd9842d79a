"""Nodes that answer wrongly: each is reported by name and way, nothing is decided instead, and the host goes on."""

from pathlib import Path

import anyio.lowlevel
import pytest
from small_world import diligent, issue, open_world, organization

import orket
from orket._decide import decide
from orket._registry import DecisionNodeRegistry
from orket.contracts import Issue, RouteQuestion, Seat, Team, TurnKind
from orket.errors import NodeError
from orket.events import DecisionMade, FailureReported, RunStarted

pytestmark = pytest.mark.anyio
TEAM = Team(name="crew", seats={"coder": Seat(id="coder", name="Coder")})
QUESTION = RouteQuestion(issue=Issue(id="I", name="One", seat="coder"), team=TEAM, kind=TurnKind.WORK)

WAYS = {  # name: what the choke point says of it
    "answers-text": "broke its contract: answer is ",
    "answers-nothing": "broke its contract: answer is ",
    "answers-subclass": "broke its contract: answer is ",
    "answers-generator": "broke its contract: answer is ",
    "answers-awaitable": "broke its contract: answered with an awaitable; valid: a plain answer",
    "unknown-seat": "broke its contract: seat is 'nobody'; valid: 'coder' (team 'crew'), or None",
    "reason-is-no-text": "broke its contract: reason is ",
    "raises": "raised KeyError: 'I'",
    "raises-unreadable": "raised MuteError: its text cannot be read",
    "raises-in-a-task": "raised ExceptionGroup: ",
    "exits": "raised SystemExit: 1",
    "base-exception": "raised Catastrophe: while routing",
    "endless-recursion": "raised RecursionError: maximum recursion depth exceeded",
    "hangs": "did not answer within 0.05 s",
}
TOLERATED = ("huge-reason", "half-a-character")


def bind(name: str, kind: str = "router"):
    return DecisionNodeRegistry().resolve(process_rules={f"{kind}_node": name}, kinds=[kind])[kind]


@pytest.mark.parametrize("name", WAYS)
async def test_a_wrong_answer_is_reported(broken: Path, name: str) -> None:
    """The error names kind, node, distribution, version, method and what is wrong; the stock node still answers."""
    records: list[object] = []
    with pytest.raises(NodeError) as caught:
        await decide(bind(name), "route", QUESTION, records=records, limit=0.05)
    assert str(caught.value).startswith(f"router '{name}' (orket-broken 1.0.0): route {WAYS[name]}"), caught.value
    assert (caught.value.distribution, caught.value.version, caught.value.method) == ("orket-broken", "1.0.0", "route")
    assert records == []
    assert (await decide(bind("default"), "route", QUESTION)).seat == "coder"


async def test_an_awaitable_of_a_plain_policy_is_reported(broken: Path) -> None:
    """What looks plain and answers with a coroutine is found out when it is asked, and leaves no warning behind."""
    with pytest.raises(NodeError, match=r"api_runtime 'secretly-async' \(orket-broken 1\.0\.0\): .* an awaitable"):
        await decide(bind("secretly-async", "api_runtime"), "create_session_id", "token")


@pytest.mark.parametrize("name", [name for name in WAYS if name != "hangs"])
async def test_a_run_fails_and_says_why(broken: Path, tmp_path: Path, name: str) -> None:
    """A whole run with such a node ends as failed, on record, with the distribution named; the process lives on."""
    root = organization(tmp_path / "house", [issue("a")], process_rules={"router_node": name})
    async with open_world(root, diligent) as crew:
        result = await crew.run_epic("launch")
        records = [entry.record async for entry in crew.history()]
    assert (result.outcome, result.done) == (orket.RunOutcome.FAILED, 0)
    (started,) = [it for it in records if isinstance(it, RunStarted)]
    chosen = {it.kind: it for it in started.resolutions}["router"]
    assert (chosen.name, chosen.distribution, chosen.source) == (name, "orket-broken", "process_rules")
    told = [it.detail for it in records if isinstance(it, FailureReported)]
    assert told
    assert all(f"router '{name}' (orket-broken 1.0.0): route " in it for it in told)
    assert not [it for it in records if isinstance(it, DecisionMade) and it.kind == "router"]


@pytest.mark.parametrize("name", TOLERATED)
async def test_a_strange_reason_is_stored(broken: Path, tmp_path: Path, name: str) -> None:
    """A reason of a million characters, or with half a one, neither fills the journal nor breaks it."""
    root = organization(tmp_path / "house", [issue("a")], process_rules={"router_node": name})
    async with open_world(root, diligent, store=tmp_path / "j.db") as crew:
        assert (await crew.run_epic("launch")).outcome == orket.RunOutcome.DONE
        reasons = [it.record.reason async for it in crew.history() if isinstance(it.record, DecisionMade)]
        assert (await crew.store.verify()).records > 0
    assert any(reason.startswith("because ") for reason in reasons)
    assert max(map(len, reasons)) <= 4000


async def test_a_blocking_node_cannot_be_interrupted(broken: Path) -> None:
    """A plain method keeps the loop as long as it likes, whatever the limit: the contract suite is what finds it."""
    with anyio.fail_after(60):
        assert (await decide(bind("blocks"), "route", QUESTION, limit=0.01)).seat == "coder"
