"""Why a card stands where it stands: the records that led there, read as decisions, verdicts, effects and changes."""

import math
from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeAlias

from attrs import evolve, frozen

from orket._codec import digest
from orket._orchestrator._history import beginning, close_entries, joining
from orket._value import Value
from orket.cards import EMPTY, CardStatus, Issue, JsonValue, WaitReason
from orket.contracts import EffectClass, Store
from orket.events import (
    CallJudged,
    CardAdded,
    CardMoved,
    CardReprioritized,
    DecisionMade,
    Digest,
    EffectIntended,
    EffectRecorded,
    EffectSettled,
    EffectUnknown,
    JournalEntry,
    Resolution,
    TurnOpened,
    TurnResumed,
    VerificationRecorded,
)
from orket.governance import WAITING

When: TypeAlias = Literal["slot", "done", "review", "unblock", "settle", "policy", "reopen", "cancel"]
State: TypeAlias = Literal["begun", "recorded", "unknown", "settled"]
_CHANGES: Final = (CardAdded, CardMoved, CardReprioritized, VerificationRecorded, EffectSettled)
_NEAR: Final = 1_000  # entries before and after the beginning of a turn among which its plan is looked for first


@frozen(kw_only=True, repr=False, eq=False)
class Wake(Value):
    """What ends a wait.

    ``when`` is ``slot`` (a run of the build has a free one), ``done`` (the issues named in ``on`` are done), ``review``
    (a run gives it a review turn), ``unblock`` (a person does), ``settle`` (the effects whose keys are in ``on`` are
    settled, by a person or by their tools; until then nobody can unblock it), ``policy`` (another loop policy gives its
    status turns), ``reopen`` (a person reopens the issues named in ``on``, which are canceled; then they have to be
    done) or ``cancel`` (a person cancels it: the issues named in ``on`` are archived, and will never be done).
    """

    when: When
    on: tuple[str, ...] = ()


@frozen(kw_only=True, repr=False, eq=False)
class ExplainedDecision(Value):
    """A decision that led a card where it stands: which node of which package took it, who chose the node, and why.

    ``question`` is the reference of what the node was asked, ids and versions of its inputs, ``inputs`` its digest.
    """

    seq: int
    at: float
    run: str
    kind: str
    method: str
    node: str
    distribution: str
    version: str
    source: str
    options: Mapping[str, JsonValue]
    question: str
    answer: JsonValue
    reason: str

    @property
    def inputs(self) -> Digest:
        """The SHA-256 of ``question``: decisions with the same one were asked the same."""
        return digest(self.question)


@frozen(kw_only=True, repr=False, eq=False)
class ExplainedEffect(Value):
    """An effect of a card's turns, and what is known of it.

    ``state`` is ``begun`` (there is no result yet), ``recorded``, ``unknown``, or ``settled``. ``ok`` is None where
    there is no result, ``output`` the digest of what the model was told, ``by`` who settled it, ``arguments`` a digest.
    """

    key: Digest
    tool: str
    effect: str
    run: str
    turn: int
    round: int
    since: float
    arguments: Digest
    state: State = "begun"
    ok: bool | None = None
    output: Digest = ""
    by: str = ""
    detail: str = ""

    @property
    def is_unsettled(self) -> bool:
        """Whether it may have happened, may not happen twice, and nobody has said which it is."""
        return self.state == "unknown" or (self.state == "begun" and self.effect == EffectClass.AT_MOST_ONCE)


@frozen(kw_only=True, repr=False, eq=False)
class Explanation(Value):
    """Why a card stands where it stands, and everything that led there.

    ``wait`` is its wait reason, and ``wake`` what ends the wait; both are None where it is terminal or running.
    ``chain`` is every journal entry about the card, and the plans that started its turns, oldest first.
    """

    issue: Issue
    build: str
    wait: tuple[WaitReason, str] | None
    chain: tuple[JournalEntry, ...]
    wake: Wake | None = None
    decisions: tuple[ExplainedDecision, ...] = ()
    effects: tuple[ExplainedEffect, ...] = ()

    @property
    def verdicts(self) -> tuple[JournalEntry, ...]:
        """The entries that say what the gate allowed or refused, and by which rule (``CallJudged``)."""
        return tuple([entry for entry in self.chain if isinstance(entry.record, CallJudged)])

    @property
    def changes(self) -> tuple[JournalEntry, ...]:
        """The entries that changed the card or settled its effects; their records say who, ``by`` name."""
        return tuple([entry for entry in self.chain if isinstance(entry.record, _CHANGES)])


async def explain_card(
    store: Store, build: str, issue: Issue, board: Mapping[str, Issue], wait: tuple[WaitReason, str] | None
) -> Explanation:
    """Return the explanation of a card.

    Args:
        store: where its journal is.
        build: its board.
        issue: the card.
        board: all issues of the build.
        wait: why it waits.
    """
    chain = await _chain(store, build, issue.id)
    effects = _effects(chain)
    return Explanation(
        issue=issue,
        build=build,
        wait=wait,
        chain=chain,
        wake=None if wait is None else _wake(issue, board, wait, effects),
        decisions=await _decisions(store, chain),
        effects=effects,
    )


def _wake(
    issue: Issue, board: Mapping[str, Issue], wait: tuple[WaitReason, str], effects: tuple[ExplainedEffect, ...]
) -> Wake:
    if issue.status in WAITING:
        keys = tuple([one.key for one in effects if one.is_unsettled])
        return Wake(when="settle", on=keys) if keys else Wake(when="unblock")
    match wait[0]:
        case WaitReason.DEPENDENCY:
            return _freed(issue, board)
        case WaitReason.REVIEW:
            return Wake(when="review")
        case WaitReason.SYSTEM:
            return Wake(when="policy")
        case _:
            return Wake(when="slot")


