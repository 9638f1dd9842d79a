"""Answers of the nodes that decide within a turn."""

import enum
from collections.abc import Mapping

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orket._answers import CHECKS
from orket._wiring import KINDS
from orket.contracts import (
    CardStatus,
    Dialect,
    DialectChoice,
    DialectQuestion,
    EffectClass,
    Environment,
    Epic,
    FailureAction,
    FailureAnswer,
    FailureKind,
    FailureQuestion,
    Issue,
    Message,
    ModelChoice,
    ModelQuestion,
    Organization,
    Plan,
    PlanQuestion,
    Prompt,
    PromptQuestion,
    Route,
    RouteQuestion,
    Seat,
    SuccessAnswer,
    SuccessQuestion,
    Team,
    ToolCall,
    Toolset,
    ToolsetQuestion,
    ToolSpec,
    TurnKind,
    TurnReport,
    WaitReason,
)


class Board:
    """A backlog of a few issues."""

    def __init__(self, *issues: Issue) -> None:
        self._issues = {issue.id: issue for issue in issues}

    def __len__(self):
        return len(self._issues)

    def __iter__(self):
        return iter(self._issues.values())

    def get(self, issue_id, /):
        return self._issues.get(issue_id)

    def dependents(self, issue_id, /):
        return ()


def issue(name: str, status: CardStatus = CardStatus.READY, *depends_on: str, **fields) -> Issue:
    return Issue(id=name, name=name, seat="dev", status=status, depends_on=depends_on, **fields)


BOARD = Board(
    issue("reviewed", CardStatus.CODE_REVIEW),
    issue("first"),
    issue("second"),
    issue("free", CardStatus.READY, "finished"),
    issue("waiting", CardStatus.READY, "finished", "first"),
    issue("lost", CardStatus.READY, "nowhere"),
    issue("finished", CardStatus.DONE),
    issue("busy", CardStatus.CODE_REVIEW),
    issue("other-review", CardStatus.CODE_REVIEW),
)
PLAN = PlanQuestion(
    review=(BOARD.get("reviewed"),),
    ready=(BOARD.get("first"), BOARD.get("second")),
    running=(BOARD.get("busy"),),
    slots=2,
    backlog=BOARD,
)
TEAM = Team(name="crew", seats={"dev": Seat(id="dev", name="Developer")})
ROUTE = RouteQuestion(issue=issue("first"), team=TEAM, kind=TurnKind.WORK)
EPIC = Epic(id="epic", name="Epic", team="crew", environment="here")
MODEL = ModelQuestion(issue=issue("first"), epic=EPIC, role="dev", environment=Environment(name="here"))
DIALECT = DialectQuestion(model="qwen", families=("generic", "qwen"))
SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
READ = ToolSpec(name="read", description="Read.", parameters=SCHEMA)
DROP = ToolSpec(name="drop", description="", parameters=SCHEMA, effect=EffectClass.AT_MOST_ONCE, destructive=True)
TOOLS = ToolsetQuestion(
    issue=issue("first"),
    seat=TEAM.seats["dev"],
    roles=(),
    kind=TurnKind.WORK,
    available={"read": READ, "drop": DROP},
    wishes=(),
)
PROMPT = PromptQuestion(
    issue=issue("first"),
    epic=EPIC,
    organization=Organization(name="org"),
    seat=TEAM.seats["dev"],
    roles=(),
    kind=TurnKind.WORK,
    dialect=Dialect(model_family="generic"),
    tools=(),
)
REPORT = TurnReport(turn=1, kind=TurnKind.WORK, seat="dev", roles=("dev",), rounds=1, text="", wish=None)
SUCCESS = SuccessQuestion(
    issue=issue("first"), report=REPORT, wishes=(CardStatus.CODE_REVIEW, CardStatus.BLOCKED, CardStatus.DONE)
)
FAILURE = FailureQuestion(
    issue=issue("first", retry_count=2, max_retries=3), report=REPORT, kind=FailureKind.MODEL, detail=""
)


class Text(str):
    """A str that is not exactly one."""


class Better(Plan):
    """A Plan that is not exactly one."""


class Family(enum.StrEnum):
    """Not exactly a str either."""

    QWEN = "qwen"


def message(role="user", content="hello", **fields) -> Message:
    return Message(role=role, content=content, **fields)


def prompt(*messages) -> Prompt:
    return Prompt(messages=messages)


