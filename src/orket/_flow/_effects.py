"""Effects that were begun: what the journal holds of them, and what is done about those whose outcome nobody knows."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from attrs import define, evolve, field, frozen

from orket._codec import canonical_json, codec, digest
from orket._flow._recorded import RecordedTurn
from orket._flow._turn import Turn
from orket._parse import parse_reply
from orket._value import Value
from orket.cards import EMPTY, CardStatus, Issue, JsonValue
from orket.contracts import (
    Batch,
    CardChange,
    CardRow,
    Claim,
    EffectClass,
    ModelReply,
    Settlement,
    Store,
    ToolCall,
    ToolResult,
)
from orket.errors import EffectConflictError, EffectUnknownError, StoreConflictError
from orket.events import (
    CardMoved,
    Digest,
    EffectIntended,
    EffectRecorded,
    EffectSettled,
    EffectUnknown,
    JournalEntry,
    ModelReplied,
    Record,
)
from orket.governance import Actor, move

UNKNOWN: Final = "effect_unknown"  # the rule by which such an issue waits; its wait detail begins with it


@frozen(kw_only=True, repr=False, eq=False)
class UnsettledEffect(Value):
    """An at-most-once effect that was begun and may or may not have happened.

    ``key`` names it; ``arguments`` are what the tool was called with, ``since`` is when (seconds since the epoch),
    ``detail`` what is known of why there is no result.
    """

    key: Digest
    tool: str
    arguments: Mapping[str, JsonValue]
    card: str
    build: str
    run: str
    turn: int
    since: float
    detail: str


async def take_up(turn: Turn, index: int, call: ToolCall, *, allowed: bool) -> ToolResult | None:
    """Return the result of a call that the journal knows; None: it may run.

    Raises:
        EffectUnknownError: it may have run, may not run twice, and its tool does not know either.
        EffectConflictError: what is on record at its place is another effect.
    """
    recorded = turn.recorded
    intent = recorded.intents.get((turn.rounds, index)) if recorded else None
    if recorded is None or intent is None:
        return None
    _check_same(intent, call)
    key = intent.key
    if known := recorded.outputs.get(key):
        return ToolResult(ok=known[0], output=known[1])
    if settled := recorded.settled.get(key):
        return await _accept(turn, intent, settled, allowed=allowed)
    spec = turn.context.specs.get(call.name)
    now = spec.effect if spec else EffectClass.AT_MOST_ONCE
    if EffectClass.AT_MOST_ONCE not in (now, intent.effect):
        return None  # it runs again, with the same key
    answer = await ask_tool(turn, intent)
    turn.records.append(_settled(turn, key, answer, by=f"tool {call.name}"))
    return await _accept(turn, intent, answer, allowed=allowed)


def pass_over(turn: Turn, recorded: RecordedTurn) -> None:
    """Tell which effects of a round that is taken up were never begun: nobody can say more of them.

    Calls run in their order, and the result of an at-most-once effect is on record before another one begins: behind
    the first that has none, none was begun.
    """
    waiting = [
        intent.key
        for (number, _), intent in sorted(recorded.intents.items())
        if number == turn.rounds and intent.effect == EffectClass.AT_MOST_ONCE and intent.key not in recorded.outputs
    ]
    idle = [key for key in waiting[1:] if key not in recorded.settled]
    if idle:
        tell_idle(turn, idle, behind=waiting[0])
        settled = {**recorded.settled, **dict.fromkeys(idle, Settlement(ran=False))}
        turn.recorded = evolve(recorded, settled=settled)


def tell_idle(turn: Turn, keys: Iterable[Digest], *, behind: Digest) -> None:
    """Note for the next commit that effects were about to happen, and that none of them was begun."""
    reason = f"never begun: effect {behind[:12]} before it has no result"
    turn.records.extend([EffectSettled(key=key, ran=False, by=Actor.CORE.value, reason=reason) for key in keys])


async def ask_tool(turn: Turn, intent: EffectIntended) -> Settlement:
    """Return what the tool says became of its effect.

    Raises:
        EffectUnknownError: it does not know.
    """
    context, tool = turn.context, turn.context.tools.get(intent.tool)
    answer: Settlement | str = "there is no such tool any more"
    if tool is not None:
        answer = await context.executor.reconcile(tool, intent.key, timeout=context.limits.tool)
    if isinstance(answer, Settlement):
        return answer
    why = f"; {answer}" if answer else ""
    raise EffectUnknownError(
        f"{intent.tool} was begun and its result is not recorded{why}", rule=UNKNOWN, key=intent.key
    )


def _check_same(intent: EffectIntended, call: ToolCall) -> None:
    found = digest(canonical_json(call.arguments))
    if (call.name, found) != (intent.tool, intent.arguments):
        raise EffectConflictError(
            f"round {intent.round}, call {intent.index}: the journal has effect {intent.key[:12]} of {intent.tool} with"
            f" arguments {intent.arguments[:12]}; now it is {call.name} with {found[:12]}",
            rule="effect_conflict",
            key=intent.key,
            tool=intent.tool,
            known=intent.arguments,
            found=found,
        )


async def _accept(turn: Turn, intent: EffectIntended, answer: Settlement, *, allowed: bool) -> ToolResult | None:
    """Take what is known as the tool's result; where it did not run, intend it anew, before it acts."""
    if answer.ran:
        output = turn.payload(answer.output)
        turn.records.append(EffectRecorded(key=intent.key, ok=answer.ok, output=output))
        return ToolResult(ok=answer.ok, output=answer.output)
    if allowed:
        turn.records.append(intent)
        await turn.commit()
    return None


