"""What other nodes or rules would have decided: every recorded question of a run, asked again.

The run's story stays as it was: each question is rebuilt from what the journal says up to it, whatever was answered to
the ones before. Replies come from the journal, tools are not run, and nothing is written.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final

from attrs import define, evolve, field

from orket._codec import codec, digest, to_json
from orket._decide import decide, settle
from orket._flow import (
    Failure,
    JudgedCall,
    RunContext,
    Turn,
    failure_question,
    judge,
    possible_wishes,
    success_question,
    toolset_question,
)
from orket._parse import ParsedReply, parse_reply
from orket._replay._asked import (
    Asked,
    loop_questions,
    model_questions,
    plan_questions,
    prompt_questions,
    route_questions,
)
from orket._replay._found import Findings, WhatIf
from orket._replay._scene import Scene
from orket._replay._unrecorded import unrecorded
from orket._wiring import Wiring
from orket.cards import EMPTY, BoardCounts, CardStatus, Issue
from orket.contracts import DialectQuestion, FailureKind, Message, ModelReply, StatusWish, Toolset, ToolSpec
from orket.errors import NodeError, OrketError, RunError
from orket.events import (
    CallJudged,
    DecisionMade,
    Digest,
    FailureReported,
    JournalEntry,
    ModelReplied,
    Record,
    Resolution,
    RunFinished,
    RunStarted,
    TurnClosed,
    TurnOpened,
    TurnResumed,
)
from orket.governance import Verdict

_LOOP: Final = "orchestration_loop"


@define(repr=False, eq=False)
class _Round:
    """The round of a turn whose verdicts are being read."""

    number: int
    parsed: ParsedReply
    before: list[JudgedCall] = field(factory=list)


@define(kw_only=True, repr=False, eq=False)
class Retrial:
    """One run, asked again."""

    context: RunContext  # with the wiring and the host's rules that decide now
    own: Wiring  # the orchestrator's
    scene: Scene
    environ: Mapping[str, str]
    found: Findings = field(factory=Findings)
    _target: str | None = None
    _resolutions: tuple[Resolution, ...] = ()  # who decided then
    _limit: int = 1
    _counts: BoardCounts | None = None  # of the board, as the first turn began
    _opening: dict[str, list[tuple[JournalEntry, Issue]]] = field(factory=dict)  # decisions before a turn is opened
    _closing: dict[str, list[tuple[JournalEntry, Issue]]] = field(factory=dict)  # decisions before it is closed
    _rounds: dict[str, _Round] = field(factory=dict)

    async def add(self, entry: JournalEntry) -> None:
        """Take the next record of the build; ask again what it decided, where it is one of this run."""
        is_own, record = entry.run == self.context.run, entry.record
        if is_own and isinstance(record, RunStarted):
            self.scene.begin(record.target)
            self._target, self._resolutions = record.target, record.resolutions
        if is_own and entry.card is not None:
            self.scene.meet(entry.card)
        if is_own and isinstance(record, DecisionMade):
            await self._decision(entry, record)
        elif is_own and isinstance(record, TurnClosed):
            await self._closed(entry, record)
        self.scene.add(entry)
        if is_own and isinstance(record, TurnOpened):
            await self._opened(entry, record)
        elif is_own and isinstance(record, ModelReplied):
            await self._replied(entry, record)
        elif is_own and isinstance(record, CallJudged):
            await self._judged(entry, record)
        elif isinstance(record, TurnResumed) and entry.card is not None:
            self._drop(self._closing.pop(entry.card, []), "its turn was taken up again before it was closed")

    def result(self) -> WhatIf:
        """Return what was found."""
        for waiting in (*self._opening.values(), *self._closing.values()):
            self._drop(waiting, "its turn was left open")
        self._opening, self._closing = {}, {}
        for kind, method, why in unrecorded(self._resolutions, self.context.wiring):
            self.found.never_recorded(self.context.run, kind, method, why)
        return self.found.result()

    def _drop(self, waiting: list[tuple[JournalEntry, Issue]], why: str) -> None:
        for entry, _ in waiting:
            self.found.cannot(entry, why)

    async def _decision(self, entry: JournalEntry, record: DecisionMade) -> None:
        asked, card = Asked(method=record.method, reference=record.question), entry.card
        if record.kind == _LOOP:
            if record.method == "concurrency_limit" and isinstance(record.answer, int):
                self._limit = record.answer
            counts = self._counts or self.scene.board.counts
            await self._again(entry, record, loop_questions(self.scene, asked, counts, self.environ))
        elif record.kind == "planner":
            await self._again(entry, record, plan_questions(self.scene, asked, self._target, self._limit))
        elif card is None:
            self.found.cannot(entry, "it is about no card")
        elif record.kind == "router":
            await self._again(entry, record, route_questions(self.scene, asked, self.scene.issue(card)))
        else:
            waiting = self._closing if record.kind == "evaluator" else self._opening
            waiting.setdefault(card, []).append((entry, self.scene.issue(card)))

    async def _opened(self, entry: JournalEntry, opened: TurnOpened) -> None:
        """Ask for tools, model, dialect and prompt again, now that it is known for whom."""
        card = entry.card or ""
        self._counts = self._counts or self.scene.board.counts
        offered: Mapping[str, ToolSpec] = EMPTY
        told = await self._told(opened)
        for made, issue in self._opening.pop(card, []):
            if isinstance(record := made.record, DecisionMade):
                questions = self._equipping(record, card, issue, offered, told)
                answer = await self._again(made, record, questions, opened)
                if record.kind == "tool_strategy":
                    offered = await self._offered(self._equipping(record, card, issue, offered), opened, answer)

    async def _told(self, opened: TurnOpened) -> tuple[tuple[str, ...], ...] | None:
        """Return the decisions that a turn's prompt was offered, and the notes; None: they are not in the store."""
        with suppress(OrketError):
            return tuple([tuple([await self._text(key) for key in keys]) for keys in (opened.remembered, opened.notes)])
        return None

    async def _offered(
        self, questions: Iterator[object], opened: TurnOpened, answer: Toolset | None
    ) -> Mapping[str, ToolSpec]:
        """Return the tools that a turn was offered, with their schemas: the journal has only the names.

        The node that decided then is asked where the orchestrator still has it.
        """
        own = self.own["tool_strategy"]
        answers = [answer]
        with suppress(OrketError):
            if own.resolution in self._resolutions:
                answers.insert(0, await decide(own, "compose", next(questions), limit=self.context.limits.node))
        for one in answers:
            if one is not None and [spec.name for spec in one.tools] == list(opened.tools):
                return {spec.name: spec for spec in one.tools}
        return EMPTY

    def _equipping(
        self,
        record: DecisionMade,
        card: str,
        issue: Issue,
        offered: Mapping[str, ToolSpec],
        told: tuple[tuple[str, ...], ...] | None = ((), ()),
    ) -> Iterator[object]:
        turn = self._turn(card, issue)
        asked = Asked(method=record.method, reference=record.question)
        if record.kind == "tool_strategy":
            yield toolset_question(turn)
        elif asked.method == "select_model":
            yield from model_questions(turn, asked)
        elif asked.method == "select_dialect":
            yield DialectQuestion(model=turn.model, families=self.context.families)
        elif turn.offered and not offered:
            raise RunError("the journal has no schemas of tools, and the tool strategy that chose them is not here")
        elif told is None:
            raise RunError("the decisions or notes that it was told are not in the store")
        else:
            turn.offered, (turn.remembered, turn.notes) = offered, told
            yield from prompt_questions(self.scene, turn, asked)

    async def _replied(self, entry: JournalEntry, replied: ModelReplied) -> None:
        card = entry.card or ""
        self._rounds.pop(card, None)
        with suppress(OrketError):  # the calls of a reply that is gone cannot be judged again, and say so
            self._rounds[card] = _Round(replied.round, await self._parsed(replied.reply))

    async def _judged(self, entry: JournalEntry, recorded: CallJudged) -> None:
        """Let the gate judge a call again; what follows in the round rests on the recorded verdicts."""
        card = entry.card or ""
        current = self._rounds.get(card)
        if current is None or current.number != recorded.round or recorded.index >= len(current.parsed.calls):
            self.found.cannot(entry, "its reply cannot be read as it was then")
            return
        try:
            turn = self._turn(card, self.scene.issue(card))
            turn.rounds = recorded.round
            now = await self._verdict(turn, current, recorded)
        except OrketError as error:
            self.found.cannot(entry, str(error))
            return
        self.found.count(entry)
        verdict = Verdict(allowed=recorded.allowed, rule=recorded.rule, detail=recorded.detail)
        current.before.append(JudgedCall(call=now.call, verdict=verdict))
        if not _same(now.verdict, recorded):
            self.found.differs(
                entry,
                node=now.verdict.rule or "gate",
                recorded={"allowed": recorded.allowed, "rule": recorded.rule},
                decided={"allowed": now.verdict.allowed, "rule": now.verdict.rule},
                reason=now.verdict.detail,
            )

    async def _verdict(self, turn: Turn, current: _Round, recorded: CallJudged) -> JudgedCall:
        """Ask the gate as the board stands, and else as it stood when the turn had written last: others add to it."""
        now = await judge(turn, current.parsed, recorded.index, current.before)
        grown = len(turn.board) - self.scene.talks[turn.issue.id].least
        if _same(now.verdict, recorded) or not grown:
            return now
        turn.context = evolve(turn.context, planned=turn.context.planned + grown)
        then = await judge(turn, current.parsed, recorded.index, current.before)
        return then if _same(then.verdict, recorded) else now

    async def _closed(self, entry: JournalEntry, closed: TurnClosed) -> None:
        """Ask for the turn's meaning again, now that it is known how it ended."""
        card = entry.card or ""
        self._drop(self._opening.pop(card, []), "its turn was not opened")
        self._rounds.pop(card, None)
        for made, issue in self._closing.pop(card, []):
            try:
                turn = await self._ended(card, issue, closed)
            except OrketError as error:
                self.found.cannot(made, str(error))
                continue
            if isinstance(record := made.record, DecisionMade):
                question = success_question(turn) if record.method == "evaluate_success" else self._failed(card, turn)
                await self._again(made, record, iter((question,)))

    async def _ended(self, card: str, issue: Issue, closed: TurnClosed) -> Turn:
        turn = self._turn(card, issue)
        turn.rounds = closed.rounds
        if closed.wish is not None:
            turn.wish = StatusWish(status=CardStatus(closed.wish), wait_reason=closed.wait_reason)
        for reply in reversed(self.scene.talks[card].replies):
            if text := (await self._parsed(reply)).text:
                turn.text = text
                break
        return turn

    def _failed(self, card: str, turn: Turn) -> object:
        tail = [held.record for held in self.scene.past(card).tail]
        report = next((one for one in reversed(tail) if isinstance(one, FailureReported)), None)
        if report is None:
            return None
        failure = Failure(
            kind=FailureKind(report.violation),
            detail=report.detail,
            attempted=report.attempted,
            retryable=report.retryable,
        )
        return failure_question(turn, failure)

    def _turn(self, card: str, issue: Issue) -> Turn:
        turn = self.scene.turn(self.context, card, issue)
        turn.wishes = possible_wishes(turn)
        return turn

    async def _parsed(self, reply: Digest) -> ParsedReply:
        return parse_reply(codec().load(json.loads(await self._text(reply)), ModelReply))

    async def _text(self, key: Digest) -> str:
        text = await self.context.store.payload(key)
        if text is None:
            raise RunError(f"payload {key} is not in the store")
        return text

    async def _again(
        self, entry: JournalEntry, record: DecisionMade, questions: Iterator[object], opened: TurnOpened | None = None
    ) -> Any:
        """Ask the first of *questions* that is the recorded one, and compare; return the answer, None without any."""
        binding, fresh = self.context.wiring[record.kind], list[Record]()
        try:
            question = Asked(method=record.method, reference=record.question).first(questions)
        except OrketError as error:
            self.found.cannot(entry, str(error))
            return None
        self.found.count(entry)
        try:
            if record.kind == _LOOP:
                answer = settle(binding, record.method, question, records=fresh)
            else:
                limit = self.context.limits.node
                answer = await decide(binding, record.method, question, records=fresh, limit=limit)
        except NodeError as error:
            self.found.differs(entry, node=binding.name, recorded=record.answer, decided=None, error=str(error))
            return None
        if opened is not None and record.kind == "prompt_strategy" and record.method == "compose":
            await self._compare_prompts(entry, opened, answer.messages, answer.reason)
            return answer
        for made in fresh:
            decided = json.loads(to_json(made.answer)) if isinstance(made, DecisionMade) else None
            if decided != json.loads(to_json(record.answer)):
                reason = str(getattr(answer, "reason", ""))
                self.found.differs(entry, node=binding.name, recorded=record.answer, decided=decided, reason=reason)
        return answer

    async def _compare_prompts(
        self, entry: JournalEntry, opened: TurnOpened, messages: tuple[Message, ...], reason: str
    ) -> None:
        texts = [codec().text(message) for message in messages]
        if tuple([digest(text) for text in texts]) == opened.prompt:
            return
        recorded = [json.loads(await self._text(key)) for key in opened.prompt]
        node = self.context.wiring["prompt_strategy"].name
        decided = [json.loads(text) for text in texts]
        self.found.differs(
            entry, node=node, recorded={"messages": recorded}, decided={"messages": decided}, reason=reason
        )


def _same(verdict: Verdict, recorded: CallJudged) -> bool:
    return (verdict.allowed, verdict.rule) == (recorded.allowed, recorded.rule)


async def ask_again(
    context: RunContext, *, own: Wiring, is_review: Callable[[CardStatus], bool], environ: Mapping[str, str]
) -> WhatIf:
    """Ask every recorded question of a run again.

    Args:
        context: the run's, with the nodes and rules that decide now.
        own: the nodes of the orchestrator; those that were the run's, too, may be asked what they said.
        is_review: whether an issue in a status took a review turn.
        environ: the environment mapping that loop policies are asked with.

    Raises:
        StoreError: the journal could not be read.
    """
    retrial = Retrial(context=context, own=own, scene=Scene(context, is_review), environ=environ)
    is_over = False
    async for entry in context.store.events(0, build=context.build):
        if not is_over:
            await retrial.add(entry)
        is_over = is_over or (entry.run == context.run and isinstance(entry.record, RunFinished))
    return retrial.result()