def tools(*specs) -> Toolset:
    return Toolset(tools=specs)


def narrow(**parameters) -> ToolSpec:
    return attrs.evolve(READ, parameters={**SCHEMA, **parameters})


def retry(action=FailureAction.RETRY, retry_count=3, **fields) -> FailureAnswer:
    return FailureAnswer(action=action, retry_count=retry_count, **fields)


DEEP: dict = {}
for _ in range(100):
    DEEP = {"items": DEEP}

CALL = ToolCall(name="read", arguments={})
PLANNER, ROUTER, EVALUATOR = ("planner", "plan"), ("router", "route"), "evaluator"
SELECT_MODEL, SELECT_DIALECT = ("prompt_strategy", "select_model"), ("prompt_strategy", "select_dialect")
COMPOSE, OFFER = ("prompt_strategy", "compose"), ("tool_strategy", "compose")
ON_SUCCESS, ON_FAILURE = (EVALUATOR, "evaluate_success"), (EVALUATOR, "evaluate_failure")
QUESTIONS = {
    PLANNER: PLAN,
    ROUTER: ROUTE,
    SELECT_MODEL: MODEL,
    SELECT_DIALECT: DIALECT,
    COMPOSE: PROMPT,
    OFFER: TOOLS,
    ON_SUCCESS: SUCCESS,
    ON_FAILURE: FAILURE,
}

GOOD = [
    (PLANNER, Plan(issue_ids=())),
    (PLANNER, Plan(issue_ids=("reviewed", "second"), reason="because")),
    (PLANNER, Plan(issue_ids=("free",))),
    (PLANNER, Plan(issue_ids=("other-review",))),
    (ROUTER, Route(seat="dev")),
    (ROUTER, Route(seat=None, reason="nobody")),
    (SELECT_MODEL, ModelChoice(model="qwen2.5")),
    (SELECT_DIALECT, DialectChoice(family="qwen")),
    (COMPOSE, prompt(message("system"), message())),
    (COMPOSE, prompt(message("assistant", calls=(CALL,)), message("tool", call_id="1", name="read"))),
    (OFFER, tools()),
    (OFFER, tools(DROP, READ)),
    (OFFER, tools(attrs.evolve(READ, description="Read it."))),
    (OFFER, tools(narrow(properties={"path": {"enum": ["a", 1, 1.5, None, True, ("b",)]}}))),
    (ON_SUCCESS, SuccessAnswer()),
    (ON_SUCCESS, SuccessAnswer(wish=CardStatus.DONE, remember="this", sandbox=True)),
    (ON_SUCCESS, SuccessAnswer(wish=CardStatus.BLOCKED, wait_reason=WaitReason.INPUT)),
    (ON_SUCCESS, SuccessAnswer(wish=CardStatus.BLOCKED)),
    (ON_FAILURE, retry()),
    (ON_FAILURE, retry(FailureAction.BLOCK, 2, wait_reason=WaitReason.SYSTEM)),
    (ON_FAILURE, retry(FailureAction.ABORT, 9, wait_reason=WaitReason.SYSTEM)),
]

