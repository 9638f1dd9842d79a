"""The rounds of a turn: the model answers, the gate judges, the tools run, the results go back to the model."""

from collections.abc import Sequence
from functools import partial
from typing import Final

import anyio
import anyio.to_thread
from attrs import frozen

from orket._codec import canonical_json, codec, digest
from orket._flow._asking import ask_model
from orket._flow._effects import UNKNOWN, pass_over, take_up, tell_idle
from orket._flow._history import HISTORY_TEXT
from orket._flow._requests import apply_requests
from orket._flow._turn import NAME_TEXT, Turn
from orket._parse import MAX_QUICK, ParsedReply, is_long, parse_reply
from orket._value import Value
from orket.contracts import (
    EffectClass,
    FailureKind,
    Message,
    ModelReply,
    ToolCall,
    ToolContext,
    ToolResult,
)
from orket.errors import EffectUnknownError, ModelError, ToolError
from orket.events import CallJudged, EffectIntended, EffectRecorded, ModelReplied
from orket.governance import GateQuestion, ToolGate, Verdict
from orket.tools import effect_key

CREATE_ISSUE: Final = "create_issue"
CALLS_PER_ROUND: Final = 64  # the next call of one reply is refused, and what follows is not read: nobody needs so many


@frozen(kw_only=True, repr=False, eq=False)
class Failure(Value):
    """Why a turn failed, for the evaluator: the kind, what happened, and what was attempted."""

    kind: FailureKind
    detail: str
    attempted: str = ""
    retryable: bool = True


@frozen(kw_only=True, repr=False, eq=False)
class JudgedCall(Value):
    """A call with the gate's verdict, its typed arguments, and its effect's key ("" for tools that have none)."""

    call: ToolCall
    verdict: Verdict
    bound: object = None
    key: str = ""


async def converse(turn: Turn) -> Failure | None:
    """Let model and tools talk until it stops calling, a granted wish ends the turn, or the rounds are up."""
    last: Failure | None = None
    while turn.rounds < turn.context.limits.rounds:
        turn.rounds += 1
        try:
            reply = await ask_model(turn)
        except ModelError as error:
            detail = f"{type(error).__name__}: {error}"
            return Failure(kind=FailureKind.MODEL, detail=detail, retryable=not error.permanent)
        parsed = await anyio.to_thread.run_sync(parse_reply, reply) if is_long(reply) else parse_reply(reply)
        judged: list[JudgedCall] = []
        for index in range(min(len(parsed.calls), CALLS_PER_ROUND + 1)):
            judged.append(await judge(turn, parsed, index, judged))
        _note(turn, reply, judged)
        if parsed.text:
            turn.text = parsed.text
        if not judged and not parsed.problems:
            return last if parsed.text or turn.rounds > 1 else _empty()
        if any(item.key for item in judged):
            await turn.commit()  # the intents, before anything acts
        results = await _act(turn, judged)
        last = _failure_of(judged, results, parsed)
        if last is None and turn.wish is not None:
            return None
        turn.wish = None  # a wish beside a refused or failed call does not count
        _tell(turn, parsed, judged, results)
        await turn.commit()
    return last or _out_of_rounds(turn)


def _empty() -> Failure:
    return Failure(kind=FailureKind.REPLY, detail="the model answered nothing")


def _out_of_rounds(turn: Turn) -> Failure:
    return Failure(kind=FailureKind.ROUNDS, detail=f"the turn used up its {turn.context.limits.rounds} rounds")


