"""The state of a turn, and the one place where a turn is committed."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Final

import anyio
from attrs import define, field, frozen

from orket._board import Board
from orket._codec import codec, digest
from orket._flow._context import RunContext
from orket._flow._notes import Note
from orket._flow._recorded import RecordedTurn
from orket._flow._report import UnfiledReport
from orket._value import Value
from orket.cards import EMPTY, CardStatus, Issue, VerificationResult
from orket.contracts import (
    Batch,
    CardChange,
    Claim,
    Document,
    Message,
    Receipt,
    Release,
    Remembered,
    StatusWish,
    ToolSpec,
)
from orket.errors import ResumeError, StoreError
from orket.events import CardMoved, Digest, Record, TurnKind
from orket.governance import Actor, move
from orket.organization import Role, Seat

NOBODY: Final = Seat(id="", name="")  # the seat of a turn that has not been routed yet
NAME_TEXT: Final = 100  # characters of a tool's name as a model wrote it, in records
_RENEWALS: Final = 3  # of a claim that always runs out before the store has answered


@frozen(kw_only=True, repr=False, eq=False)
class TurnResult(Value):
    """What a finished turn leaves for the run: calls refused, why the run must stop (or ""), whether it stays open."""

    refused: int = 0
    abort: str = ""
    is_open: bool = False


@define(kw_only=True, repr=False, eq=False)
class Turn:
    """One seat, one issue, work or review; filled in step by step by :func:`orket._flow.take_turn`."""

    context: RunContext
    board: Board
    issue: Issue
    number: int
    place: int  # in this run; differs from the number of a turn that is taken up again, and names this turn's commits
    kind: TurnKind
    records: list[Record]
    recorded: RecordedTurn | None = None
    origin: str = ""  # the run whose id is in the effect keys
    seat: Seat = NOBODY
    roles: tuple[Role, ...] = ()
    role_names: tuple[str, ...] = ()
    self_review: bool = False
    verification: VerificationResult | None = None
    wishes: tuple[CardStatus, ...] = ()
    offered: Mapping[str, ToolSpec] = EMPTY
    model: str = ""
    dialect: str = ""
    remembered: tuple[str, ...] = ()  # what its prompt is offered
    notes: tuple[str, ...] = ()  # what its prompt shows
    messages: list[Message] = field(factory=list)
    token: int | None = None
    rounds: int = 0
    text: str = ""
    wish: StatusWish | None = None
    calls: int = 0
    refused: int = 0
    tokens: int = 0  # spent since the last commit
    added: list[Issue] = field(factory=list)
    created: int = 0
    documents: list[Document] = field(factory=list)
    unfiled: UnfiledReport | None = None  # the failure report of this turn, if it has one
    noted: int = 0  # notes that it has left
    left: list[Note] = field(factory=list)  # those of them that no commit has yet
    learned: list[Remembered] = field(factory=list)  # what the documents say for the memory
    _changes: list[CardChange] = field(factory=list)
    _payloads: dict[Digest, str] = field(factory=dict)
    _prompts: dict[str, Digest] = field(factory=dict)  # system messages among the payloads
    _texts: dict[str, Digest] = field(factory=dict)  # what prompts quote among them
    _commits: int = 0
    _until: float = 0.0  # when the claim runs out, as far as this turn knows
    _stored: int = field(init=False)  # the issue's version, as the last commit left it

    def __attrs_post_init__(self) -> None:
        self._stored = self.issue.version

    def hold(self, roles: Iterable[str]) -> None:
        """Take on the roles of these names in the team, the leading one first."""
        self.roles = tuple([self.context.team.roles[name] for name in roles])
        self.role_names = tuple([role.name for role in self.roles])

    def payload(self, text: str) -> Digest:
        """Keep a text for the next commit and return its digest."""
        key = digest(text)
        self._payloads[key] = text
        return key

    def prompt_payload(self, message: Message) -> Digest:
        """Like :meth:`payload`, for a message; what this run has stored before is neither encoded nor stored again."""
        if message.role != "system":
            return self.payload(codec().text(message))
        stored = self.context.stored_prompts
        if (key := stored.get(message.content)) is None:
            key = self._prompts[message.content] = self.payload(codec().text(message))
        return key

    def quoted_payload(self, text: str) -> Digest:
        """Like :meth:`payload`, for what several prompts quote; what this run has stored before is not stored again."""
        stored = self.context.stored_texts
        if (key := stored.get(text)) is None:
            key = self._texts[text] = self.payload(text)
        return key

    def change(self, issue: Issue) -> None:
        """Give the issue a new state in the next commit; ``issue.version`` must be one more than it is."""
        self._changes.append(CardChange(issue=issue, expected=self.issue.version, token=self.token))
        self.issue = issue

    def move(self, after: CardStatus, *, actor: Actor, reason: str, **waiting: object) -> CardMoved:
        """Let the law move the issue.

        Raises:
            TransitionError: the law refuses.
        """
        by = self.seat.id if actor is Actor.SEAT else actor.value
        role = self.roles[0].name if self.roles and actor is Actor.SEAT else ""
        names = self.role_names if actor is Actor.SEAT else ()
        issue, moved = move(self.issue, after, actor=actor, roles=names, by=by, role=role, reason=reason, **waiting)  # type: ignore[arg-type]
        self.change(issue)
        self.records.append(moved)
        return moved

    def add_issue(self, issue: Issue) -> None:
        """Let a new issue join the build in the next commit, and the board after it."""
        self.added.append(issue)
        self._changes.append(CardChange(issue=issue, expected=0))

    async def commit(self, *, turns: int = 0, claim: bool = False, release: bool = False) -> None:
        """Write everything since the last commit as one transaction, and take it over on the board.

        Nothing new, and neither claim nor release: nothing is written.

        Raises:
            StoreConflictError: another orchestrator holds or changed the issue.
            StoreError: it could not be written.
        """
        if not (self.records or claim or release):
            return
        context, now = self.context, self.context.clock.now()
        self._commits += 1
        batch = Batch(
            op_id=f"{context.run}:{self.issue.id}:{self.place}:{self._commits}",
            run=context.run,
            build=context.build,
            at=now,
            card=self.issue.id,
            records=tuple(self.records),
            changes=tuple(self._changes),
            claims=(self._claim(now),) if claim or self.token is not None else (),
            releases=(Release(card=self.issue.id, token=self.token or 0),) if release else (),
            documents=tuple(self.documents),
            payloads=self._payloads or None,
            turns=turns,
            tokens=self.tokens,
        )
        try:
            receipt = await context.store.commit(batch)
        except anyio.get_cancelled_exc_class():
            # A claim that was granted must be known, to be given back. A store that knows the batch changes nothing.
            with anyio.CancelScope(shield=True), suppress(StoreError):
                self._take_over(await context.store.commit(batch), batch, claim=claim)
            raise
        self._take_over(receipt, batch, claim=claim)
        self._until = now + context.limits.lease

    async def hold_on(self) -> None:
        """Renew a claim that may have run out, before something acts: whoever took over may have done it already.

        Raises:
            StoreConflictError: another orchestrator has claimed the issue.
            StoreError: the claim could not be renewed, or the store says so only when it has run out again.
        """
        for _ in range(_RENEWALS):
            if self.context.clock.now() < self._until:
                return
            await self.commit(claim=True)
        if self.context.clock.now() >= self._until:
            lease = self.context.limits.lease
            raise StoreError(
                f"the claim of {self.issue.id} ran out {_RENEWALS} times while the store renewed it for {lease:g} s",
                advice="see what slows the store down, or let claims last longer: Limits(lease=...)",
            )

    def _take_over(self, receipt: Receipt, batch: Batch, *, claim: bool) -> None:
        self.context.saw(receipt, turns=batch.turns)
        if claim:
            self.token = self.board.claims[self.issue.id] = receipt.tokens[self.issue.id]
        self.tokens = 0
        self.records.clear()
        self._stored = self.issue.version
        self._payloads.clear()
        self.documents.clear()
        if self.left:
            self.context.notes.add(self.left)
            self.left.clear()
        if self.learned:
            self.context.recollection.learn(self.learned)
            self.learned.clear()
        if self._prompts:
            self.context.stored_prompts.update(self._prompts)
            self._prompts.clear()
        if self._texts:
            self.context.stored_texts.update(self._texts)
            self._texts.clear()
        if self._changes:
            self._changes.clear()
            self.board.put(self.issue)
        for issue in self.added:
            if self.board.get(issue.id) is None:  # a look at the record may have been faster than the receipt
                self.board.add(issue)
        self.added.clear()

    def _claim(self, now: float) -> Claim:
        """Return the claim to take, or the one held, renewed: nobody who lost it writes another word of the turn.

        What the turn begins with must be how the issue stands: a board can be behind what others did.
        """
        return Claim(
            card=self.issue.id,
            owner=self.context.owner,
            now=now,
            until=now + self.context.limits.lease,
            token=self.token,
            version=self._stored,
        )

    async def abandon(self) -> None:
        """Give the claim back, whatever happened; what was not committed is lost, and the turn stays open."""
        if self.token is None:
            return
        context = self.context
        batch = Batch(
            op_id=f"{context.run}:{self.issue.id}:{self.place}:abandoned",
            run=context.run,
            build=context.build,
            at=context.clock.now(),
            releases=(Release(card=self.issue.id, token=self.token),),
        )
        with anyio.CancelScope(shield=True), suppress(StoreError):  # a claim that cannot be given back expires
            await context.store.commit(batch)

    def take_seat(self, seat: str, roles: tuple[str, ...], tools: tuple[str, ...], *, self_review: bool) -> str:
        """Take the seat, roles and tools that the journal names; return "", or what of them there is no more."""
        team, specs = self.context.team, self.context.specs
        gone = [] if seat in team.seats else [f"seat {seat!r}"]
        gone += [f"role {name!r}" for name in roles if name not in team.roles]
        gone += [f"tool {name!r}" for name in tools if name not in specs]
        if gone:
            return f"there is no {', no '.join(gone)} any more"
        self.seat = team.seats[seat]
        self.hold(roles)
        self.self_review = self_review
        self.offered = {name: specs[name] for name in tools}
        return ""

    def resume_from(self, recorded: RecordedTurn) -> None:
        """Take over what the journal holds of this turn.

        Raises:
            ResumeError: the team has lost its seat or a role of it, or the host a tool that it was offered.
        """
        if gone := self.take_seat(recorded.seat, recorded.roles, recorded.tools, self_review=recorded.self_review):
            raise ResumeError(
                f"{gone}; a turn on {self.issue.id} that was left open needs it", card=self.issue.id, obstacles=()
            )
        self.verification = recorded.verification
        self.model, self.dialect = recorded.model, recorded.dialect
        self.messages = list(recorded.messages)
