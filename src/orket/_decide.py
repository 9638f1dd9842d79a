"""The one choke point: every call of a decision node goes through here.

The core never calls a node directly. It asks :func:`decide` (or, for plain policies, :func:`settle`), which awaits if
needed, checks the answer against the contract, records the decision, and turns whatever the node does wrong into a
:class:`~orket.errors.NodeError`. An answer that breaks the contract is never used and never replaced by a default.

What is *not* the node's fault passes through untouched: cancellation, and a KeyboardInterrupt. A SystemExit, or any
other BaseException that a node raises, is its fault: a decision must not end the host's process.
"""

from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import anyio
import attrs

from orket._answers import CHECKS
from orket._codec import codec, digest
from orket._wiring import KINDS, Binding
from orket.cards import Issue, JsonValue, Rock
from orket.contracts import (
    DialectChoice,
    FailureAnswer,
    ModelChoice,
    Organization,
    Plan,
    Prompt,
    Route,
    SuccessAnswer,
    Team,
    Toolset,
)
from orket.errors import NodeError
from orket.events import DecisionMade, Record

LIMIT: Final = 60.0  # seconds that an ``async def`` node may take
_LONGEST: Final = 2000  # characters of a recorded reference; beyond it, its beginning and a digest
_LONGEST_REASON: Final = 4000
_SECRETIVE: Final = frozenset({"database_url", "compose_file", "environment"})  # answers that may hold secrets
_PASSWORD: Final = 2  # position in the arguments of ``database_url``


async def decide(
    binding: Binding, method: str, question: Any, *, records: list[Record] | None = None, limit: float = LIMIT
) -> Any:
    """Ask a node one question.

    Args:
        binding: The node and where it came from.
        method: Which of its methods; one that its kind has.
        question: The frozen question.
        records: Where the decision is noted, so that it is stored in the same commit as what follows from it.
        limit: Seconds that an awaitable answer may take. A plain answer cannot be interrupted.

    Returns:
        The node's answer, checked against its contract.

    Raises:
        NodeError: the node raised, hung, or broke its contract; ``from`` what it raised.
    """
    answer = _ask(binding, method, (question,))
    if hasattr(type(answer), "__await__"):
        answer = await _wait(binding, method, question, answer, limit)
    _accept(binding, method, (question,), answer, records)
    return answer


def settle(binding: Binding, method: str, *args: Any, records: list[Record] | None = None) -> Any:
    """Ask a plain policy, which takes values (or one question) and may not be async.

    Args:
        binding: The node and where it came from.
        method: Which of its methods.
        args: What the method takes.
        records: Where the decision is noted.

    Returns:
        The node's answer, checked against its contract.

    Raises:
        NodeError: the node raised or broke its contract; ``from`` what it raised.
    """
    answer = _ask(binding, method, args)
    _accept(binding, method, args, answer, records)
    return answer


def _ask(binding: Binding, method: str, args: tuple[Any, ...]) -> Any:
    try:
        return getattr(binding.node, method)(*args)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise _fault(binding, method, args, _raised(method, error)) from error


async def _wait(binding: Binding, method: str, question: Any, answer: Awaitable[Any], limit: float) -> Any:
    args = (question,)
    if not KINDS[binding.kind].may_be_async:
        _discard(answer)
        raise _fault(binding, method, args, "answered with an awaitable; valid: a plain answer, at once")
    with anyio.move_on_after(limit):
        try:
            return await answer
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:
            if _holds_the_hosts(error):
                raise
            raise _fault(binding, method, args, _raised(method, error)) from error
    # Every other way out of the scope returned or raised: the limit has cancelled it.
    raise _fault(binding, method, args, f"did not answer within {limit:g} s")


def _holds_the_hosts(error: BaseException) -> bool:
    """Return whether this is, or a node's task group has wrapped, what is not the node's: cancellation and Ctrl-C."""
    hosts = (anyio.get_cancelled_exc_class(), KeyboardInterrupt, GeneratorExit)
    group = error if isinstance(error, BaseExceptionGroup) else BaseExceptionGroup("", [error])
    return group.subgroup(hosts) is not None


def _accept(binding: Binding, method: str, args: tuple[Any, ...], answer: Any, records: list[Record] | None) -> None:
    try:
        wrong = CHECKS[binding.kind, method](answer, *args)
    except Exception as error:
        raise _fault(
            binding, method, args, f"gave an answer that cannot be checked: {_raised(method, error)}"
        ) from error
    if wrong is not None:
        if hasattr(type(answer), "__await__"):
            _discard(answer)
            wrong = "answered with an awaitable; valid: a plain answer, at once"
        raise _fault(binding, method, args, f"broke its contract: {wrong}")
    if records is not None:
        reason = getattr(answer, "reason", "")
        records.append(
            DecisionMade(
                kind=binding.kind,
                method=method,
                node=binding.name,
                question=reference_of(method, args),
                answer=_compact(method, answer),
                reason=_short(reason, _LONGEST_REASON),
            )
        )


