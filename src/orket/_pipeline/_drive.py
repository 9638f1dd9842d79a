"""Plan and execute turns until the board is at rest.

The loop is continuous: a finished turn frees its slot at once, and only the planner's window is looked at, never the
whole board, so a turn costs the same on a board of ten issues and of a hundred thousand.
"""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

import anyio
import anyio.abc
import anyio.lowlevel

from orket._board import Board
from orket._decide import decide, settle
from orket._flow import RunContext, file_due_reports, take_turn
from orket._pipeline._assets import EpicAssets
from orket._pipeline._bare import bare
from orket._pipeline._joining import await_others, check_target, join_build, take_over
from orket._pipeline._order import RunOrder, RunResult, as_orket_error, spec_of, stopped_by
from orket._pipeline._reconciling import ask_tools
from orket._pipeline._record import RunRecord
from orket.cards import Issue
from orket.contracts import (
    Claim,
    Document,
    LoopQuestion,
    PlanQuestion,
    RunRow,
    TurnTask,
)
from orket.errors import OrketError, RunError, StoreConflictError, StoreError
from orket.events import Record, RunFinished, RunOutcome, TurnKind

_WINDOW_FACTOR: Final = 2  # the planner sees this many times the slots of each kind of candidate …
_WINDOW_LEAST: Final = 16  # … but at least this many
_PAUSE_EVERY: Final = 200  # issues looked at between two checkpoints


def window_size(limit: int) -> int:
    """Return how many candidates of each kind the planner sees, where *limit* turns may run at once."""
    return max(_WINDOW_LEAST, _WINDOW_FACTOR * limit)


