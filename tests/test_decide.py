"""The one choke point for calls of decision nodes."""

import json
from pathlib import Path

import anyio
import anyio.lowlevel
import attrs
import pytest

from orket._codec import codec, digest
from orket._decide import decide, settle
from orket._wiring import Binding
from orket.contracts import (
    BoardCounts,
    CardStatus,
    EnvironmentQuestion,
    EpicReference,
    FailureAction,
    FailureAnswer,
    FailureKind,
    FailureQuestion,
    Issue,
    LoopQuestion,
    MissingSeat,
    Organization,
    Rock,
    Route,
    RouteQuestion,
    SandboxPorts,
    Seat,
    SubPipeline,
    SuccessAnswer,
    SuccessQuestion,
    Team,
    TechStack,
    TurnKind,
    TurnReport,
    WaitReason,
)
from orket.errors import NodeError
from orket.events import DecisionMade

pytestmark = pytest.mark.anyio

ISSUE = Issue(id="I-1", name="One", seat="dev", version=4)
TEAM = Team(name="crew", seats={"dev": Seat(id="dev", name="Developer")})
QUESTION = RouteQuestion(issue=ISSUE, team=TEAM, kind=TurnKind.WORK, busy=("ops",))
REFERENCE = "I-1 4 crew work ops"


class Node:
    """A node whose every method is the given function."""

    def __init__(self, method) -> None:
        self._method = method

    def __getattr__(self, name):
        return self._method


class Catastrophe(BaseException):
    """What ``except Exception`` does not catch."""


def bind(method, kind="router") -> Binding:
    return Binding(kind=kind, name="mine", node=Node(method), distribution="pack", version="1.2", source="host")


def raising(error):
    def route(question):
        raise error

    return route


async def test_a_plain_answer_is_returned_and_recorded():
    """The answer comes back as it is; the record names node, question and answer, and keeps the reason apart."""
    answer, records = Route(seat="dev", reason="because"), []
    assert await decide(bind(lambda question: answer), "route", QUESTION, records=records) is answer
    assert records == [
        DecisionMade(
            kind="router",
            method="route",
            node="mine",
            question=REFERENCE,
            answer={"seat": "dev"},
            reason="because",
        )
    ]


async def test_an_async_node_is_awaited():
    """A node may be async def; it runs on whatever loop the host runs on."""

    async def route(question):
        await anyio.lowlevel.checkpoint()
        return Route(seat="dev")

    assert (await decide(bind(route), "route", QUESTION)).seat == "dev"


@pytest.mark.parametrize(
    "error",
    [ValueError("no idea"), SystemExit(3), GeneratorExit("gone"), StopIteration("stop"), Catastrophe("at once")],
)
async def test_what_a_node_raises_becomes_a_node_error(error):
    """Whatever a node raises is an error of that node, with the original as its cause."""
    with pytest.raises(
        NodeError, match=rf"router 'mine' \(pack 1.2\): route raised {type(error).__name__}: "
    ) as caught:
        await decide(bind(raising(error)), "route", QUESTION)
    assert caught.value.__cause__ is error
    assert caught.value.data == {
        "kind": "router",
        "node": "mine",
        "distribution": "pack",
        "version": "1.2",
        "method": "route",
        "question": digest(REFERENCE),
    }


@pytest.mark.parametrize(
    "error", [ValueError("no idea"), SystemExit(3), ExceptionGroup("several", [OSError()]), Catastrophe("later")]
)
async def test_what_an_async_node_raises_becomes_a_node_error(error):
    """The same holds for what is raised after an await."""

    async def route(question):
        await anyio.lowlevel.checkpoint()
        raise error

    with pytest.raises(NodeError, match=type(error).__name__) as caught:
        await decide(bind(route), "route", QUESTION)
    assert caught.value.__cause__ is error


async def test_an_exit_inside_a_task_group_is_the_nodes_fault():
    """A group of what a node's tasks raised is the node's fault, unless it holds a cancellation or Ctrl-C."""

    def route_of(error):
        async def route(question):
            await anyio.lowlevel.checkpoint()
            raise BaseExceptionGroup("tasks", [error])

        return route

    with pytest.raises(NodeError, match="BaseExceptionGroup"):
        await decide(bind(route_of(SystemExit(1))), "route", QUESTION)
    with pytest.raises(BaseExceptionGroup):
        await decide(bind(route_of(KeyboardInterrupt())), "route", QUESTION)


async def test_ctrl_c_is_nobodys_fault():
    """A KeyboardInterrupt passes through, whatever a node was doing."""

    async def route(question):
        raise KeyboardInterrupt

    for method in (raising(KeyboardInterrupt()), route):
        with pytest.raises(KeyboardInterrupt):
            await decide(bind(method), "route", QUESTION)


