"""The stock prompt strategy: which model answers, in which dialect, and what it is told.

A prompt is two messages. The system message holds what stays the same from turn to turn of a seat: who it is, what it
is for, how it acts. It is made once and kept, so that its bytes are the same each time: the record stores it once, and
a model server finds it in its prefix cache. The user message holds what belongs to one issue. Neither holds a time or a
run id, so the same question gives the same prompt.
"""

import json
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from orket.contracts import (
    CardStatus,
    Dialect,
    DialectChoice,
    DialectQuestion,
    Issue,
    JsonValue,
    Message,
    ModelChoice,
    ModelQuestion,
    Organization,
    Prompt,
    PromptQuestion,
    Role,
    Seat,
    ToolSpec,
    TurnKind,
    VerificationResult,
)

_Stable: TypeAlias = tuple[Organization, Seat, tuple[Role, ...], TurnKind, Dialect, tuple[ToolSpec, ...]]
_StableKey: TypeAlias = tuple[str, ...]

_GENERIC: Final = "generic"
_STATUS_TOOL: Final = "update_issue_status"
_CALL: Final = '{"tool": "tool_name", "args": {"argument": "value"}}'

# How the names of a family's models look. The first match counts: DeepSeek-R1 distilled into Llama is a DeepSeek-R1.
# "llama-3" must not be found in "llama-30b" or "open-llama-3b", nor "phi" in "dolphin".
_FAMILIES: Final = (
    ("deepseek-r1", re.compile(r"deepseek[-_ ]?r1(?!\d)")),
    ("llama3", re.compile(r"llama[-_ ]?3(?![\db])")),
    ("qwen", re.compile(r"qwen")),
    ("phi", re.compile(r"(?<![a-z])phi(?![a-z])")),
)

_TASKS: Final[Mapping[TurnKind, str]] = MappingProxyType(
    {
        TurnKind.WORK: "This is a work turn: do what the issue asks for.",
        TurnKind.REVIEW: "This is a review turn: decide whether the issue is finished. It is finished only when the "
        "work meets every requirement and no verification failed. If anything is missing, send it back and say what "
        "must change. Judge the work, do not redo it.",
    }
)

_STATUSES: Final[Mapping[str, str]] = MappingProxyType(
    {
        CardStatus.READY.value: "send it back, it has to be worked on again",
        CardStatus.IN_PROGRESS.value: "it is being worked on",
        CardStatus.BLOCKED.value: "it cannot go on; needs a wait_reason",
        CardStatus.WAITING_FOR_DEVELOPER.value: "a person has to help first; needs a wait_reason",
        CardStatus.READY_FOR_TESTING.value: "the work is finished and can be tested",
        CardStatus.CODE_REVIEW.value: "the work is finished and can be reviewed",
        CardStatus.DONE.value: "it meets its requirements and is finished",
        CardStatus.CANCELED.value: "it shall not be done at all",
        CardStatus.ARCHIVED.value: "it is put away",
    }
)