async def judge(turn: Turn, parsed: ParsedReply, index: int, before: Sequence[JudgedCall]) -> JudgedCall:
    """Let every rule judge exactly the bytes that would run; what was refused on record stays refused."""
    context, call = turn.context, parsed.calls[index]
    if turn.recorded and (refusal := turn.recorded.refusals.get((turn.rounds, index))):
        return JudgedCall(call=call, verdict=Verdict(allowed=False, rule=refusal.rule, detail=refusal.detail))
    tool, bound, bind_error = context.tools.get(call.name), None, ""
    if index >= CALLS_PER_ROUND:
        detail = f"call {index + 1} of {len(parsed.calls)} in one reply; at most {CALLS_PER_ROUND} are read"
        return JudgedCall(call=call, verdict=Verdict(allowed=False, rule="call-limit", detail=detail))
    if tool is not None:
        try:
            bound = tool.bind(call.arguments)
        except ToolError as error:
            bind_error = str(error)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the seam that calls a foreign tool
            bind_error = f"the tool could not read its arguments: {error!r}"
    question = GateQuestion(
        call=call,
        spec=context.specs.get(call.name),
        bound=bound,
        bind_error=bind_error,
        issue=turn.issue,
        roles=turn.roles,
        kind=turn.kind,
        offered=frozenset(turn.offered),
        wishes=turn.wishes,
        epic=context.epic,
        organization=context.organization,
        created=turn.created + sum(_creates(item) for item in before),
        added=len(turn.board) - context.planned,
    )
    verdict = await _stock_verdict(context.gate, question)
    if verdict.allowed and context.host_gate is not None:
        verdict = await _host_verdict(turn, question)
    key = ""
    if verdict.allowed and context.specs[call.name].effect is not EffectClass.NONE:
        place = (turn.rounds - 1) * CALLS_PER_ROUND + index
        key = effect_key(turn.origin, turn.issue.id, turn.number, place, call.name, call.arguments)
    return JudgedCall(call=call, verdict=verdict, bound=bound, key=key)


async def _stock_verdict(gate: ToolGate, question: GateQuestion) -> Verdict:
    """Ask orket's own rules; about a long text in a thread: some of them read it, and an event loop must not wait."""
    if any(isinstance(value, str) and len(value) > MAX_QUICK for value in question.call.arguments.values()):
        return await anyio.to_thread.run_sync(gate.judge, question)
    return gate.judge(question)


def _creates(item: JudgedCall) -> bool:
    return item.verdict.allowed and item.call.name == CREATE_ISSUE


async def _host_verdict(turn: Turn, question: GateQuestion) -> Verdict:
    """Ask the host's own rules, in a thread and within a time limit: a rule that hangs denies."""
    context, limit = turn.context, turn.context.limits.rule
    detail = f"the host's rules did not answer within {limit} s"
    try:
        with anyio.move_on_after(limit):
            return await context.rule_threads.run(partial(context.host_gate.judge, question), abandon=True)  # type: ignore[union-attr]
    except ToolError:  # one that hung has kept the last thread
        detail = "the host's rules have hung too often; nobody can ask them any more"
    return Verdict(allowed=False, rule="host-rules", detail=detail)


def _note(turn: Turn, reply: ModelReply, judged: Sequence[JudgedCall]) -> None:
    """Note the reply, the verdicts and the intents for the next commit. A replayed reply is in the journal already."""
    turn.calls += len(judged)
    turn.refused += sum(not item.verdict.allowed for item in judged)
    if turn.recorded and turn.rounds in turn.recorded.replies:
        return
    turn.records.append(
        ModelReplied(
            turn=turn.number,
            round=turn.rounds,
            reply=turn.payload(codec().text(reply)),
            prompt_tokens=reply.usage.prompt_tokens,
            completion_tokens=reply.usage.completion_tokens,
        )
    )
    for index, item in enumerate(judged):
        turn.records.extend(_records_of(turn, index, item))
    turn.tokens += reply.usage.prompt_tokens + reply.usage.completion_tokens


def _records_of(turn: Turn, index: int, item: JudgedCall) -> list[CallJudged | EffectIntended]:
    arguments = digest(canonical_json(item.call.arguments))
    records: list[CallJudged | EffectIntended] = [
        CallJudged(
            turn=turn.number,
            round=turn.rounds,
            index=index,
            tool=item.call.name[:NAME_TEXT],
            arguments=arguments,
            allowed=item.verdict.allowed,
            rule=item.verdict.rule,
            detail=item.verdict.detail[:HISTORY_TEXT],
        )
    ]
    if item.key:
        records.append(
            EffectIntended(
                key=item.key,
                turn=turn.number,
                round=turn.rounds,
                index=index,
                tool=item.call.name,
                effect=turn.context.specs[item.call.name].effect.value,
                arguments=arguments,
            )
        )
    return records