BAD = [
    (PLANNER, None, "answer is None; valid: Plan"),
    (PLANNER, Better(issue_ids=()), "answer is of type Better; valid: Plan"),
    (PLANNER, Plan(issue_ids=["first"]), "issue_ids is of type list; valid: tuple"),
    (PLANNER, Plan(issue_ids=(Text("first"),)), "issue_ids[0] is of type Text; valid: str"),
    (PLANNER, Plan(issue_ids=("first",), reason=None), "reason is None; valid: str"),
    (PLANNER, Plan(issue_ids=("reviewed", "first", "second")), "chooses 3 issues; valid: at most 2 (slots)"),
    (PLANNER, Plan(issue_ids=("first", "first")), "chooses 'first' twice"),
    (
        PLANNER,
        Plan(issue_ids=("nowhere",)),
        "chooses 'nowhere', which is no candidate; valid: 'reviewed', 'first', 'se",
    ),
    (PLANNER, Plan(issue_ids=("waiting",)), "no candidate"),
    (PLANNER, Plan(issue_ids=("lost",)), "no candidate"),
    (PLANNER, Plan(issue_ids=("finished",)), "no candidate"),
    (PLANNER, Plan(issue_ids=("busy",)), "no candidate"),
    (ROUTER, "dev", "answer is 'dev'; valid: Route"),
    (ROUTER, Route(seat="Developer"), "seat is 'Developer'; valid: 'dev' (team 'crew'), or None"),
    (ROUTER, Route(seat=3), "seat is 3; valid: str or None"),
    (SELECT_MODEL, ModelChoice(model=" "), "model is ' '; valid: a non-empty str"),
    (SELECT_MODEL, ModelChoice(model=None), "model is None"),
    (SELECT_DIALECT, DialectChoice(family="phi"), "family is 'phi'; valid: 'generic', 'qwen'"),
    (SELECT_DIALECT, DialectChoice(family=Family.QWEN), "family is of type Family; valid: str"),
    (COMPOSE, prompt(), "messages is empty; valid: at least one Message"),
    (COMPOSE, Prompt(messages=[message()]), "messages is of type list; valid: tuple"),
    (COMPOSE, prompt(message(), "hello"), "messages[1] is 'hello'; valid: Message"),
    (COMPOSE, prompt(message("boss")), "messages[0].role is 'boss'; valid: 'system', 'user', 'assistant', 'tool'"),
    (COMPOSE, prompt(message(content=None)), "messages[0].content is None; valid: str"),
    (COMPOSE, prompt(message(call_id=1)), "messages[0].call_id is 1; valid: str"),
    (COMPOSE, prompt(message(name=b"x")), "messages[0].name is of type bytes; valid: str"),
    (COMPOSE, prompt(message(calls=(CALL,))), "messages[0].calls is set on a message of role 'user'"),
    (COMPOSE, prompt(message("assistant", calls=("read",))), "messages[0].calls[0] is 'read'; valid: ToolCall"),
    (COMPOSE, prompt(message(call_id="1")), "messages[0].call_id is set on a message of role 'user'"),
    (OFFER, Toolset(tools=(READ.name,)), "tools[0] is 'read'; valid: ToolSpec"),
    (OFFER, tools(attrs.evolve(READ, name="write")), "offers 'write'; valid: 'read', 'drop'"),
    (OFFER, tools(attrs.evolve(READ, name=["read"])), "offers of type list; valid: 'read', 'drop'"),
    (OFFER, tools(READ, READ), "offers 'read' twice"),
    (OFFER, tools(attrs.evolve(DROP, destructive=False)), "destructive is False; valid: True"),
    (OFFER, tools(attrs.evolve(DROP, effect=EffectClass.READ)), "effect is of type EffectClass; valid: 'at_most_once'"),
    (OFFER, tools(attrs.evolve(READ, description=None)), "tool 'read': description is None"),
    (OFFER, tools(attrs.evolve(READ, parameters=None)), "parameters is None; valid: a JSON Schema mapping"),
    (OFFER, tools(narrow(type="string")), "parameters is of type dict; valid: a JSON Schema mapping of type 'object'"),
    (OFFER, tools(narrow(properties=[])), "parameters['properties'] is of type list; valid: a mapping"),
    (OFFER, tools(narrow(required="path")), "parameters['required'] is 'path'; valid: a list of str"),
    (OFFER, tools(narrow(required=[1])), "parameters['required'] is of type list; valid: a list of str"),
    (OFFER, tools(narrow(default=[1, {"a": object()}])), "parameters.default[1].a is of type object; valid: JSON data"),
    (OFFER, tools(narrow(default=float("nan"))), "parameters.default is nan; valid: JSON data"),
    (OFFER, tools(narrow(default={1: 2})), "parameters.default has the key 1; valid: str"),
    (OFFER, tools(narrow(default=DEEP)), "nested deeper than 64 levels"),
    (ON_SUCCESS, SuccessAnswer(wish="done"), "wish is 'done'; valid: CardStatus or None"),
    (
        ON_SUCCESS,
        SuccessAnswer(wish=CardStatus.READY),
        "wish is 'ready'; valid: 'code_review', 'blocked', 'done', or None",
    ),
    (ON_SUCCESS, SuccessAnswer(sandbox=1), "sandbox is 1; valid: bool"),
    (ON_SUCCESS, SuccessAnswer(remember=b""), "remember is of type bytes; valid: str or None"),
    (
        ON_SUCCESS,
        SuccessAnswer(wait_reason=WaitReason.INPUT),
        "wait_reason goes with a wish for 'blocked', 'waiting_fo",
    ),
    (ON_FAILURE, retry(True), "action is True; valid: FailureAction"),
    (ON_FAILURE, retry(retry_count=True), "retry_count is True; valid: int"),
    (ON_FAILURE, retry(retry_count=1), "retry_count is 1; valid: 2 or more, it never shrinks"),
    (ON_FAILURE, retry(retry_count=4), "retries with retry_count 4; valid: up to max_retries 3"),
    (ON_FAILURE, retry(FailureAction.BLOCK), "action 'block' has no wait_reason; valid: 'resource', 'dependency'"),
    (
        ON_FAILURE,
        retry(FailureAction.ABORT, wait_reason="system"),
        "wait_reason is 'system'; valid: WaitReason or None",
    ),
    (ON_FAILURE, retry(remedy=None), "remedy is None; valid: str"),
]