async def test_a_long_reason_is_recorded_by_its_beginning():
    """A reason of a million characters is the node's business; the journal keeps 4,000 of them, with a digest."""
    answer, records = Route(seat="dev", reason="x" * 1_000_000), []
    assert await decide(bind(lambda question: answer), "route", QUESTION, records=records) is answer
    assert len(records[0].reason) == 4000
    assert records[0].reason.endswith(f"… {digest(answer.reason)[:16]}")


async def test_cancellation_passes_through():
    """A cancelled decision ends as cancelled, not as an error of its node, and records nothing."""
    started, records = anyio.Event(), []

    async def route(question):
        started.set()
        await anyio.sleep_forever()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: decide(bind(route), "route", QUESTION, records=records))
        await started.wait()
        tasks.cancel_scope.cancel()
    assert tasks.cancel_scope.cancelled_caught
    assert records == []


async def test_a_hanging_node_is_given_up():
    """An async node that does not answer within the limit is an error, and what it ran has been cancelled."""
    cleaned = []

    async def route(question):
        try:
            await anyio.sleep_forever()
        finally:
            cleaned.append(True)

    with pytest.raises(NodeError, match=r"route did not answer within 0.01 s"):
        await decide(bind(route), "route", QUESTION, limit=0.01)
    assert cleaned == [True]


async def test_a_timeout_of_the_nodes_own_is_told_apart():
    """A TimeoutError that a node raises is what it raised, not a hang."""

    async def route(question):
        with anyio.fail_after(0):
            await anyio.sleep_forever()

    with pytest.raises(NodeError, match="raised TimeoutError"):
        await decide(bind(route), "route", QUESTION)


@pytest.mark.parametrize("answer", [Route(seat="boss"), None, "dev", {"seat": "dev"}])
async def test_a_wrong_answer_is_never_used(answer):
    """An answer that breaks the contract is an error; it is not returned, not recorded, not replaced."""
    records = []
    with pytest.raises(NodeError, match=r"route broke its contract: .*; valid: "):
        await decide(bind(lambda question: answer), "route", QUESTION, records=records)
    assert records == []


async def test_an_awaitable_of_an_awaitable_is_no_answer():
    """A coroutine that returns a coroutine has not answered."""

    async def inner():
        """Never awaited."""

    async def route(question):
        return inner()

    with pytest.raises(NodeError, match="answered with an awaitable"):
        await decide(bind(route), "route", QUESTION)


async def test_policies_may_not_be_async():
    """A policy that answers with a coroutine is refused by both ways to ask it, without a warning left behind."""

    async def turn_budget(question):
        return 3

    binding = bind(turn_budget, "orchestration_loop")
    question = LoopQuestion(organization=Organization(name="org"))
    with pytest.raises(NodeError, match="answered with an awaitable; valid: a plain answer"):
        await decide(binding, "turn_budget", question)
    with pytest.raises(NodeError, match="answered with an awaitable; valid: a plain answer"):
        settle(binding, "turn_budget", question)


async def test_an_awaitable_that_is_no_coroutine_is_refused_alike():
    """Something that can be awaited and has nothing to close is no plain answer either."""

    class Later:
        def __await__(self):
            return iter(())

    binding = bind(lambda question: Later(), "orchestration_loop")
    with pytest.raises(NodeError, match="answered with an awaitable; valid: a plain answer"):
        settle(binding, "turn_budget", LoopQuestion(organization=Organization(name="org")))


async def test_a_node_cannot_change_its_question():
    """Questions are frozen: a node that tries to change one fails, and the question stays as it was."""

    def route(question):
        question.issue.seat = "boss"

    with pytest.raises(NodeError, match="FrozenInstanceError"):
        await decide(bind(route), "route", QUESTION)
    assert QUESTION.issue.seat == "dev"


async def test_long_references_are_cut_and_stay_telling():
    """A record's reference stays bounded; its digest still tells two long questions apart."""
    records = []
    for last in ("a", "b"):
        question = attrs.evolve(QUESTION, busy=(*[f"seat-{i}" for i in range(1000)], last))
        await decide(bind(lambda question: Route(seat="dev")), "route", question, records=records)
    first, second = (record.question for record in records)
    assert len(first) == len(second) == 2000
    assert first.startswith("I-1 4 crew work seat-0 ")
    assert first != second


async def test_an_error_that_cannot_be_told_is_still_reported():
    """An exception whose text cannot be read does not break its report."""

    class MuteError(Exception):
        def __str__(self):
            raise RuntimeError

    with pytest.raises(NodeError, match="raised MuteError: its text cannot be read"):
        await decide(bind(raising(MuteError())), "route", QUESTION)


def test_an_answer_that_bites_is_an_error_of_its_node():
    """An answer that raises while it is looked at is an error of its node, too."""

    class Trap(dict):
        def items(self):
            raise ZeroDivisionError

    with pytest.raises(NodeError, match="gave an answer that cannot be checked: raised ZeroDivisionError"):
        settle(bind(lambda question: Trap(), "engine_runtime"), "environment", EnvironmentQuestion(environ={}))


