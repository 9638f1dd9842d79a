"""What tools asked of the board becomes records of the turn's next commit."""

from typing import Final

from attrs import evolve

from orket._flow._history import HISTORY_TEXT, comment_line
from orket._flow._notes import ALL, Note, as_document
from orket._flow._turn import Turn
from orket.cards import Issue
from orket.contracts import (
    BoardRequest,
    CommentRequest,
    CreditsRequest,
    IssueRequest,
    NominationRequest,
    NoteRequest,
    RefinementRequest,
    StatusWish,
    ToolResult,
)
from orket.events import CardAdded, CardNominated, CommentAdded, CreditsReported, NoteLeft, Record, RefinementProposed
from orket.governance import MAX_ADDED_ISSUES, MAX_CREATED_ISSUES

_MOST_NOTES: Final = 20  # that a turn may leave


def apply_requests(turn: Turn, result: ToolResult, *, applied: bool) -> ToolResult:
    """Take over a result's requests, all or none, and return the result that the model is told.

    Args:
        turn: the turn that called the tool.
        result: what the tool returned.
        applied: the requests are in the journal already, because the turn is replayed; only a wish is taken over.
    """
    wanted = sum(isinstance(request, IssueRequest) for request in result.requests)
    notes = sum(isinstance(request, NoteRequest) for request in result.requests)
    problems = [
        _too_many(turn, wanted, notes, applied=applied),
        *[_problem(turn, request) for request in result.requests],
    ]
    if problem := next(filter(None, problems), ""):
        return ToolResult(ok=False, output=problem)
    for request in result.requests:
        if isinstance(request, StatusWish):
            turn.wish = request
        elif isinstance(request, IssueRequest):
            turn.created += 1
            if not applied:
                _create(turn, request)
        elif isinstance(request, NoteRequest):
            turn.noted += 1
            if not applied:
                _leave_note(turn, request)
        elif not applied:
            turn.records.append(_record(turn, request))
    return result


def _too_many(turn: Turn, wanted: int, notes: int, *, applied: bool) -> str:
    """Return why so many new issues and notes are not taken: the gate sees only the stock tools' calls."""
    if turn.noted + notes > _MOST_NOTES:
        return f"{turn.noted} notes left and {notes} more: a turn leaves at most {_MOST_NOTES} notes"
    if turn.created + wanted > MAX_CREATED_ISSUES:
        return f"{turn.created} created and {wanted} more: a turn creates at most {MAX_CREATED_ISSUES} issues"
    added = len(turn.board) + len(turn.added) - turn.context.planned
    if wanted and not applied and added + wanted > MAX_ADDED_ISSUES:
        return f"seats have added {added} issues to this board; at most {MAX_ADDED_ISSUES} are allowed"
    return ""


def _problem(turn: Turn, request: BoardRequest) -> str:
    if isinstance(request, NoteRequest):
        return _note_problem(turn, request)
    if not isinstance(request, IssueRequest):
        return ""
    if turn.context.team.find_seat(request.seat) is None:
        return f"no seat {request.seat!r}; seats: {', '.join(turn.context.team.seats)}"
    pending = {issue.id for issue in turn.added}
    unknown = [name for name in request.depends_on if turn.board.get(name) is None and name not in pending]
    return f"unknown issues in depends_on: {', '.join(unknown)}" if unknown else ""


def _note_problem(turn: Turn, request: NoteRequest) -> str:
    team = turn.context.team
    if len(request.text) > HISTORY_TEXT:
        return f"the note has {len(request.text)} characters; valid: at most {HISTORY_TEXT}"
    if request.to == ALL or request.to in team.roles or team.find_seat(request.to) is not None:
        return ""
    valid = f"seats: {', '.join(team.seats)}; roles: {', '.join(team.roles)}; or {ALL}"
    return f"nobody is called {request.to!r:.100}; {valid}"


def _leave_note(turn: Turn, request: NoteRequest) -> None:
    """Keep a note for those whom it is addressed to; a seat by its id, whatever it was called."""
    context, card = turn.context, turn.issue.id
    seat = None if request.to == ALL or request.to in context.team.roles else context.team.find_seat(request.to)
    note = Note(
        key=f"{context.build}/{card}/{turn.origin}/{turn.number}.{turn.noted}",
        author=turn.seat.id,
        to=request.to if seat is None else seat.id,
        text=request.text,
        card=card,
        at=context.clock.now(),
    )
    turn.records.append(NoteLeft(author=note.author, to=note.to, text=note.text))
    turn.documents.append(as_document(note))
    turn.left.append(note)


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
