"""The forms in which models make their calls: natively, and written out in text."""

import json
from collections.abc import Sequence
from typing import Final

from orket.contracts import ModelReply, RawToolCall, ToolCall

NATIVE_FORMS: Final = 4
WRITTEN_FORMS: Final = 5


def native(calls: Sequence[ToolCall], form: int = 0) -> ModelReply:
    """Return a reply with calls as servers send them: arguments as text (odd forms) or objects; from 2 without ids."""
    raw = [
        RawToolCall(
            name=call.name,
            arguments=json.dumps(dict(call.arguments)) if form % 2 else call.arguments,
            id=(call.id or f"call-{number}") if form < 2 else "",
        )
        for number, call in enumerate(calls)
    ]
    return ModelReply(tool_calls=tuple(raw), finish_reason="tool_calls" if raw else "stop")


def written(calls: Sequence[ToolCall], form: int = 0) -> ModelReply:
    """Return a reply whose text has the calls in one of the shapes that models write; the last shape is cut short."""
    return ModelReply(text="\nand then\n".join([_in_words(call, form % WRITTEN_FORMS) for call in calls]))


def _in_words(call: ToolCall, form: int) -> str:
    name, arguments = call.name, dict(call.arguments)
    match form:
        case 0:
            return "```json\n" + json.dumps({"tool": name, "args": arguments}) + "\n```"
        case 1:
            return json.dumps({"name": name, "arguments": json.dumps(arguments)})
        case 2:
            return json.dumps({"function": {"name": name, "arguments": arguments}})
        case 3:
            return f"TOOL: {name}\nPATH: {arguments.get('path')}\nCONTENT:\n{arguments.get('content')}\n"
        case _:
            return json.dumps({"tool": name, "args": arguments})[:-3]