def _freed(issue: Issue, board: Mapping[str, Issue]) -> Wake:
    """Return what ends the wait for other issues: a terminal one that is not done does not become so by itself."""
    unmet = {name: board[name].status if name in board else None for name in issue.depends_on}
    first: tuple[tuple[CardStatus, When], ...] = ((CardStatus.ARCHIVED, "cancel"), (CardStatus.CANCELED, "reopen"))
    for status, when in first:
        if on := tuple([name for name, found in unmet.items() if found is status]):
            return Wake(when=when, on=on)
    return Wake(when="done", on=tuple([name for name, found in unmet.items() if found is not CardStatus.DONE]))


def _effects(chain: tuple[JournalEntry, ...]) -> tuple[ExplainedEffect, ...]:
    found: dict[Digest, ExplainedEffect] = {}
    for entry in chain:
        match entry.record:
            case EffectIntended(key=key) as intent:
                found[key] = ExplainedEffect(
                    key=key,
                    tool=intent.tool,
                    effect=intent.effect,
                    run=entry.run,
                    turn=intent.turn,
                    round=intent.round,
                    since=entry.at,
                    arguments=intent.arguments,
                )
            case EffectUnknown(key=key, detail=detail) if key in found:
                found[key] = evolve(found[key], state="unknown", detail=detail)
            case EffectSettled(key=key) as settled if key in found:
                found[key] = evolve(
                    found[key],
                    state="settled",
                    ok=settled.ok if settled.ran else None,
                    output=settled.output,
                    by=settled.by,
                    detail=settled.reason,
                )
            case EffectRecorded(key=key) as recorded if key in found:
                found[key] = evolve(found[key], state="recorded", ok=recorded.ok, output=recorded.output)
            case _:
                pass
    return tuple(found.values())


async def _decisions(store: Store, chain: tuple[JournalEntry, ...]) -> tuple[ExplainedDecision, ...]:
    nodes: dict[str, Mapping[str, Resolution]] = {}
    found: list[ExplainedDecision] = []
    for entry in chain:
        record = entry.record
        if not isinstance(record, DecisionMade):
            continue
        if entry.run not in nodes:
            nodes[entry.run] = await _nodes(store, entry.run)
        chosen = nodes[entry.run].get(record.kind)
        found.append(
            ExplainedDecision(
                seq=entry.seq,
                at=entry.at,
                run=entry.run,
                kind=record.kind,
                method=record.method,
                node=record.node,
                distribution=chosen.distribution if chosen else "",
                version=chosen.version if chosen else "",
                source=chosen.source if chosen else "",
                options=chosen.options if chosen else EMPTY,
                question=record.question,
                answer=record.answer,
                reason=record.reason,
            )
        )
    return tuple(found)


async def _nodes(store: Store, run: str) -> Mapping[str, Resolution]:
    """Return the nodes of a run, by kind; its first record names them."""
    began = await beginning(store, run)
    return {one.kind: one for one in began.resolutions} if began is not None else {}


async def _chain(store: Store, build: str, card: str) -> tuple[JournalEntry, ...]:
    """Return the entries about a card, the one with which it joined first, and the plans that started its turns."""
    about = [entry async for entry in store.events(0, build=build, card=card)]
    joined = await joining(store, build, card)
    found = {entry.seq: entry for entry in (*joined, *about, *await _plans_elsewhere(store, about, card))}
    return tuple([found[seq] for seq in sorted(found)])


async def _plans_elsewhere(store: Store, about: Sequence[JournalEntry], card: str) -> list[JournalEntry]:
    """Return the plans of a card's runs that are on record with another card.

    A plan that starts several turns is committed with one of them, be it before or after those of the others.
    """
    is_planned, turns = False, dict[str, list[int]]()
    for entry in about:
        is_planned = is_planned or _plans(entry, card)
        if isinstance(entry.record, TurnOpened | TurnResumed):
            if not is_planned:
                turns.setdefault(entry.run, []).append(entry.seq)
            is_planned = False
    return [entry for run, began in turns.items() for entry in await _plans_of(store, run, began, card)]


async def _plans_of(store: Store, run: str, began: Sequence[int], card: str) -> list[JournalEntry]:
    """Return the plans that a run has on record with other cards; nearly all stand close to where a turn *began*."""
    plans: dict[int, JournalEntry] = {}
    for seq in began:
        plans |= await _plans_between(store, run, seq - _NEAR, seq + _NEAR, card)
    if len(plans) < len(began):  # each turn has one
        plans = await _plans_between(store, run, 0, math.inf, card)
    return list(plans.values())


async def _plans_between(store: Store, run: str, after: int, last: float, card: str) -> dict[int, JournalEntry]:
    """Return the plans that a run has on record with other cards, with *after* < ``seq`` <= *last*, by ``seq``."""
    plans: dict[int, JournalEntry] = {}
    entries = store.events(max(0, after), run=run)
    try:
        async for entry in entries:
            if entry.seq > last:
                break
            if entry.card != card and _plans(entry, card):
                plans[entry.seq] = entry
    finally:
        await close_entries(entries)
    return plans


def _plans(entry: JournalEntry, card: str) -> bool:
    record = entry.record
    if not isinstance(record, DecisionMade) or (record.kind, record.method) != ("planner", "plan"):
        return False
    return isinstance(record.answer, dict) and card in record.answer.get("issue_ids", ())