class ExecutionPipeline:
    """Drives the issues of one build."""

    def __init__(self, context: RunContext, assets: EpicAssets, order: RunOrder) -> None:
        self._context = context
        self._assets = assets
        self._order = order
        self._record = _record_of(context, order)
        self._policy = context.wiring["orchestration_loop"]
        self._board = Board((), is_review=lambda _status: False)
        self._unread: set[str] = set()  # cards whose past this run has not read: a turn may have been left open
        self._pending: list[Record] = []  # decisions that led to no turn yet
        self._changed = anyio.Event()
        self._turns = 0  # that were begun; one that others were faster at counts: it must not be tried for ever
        self._refused = self._budget = self._sized = 0
        self._seen = 0  # the last entry of the journal that was there when this run looked at what others do
        self._limit = 1
        self._exhausted = self._halted = False
        self._abort = self._plan_reason = ""
        self._error: OrketError | None = None

    def halt(self) -> None:
        """Start no further turn; the running ones are finished."""
        self._halted = True
        self._changed.set()

    async def run(self) -> RunResult:
        """Drive the build to rest.

        Raises:
            NodeError: a planner, evaluator or policy broke its contract.
            StoreError: the record could not be written or read.
            UnknownCardError: neither board nor epic has an issue of the target's id; nothing is on record.
            RunError: a foreign port raised what it may not; the cause is chained.
        """
        await self._start()
        try:
            await self._open()
        except Exception as error:  # noqa: BLE001 - the seam that calls foreign stores
            self._fail(error)
        with bare():
            await self._drive()
        return await self._close()

    def _fail(self, error: BaseException) -> None:
        """Keep the first error: running turns are finished, no further one is started, then the run fails."""
        if self._error is None:
            self._error = as_orket_error(error)
        self._changed.set()

    async def _start(self) -> None:
        context, target = self._context, self._order.target
        if target is not None:
            await check_target(context, self._assets.issues, target)
        snapshot = Document(kind="snapshot", key=context.run, body=self._assets.snapshot())
        receipt = await self._record.begin(snapshot)
        context.saw(receipt)
        context.tally.begin(receipt)
        self._seen = receipt.last_seq

    async def _open(self) -> None:
        context, order = self._context, self._order
        joined = await join_build(context, self._assets.issues)
        joined = await ask_tools(context, joined, order.target)
        policy = self._policy
        board = Board((), is_review=lambda status: bool(settle(policy, "is_review_turn", status)), target=order.target)
        for _ in board.fill(joined.issues):
            await anyio.lowlevel.checkpoint()
        self._board = board
        self._unread.update(joined.worked)
        context.recollection.begin()
        for card, until in joined.held.items():
            self._board.hold(card, until)
        await file_due_reports(context, board)
        self._limit = settle(policy, "concurrency_limit", self._loop_question(), records=self._pending)

    async def _drive(self) -> None:
        async with anyio.create_task_group() as group:
            group.start_soon(self._guarded, self._keep_claims)
            while await self._go_on(group):
                await self._changed.wait()
                self._changed = anyio.Event()
            group.cancel_scope.cancel()

    async def _guarded(self, work: Callable[[], Awaitable[None]]) -> None:
        """Note what *work* raises; a cancellation that nobody asked the run for is an error like any other.

        On asyncio whoever awaits a task that is cancelled is told so, as if it were meant for him.
        """
        try:
            await work()
        except anyio.get_cancelled_exc_class() as error:
            await anyio.lowlevel.checkpoint_if_cancelled()  # here it goes on, if it is meant for the run
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - the seam that calls foreign clocks, stores and turn executors
            self._fail(error)

    async def _go_on(self, group: anyio.abc.TaskGroup) -> bool:
        """Start what may start; return whether anything is left to wait for."""
        try:
            await self._start_turns(group)
            if self._waits_for_others:
                await self._look_after_others()
                return True
            if not self._board.running and not self._changed.is_set():
                await self._catch_up()
            return bool(self._board.running) or self._changed.is_set()
        except Exception as error:  # noqa: BLE001 - the seam that calls foreign clocks and stores
            self._fail(error)
            return bool(self._board.running)

    async def _start_turns(self, group: anyio.abc.TaskGroup) -> None:
        board = self._board
        board.release_held(self._context.clock.now())  # their owners may be dead: whoever lives has renewed its claim
        while self._may_plan() and (slots := self._limit - len(board.running)) > 0:
            issues, records = await self._plan(slots)
            if not issues or self._is_over:
                break
            for issue in issues:
                board.start(issue)
                self._turns += 1
                group.start_soon(self._turn, issue, self._turns, records)
                records = []

    @property
    def _is_over(self) -> bool:
        """Whether no further turn may be started, whatever the board says."""
        return bool(self._halted or self._abort or self._error)

    def _may_plan(self) -> bool:
        if self._is_over or not self._board.candidates:
            return False
        if self._sized != len(self._board):
            self._sized = len(self._board)
            asked: int = settle(self._policy, "turn_budget", self._loop_question(), records=self._pending)
            self._budget = max(self._budget, asked)
        self._exhausted = self._turns >= self._budget
        return not self._exhausted

    async def _plan(self, slots: int) -> tuple[list[Issue], list[Record]]:
        context, board = self._context, self._board
        review, ready = board.window(window_size(self._limit))
        question = PlanQuestion(
            review=review,
            ready=ready,
            running=tuple(board.running.values()),
            slots=min(slots, self._budget - self._turns),
            target_issue_id=self._order.target,
            backlog=board,
        )
        records, self._pending = self._pending, []
        plan = await decide(context.wiring["planner"], "plan", question, records=records, limit=context.limits.node)
        # A planner may take its time, and the board goes on meanwhile: only what is a candidate still takes a turn.
        chosen = [issue for name in plan.issue_ids if (issue := board.candidate(name)) is not None]
        if not chosen:
            self._pending, self._plan_reason = [], plan.reason  # an empty plan is asked for again and again: not kept
        return chosen, records

    async def _turn(self, issue: Issue, number: int, records: list[Record]) -> None:
        """Place one turn; it never raises, so that a failing turn ends the run and not the task group."""
        attempts: list[TurnTask] = []

        async def body(task: TurnTask) -> None:
            attempts.append(task)
            if len(attempts) == 1:  # an executor that runs a turn twice changes nothing
                await self._guarded(partial(self._attempt, issue, number, records))

        async def place() -> None:
            if self._order.executor is None:
                await self._attempt(issue, number, records)
            else:
                await self._order.executor.execute(self._task(issue, number), body)
                if not attempts:
                    raise RunError(f"the turn executor returned without running turn {number}, of {issue.id}")

        try:
            await self._guarded(place)
        finally:
            self._board.stop(issue.id)
            self._changed.set()

    async def _attempt(self, issue: Issue, number: int, records: list[Record]) -> None:
        is_unread = issue.id in self._unread
        self._unread.add(issue.id)  # until its turn is closed: an executor that cancels one leaves it open
        try:
            result = await take_turn(self._context, self._board, issue, number, records=records, is_unread=is_unread)
        except StoreConflictError:
            self._unread.update(await take_over(self._context, self._board, lost=issue.id))
        else:
            self._refused += result.refused
            self._abort = self._abort or result.abort
            if not result.is_open:
                self._unread.discard(issue.id)

    def _task(self, issue: Issue, number: int) -> TurnTask:
        kind = TurnKind.REVIEW if issue.status in self._board.review_statuses else TurnKind.WORK
        return TurnTask(run=self._context.run, build=self._context.build, issue_id=issue.id, turn=number, kind=kind)

    @property
    def _waits_for_others(self) -> bool:
        """Whether a slot is free and others hold what could take a turn in it."""
        if self._is_over or self._exhausted:
            return False
        return self._board.held_until is not None and len(self._board.running) < self._limit

    async def _look_after_others(self) -> None:
        """Wait until something changes here or others have done something, and take that over."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._guarded, self._await_others)
            await self._changed.wait()
            group.cancel_scope.cancel()

    async def _catch_up(self) -> None:
        """Take over what others did meanwhile, before a board that they may have changed is said to be at rest."""
        if self._error is None and self._context.tally.catch_up():
            self._unread.update(await take_over(self._context, self._board))
            self._changed.set()

    async def _await_others(self) -> None:
        touched, self._seen = await await_others(self._context, self._board, self._seen)
        self._unread.update(touched)
        self._changed.set()

    async def _keep_claims(self) -> None:
        """Renew the claims of running turns, long before they expire."""
        context, count = self._context, 0
        while True:
            await context.clock.sleep(context.limits.lease / 3)
            now, count = context.clock.now(), count + 1
            for card, token in list(self._board.claims.items()):
                claim = Claim(card=card, owner=context.owner, now=now, until=now + context.limits.lease, token=token)
                try:
                    context.saw(await self._record.commit(f"renew:{count}:{card}", claims=(claim,)))
                except StoreError:
                    continue  # the turn itself finds out, by its fencing token, when it commits next

    async def _close(self) -> RunResult:
        outcome, reason = self._outcome()
        result = await self._result(outcome, reason)
        counts = {"cards": result.cards, "done": result.done, "canceled": result.canceled, "turns": result.turns}
        documents: tuple[Document, ...] = ()
        if outcome is RunOutcome.DONE and result.done + result.canceled == result.cards:
            body = {"build": result.build, "card": result.card, "at": self._context.clock.now(), **counts}
            documents = (Document(kind="ledger", key=result.run, body=body),)
        finished = RunFinished(outcome=outcome, reason=reason, counts=counts)
        records, row = (*self._pending, finished), self._record.rested(outcome, reason)
        try:
            receipt = await self._record.commit("finished", records=records, row=row, documents=documents)
        except StoreError as error:
            raise (self._error or error) from None
        self._context.saw(receipt)
        if self._error is not None:
            raise self._error
        return result

    def _outcome(self) -> tuple[RunOutcome, str]:
        board, counts = self._board, self._board.counts
        if self._error is not None:
            return stopped_by(self._error), str(self._error)
        if self._abort:
            return RunOutcome.FAILED, self._abort
        target = board.get(self._order.target) if self._order.target else None
        if target is not None and target.status.is_terminal:
            return RunOutcome.DONE, f"{target.id} is {target.status.value}"
        if target is None and settle(self._policy, "is_done", counts):
            return RunOutcome.DONE, f"{counts.done} done, {counts.canceled} canceled"
        if self._halted:
            return RunOutcome.HALTED, "the host asked the run to stop"
        if self._exhausted:
            rest = settle(self._policy, "exhausted", self._turns, counts)
            return RunOutcome(rest.rest.value), rest.reason
        rest = settle(self._policy, "no_candidates", counts)
        reason = f"{rest.reason}; the planner chose none: {self._plan_reason}" if board.candidates else rest.reason
        return RunOutcome(rest.rest.value), reason

    async def _result(self, outcome: RunOutcome, reason: str) -> RunResult:
        reasons: dict[str, str] = {}
        for count, issue in enumerate(self._board):
            if (wait := self._board.wait_of(issue)) is not None:
                reasons[issue.id] = f"{wait[0].value}: {wait[1]}"
            if count % _PAUSE_EVERY == 0:
                await anyio.lowlevel.checkpoint()
        counts = self._board.counts
        return RunResult(
            run=self._context.run,
            build=self._context.build,
            card=self._order.card,
            outcome=outcome,
            reason=reason,
            cards=counts.total,
            done=counts.done,
            canceled=counts.canceled,
            turns=self._context.tally.turns,
            refused=self._refused,
            reasons=reasons,
        )

    def _loop_question(self) -> LoopQuestion:
        return LoopQuestion(
            organization=self._context.organization, environ=self._order.environ, counts=self._board.counts
        )


def _record_of(context: RunContext, order: RunOrder) -> RunRecord:
    row = RunRow(
        id=context.run,
        build=context.build,
        card=order.card,
        started_at=context.started_at,
        fingerprint=context.wiring.fingerprint,
        wiring=spec_of(context.wiring),
        target=order.target,
        parent=order.parent,
        department=context.epic.department,
    )
    return RunRecord(store=context.store, clock=context.clock, row=row, resolutions=context.wiring.resolutions)