class DefaultPromptStrategyNode:
    """Choose the model by precedence, the dialect by the model's family, and write the prompt in sections.

    Args:
        kept_systems: how many system messages are kept; one per seat and kind of turn is enough.
        decision_marker: told to the model as the way to have a decision remembered; "" leaves that out. The evaluator
            has an option of the same name.
    """

    contract_version = 1

    def __init__(self, *, kept_systems: int = 64, decision_marker: str = "DECISION:") -> None:
        if kept_systems < 0:
            raise ValueError(f"option 'kept_systems' is {kept_systems}; valid is a number from 0 on")
        self._kept_systems = kept_systems
        self._decision_marker = decision_marker
        self._systems: dict[_StableKey, tuple[_Stable, Message]] = {}

    def select_model(self, question: ModelQuestion, /) -> ModelChoice:
        """Choose the first model that is named.

        The order: the host's override, the epic's ``params["model_overrides"][role]``, the user's preference, the
        organization's default, the environment asset's model.

        Raises:
            LookupError: none of them names a model.
            TypeError: the epic's overrides are not names by role.
        """
        sources = (
            (question.host_override, "the host's override"),
            (_find_override(question), f"epic {question.epic.id!r} overrides role {question.role!r}"),
            (question.user_preference, "the user's preference"),
            (question.organization_default, "the organization's default"),
            (question.environment.model, f"environment {question.environment.name!r}"),
        )
        for model, source in sources:
            if model.strip():
                return ModelChoice(model=model.strip(), reason=source)
        raise LookupError(
            f"no model for role {question.role!r} in epic {question.epic.id!r}: none is named by the host's override, "
            "the epic's params.model_overrides, the user's preference, the organization's default or environment "
            f"{question.environment.name!r}"
        )

    def select_dialect(self, question: DialectQuestion, /) -> DialectChoice:
        """Choose the dialect of the model's family, else the one that is named in the model's name, else ``generic``.

        Raises:
            LookupError: ``generic`` is needed and is not among the families.
        """
        model, families = question.model.lower(), question.families
        known = next((family for family, pattern in _FAMILIES if pattern.search(model)), None)
        if known in families:
            return DialectChoice(family=known, reason=f"{question.model!r} is of family {known}")
        own = set(families).difference([_GENERIC], [family for family, _ in _FAMILIES])
        named = [family for family in families if family in own and _names(model, family)]
        if known is None and named:
            return DialectChoice(family=max(named, key=len), reason=f"{question.model!r} names its family")
        if _GENERIC not in families:
            raise LookupError(
                f"no dialect for {question.model!r}; there is {', '.join(families) or 'none'}, not {_GENERIC}"
            )
        why = f"is of family {known}, which has no dialect here" if known else "is of no family that has a dialect here"
        return DialectChoice(family=_GENERIC, reason=f"{question.model!r} {why}")

    def compose(self, question: PromptQuestion, /) -> Prompt:
        """Write the prompt.

        Returns:
            A system message that depends on organization, seat, roles, kind of turn, dialect and tools only, and a user
            message with epic, issue, verification, history and remembered decisions, each passed whole.
        """
        user = Message(role="user", content=_write(_issue_sections(question)))
        kept = f"{len(question.history)} of history, {len(question.remembered)} remembered"
        return Prompt(messages=(self._system(question), user), reason=f"{question.kind} turn, {kept}")

    def _system(self, question: PromptQuestion) -> Message:
        """Return the kept system message if all that it depends on is equal, else write it and keep it."""
        stable = (
            question.organization,
            question.seat,
            question.roles,
            question.kind,
            question.dialect,
            question.tools,
        )
        roles, tools = [role.name for role in question.roles], [tool.name for tool in question.tools]
        # Most of these values hold mappings and cannot be hashed: the names find the entry, equality decides.
        key = (question.seat.id, question.kind, question.dialect.model_family, *roles, "", *tools)
        if (entry := self._systems.get(key)) is not None and entry[0] == stable:
            return entry[1]
        message = Message(role="system", content=_write(_system_sections(question, self._decision_marker)))
        if self._kept_systems:
            if key not in self._systems and len(self._systems) >= self._kept_systems:
                del self._systems[next(iter(self._systems))]
            self._systems[key] = (stable, message)
        return message


def _find_override(question: ModelQuestion) -> str:
    """Return the epic's model for the role, or "" where it says none."""
    overrides = question.epic.params.get("model_overrides")
    if overrides is None:
        return ""
    if not isinstance(overrides, Mapping):
        raise TypeError(
            f"params.model_overrides of epic {question.epic.id!r} is {overrides!r}; valid is an object of names by role"
        )
    model = overrides.get(question.role)
    if model is None:
        return ""
    if not isinstance(model, str):
        raise TypeError(
            f"params.model_overrides.{question.role} of epic {question.epic.id!r} is {model!r}; valid is a model's name"
        )
    return model


def _names(model: str, family: str) -> bool:
    """Return whether *model* has *family* in it as a word of its own."""
    return bool(family) and re.search(rf"(?<![a-z]){re.escape(family.lower())}(?![a-z])", model) is not None


def _write(sections: Iterable[tuple[str, str]]) -> str:
    """Return the sections that say something, each under its heading."""
    return "\n\n".join([f"# {heading}\n{said}" for heading, text in sections if (said := text.strip())])


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join([f"- {line}" for line in lines])


def _system_sections(question: PromptQuestion, decision_marker: str) -> Iterable[tuple[str, str]]:
    """Return what stays the same from turn to turn of a seat."""
    roles, dialect = question.roles, question.dialect
    intents = _bullets(f"{role.name}: {role.intent}" for role in roles if role.intent)
    return (
        ("Identity", _identity(question)),
        ("Intent", f"{_TASKS[question.kind]}\n{intents}"),
        ("Responsibilities", _bullets(dict.fromkeys(line for role in roles for line in role.responsibilities))),
        ("Constraints", _bullets(dict.fromkeys(line for role in roles for line in role.constraints))),
        ("Protocol", _protocol(question.tools, decision_marker)),
        ("Dialect", _dialect(dialect) if question.tools else _bullets(dialect.constraints)),
        ("Guardrail", dialect.hallucination_guard),
    )


def _identity(question: PromptQuestion) -> str:
    organization, seat = question.organization, question.seat
    lines = [f"You are {seat.name or seat.id}, a seat of {organization.name}."]
    if organization.vision:
        lines.append(f"Vision: {organization.vision}")
    if organization.ethos:
        lines.append(f"Ethos: {organization.ethos}")
    described = [f"{role.name}: {role.description}" if role.description else role.name for role in question.roles]
    return "\n".join([*lines, "Your roles in this turn:", _bullets(described or ["none"])])