async def _act(turn: Turn, judged: Sequence[JudgedCall]) -> list[ToolResult]:
    """Run the calls in their order, then apply what they asked of the board, once.

    It is committed with the result of the round's last effect, and in a round without effects with the reply: so a
    replayed turn knows whether the journal holds it. A result that can never be had again is not left waiting for other
    effects, and behind one that nobody knows nothing is begun.
    """
    recorded = turn.recorded if turn.recorded and turn.rounds in turn.recorded.replies else None
    keyed = [item.key for item in judged if item.key]
    if recorded:  # as it was then; the gate may say otherwise now
        pass_over(turn, recorded)
        keyed = [it.key for (number, _), it in sorted(recorded.intents.items()) if number == turn.rounds]
    results: list[ToolResult] = []
    for index, item in enumerate(judged):
        try:
            results.append(await _run(turn, index, item))
        except EffectUnknownError as error:
            if recorded is None:
                tell_idle(turn, [it.key for it in judged[index + 1 :] if _is_once(turn, it)], behind=error.key)
            raise
        if item.key not in keyed[-1:] and _is_once(turn, item):
            await turn.commit()
    applied = recorded is not None and (not keyed or keyed[-1] in recorded.outputs)
    return [apply_requests(turn, result, applied=applied) if result.requests else result for result in results]


def _is_once(turn: Turn, item: JudgedCall) -> bool:
    return item.key != "" and turn.context.specs[item.call.name].effect is EffectClass.AT_MOST_ONCE


async def _run(turn: Turn, index: int, item: JudgedCall) -> ToolResult:
    """Run an allowed call, unless the journal holds its result."""
    context, recorded = turn.context, turn.recorded
    if recorded and (known := await take_up(turn, index, item.call, allowed=item.verdict.allowed)) is not None:
        return known
    intent = recorded and recorded.intents.get((turn.rounds, index))
    if not item.verdict.allowed:
        refusal = f"refused by rule {item.verdict.rule}: {item.verdict.detail}"
        if intent:  # it was allowed when its turn was left open: this is its result now
            turn.records.append(EffectRecorded(key=intent.key, ok=False, output=turn.payload(refusal)))
        return ToolResult(ok=False, output=refusal)
    if recorded and turn.rounds in recorded.replies and item.key and intent is None:  # its effect was none then
        turn.records.extend(_records_of(turn, index, item)[1:])
        await turn.commit()
    key = intent.key if intent else item.key  # what was begun keeps its key, whatever class its tool has now
    if key:
        await turn.hold_on()
    tool_context = ToolContext(
        run=turn.origin,
        build=context.build,
        issue=turn.issue,
        seat=turn.seat.id,
        roles=turn.role_names,
        turn=turn.number,
        workspace=context.workspace,
        key=key,
        find_issue=turn.board.get,
        comments=tuple(context.recall(turn.issue.id)),
    )
    tool = context.tools[item.call.name]
    try:
        result = await context.executor.execute(tool, item.bound, tool_context, timeout=context.limits.tool)
    except EffectUnknownError as error:  # whatever key the tool gave it
        raise EffectUnknownError(str(error), rule=UNKNOWN, key=key) from error
    if key:
        turn.records.append(EffectRecorded(key=key, ok=result.ok, output=turn.payload(result.output)))
    return result


def _failure_of(judged: Sequence[JudgedCall], results: Sequence[ToolResult], parsed: ParsedReply) -> Failure | None:
    """Return what would make the turn a failure if it ended with this round."""
    for item in judged:
        if not item.verdict.allowed:
            verdict = item.verdict
            detail = f"{item.call.name} refused by rule {verdict.rule}: {verdict.detail}"
            return Failure(kind=FailureKind.GOVERNANCE, detail=detail, attempted=item.call.name)
    for item, result in zip(judged, results, strict=True):
        if not result.ok:
            detail = f"{item.call.name} failed: {result.output[:HISTORY_TEXT]}"
            return Failure(kind=FailureKind.TOOL, detail=detail, attempted=item.call.name)
    if parsed.problems:
        first = parsed.problems[0]
        return Failure(kind=FailureKind.REPLY, detail=f"{first.reason.value}: {first.detail}")
    return None


def _tell(turn: Turn, parsed: ParsedReply, judged: Sequence[JudgedCall], results: Sequence[ToolResult]) -> None:
    """Append the reply and the results to the conversation: native calls by their ids, calls found in text as text."""
    native = bool(judged) and all(item.call.id for item in judged)
    calls = tuple([item.call for item in judged]) if native else ()
    turn.messages.append(Message(role="assistant", content=parsed.text, calls=calls))
    texts = [
        Message(role="tool", content=result.output, call_id=item.call.id, name=item.call.name)
        if native
        else Message(role="user", content=f"Result of {item.call.name}: {result.output}")
        for item, result in zip(judged, results, strict=True)
    ]
    problems = [
        Message(role="user", content=f"A part of your reply could not be read ({one.reason.value}): {one.detail}")
        for one in parsed.problems
    ]
    turn.messages.extend((*texts, *problems))
