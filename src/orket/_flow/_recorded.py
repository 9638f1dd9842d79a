"""What the journal holds of a turn that was opened and never closed, and how it is read."""

import json
from collections import deque
from collections.abc import Mapping
from typing import TypeVar

from attrs import define, field, frozen

from orket._codec import codec
from orket._flow._context import RunContext
from orket._flow._history import comment_line, turn_line
from orket._value import Value
from orket.cards import EMPTY, VerificationResult
from orket.contracts import Message, ModelReply, Settlement, Store
from orket.errors import JournalError
from orket.events import (
    CallJudged,
    CommentAdded,
    Digest,
    EffectIntended,
    EffectRecorded,
    EffectSettled,
    JournalEntry,
    ModelReplied,
    Record,
    TurnClosed,
    TurnKind,
    TurnOpened,
    VerificationRecorded,
)

V = TypeVar("V")


@frozen(kw_only=True, repr=False, eq=False)
class RecordedTurn(Value):
    """What the journal holds of a turn that was opened and never closed.

    ``replies`` by round; ``refusals`` and ``intents``, of effects that were about to happen, by round and place in it;
    ``outputs`` maps the key of an effect to (ok, output), ``settled`` to what became of it, as was learned later.
    """

    run: str
    number: int
    kind: TurnKind
    seat: str
    roles: tuple[str, ...]
    model: str
    dialect: str
    messages: tuple[Message, ...]
    tools: tuple[str, ...]
    self_review: bool
    replies: Mapping[int, ModelReply] = field(factory=dict)
    outputs: Mapping[str, tuple[bool, str]] = EMPTY
    intents: Mapping[tuple[int, int], EffectIntended] = field(factory=dict)
    refusals: Mapping[tuple[int, int], CallJudged] = field(factory=dict)
    settled: Mapping[str, Settlement] = field(factory=dict)
    verification: VerificationResult | None = None


@define(repr=False, eq=False)
class Past:
    """What the journal tells of one card, entry by entry: its history, and the turn that is open, if one is.

    ``tail`` holds the entries since that turn was opened, and what was proven for it before; between two turns all
    entries since the last. ``workers`` are the seats that have worked on the card.
    """

    history: deque[str]
    workers: tuple[str, ...] = ()
    opened: JournalEntry | None = None
    tail: list[JournalEntry] = field(factory=list)

    def add(self, entry: JournalEntry) -> None:
        """Take over the next entry about the card."""
        record = entry.record
        if isinstance(record, TurnOpened):
            self.opened = entry
            if record.kind is TurnKind.WORK and record.seat not in self.workers:
                self.workers = (*self.workers, record.seat)
            self.tail = [held for held in self.tail if isinstance(held.record, VerificationRecorded)]
        elif isinstance(record, TurnClosed):
            if self.opened is not None and isinstance(self.opened.record, TurnOpened):
                self.history.append(turn_line(self.opened.record.kind, self.opened.record.seat, record))
            self.opened, self.tail = None, []
        else:
            if isinstance(record, CommentAdded):
                self.history.append(comment_line(record))
            self.tail.append(entry)


async def read_past(context: RunContext, card: str) -> RecordedTurn | None:
    """Recall a card's past from the journal, and return its last turn if that was never closed, else None.

    Raises:
        JournalError: a prompt, reply or output that the journal names is not in the store.
    """
    history = context.recall(card)
    history.clear()
    past = Past(history)
    recorded = await read_open_turn(context.store, context.build, card, past)
    context.workers[card] = past.workers
    return recorded


async def read_open_turn(store: Store, build: str, card: str, past: Past | None = None) -> RecordedTurn | None:
    """Return what the journal holds of a card's last turn if that was never closed, else None.

    Args:
        store: where.
        build: of the card.
        card: its id.
        past: is told of every entry; one that knows of none yet.

    Raises:
        JournalError: a prompt, reply or output that the journal names is not in the store.
        StoreVersionError: a newer orket wrote of the card.
    """
    past = past or Past(deque())
    async for entry in store.events(0, build=build, card=card):
        past.add(entry)
    opened, tail = past.opened, past.tail
    if opened is None or not isinstance(opened.record, TurnOpened) or not opened.record.prompt:
        return None
    texts = await _payloads(store, [opened, *tail])
    return _assemble(opened, opened.record, tail, texts)


async def _payloads(store: Store, entries: list[JournalEntry]) -> dict[Digest, str]:
    texts: dict[Digest, str] = {}
    for entry in entries:
        for wanted in _digests(entry):
            text = await store.payload(wanted)
            if text is None:
                raise JournalError(f"payload {wanted} of entry {entry.seq} is not in the store", seq=entry.seq)
            texts[wanted] = text
    return texts


def _digests(entry: JournalEntry) -> tuple[Digest, ...]:
    match entry.record:
        case TurnOpened(prompt=prompt):
            return prompt
        case ModelReplied(reply=reply):
            return (reply,)
        case EffectRecorded(output=output) | EffectSettled(output=output) if output:
            return (output,)
        case _:
            return ()


def _assemble(
    entry: JournalEntry, opened: TurnOpened, tail: list[JournalEntry], texts: dict[Digest, str]
) -> RecordedTurn:
    records = [held.record for held in tail]
    proofs = [record.result for record in records if isinstance(record, VerificationRecorded)]
    return RecordedTurn(
        run=entry.run,
        number=opened.turn,
        kind=opened.kind,
        seat=opened.seat,
        roles=opened.roles,
        model=opened.model,
        dialect=opened.dialect,
        messages=tuple([_loaded(texts[key], Message) for key in opened.prompt]),
        tools=opened.tools,
        self_review=opened.self_review,
        replies={
            record.round: _loaded(texts[record.reply], ModelReply)
            for record in records
            if isinstance(record, ModelReplied)
        },
        outputs={
            record.key: (record.ok, texts[record.output]) for record in records if isinstance(record, EffectRecorded)
        },
        intents={(it.round, it.index): it for it in records if isinstance(it, EffectIntended)},
        refusals={(it.round, it.index): it for it in records if isinstance(it, CallJudged) and not it.allowed},
        settled=_settled(records, texts),
        verification=proofs[-1] if proofs else None,
    )


def _settled(records: list[Record], texts: dict[Digest, str]) -> dict[str, Settlement]:
    """Return what was learned of effects, as long as they were not begun again since."""
    settled: dict[str, Settlement] = {}
    for record in records:
        if isinstance(record, EffectSettled):
            settled[record.key] = Settlement(ran=record.ran, ok=record.ok, output=texts.get(record.output, ""))
        elif isinstance(record, EffectIntended):
            settled.pop(record.key, None)
    return settled


def _loaded(text: str, cls: type[V]) -> V:
    return codec().load(json.loads(text), cls)