def _protocol(tools: tuple[ToolSpec, ...], decision_marker: str) -> str:
    """Return how the turn's tools are called, which they are, and which statuses may be asked for."""
    lines = ["No tool is offered in this turn: answer in words."]
    if tools:
        lines = [
            "You act only by calling tools. Every call that is not explicitly allowed is refused: other tools, other "
            "arguments, paths outside the workspace. A result comes back to you; a refusal names its rule.",
            "Call tools natively where you can. Where you cannot, answer with ONE JSON object that holds the call.",
            "Tools:",
            _bullets(f"{_signature(tool)}: {tool.description}" for tool in tools),
        ]
    lines.extend(_status_lines(tools))
    if decision_marker:
        lines.append(f"A line of prose that begins with `{decision_marker}` is remembered for later turns.")
    return "\n".join(lines)


def _status_lines(tools: tuple[ToolSpec, ...]) -> list[str]:
    """Return which statuses the offered status tool takes, and what each of them says."""
    tool = next((tool for tool in tools if tool.name == _STATUS_TOOL), None)
    if tool is None:
        return ["You cannot change the issue's status in this turn; it ends when you call no tool."]
    wishes = tool.parameters.get("properties", {}).get("status", {}).get("enum", ())
    meanings = [f"{wish}: {_STATUSES[wish]}" if wish in _STATUSES else str(wish) for wish in wishes]
    ask = f"End the turn by asking for a status with `{_STATUS_TOOL}`; the rules of the board have the last word."
    return [ask, *(["Statuses you may ask for:", _bullets(meanings)] if meanings else [])]


def _signature(tool: ToolSpec) -> str:
    """Return a tool as ``name(required: type, optional?: a|b)``."""
    properties: Mapping[str, JsonValue] = tool.parameters.get("properties", {})
    required = tool.parameters.get("required", ())
    arguments = [f"{name}{'' if name in required else '?'}: {_type(schema)}" for name, schema in properties.items()]
    return f"{tool.name}({', '.join(arguments)})"


def _type(schema: JsonValue) -> str:
    """Return a short word for a JSON Schema: its values, or its type, or ``any``."""
    if not isinstance(schema, Mapping):
        return "any"
    if "enum" in schema:
        return "|".join([str(value) for value in schema["enum"]])
    if "anyOf" in schema:
        return "|".join([_type(option) for option in schema["anyOf"]])
    kind = schema.get("type", "any")
    return kind if isinstance(kind, str) else "|".join(kind)


def _dialect(dialect: Dialect) -> str:
    constraints = _bullets(dialect.constraints)
    return f"A call without native tool calling looks like this:\n{dialect.dsl_format or _CALL}\n{constraints}"


def _issue_sections(question: PromptQuestion) -> Iterable[tuple[str, str]]:
    """Return what belongs to one issue; the epic first, because its issues share it."""
    epic, issue = question.epic, question.issue
    return (
        (f"Epic {epic.id}: {epic.name}", epic.description or "No description."),
        ("Requirements of the epic", epic.requirements),
        (f"Issue {issue.id}: {issue.name}", _facts(issue)),
        ("Note", issue.note),
        ("Requirements", issue.requirements),
        ("Verification", _verification(question)),
        ("History of this issue, oldest first", _bullets(map(_indented, question.history))),
        ("Notes for you, newest last", _bullets(map(_indented, question.notes))),
        ("Remembered decisions", _bullets(map(_indented, question.remembered))),
    )


def _indented(text: str) -> str:
    """Return a text whose further lines are indented: none of them can be taken for a heading of the prompt."""
    return "\n  ".join(text.splitlines())


def _facts(issue: Issue) -> str:
    facts = [f"Priority: {issue.priority:g}"]
    if issue.depends_on:
        facts.append(f"Depends on: {', '.join(issue.depends_on)}")
    if issue.labels:
        facts.append(f"Labels: {', '.join(issue.labels)}")
    if issue.references:
        facts.append(f"References: {', '.join(issue.references)}")
    if issue.params:
        facts.append(f"Parameters: {json.dumps(dict(issue.params), ensure_ascii=False, sort_keys=True)}")
    return "\n".join(facts)


def _verification(question: PromptQuestion) -> str:
    """Return what the issue's fixture gave; review turns are told when nothing was run."""
    result = question.verification
    if result is not None:
        return _evidence(result)
    return "No fixture was run: judge by the work itself." if question.kind is TurnKind.REVIEW else ""


def _evidence(result: VerificationResult) -> str:
    lines = [f"Result: {'passed' if result.passed else 'FAILED'}"]
    if result.detail:
        lines.append(result.detail)
    for scenario in result.scenarios:
        detail = f": {scenario.detail}" if scenario.detail else ""
        lines.append(f"- {scenario.id} {'passed' if scenario.passed else 'FAILED'}{detail}")
    if result.isolation:
        lines.append(f"Isolation: {result.isolation}")
    if result.log:
        lines.append(f"Log:\n{result.log}")
    return "\n".join(lines)