def test_every_method_of_every_kind_has_a_check():
    """The table of checks and the Protocols name the same methods, so that no answer goes unchecked."""
    assert set(CHECKS) == {(kind, method) for kind, spec in KINDS.items() for method in spec.methods}


@pytest.mark.parametrize(("of", "answer"), GOOD)
def test_good_answers_pass(of, answer):
    """An answer that keeps its contract is not complained about."""
    assert CHECKS[of](answer, QUESTIONS[of]) is None


@pytest.mark.parametrize(("of", "answer", "complaint"), BAD)
def test_bad_answers_are_named(of, answer, complaint):
    """A broken clause is told with what was found and what is valid."""
    assert complaint in CHECKS[of](answer, QUESTIONS[of])


@pytest.mark.parametrize("of", QUESTIONS)
@pytest.mark.parametrize(
    "junk",
    [None, 0, "", (), {}, object(), Plan, len],
    ids=["none", "zero", "text", "tuple", "dict", "object", "class", "function"],
)
def test_junk_is_no_answer(of, junk):
    """No check takes, or stumbles over, a value of a wholly different type."""
    assert "valid: " in CHECKS[of](junk, QUESTIONS[of])


def test_a_target_leaves_no_other_choice():
    """With a target only the target may be planned, and only while it is a candidate."""
    check, question = CHECKS[PLANNER], attrs.evolve(PLAN, target_issue_id="second")
    assert check(Plan(issue_ids=("second",)), question) is None
    assert check(Plan(issue_ids=()), question) is None
    assert "only the target 'second'" in check(Plan(issue_ids=("first",)), question)
    assert "no candidate" in check(Plan(issue_ids=("busy",)), attrs.evolve(PLAN, target_issue_id="busy"))


def test_foreign_values_are_described_without_running_them():
    """A complaint never calls the repr of a foreign object, which may do anything."""

    class Trap:
        def __repr__(self):
            raise AssertionError

    assert CHECKS[ROUTER](Route(seat=Trap()), ROUTE) == "seat is of type Trap; valid: str or None"


def test_long_values_are_cut():
    """A complaint stays readable whatever a node answers."""
    many = Team(name="crew", seats={f"seat-{i}": Seat(id=f"seat-{i}", name="") for i in range(500)})
    assert len(CHECKS[ROUTER](Route(seat="x" * 10_000), attrs.evolve(ROUTE, team=many))) < 400


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(JSON)
def test_any_json_may_stand_in_a_narrowed_schema(value):
    """A narrowed schema may hold whatever JSON can hold."""
    assert CHECKS[OFFER](tools(narrow(default=value)), TOOLS) is None


@given(st.lists(st.sampled_from([*(it.id for it in BOARD), "nowhere"]), max_size=4).map(tuple))
def test_plans_are_judged_as_the_contract_reads(chosen):
    """The check agrees with the contract spelled out as sets, whatever is chosen."""
    candidates = {"reviewed", "first", "second", "free", "other-review"}
    good = set(chosen) <= candidates and len(set(chosen)) == len(chosen) <= PLAN.slots
    assert (CHECKS[PLANNER](Plan(issue_ids=chosen), PLAN) is None) == good


def test_mappings_of_other_kinds_are_schemas_too():
    """A read-only mapping is as good a schema as a dict."""

    class Frozen(Mapping):
        def __getitem__(self, key):
            return SCHEMA[key]

        def __iter__(self):
            return iter(SCHEMA)

        def __len__(self):
            return len(SCHEMA)

    assert CHECKS[OFFER](tools(attrs.evolve(READ, parameters=Frozen())), TOOLS) is None
