"""What tools asked of the board becomes records of the turn's next commit."""

from attrs import evolve

from orket._flow._turn import Turn, comment_line
from orket.cards import Issue
from orket.contracts import (
    BoardRequest,
    CommentRequest,
    CreditsRequest,
    IssueRequest,
    NominationRequest,
    RefinementRequest,
    StatusWish,
    ToolResult,
)
from orket.events import CardAdded, CardNominated, CommentAdded, CreditsReported, Record, RefinementProposed
from orket.governance import MAX_CREATED_ISSUES


def apply_requests(turn: Turn, result: ToolResult, *, applied: bool) -> ToolResult:
    """Take over a result's requests, all or none, and return the result that the model is told.

    Args:
        turn: the turn that called the tool.
        result: what the tool returned.
        applied: the requests are in the journal already, because the turn is replayed; only a wish is taken over.
    """
    requested: tuple[object, ...] = result.requests
    for request in requested:
        if not isinstance(request, BoardRequest):  # a foreign tool's word is checked by no type checker
            return ToolResult(ok=False, output=f"a tool may not ask the board for {type(request).__name__}")
        if problem := _problem(turn, request):
            return ToolResult(ok=False, output=problem)
    for request in result.requests:
        if isinstance(request, StatusWish):
            turn.wish = request
        elif isinstance(request, IssueRequest):
            turn.created += 1
            if not applied:
                _create(turn, request)
        elif not applied:
            turn.records.append(_record(turn, request))
    return result


def _problem(turn: Turn, request: BoardRequest) -> str:
    if not isinstance(request, IssueRequest):
        return ""
    if turn.created >= MAX_CREATED_ISSUES:  # the gate sees only the stock tool's calls; a host's may ask for issues too
        return f"this turn has created {turn.created} issues; at most {MAX_CREATED_ISSUES} are allowed"
    if turn.context.team.find_seat(request.seat) is None:
        return f"no seat {request.seat!r}; seats: {', '.join(turn.context.team.seats)}"
    pending = {issue.id for issue in turn.added}
    unknown = [name for name in request.depends_on if turn.board.get(name) is None and name not in pending]
    return f"unknown issues in depends_on: {', '.join(unknown)}" if unknown else ""


def _create(turn: Turn, request: IssueRequest) -> None:
    """Let a new issue join; its id names creator, turn and place in it, the same when the turn is replayed.

    Turns are numbered anew in every run: where an earlier run's turn has the id already, the run is named too.
    """
    name = f"{turn.number}.{turn.created}"
    if turn.board.get(f"{turn.issue.id}.{name}") is not None:
        name = f"{turn.origin}.{name}"
    issue = Issue(
        id=f"{turn.issue.id}.{name}",
        name=request.summary,
        seat=request.seat,
        priority=request.priority,
        note=request.note,
        depends_on=request.depends_on,
        parent=turn.context.epic.id,
        build=turn.context.build,
        created_at=turn.context.clock.now(),
    )
    issue = evolve(issue, version=1)
    turn.records.append(CardAdded(issue=issue, by=turn.seat.id))
    turn.add_issue(issue)


def _record(turn: Turn, request: CommentRequest | NominationRequest | CreditsRequest | RefinementRequest) -> Record:
    seat = turn.seat.id
    match request:
        case CommentRequest():
            comment = CommentAdded(author=seat, text=request.text)
            turn.context.recall(turn.issue.id).append(comment_line(comment))
            return comment
        case NominationRequest():
            return CardNominated(seat=seat, kind=request.kind, summary=request.summary, reason=request.reason)
        case CreditsRequest():
            return CreditsReported(seat=seat, amount=request.amount, detail=request.detail)
        case RefinementRequest():
            return RefinementProposed(seat=seat, target=request.target, proposal=request.proposal)
