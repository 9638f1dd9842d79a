"""The story of a turn, read from top to bottom.

``route -> verify -> equip -> open -> converse (model, parse, gate, tools) -> evaluate -> close``

A turn makes these commits:

1. opened: the claim, the decisions so far, the prompt;
2. once a round: the model's reply, the gate's verdicts and the intents of effects, before any of them acts;
3. once a round: the results of its effects, and what its calls asked of the board;
4. closed: the evaluation, the transition, the claim given back; of a failed turn the claim a commit later, when the
   file beside its failure report is written.

What nothing can come between is one commit: a round without effects writes its reply with (3), and the last round of a
turn with (4) unless the evaluator may wait. After a crash the turn is taken up again from what the journal holds of it:
a recorded reply is used again, a recorded effect never runs again.
"""

from orket._board import Board
from orket._decide import settle
from orket._flow._context import Limits, RunContext
from orket._flow._converse import Failure, JudgedCall, converse, judge
from orket._flow._effects import UNKNOWN, CardEffects, UnsettledEffect, effects_of, settle_effect, settling
from orket._flow._evidence import Prover
from orket._flow._filing import file_due_reports
from orket._flow._history import comment_line, turn_line
from orket._flow._prepare import (
    equip,
    model_question,
    open_turn,
    possible_wishes,
    prompt_question,
    route,
    toolset_question,
    verify,
)
from orket._flow._recollection import Recollection
from orket._flow._recorded import Past, RecordedTurn, read_open_turn, read_past
from orket._flow._settle import block, close, failure_question, refuse_proof, success_question, wait_for_effect
from orket._flow._turn import Turn, TurnResult
from orket.cards import CardStatus, Issue, WaitReason
from orket.contracts import FailureKind
from orket.errors import (
    EffectConflictError,
    EffectUnknownError,
    FixtureRefusedError,
    IsolationError,
    NodeError,
    RecallError,
    SeparationOfDutiesError,
)
from orket.events import Record, TurnClosed, TurnKind, TurnResumed
from orket.governance import Actor


async def take_turn(
    context: RunContext,
    board: Board,
    issue: Issue,
    number: int,
    *,
    records: list[Record],
    is_unread: bool,
) -> TurnResult:
    """Let one seat take one turn on *issue*, and leave the issue where the law puts it.

    Args:
        context: what stays the same for the run.
        board: the build's board; every committed state of the issue is put there.
        issue: a candidate.
        number: the turn's number in this run.
        records: decisions that led here (the plan); committed with the turn.
        is_unread: somebody else worked on the issue, and may have left a turn open in the journal.

    Raises:
        NodeError: the evaluator broke its contract; the turn stays open and can be taken up again.
        StoreError: the record could not be written; nothing was half applied.
    """
    kind = TurnKind.REVIEW if issue.status in board.review_statuses else TurnKind.WORK
    turn = Turn(
        context=context,
        board=board,
        issue=issue,
        number=number,
        place=number,
        kind=kind,
        records=records,
        origin=context.run,
    )
    try:
        recorded = await _read_past(turn) if is_unread else None
        failure = await (_resume(turn, recorded) if recorded else _begin(turn))
        if isinstance(failure, TurnResult):
            return failure
        return await close(turn, failure or await converse(turn))
    except SeparationOfDutiesError as error:
        return await block(turn, WaitReason.REVIEW, str(error))
    except (FixtureRefusedError, IsolationError) as error:
        return await refuse_proof(turn, error)
    except EffectUnknownError as error:
        return await wait_for_effect(turn, error.key, str(error))
    except EffectConflictError as error:
        return await block(turn, WaitReason.SYSTEM, f"{error.rule}: {error}")
    except NodeError:  # what was answered and done so far is kept, and the issue is free for whoever comes next
        await turn.commit(release=turn.token is not None)
        raise
    except BaseException:  # cancelled, or the record or a node failed: the issue is free for whoever comes next
        await turn.abandon()
        raise


async def _read_past(turn: Turn) -> RecordedTurn | None:
    """Claim the issue, and only then read the journal: nobody else can add to what it holds of the issue any more."""
    await turn.commit(claim=True)
    recorded = await read_past(turn.context, turn.issue.id)
    if recorded is None or goes_on(turn.issue, recorded, turn.kind):
        return recorded
    detail = f"left open by run {recorded.run}; the issue was moved meanwhile and begins anew"
    turn.records.append(TurnClosed(turn=recorded.number, rounds=0, ok=False, status=turn.issue.status, detail=detail))
    return None


def goes_on(issue: Issue, recorded: RecordedTurn, kind: TurnKind) -> bool:
    """Return whether a turn that was left open is the one that its issue takes now; nobody has moved it meanwhile."""
    return recorded.kind is kind and issue.status is not CardStatus.READY


async def _begin(turn: Turn) -> Failure | TurnResult | None:
    """Open a new turn; a node or a memory that fails on the way fails the turn, not the run."""
    failure = None
    try:
        if missing := await route(turn):
            return await _without_seat(turn, missing)
        await verify(turn)
        await equip(turn)
    except NodeError as error:
        failure = Failure(kind=FailureKind.NODE, detail=str(error), attempted=f"{error.kind}.{error.method}")
    except RecallError as error:
        failure = Failure(kind=FailureKind.NODE, detail=str(error), attempted="memory.search")
    await open_turn(turn)
    return failure


async def _resume(turn: Turn, recorded: RecordedTurn) -> None:
    """Take up a turn that an earlier run left open."""
    turn.recorded, turn.origin, turn.number, turn.kind = recorded, recorded.run, recorded.number, recorded.kind
    turn.resume_from(recorded)
    turn.wishes = possible_wishes(turn)
    turn.records.append(TurnResumed(turn=recorded.number, run=recorded.run))
    await turn.commit(turns=1, claim=True)


async def _without_seat(turn: Turn, why: str) -> TurnResult:
    answer = settle(turn.context.wiring["orchestration_loop"], "missing_seat", turn.issue, turn.context.team)
    reason = f"{answer.reason} ({why})" if why not in answer.reason else answer.reason
    waiting = {} if answer.wait_reason is None else {"wait_reason": answer.wait_reason, "wait_detail": reason}
    turn.move(answer.status, actor=Actor.CORE, reason=reason, **waiting)
    await turn.commit(release=turn.token is not None)
    return TurnResult()


__all__ = [
    "UNKNOWN",
    "CardEffects",
    "Failure",
    "JudgedCall",
    "Limits",
    "Past",
    "Prover",
    "Recollection",
    "RecordedTurn",
    "RunContext",
    "Turn",
    "UnsettledEffect",
    "comment_line",
    "effects_of",
    "failure_question",
    "file_due_reports",
    "goes_on",
    "judge",
    "model_question",
    "possible_wishes",
    "prompt_question",
    "read_open_turn",
    "settle_effect",
    "settling",
    "success_question",
    "take_turn",
    "toolset_question",
    "turn_line",
]
