"""The file beside a failure report: what the journal says of a failed turn, where people look for it.

The record is the truth and the file is made of it, after the commit that holds it. That commit also leaves a document
that says the file is due; the commit that gives the card back takes it away again. So the card is claimed until its
file is written, no two writers of one card meet, and what a crash comes between is written by the next run. A file that
cannot be written fails nothing: the journal says so, and it stays due.
"""

from typing import Final

import anyio.to_thread
from attrs import evolve

from orket._board import Board
from orket._codec import codec
from orket._flow._context import RunContext
from orket._flow._report import FOLDER, UnfiledReport, file_name, write_file
from orket._flow._turn import Turn
from orket.cards import Issue
from orket.contracts import Document
from orket.errors import StoreConflictError
from orket.events import FailureReported, ReportUnwritten, TurnKind

UNFILED: Final = "unfiled_report"  # documents of reports whose file is due, by build and card


def report(turn: Turn, failure: FailureReported) -> None:
    """Let the next commit hold a failure report, and that its file is due."""
    context = turn.context
    due = UnfiledReport(
        run=context.run, build=context.build, card=turn.issue.id, at=context.clock.now(), report=failure
    )
    turn.records.append(failure)
    turn.documents.append(Document(kind=UNFILED, key=_key(due.build, due.card), body=codec().dump(due)))
    turn.unfiled = due


async def end(turn: Turn) -> None:
    """Commit the last of a turn and give its card back; before that, write the file that is due.

    Raises:
        StoreError: it could not be written.
    """
    due = turn.unfiled
    if due is None:
        await turn.commit(release=turn.token is not None)
    else:
        await turn.commit(claim=turn.token is None)
        await _file(turn, due)


async def _file(turn: Turn, due: UnfiledReport) -> None:
    """Write a file, and give the card back with what came of it."""
    problem = await anyio.to_thread.run_sync(write_file, turn.context.workspace, due)
    if problem and problem != due.problem:
        file = f"{FOLDER}/{file_name(due.card)}"
        turn.records.append(ReportUnwritten(turn=due.report.turn, run=due.run, file=file, detail=problem))
    body = codec().dump(evolve(due, problem=problem)) if problem else None
    turn.documents.append(Document(kind=UNFILED, key=_key(due.build, due.card), body=body))
    await turn.commit(release=True)


async def file_due_reports(context: RunContext, board: Board) -> None:
    """Write the files that earlier runs of the build have left due; cards that others hold are theirs to see to.

    Raises:
        StoreError: the record could not be read or written.
    """
    for due in await _due(context, _key(context.build, "")):
        if (issue := board.get(due.card)) is not None:
            await _file_again(context, board, issue)


async def _file_again(context: RunContext, board: Board, issue: Issue) -> None:
    turn = Turn(
        context=context,
        board=board,
        issue=issue,
        number=0,
        place=0,  # before the first of this run's turns
        kind=TurnKind.WORK,
        records=[],
        origin=context.run,
    )
    try:
        await turn.commit(claim=True)
        key = _key(context.build, issue.id)
        due = next((due for due in await _due(context, key) if due.card == issue.id), None)  # nobody changes it now
        await (_file(turn, due) if due else turn.commit(release=True))
    except StoreConflictError:
        return  # somebody works on it
    except BaseException:
        await turn.abandon()
        raise
    finally:
        board.claims.pop(issue.id, None)


async def _due(context: RunContext, prefix: str) -> list[UnfiledReport]:
    return [codec().load(one.body, UnfiledReport) for one in await context.store.find(UNFILED, prefix=prefix)]


def _key(build: str, card: str) -> str:
    return f"{build}/{card}"
