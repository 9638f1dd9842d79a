"""What foreign ports return: a model client's reply, a verifier's result, what a memory finds."""

from collections.abc import Mapping
from typing import Any, Final

from orket._answers._exact import found, unlike, unlike_all
from orket.contracts import ModelReply, RawToolCall, Remembered, ScenarioResult, Usage, VerificationResult

_LONGEST: Final = 2_000  # characters of a remembered decision
_ARGUMENTS: Final = (str, dict, Mapping)  # in this order: an abstract class takes its time to answer
_LARGEST: Final = 2**40  # tokens that one reply may cost; more is a mistake, and no store could add it up


def wrong_reply(reply: Any) -> str | None:
    """Return None for a sound reply, else what is wrong with it; what it says is not looked at."""
    return (
        unlike("the reply", reply, ModelReply)
        or unlike("text", reply.text, str)
        or unlike("model", reply.model, str)
        or unlike("finish_reason", reply.finish_reason, str)
        or unlike("usage", reply.usage, Usage)
        or _wrong_count("usage.prompt_tokens", reply.usage.prompt_tokens)
        or _wrong_count("usage.completion_tokens", reply.usage.completion_tokens)
        or unlike_all("tool_calls", reply.tool_calls, RawToolCall)
        or next((wrong for call in reply.tool_calls if (wrong := _wrong_call(call))), None)
    )


def _wrong_count(what: str, value: Any) -> str | None:
    if type(value) is int and 0 <= value <= _LARGEST:
        return None
    return f"{what} is {found(value)}; valid: an int from 0 on"


def _wrong_call(call: Any) -> str | None:
    wrong = unlike("the name of a call", call.name, str) or unlike("the id of a call", call.id, str)
    if wrong or isinstance(call.arguments, _ARGUMENTS):
        return wrong
    return f"the arguments of a call are {found(call.arguments)}; valid: str or a mapping"


def wrong_result(result: Any) -> str | None:
    """Return None for a sound result of a fixture, else what is wrong with it."""
    return (
        unlike("the result", result, VerificationResult)
        or _wrong_outcome("", result)
        or unlike("isolation", result.isolation, str)
        or unlike("log", result.log, str)
        or unlike_all("scenarios", result.scenarios, ScenarioResult)
        or next((wrong for one in result.scenarios if (wrong := _wrong_scenario(one))), None)
    )


def wrong_results(results: Any, wanted: int) -> str | None:
    """Return None for sound results of as many scenarios as were wanted, else what is wrong with them."""
    wrong = unlike_all("the results", results, ScenarioResult)
    if wrong or len(results) != wanted:
        return wrong or f"{len(results)} results of {wanted} scenarios"
    return next((wrong for one in results if (wrong := _wrong_scenario(one))), None)


def _wrong_scenario(result: Any) -> str | None:
    return unlike("the id of a scenario", result.id, str) or _wrong_outcome("a scenario's ", result)


def _wrong_outcome(whose: str, result: Any) -> str | None:
    return unlike(f"{whose}passed", result.passed, bool) or unlike(f"{whose}detail", result.detail, str)


def wrong_recollection(answer: Any, limit: int) -> str | None:
    """Return None for sound decisions that a memory has found, else what is wrong with them."""
    wrong = unlike_all("the answer", answer, Remembered)
    if wrong or len(answer) > limit:
        return wrong or f"{len(answer)} decisions; valid: at most {limit}"
    wrong = next((wrong for one in answer if (wrong := _wrong_memory(one))), None)
    if wrong or len({one.key for one in answer}) == len(answer):
        return wrong
    return "a decision is named twice"


def _wrong_memory(one: Any) -> str | None:
    texts = (("key", one.key), ("text", one.text), ("build", one.build), ("card", one.card))
    wrong = next((wrong for what, value in texts if (wrong := unlike(f"{what} of a decision", value, str))), None)
    if wrong or len(one.text) <= _LONGEST:
        return wrong or unlike("at of a decision", one.at, float, int)
    return f"text of a decision has {len(one.text)} characters; valid: at most {_LONGEST}"
