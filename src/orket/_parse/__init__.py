"""From a model's reply to the tool calls in it: total and linear, whatever the model wrote.

Native calls come first. Only a reply without any is searched, and its reasoning (``<think>`` …) is not. What comes out
is plain JSON data: exactly what the gate judges and the tool runs.
"""

from typing import Final

from orket._parse._shapes import MAX_SIZE, Found, is_too_large, native_call
from orket._parse._text import MAX_PROBLEMS, TextSearch
from orket._parse._values import ParsedReply, ParseProblem, ParseReason
from orket.contracts import ModelReply, ToolCall

MAX_QUICK: Final = 16 * 1024  # characters; at worst 50 ms
_CUT: Final = frozenset({"length", "max_tokens"})  # how servers say that a reply ended at the model's limit of tokens


def is_long(reply: ModelReply) -> bool:
    """Return whether reading *reply* may take so long that an event loop should not wait for it."""
    arguments = [len(call.arguments) for call in reply.tool_calls if isinstance(call.arguments, str)]
    return len(reply.text) + sum(arguments) > MAX_QUICK


def parse_reply(reply: ModelReply) -> ParsedReply:
    """Read the tool calls of a reply.

    Returns:
        All calls in their order, and a problem for each that was meant and cannot be used (the first MAX_PROBLEMS).
        JSON that asks for no tool is passed over. A text, or the arguments of one call, of more than MAX_SIZE bytes
        is one problem (``too_large``). The time grows linearly with the reply. It never raises.
    """
    was_cut = reply.finish_reason in _CUT
    if is_too_large(reply.text):
        detail = f"the reply has more than {MAX_SIZE} bytes"
        problem = ParseProblem(reason=ParseReason.TOO_LARGE, detail=detail, position=0)
        return ParsedReply(text=reply.text[:MAX_SIZE], problems=(problem,))
    found = _search(reply.text, was_cut=was_cut) if reply.text else ParsedReply(text="")
    if not reply.tool_calls:
        return found
    native = [native_call(call, index, was_cut=was_cut) for index, call in enumerate(reply.tool_calls)]
    return ParsedReply(text=found.text, calls=_calls(native), problems=_problems(native))


def _search(text: str, *, was_cut: bool) -> ParsedReply:
    search = TextSearch(text, was_cut=was_cut)
    search.run()
    return ParsedReply(text=search.prose, calls=tuple(search.calls), problems=tuple(search.problems))


def _calls(found: list[Found]) -> tuple[ToolCall, ...]:
    return tuple([item for item in found if isinstance(item, ToolCall)])


def _problems(found: list[Found]) -> tuple[ParseProblem, ...]:
    return tuple([item for item in found if isinstance(item, ParseProblem)][:MAX_PROBLEMS])


__all__ = ["MAX_QUICK", "ParseReason", "ParsedReply", "is_long", "parse_reply"]
