"""The stock tool strategy: what the roles list, with a status tool that can only ask for what the law could grant."""

from collections.abc import Mapping
from typing import Final

from orket.contracts import CardStatus, JsonValue, Toolset, ToolsetQuestion, ToolSpec

_STATUS_TOOL: Final = "update_issue_status"
_WAITING: Final = frozenset({CardStatus.BLOCKED, CardStatus.WAITING_FOR_DEVELOPER})


class DefaultToolStrategyNode:
    """Offer the tools of all roles of the turn, in the order of the roles and of their lists."""

    contract_version = 1

    def __init__(self) -> None:
        self._kept: dict[tuple[CardStatus, ...], tuple[ToolSpec, ToolSpec | None]] = {}

    def compose(self, question: ToolsetQuestion, /) -> Toolset:
        """Choose the tools that the roles list and that exist here.

        The schema of ``update_issue_status`` is narrowed: ``status`` to the wishes of the question, ``wait_reason`` to
        the wishes that need one. So a model whose decoding is constrained by the schema cannot ask for the impossible.
        The tool is left out when there is nothing to wish for.

        Args:
            question: roles, available tools by name, and the statuses that may be wished for.

        Returns:
            Each tool once; the reason names listed tools that do not exist here.
        """
        offered: list[ToolSpec] = []
        missing: list[str] = []
        for name in dict.fromkeys(name for role in question.roles for name in role.tools):
            spec: ToolSpec | None = question.available.get(name)
            if spec is not None and name == _STATUS_TOOL:
                spec = self._narrowed(spec, question.wishes)
                if spec is None:
                    continue
            if spec is None:
                missing.append(name)
            else:
                offered.append(spec)
        roles = ", ".join([role.name for role in question.roles])
        unavailable = f"; not available: {', '.join(missing)}" if missing else ""
        return Toolset(tools=tuple(offered), reason=f"tools of {roles or 'no role'}{unavailable}")

    def _narrowed(self, spec: ToolSpec, wishes: tuple[CardStatus, ...]) -> ToolSpec | None:
        """Narrow once for each set of wishes: there are few, and every turn asks."""
        kept = self._kept.get(wishes)
        if kept is None or kept[0] is not spec:
            kept = self._kept[wishes] = (spec, _narrow(spec, wishes))
        return kept[1]


def _narrow(spec: ToolSpec, wishes: tuple[CardStatus, ...]) -> ToolSpec | None:
    """Return the status tool with a schema that allows just *wishes*, or None when that would allow nothing."""
    properties: Mapping[str, JsonValue] = spec.parameters.get("properties", {})
    status: Mapping[str, JsonValue] | None = properties.get("status")
    if status is None:  # a host's own tool of that name, of another shape
        return spec if wishes else None
    own = status.get("enum")
    granted = [wish.value for wish in wishes if own is None or wish.value in own]
    if not granted:
        return None
    narrowed: dict[str, JsonValue] = dict(properties)
    narrowed["status"] = {**_description(status), "type": "string", "enum": granted}
    required = [name for name in spec.parameters.get("required", ()) if name != "wait_reason"]
    waiting = sum(wish in _WAITING for wish in granted)
    if not waiting:
        narrowed.pop("wait_reason", None)
    elif waiting == len(granted) and "wait_reason" in narrowed:
        required.append("wait_reason")
        narrowed["wait_reason"] = _without_null(properties["wait_reason"])
    return ToolSpec(
        name=spec.name,
        description=spec.description,
        parameters={**spec.parameters, "properties": narrowed, "required": required},
        effect=spec.effect,
        destructive=spec.destructive,
    )


def _without_null(schema: Mapping[str, JsonValue]) -> Mapping[str, JsonValue]:
    """Return the schema without null among its alternatives: a wait reason that is demanded must say something."""
    if "anyOf" not in schema:
        return schema
    return {**schema, "anyOf": [option for option in schema["anyOf"] if option != {"type": "null"}]}


def _description(schema: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    return {"description": schema["description"]} if "description" in schema else {}
