"""Answers of the nodes that decide within a turn. They are checked every turn: each check costs about a microsecond."""

from collections.abc import Mapping
from typing import Any, Final

from orket._answers._exact import blank, found, listed, unlike, unlike_all
from orket.cards import EMPTY, CardStatus, Issue, JsonValue, WaitReason
from orket.contracts import (
    DialectChoice,
    DialectQuestion,
    FailureAction,
    FailureAnswer,
    FailureQuestion,
    Message,
    ModelChoice,
    ModelQuestion,
    Plan,
    PlanQuestion,
    Prompt,
    PromptQuestion,
    Route,
    RouteQuestion,
    SuccessAnswer,
    SuccessQuestion,
    ToolCall,
    Toolset,
    ToolsetQuestion,
    ToolSpec,
)

_NONE: Final = type(None)
_SPEAKERS: Final = ("system", "user", "assistant", "tool")
_SCALARS: Final = (str, int, float, bool, _NONE)
_WAITING: Final = (CardStatus.BLOCKED, CardStatus.WAITING_FOR_DEVELOPER)
_NOTHING: Final = object()  # is no JSON value
_MAX_DEPTH: Final = 64  # of a JSON Schema; deeper ones are refused instead of exhausting the stack


def plan(answer: Any, question: PlanQuestion) -> str | None:
    """Check a planner's answer: candidates only, none twice, at most ``slots``, nothing but the target."""
    return (
        unlike("answer", answer, Plan)
        or unlike("reason", answer.reason, str)
        or unlike_all("issue_ids", answer.issue_ids, str)
        or _wrong_choice(answer.issue_ids, question)
    )


def _wrong_choice(chosen: tuple[str, ...], question: PlanQuestion) -> str | None:
    if len(chosen) > question.slots:
        return f"chooses {len(chosen)} issues; valid: at most {question.slots} (slots)"
    if len(set(chosen)) < len(chosen):
        twice = next(name for name in chosen if chosen.count(name) > 1)
        return f"chooses {twice!r} twice; valid: each issue once"
    for name in chosen:
        if question.target_issue_id is not None and name != question.target_issue_id:
            return f"chooses {found(name)}; valid: only the target {question.target_issue_id!r}"
        if not _is_candidate(name, question):
            candidates = listed(issue.id for issue in (*question.review, *question.ready))
            return (
                f"chooses {found(name)}, which is no candidate; valid: {candidates}, "
                "or an issue of the backlog that is in code review, or ready with all it depends on done"
            )
    return None


def _is_candidate(name: str, question: PlanQuestion) -> bool:
    # Planners take from the front, so two short scans beat building a set of the whole window.
    for issue in question.review:
        if issue.id == name:
            return True
    for issue in question.ready:
        if issue.id == name:
            return True
    backlog = question.backlog
    found_issue = backlog.get(name)
    if found_issue is None or any(issue.id == name for issue in question.running):
        return False
    if found_issue.status is CardStatus.CODE_REVIEW:
        return True
    return found_issue.status is CardStatus.READY and all(_is_done(backlog.get(it)) for it in found_issue.depends_on)


def _is_done(issue: Issue | None) -> bool:
    return issue is not None and issue.status is CardStatus.DONE


def route(answer: Any, question: RouteQuestion) -> str | None:
    """Check a router's answer: a seat of the team, or None."""
    wrong = (
        unlike("answer", answer, Route)
        or unlike("reason", answer.reason, str)
        or unlike("seat", answer.seat, str, _NONE)
    )
    if wrong or answer.seat is None or answer.seat in question.team.seats:
        return wrong
    return f"seat is {found(answer.seat)}; valid: {listed(question.team.seats)} (team {question.team.name!r}), or None"


def model(answer: Any, _question: ModelQuestion) -> str | None:
    """Check a choice of model: a non-empty name."""
    return unlike("answer", answer, ModelChoice) or unlike("reason", answer.reason, str) or blank("model", answer.model)


def dialect(answer: Any, question: DialectQuestion) -> str | None:
    """Check a choice of dialect: one of the families there are."""
    wrong = (
        unlike("answer", answer, DialectChoice)
        or unlike("reason", answer.reason, str)
        or unlike("family", answer.family, str)
    )
    if wrong or answer.family in question.families:
        return wrong
    return f"family is {found(answer.family)}; valid: {listed(question.families)}"


def prompt(answer: Any, _question: PromptQuestion) -> str | None:
    """Check a prompt: at least one message, each well formed."""
    wrong = (
        unlike("answer", answer, Prompt)
        or unlike("reason", answer.reason, str)
        or unlike_all("messages", answer.messages, Message)
    )
    if wrong:
        return wrong
    if not answer.messages:
        return "messages is empty; valid: at least one Message"
    for index, message in enumerate(answer.messages):
        if (fault := _wrong_message(message)) is not None:
            return f"messages[{index}].{fault}"
    return None


def _wrong_message(message: Any) -> str | None:
    if type(message.role) is not str or message.role not in _SPEAKERS:
        return f"role is {found(message.role)}; valid: {listed(_SPEAKERS)}"
    if not (type(message.content) is type(message.call_id) is type(message.name) is str):
        return (
            unlike("content", message.content, str)
            or unlike("call_id", message.call_id, str)
            or unlike("name", message.name, str)
        )
    if message.calls != ():
        if message.role != "assistant":
            return f"calls is set on a message of role {message.role!r}; valid: only on 'assistant'"
        return unlike_all("calls", message.calls, ToolCall)
    if message.call_id and message.role != "tool":
        return f"call_id is set on a message of role {message.role!r}; valid: only on 'tool'"
    return None