def _fault(binding: Binding, method: str, args: tuple[Any, ...], what: str) -> NodeError:
    origin = f"{binding.distribution} {binding.version}".strip()
    return NodeError(
        f"{binding.kind} {binding.name!r} ({origin}): {method} {what}",
        kind=binding.kind,
        node=binding.name,
        distribution=binding.distribution,
        version=binding.version,
        method=method,
        question=digest(_reference(method, args)),
    )


def _raised(method: str, error: BaseException) -> str:
    name = type(error).__name__
    if method in _SECRETIVE:  # the text may quote a password
        return f"raised {name}"
    try:
        text = str(error)
    except Exception:  # noqa: BLE001 - the seam that calls foreign code: an exception's text is foreign too
        text = "its text cannot be read"
    return f"raised {name}: {text[:500]}" if text else f"raised {name}"


def _discard(answer: Any) -> None:
    """Close a coroutine that nobody will await, so that Python does not warn about it."""
    if (close := getattr(answer, "close", None)) is not None:
        close()


def reference_of(method: str, args: tuple[Any, ...]) -> str:
    """Return how a question stands in the journal: rebuilt, it must have the same."""
    return _short(_reference(method, args))


def _reference(method: str, args: tuple[Any, ...]) -> str:
    """Return one line that identifies a question: the scalars of its reference, joined."""
    if len(args) == 1 and (reference := getattr(args[0], "reference", None)) is not None:
        return " ".join(["-" if part is None else str(part) for part in reference])
    if method == "database_url":
        args = args[:_PASSWORD]
    return " ".join([_identify(arg) for arg in args])


def _short(text: str, longest: int = _LONGEST) -> str:
    if len(text) <= longest:
        return text
    return f"{text[: longest - 18]}… {digest(text)[:16]}"


def _identify(arg: Any) -> str:
    match arg:
        case None | "":
            return "-"
        case Issue():
            return f"{arg.id}@{arg.version}"
        case Rock():
            return arg.id
        case Team() | Organization():
            return arg.name
        case tuple():
            return ",".join([str(item) for item in arg]) or "-"
        case Mapping():
            return f"{len(arg)} entries"  # values may be secrets
        case _ if attrs.has(type(arg)):
            return ",".join([str(value) for value in attrs.astuple(arg, recurse=False)])
        case _:
            return str(arg)


def _compact(method: str, answer: Any) -> JsonValue:
    """Return an answer as it stands in the journal: without its reason, and only counts of what is kept elsewhere."""
    if (compact := _COMPACT.get(type(answer))) is not None:
        return compact(answer)
    match answer:
        case str():
            return {"characters": len(answer)} if method in _SECRETIVE else answer
        case None | int():
            return answer
        case tuple():
            return [_compact(method, item) for item in answer]
        case Path():
            return str(answer)
        case Mapping():
            return {"entries": len(answer)}
        case _ if attrs.has(type(answer)):
            return {name: value for name, value in codec().dump(answer).items() if name != "reason"}
        case _:
            return {"type": type(answer).__name__}


def _judgement(answer: Any) -> JsonValue:
    """Return the judgement of a turn without what it leaves at its default; written out, because every turn has one."""
    if type(answer) is FailureAnswer:
        data: dict[str, JsonValue] = {"action": answer.action, "retry_count": answer.retry_count}
        names: tuple[str, ...] = ("wait_reason", "remedy")
    else:
        data = {}
        names = ("wish", "wait_reason", "remember", "sandbox")
    for name in names:
        if value := getattr(answer, name):
            data[name] = _short(value) if type(value) is str else value  # an enum of strings is one to JSON
    return data


_COMPACT: Final[Mapping[type, Callable[[Any], JsonValue]]] = MappingProxyType(
    {
        Plan: lambda plan: {"issue_ids": list(plan.issue_ids)},
        Route: lambda route: {"seat": route.seat},
        ModelChoice: lambda choice: {"model": choice.model},
        DialectChoice: lambda choice: {"family": choice.family},
        Prompt: lambda prompt: {"messages": len(prompt.messages)},
        Toolset: lambda toolset: {"tools": [tool.name for tool in toolset.tools]},
        SuccessAnswer: _judgement,
        FailureAnswer: _judgement,
        Organization: lambda organization: {"name": organization.name},
    }
)
