"""After the model: what the turn means, what the law grants of it, and the commit that closes it."""

from orket._decide import decide
from orket._flow._converse import Failure
from orket._flow._effects import UNKNOWN
from orket._flow._filing import end, report
from orket._flow._history import HISTORY_TEXT, turn_line
from orket._flow._prepare import possible_wishes
from orket._flow._recollection import as_document
from orket._flow._turn import NAME_TEXT, Turn, TurnResult
from orket.cards import CardStatus, WaitReason
from orket.contracts import (
    FailureAction,
    FailureKind,
    FailureQuestion,
    Remembered,
    SuccessAnswer,
    SuccessQuestion,
    TurnReport,
)
from orket.errors import FixtureRefusedError, IsolationError, TransitionError
from orket.events import (
    DecisionRemembered,
    Digest,
    EffectUnknown,
    FailureReported,
    SandboxRequested,
    TurnClosed,
    TurnKind,
    WishRefused,
)
from orket.governance import Actor


async def close(turn: Turn, failure: Failure | None) -> TurnResult:
    """Evaluate the turn and commit what follows from it.

    Raises:
        NodeError: the evaluator failed; the issue is not moved, and the turn can be taken up again.
    """
    if turn.context.evaluator_waits:
        await turn.commit()  # the last reply is paid for: it must not be lost while somebody thinks about it
    if failure is None:
        failure = await _succeed(turn)
    abort = await _fail(turn, failure) if failure is not None else ""
    detail = failure.detail if failure else (turn.wish.reason if turn.wish else turn.text)[:HISTORY_TEXT]
    closed = TurnClosed(
        turn=turn.number,
        rounds=turn.rounds,
        ok=failure is None,
        status=turn.issue.status,
        detail=detail[:HISTORY_TEXT],
        wish=turn.wish.status if turn.wish else None,
        wait_reason=turn.wish.wait_reason if turn.wish else None,
    )
    turn.records.append(closed)
    await end(turn)
    if turn.issue.status.is_terminal:
        turn.context.history.pop(turn.issue.id, None)
        turn.context.workers.pop(turn.issue.id, None)
    else:
        turn.context.recall(turn.issue.id).append(turn_line(turn.kind, turn.seat.id, closed))
    return TurnResult(refused=turn.refused, abort=abort)


async def block(turn: Turn, reason: WaitReason, detail: str) -> TurnResult:
    """Close a turn that the core itself must stop: the card waits, for exactly one reason."""
    turn.move(CardStatus.BLOCKED, actor=Actor.CORE, reason=detail, wait_reason=reason, wait_detail=detail)
    turn.records.append(
        TurnClosed(turn=turn.number, rounds=turn.rounds, ok=False, status=turn.issue.status, detail=detail)
    )
    await end(turn)
    return TurnResult(refused=turn.refused)


async def refuse_proof(turn: Turn, error: FixtureRefusedError | IsolationError) -> TurnResult:
    """Close a review turn whose fixture must not run: the card waits, and a failure report says what helps."""
    fixture = turn.issue.verification.fixture if turn.issue.verification else None
    failure = FailureReported(
        turn=turn.number,
        violation="security",
        detail=str(error)[:HISTORY_TEXT],
        attempted=f"run fixture {fixture or ''}"[:NAME_TEXT],
        roles=turn.role_names,
        remedy=error.remedy,
    )
    report(turn, failure)
    return await block(turn, WaitReason.SYSTEM, f"{error.rule}: {error}")


async def wait_for_effect(turn: Turn, key: Digest, detail: str) -> TurnResult:
    """Leave the turn open and its card waiting, until somebody knows what became of an effect."""
    said = f"{UNKNOWN}: {detail}; settle effect {key}"
    turn.move(CardStatus.BLOCKED, actor=Actor.CORE, reason=said, wait_reason=WaitReason.SYSTEM, wait_detail=said)
    turn.records.append(EffectUnknown(key=key, detail=detail))
    await turn.commit(release=turn.token is not None)
    return TurnResult(refused=turn.refused, is_open=True)