def toolset(answer: Any, question: ToolsetQuestion) -> str | None:
    """Check an offer of tools: available ones, each once; nothing but description and schema may differ."""
    wrong = (
        unlike("answer", answer, Toolset)
        or unlike("reason", answer.reason, str)
        or unlike_all("tools", answer.tools, ToolSpec)
    )
    if wrong:
        return wrong
    names = set()
    for tool in answer.tools:
        if type(tool.name) is not str or (own := question.available.get(tool.name)) is None:
            return f"offers {found(tool.name)}; valid: {listed(question.available)}"
        if tool.name in names:
            return f"offers {tool.name!r} twice; valid: each tool once"
        names.add(tool.name)
        if tool is not own and (fault := _wrong_copy(tool, own)) is not None:
            return f"tool {tool.name!r}: {fault}"
    return None


def _wrong_copy(tool: Any, own: ToolSpec) -> str | None:
    if tool.effect is not own.effect:
        return f"effect is {found(tool.effect)}; valid: {own.effect.value!r}, as the tool has it"
    if tool.destructive is not own.destructive:
        return f"destructive is {found(tool.destructive)}; valid: {own.destructive}, as the tool has it"
    if tool.parameters is own.parameters:
        return unlike("description", tool.description, str)
    return unlike("description", tool.description, str) or _wrong_schema(tool.parameters, own.parameters)


def _wrong_schema(schema: Any, own: Mapping[str, JsonValue]) -> str | None:
    if not isinstance(schema, Mapping) or schema.get("type") != "object":
        return f"parameters is {found(schema)}; valid: a JSON Schema mapping of type 'object'"
    if not isinstance(schema.get("properties", {}), Mapping):
        return f"parameters['properties'] is {found(schema['properties'])}; valid: a mapping"
    required = schema.get("required", ())
    if type(required) not in (list, tuple) or not set(map(type, required)) <= {str}:
        return f"parameters['required'] is {found(required)}; valid: a list of str"
    fault = _not_json(schema, own, _MAX_DEPTH)
    return None if fault is None else f"parameters{fault}"


def _not_json(value: Any, own: Any, depth: int) -> str | None:
    """Return None for JSON data, else the path to what is none and what it is. What is *own* costs no look."""
    cls = type(value)
    if depth == 0:
        return f" is nested deeper than {_MAX_DEPTH} levels"
    if cls is dict or isinstance(value, Mapping):
        beside = own if type(own) is dict or isinstance(own, Mapping) else EMPTY
        for key, item in value.items():
            if type(key) is not str:
                return f" has the key {found(key)}; valid: str"
            if type(item) is str or item is (known := beside.get(key, _NOTHING)):
                continue
            if (fault := _not_json(item, known, depth - 1)) is not None:
                return f".{key}{fault}"
        return None
    if cls is list or cls is tuple:
        for index, item in enumerate(value):
            if type(item) is not str and (fault := _not_json(item, _NOTHING, depth - 1)) is not None:
                return f"[{index}]{fault}"
        return None
    finite = cls is not float or value - value == 0
    return None if cls in _SCALARS and finite else f" is {found(value)}; valid: JSON data"


def success(answer: Any, question: SuccessQuestion) -> str | None:
    """Check the judgement of a turn that ended well: a wish that the law could grant, or none."""
    wrong = (
        unlike("answer", answer, SuccessAnswer)
        or unlike("reason", answer.reason, str)
        or unlike("wish", answer.wish, CardStatus, _NONE)
        or unlike("wait_reason", answer.wait_reason, WaitReason, _NONE)
        or unlike("remember", answer.remember, str, _NONE)
        or unlike("sandbox", answer.sandbox, bool)
    )
    if wrong is not None:
        return wrong
    if answer.wish is not None and answer.wish not in question.wishes:
        return f"wish is {answer.wish.value!r}; valid: {listed(question.wishes)}, or None"
    # A wish that lacks its wait reason is for the law to refuse: the model left it out, not the node.
    if answer.wait_reason is not None and answer.wish not in _WAITING:
        return f"wait_reason goes with a wish for {listed(_WAITING)} only; the wish is {found(answer.wish)}"
    return None


def failure(answer: Any, question: FailureQuestion) -> str | None:
    """Check the judgement of a turn that failed: retries never shrink, none past the limit, else a reason to wait."""
    wrong = (
        unlike("answer", answer, FailureAnswer)
        or unlike("reason", answer.reason, str)
        or unlike("remedy", answer.remedy, str)
        or unlike("action", answer.action, FailureAction)
        or unlike("retry_count", answer.retry_count, int)
        or unlike("wait_reason", answer.wait_reason, WaitReason, _NONE)
    )
    if wrong:
        return wrong
    issue = question.issue
    if answer.retry_count < issue.retry_count:
        return f"retry_count is {answer.retry_count}; valid: {issue.retry_count} or more, it never shrinks"
    if answer.action is FailureAction.RETRY:
        if answer.retry_count > issue.max_retries:
            return f"retries with retry_count {answer.retry_count}; valid: up to max_retries {issue.max_retries}"
    elif answer.wait_reason is None:
        return f"action {answer.action.value!r} has no wait_reason; valid: {listed(WaitReason)}"
    return None
