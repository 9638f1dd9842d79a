"""What the model may answer, and how its answer is read."""

import json
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final, TypeVar

from attrs import frozen

from orket.contracts import CardStatus, JsonValue, ModelReply, WaitReason
from orket.errors import OrketError

_LONGEST: Final = 500  # characters of a reason; it stands in the journal for good
_SHOWN: Final = 120
_WAITING: Final = frozenset({CardStatus.BLOCKED, CardStatus.WAITING_FOR_DEVELOPER})
E = TypeVar("E", bound=StrEnum)


class VerdictError(OrketError):
    """The model gave no verdict, or none that was asked for."""


@frozen(kw_only=True)
class Verdict:
    """A status that the model chose, why, and for what the issue waits if it does."""

    status: CardStatus
    reason: str
    wait_reason: WaitReason | None = None


def schema_of(choices: Sequence[CardStatus]) -> dict[str, JsonValue]:
    """Return the JSON Schema of a verdict: every property required, no others, as strict servers want it."""
    properties: dict[str, JsonValue] = {"status": {"type": "string", "enum": [status.value for status in choices]}}
    if not _WAITING.isdisjoint(choices):
        properties["wait_reason"] = {"type": "string", "enum": [reason.value for reason in WaitReason]}
    properties["reason"] = {"type": "string"}
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def read_verdict(reply: ModelReply, choices: Sequence[CardStatus]) -> Verdict:
    """Return the verdict that a reply holds.

    Raises:
        VerdictError: it holds none, or one that is not among *choices*.
    """
    if reply.finish_reason == "refusal":
        raise VerdictError(f"the model refused to judge: {reply.text!r:.{_SHOWN}}")
    try:
        answer = json.loads(reply.text)
    except (ValueError, RecursionError) as error:
        said = f"{reply.text!r:.{_SHOWN}} (finish reason {reply.finish_reason!r})"
        raise VerdictError(f"the verdict is no JSON: {said}; {error}") from error
    keys = set(schema_of(choices)["properties"])
    if not isinstance(answer, dict) or answer.keys() != keys:
        raise VerdictError(f"the verdict is {answer!r:.{_SHOWN}}; valid: an object of {', '.join(sorted(keys))}")
    status = _one_of(answer, "status", choices)
    wait_reason = _one_of(answer, "wait_reason", tuple(WaitReason)) if status in _WAITING else None
    if not isinstance(answer["reason"], str):
        raise VerdictError(f"the verdict's reason is {answer['reason']!r:.{_SHOWN}}; valid: a text")
    return Verdict(status=status, reason=_tidy(answer["reason"]), wait_reason=wait_reason)


def _one_of(answer: Mapping[str, Any], key: str, valid: Sequence[E]) -> E:
    for each in valid:
        if answer[key] == each.value:
            return each
    raise VerdictError(f"the verdict's {key} is {answer[key]!r:.{_SHOWN}}; valid: {', '.join(valid)}")


def _tidy(text: str) -> str:
    """Return a model's words as one line that can be stored: JSON lets half a surrogate pair through, stores do not."""
    words = " ".join(text.encode("utf-8", "replace").decode().split())
    return words if len(words) <= _LONGEST else f"{words[: _LONGEST - 1]}…"