def _report(turn: Turn) -> TurnReport:
    return TurnReport(
        turn=turn.number,
        kind=turn.kind,
        seat=turn.seat.id,
        roles=turn.role_names,
        rounds=turn.rounds,
        text=turn.text,
        wish=turn.wish.status if turn.wish else None,
        wait_reason=turn.wish.wait_reason if turn.wish else None,
        calls=turn.calls,
        refused=turn.refused,
        verification=turn.verification,
    )


def success_question(turn: Turn) -> SuccessQuestion:
    """Return the question what a good turn means."""
    return SuccessQuestion(issue=turn.issue, report=_report(turn), wishes=possible_wishes(turn))


def failure_question(turn: Turn, failure: Failure) -> FailureQuestion:
    """Return the question what a failed turn means."""
    return FailureQuestion(
        issue=turn.issue,
        report=_report(turn),
        kind=failure.kind,
        detail=failure.detail[:HISTORY_TEXT],
        retryable=failure.retryable,
    )


async def _succeed(turn: Turn) -> Failure | None:
    """Ask the evaluator what a good turn means and let the law grant its wish."""
    context = turn.context
    answer: SuccessAnswer = await decide(
        context.wiring["evaluator"],
        "evaluate_success",
        success_question(turn),
        records=turn.records,
        limit=context.limits.node,
    )
    if answer.remember:
        _remember(turn, answer.remember[:HISTORY_TEXT])
    if answer.sandbox:
        turn.records.append(SandboxRequested(reason=answer.reason))
    if answer.wish is None:
        if turn.kind is TurnKind.REVIEW:
            return Failure(kind=FailureKind.REPLY, detail="the review turn came to no verdict", attempted="review")
        return None
    said = turn.wish.reason if turn.wish and turn.wish.status is answer.wish else answer.reason
    reason = said[:HISTORY_TEXT]
    try:
        turn.move(
            answer.wish,
            actor=Actor.SEAT,
            reason=reason,
            wait_reason=answer.wait_reason,
            wait_detail=reason if answer.wait_reason else "",
        )
    except TransitionError as error:
        turn.records.append(WishRefused(wish=answer.wish, by=turn.seat.id, rule=error.rule, detail=str(error)))
        return Failure(kind=FailureKind.GOVERNANCE, detail=str(error), attempted=answer.wish.value)
    return None


def _remember(turn: Turn, text: str) -> None:
    """Keep a decision for the prompts of later turns, whatever build they are of."""
    context, card = turn.context, turn.issue.id
    turn.records.append(DecisionRemembered(text=text))
    key = f"{context.build}/{card}/{turn.origin}/{turn.number}"
    one = Remembered(key=key, text=text, build=context.build, card=card, at=context.clock.now())
    turn.documents.append(as_document(one))
    turn.learned.append(one)


async def _fail(turn: Turn, failure: Failure) -> str:
    """Ask the evaluator what a failure means, leave a failure report, and return why the run must stop (or "")."""
    context, detail = turn.context, failure.detail[:HISTORY_TEXT]
    question = failure_question(turn, failure)
    answer = await decide(
        context.wiring["evaluator"], "evaluate_failure", question, records=turn.records, limit=context.limits.node
    )
    reported = FailureReported(
        turn=turn.number,
        violation=failure.kind.value,
        detail=detail,
        attempted=failure.attempted[:NAME_TEXT],
        roles=turn.role_names,
        remedy=answer.remedy,
        retryable=failure.retryable,
    )
    report(turn, reported)
    if answer.action is FailureAction.RETRY:
        turn.move(CardStatus.READY, actor=Actor.CORE, reason=detail, retry_count=answer.retry_count)
        return ""
    turn.move(
        CardStatus.BLOCKED,
        actor=Actor.CORE,
        reason=detail,
        retry_count=answer.retry_count,
        wait_reason=answer.wait_reason,
        wait_detail=detail,
    )
    return f"{turn.issue.id}: {detail}" if answer.action is FailureAction.ABORT else ""