def _settled(turn: Turn, key: Digest, answer: Settlement, *, by: str) -> EffectSettled:
    output = turn.payload(answer.output) if answer.ran else ""
    return EffectSettled(key=key, ran=answer.ran, by=by, ok=answer.ok, output=output)


@define(kw_only=True, repr=False, eq=False)
class CardEffects:
    """What the journal says of a card's effects: which have no outcome, and where it stood before it was blocked.

    ``begun`` counts how often each one was about to happen. Unsettled is what may not happen twice, and what a turn has
    said of that nobody knows its outcome: its tool may have become stricter since it was begun.
    """

    begun: Counter[Digest] = field(factory=Counter)
    unsettled: dict[Digest, UnsettledEffect] = field(factory=dict)
    before: CardStatus = CardStatus.READY
    _calls: dict[Digest, tuple[Digest, EffectIntended]] = field(factory=dict)  # key -> reply that called it, intent
    _open: dict[Digest, UnsettledEffect] = field(factory=dict)  # all that have no outcome on record
    _reply: Digest = ""

    def add(self, entry: JournalEntry) -> None:
        """Take one more entry into account."""
        match entry.record:
            case ModelReplied(reply=reply):
                self._reply = reply
            case EffectIntended(key=key) as intent:
                self.begun[key] += 1
                self._calls.setdefault(key, (self._reply, intent))
                self._open[key] = _begun(entry, intent)
                if intent.effect == EffectClass.AT_MOST_ONCE:
                    self.unsettled[key] = self._open[key]
            case EffectUnknown(key=key, detail=detail) if key in self._open:
                self.unsettled[key] = evolve(self._open[key], detail=detail)
            case EffectRecorded(key=key) | EffectSettled(key=key):
                self._open.pop(key, None)
                self.unsettled.pop(key, None)
            case CardMoved(after=CardStatus.BLOCKED, before=before):
                self.before = before
            case _:
                pass

    async def spell_out(self, store: Store) -> None:
        """Fill in the arguments, which only the replies have."""
        for key, effect in self.unsettled.items():
            reply, intent = self._calls[key]
            self.unsettled[key] = evolve(effect, arguments=await _arguments(store, reply, intent))


def _begun(entry: JournalEntry, intent: EffectIntended) -> UnsettledEffect:
    return UnsettledEffect(
        key=intent.key,
        tool=intent.tool,
        arguments=EMPTY,
        card=entry.card or "",
        build=entry.build,
        run=entry.run,
        turn=intent.turn,
        since=entry.at,
        detail="it was begun and its result is not recorded",
    )


async def _arguments(store: Store, reply: Digest, intent: EffectIntended) -> Mapping[str, JsonValue]:
    text = await store.payload(reply) if reply else None
    if text is None:
        return EMPTY
    calls = parse_reply(codec().load(json.loads(text), ModelReply)).calls
    fits = intent.index < len(calls) and digest(canonical_json(calls[intent.index].arguments)) == intent.arguments
    return calls[intent.index].arguments if fits else EMPTY


async def effects_of(store: Store, build: str, card: str) -> CardEffects:
    """Read from the journal which effects of a card have no outcome."""
    found = CardEffects()
    async for entry in store.events(0, build=build, card=card):
        found.add(entry)
    await found.spell_out(store)
    return found


async def settle_effect(
    store: Store, effects: CardEffects, row: CardRow, batch: Batch, settled: EffectSettled, actor: Actor
) -> Issue:
    """Commit what became of an effect; a card that waits for no further one goes back to where its turn stood.

    Args:
        store: where.
        effects: of the card, as the journal has them.
        row: the card as it is stored.
        batch: what the commit says of itself.
        settled: the record; its key is among the unsettled ones.
        actor: as whom the law judges the move.

    Returns:
        The card as it is now.

    Raises:
        StoreConflictError: a turn holds the card, or somebody else changed it meanwhile.
    """
    issue = row.issue
    records: tuple[Record, ...] = (settled,)
    is_left = set(effects.unsettled) > {settled.key}
    if is_left or issue.status is not CardStatus.BLOCKED or not issue.wait_detail.startswith(UNKNOWN):
        # A claim that ends as it begins: whoever works on the card now is not overtaken, nor who looked before.
        claim = Claim(card=issue.id, owner=settled.by, now=batch.at, until=batch.at, version=issue.version)
        await _commit_once(store, evolve(batch, records=records, claims=(claim,)), issue)
        return issue
    reason = settled.reason or f"effect {settled.key[:12]} {'ran' if settled.ran else 'did not run'}"
    changed, moved = move(issue, effects.before, actor=actor, by=settled.by, role=actor.value, reason=reason)
    change = CardChange(issue=changed, expected=issue.version)
    await _commit_once(store, evolve(batch, records=(*records, moved), changes=(change,)), issue)
    return changed


async def _commit_once(store: Store, batch: Batch, issue: Issue) -> None:
    """Commit what became of an effect, unless somebody else has said so meanwhile: all name their commits alike."""
    if (await store.commit(batch)).repeated:
        raise StoreConflictError(
            f"card {issue.id!r}: the effect was settled by somebody else meanwhile; read it again",
            card=issue.id,
            expected=issue.version,
            found=None,
        )


def settling(key: Digest, effects: CardEffects) -> str:
    """Return the op id under which one says what became of an effect: of all who do so at once, one is heard."""
    return f"settle:{key}:{effects.begun[key]}"