def test_passwords_stay_out_of_records_and_errors():
    """Neither question nor answer nor error of a secret-bearing decision holds the password."""
    records, binding = [], bind(lambda stack, ports, password: f"postgresql://u:{password}@h/db", "sandbox_policy")
    args = (TechStack.CSHARP_RAZOR_EF, SandboxPorts(api=1, frontend=2, database=3), "hunter2")
    assert settle(binding, "database_url", *args, records=records) == "postgresql://u:hunter2@h/db"
    assert records[0].question == "csharp-razor-ef 1,2,3,None"
    assert records[0].answer == {"characters": 27}

    def leak(stack, ports, password):
        raise ValueError(password)

    with pytest.raises(NodeError, match=r"raised ValueError$") as caught:
        settle(bind(leak, "sandbox_policy"), "database_url", *args)
    assert caught.value.data["question"] == digest("csharp-razor-ef 1,2,3,None")


class Memory:
    def add(self, remembered, /):
        """Nothing is kept."""

    def search(self, query, /):
        return ()

    async def aclose(self):
        """Nothing to release."""


ROCK = Rock(id="rock", name="Rock", epics=(EpicReference(epic="a"),))
REPORT = TurnReport(turn=7, kind=TurnKind.WORK, seat="dev", roles=("dev",), rounds=1, text="", wish=None)
SUCCEEDED = SuccessQuestion(issue=ISSUE, report=REPORT, wishes=(CardStatus.BLOCKED,))
FAILED = FailureQuestion(issue=ISSUE, report=REPORT, kind=FailureKind.MODEL, detail="")
RECORDED = [
    ("orchestration_loop", "is_done", (BoardCounts(total=2, done=2),), True, "2,2,0,0,0,0,0", True),
    ("orchestration_loop", "turn_budget", (LoopQuestion(organization=Organization(name="org")),), 9, "org 0", 9),
    ("orchestration_loop", "role_order", ((), False), (), "- False", []),
    (
        *("orchestration_loop", "missing_seat", (ISSUE, TEAM)),
        MissingSeat(status=CardStatus.CANCELED, reason="none"),
        *("I-1@4 crew", {"status": "canceled"}),
    ),
    ("loader_strategy", "search_folders", (Path("r"), "core", "epics"), (Path("r/x"),), "r core epics", ["r/x"]),
    ("execution_runtime", "select_run_id", (None, "ab"), "ab", "- ab", "ab"),
    ("engine_runtime", "config_root", (Path("r"), {"A": "b"}), Path("r"), "r 1 entries", "r"),
    ("engine_runtime", "environment", (EnvironmentQuestion(environ={"A": "b"}),), {"A": "b"}, "1 0", {"entries": 1}),
    ("pipeline_wiring", "create_memory", ({},), Memory(), "0 entries", {"type": "Memory"}),
    ("pipeline_wiring", "create_verifier", ({},), None, "0 entries", None),
    (
        *("pipeline_wiring", "select_sub_pipelines", (ROCK,)),
        (SubPipeline(epic="a", department="core", reason="order"),),
        *("rock", [{"epic": "a", "department": "core"}]),
    ),
    (
        *("loader_strategy", "override_organization", (Organization(name="org"), {})),
        Organization(name="ORG"),
        *("org 0 entries", {"name": "ORG"}),
    ),
    ("evaluator", "evaluate_success", (SUCCEEDED,), SuccessAnswer(), "I-1 4 7 - blocked", {}),
    (
        *("evaluator", "evaluate_success", (SUCCEEDED,)),
        SuccessAnswer(wish=CardStatus.BLOCKED, wait_reason=WaitReason.INPUT, remember="it", sandbox=True),
        "I-1 4 7 - blocked",
        {"wish": "blocked", "wait_reason": "input", "remember": "it", "sandbox": True},
    ),
    (
        *("evaluator", "evaluate_failure", (FAILED,)),
        FailureAnswer(action=FailureAction.RETRY, retry_count=1, remedy="wait"),
        *("I-1 4 7 model 0", {"action": "retry", "retry_count": 1, "remedy": "wait"}),
    ),
]


@pytest.mark.parametrize(("kind", "method", "args", "answer", "question", "recorded"), RECORDED)
def test_decisions_are_recorded_compactly(kind, method, args, answer, question, recorded):
    """Every kind of answer is recorded as small JSON data that the journal can keep and read again."""
    records = []
    assert settle(bind(lambda *_: answer, kind), method, *args, records=records) is answer
    (record,) = records
    assert (record.question, record.answer) == (question, recorded)
    assert codec().load_record(json.loads(json.dumps(codec().dump_record(record)))) == record
