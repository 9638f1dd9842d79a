"""The rules of a commit: batches are folded, one after the other, over what is stored.

A :class:`Ledger` holds what a group of batches changes. A batch that conflicts leaves no trace in it, so the others
of its group are not touched; the store then writes the whole ledger in one transaction, or throws it away.
"""

from collections.abc import Callable
from typing import TypeAlias

from attrs import define, evolve, field

from orket.contracts import Claim, Receipt, Release
from orket.errors import StoreConflictError
from orket.stores._changes import CardState, say
from orket.stores._journal import JournalRow, Link, link_hash
from orket.stores._prepare import Prepared, PreparedChange, PreparedRun

CardKey: TypeAlias = tuple[str, str]  # build, id
DocumentKey: TypeAlias = tuple[str, str]  # kind, key


@define(repr=False, eq=False)
class Ledger:
    """What a group of batches changes, on top of what ``find_receipt`` (by op_id) and ``find_card`` know."""

    link: Link
    find_receipt: Callable[[str], Receipt | None]
    find_card: Callable[[CardKey], CardState | None]
    receipts: dict[str, Receipt] = field(factory=dict, init=False)
    journal: list[JournalRow] = field(factory=list, init=False)
    cards: dict[CardKey, CardState] = field(factory=dict, init=False)
    documents: dict[DocumentKey, str | None] = field(factory=dict, init=False)
    payloads: dict[bytes, bytes] = field(factory=dict, init=False)
    runs: dict[str, PreparedRun] = field(factory=dict, init=False)
    charges: dict[str, tuple[int, int]] = field(factory=dict, init=False)

    def add(self, batch: Prepared) -> Receipt:
        """Fold *batch* in whole, or not at all.

        Raises:
            StoreConflictError: a version, a claim or a token is not as the batch expects.
        """
        known = self.receipts.get(batch.op_id) or self.find_receipt(batch.op_id)
        if known is not None:
            return evolve(known, repeated=True)
        cards, tokens = self._settle(batch)
        receipt = self.receipts[batch.op_id] = self._append(batch, say(batch, cards, tokens), tokens)
        for card, state in cards.items():
            earlier = self.cards.get((batch.build, card))
            if state.body is None and earlier is not None:
                state.body = earlier.body
            self.cards[batch.build, card] = state
        for kind, key, text in batch.documents:
            self.documents[kind, key] = text
        self.payloads.update(batch.payloads)
        if batch.run_row is not None:
            self.runs[batch.run] = batch.run_row
        if batch.turns or batch.tokens:
            turns, spent = self.charges.get(batch.run, (0, 0))
            self.charges[batch.run] = (turns + batch.turns, spent + batch.tokens)
        return receipt

    def _append(self, batch: Prepared, changes: str, tokens: dict[str, int]) -> Receipt:
        place, before, previous = self.link
        first, last = before + 1, before + batch.count
        at, run, build, card, op_id, body = batch.at, batch.run, batch.build, batch.card, batch.op_id, batch.body
        found = link_hash(previous, first, last, at, run, build, card, op_id, changes, body)
        self.link = Link(place + 1, last, found)
        self.journal.append(JournalRow(place + 1, first, last, at, run, build, card, op_id, changes, found, body))
        if not batch.count:
            first = last = 0
        return Receipt(first_seq=first, last_seq=last, tokens=tokens)

    def _settle(self, batch: Prepared) -> tuple[dict[str, CardState], dict[str, int]]:
        """Claims first, so that a change can rest on the claim its own batch takes; releases last."""
        touched: dict[str, CardState] = {}  # copies: a batch that conflicts leaves no trace

        def find(card: str) -> CardState | None:
            state = touched.get(card)
            if state is None:
                key = (batch.build, card)
                state = self.cards.get(key) or self.find_card(key)
                if state is not None:
                    state = touched[card] = state.copy()
            return state

        tokens = {claim.card: _claim(find(claim.card), claim) for claim in batch.claims}
        for change in batch.changes:
            state = find(change.card)
            touched[change.card] = _change(state, change, batch.at, claimed=change.card in tokens)
        for release in batch.releases:
            _release(find(release.card), release)
        return touched, tokens


def _claim(state: CardState | None, claim: Claim) -> int:
    if state is None:
        raise _conflict(claim.card, "it is not on this board", expected="a card to claim", found=None)
    if claim.version not in (None, state.version):
        raise _conflict(
            claim.card,
            f"it has version {state.version}, not {claim.version}",
            expected=claim.version,
            found=state.version,
        )
    if claim.token is None:
        if state.owner not in (None, claim.owner) and state.until > claim.now:
            raise _conflict(
                claim.card, f"{state.owner!r} holds it until {state.until}", expected=claim.owner, found=state.owner
            )
        state.token += 1
    elif state.token != claim.token or state.owner != claim.owner:
        raise _conflict(
            claim.card,
            f"{claim.owner!r} cannot renew token {claim.token}: the last one is {state.token}, held by {state.owner!r}",
            expected=claim.token,
            found=state.token,
        )
    state.owner, state.until = claim.owner, float(claim.until) + 0.0  # SQLite has no negative zero
    return state.token


def _change(state: CardState | None, change: PreparedChange, at: float, *, claimed: bool) -> CardState:
    found = 0 if state is None else state.version
    if found != change.expected:
        raise _conflict(
            change.card, f"it has version {found}, not {change.expected}", expected=change.expected, found=found
        )
    token = None if state is None else state.token
    if change.token is not None and change.token != token:
        raise _conflict(change.card, f"its token is {token}, not {change.token}", expected=change.token, found=token)
    if state is None:
        return CardState(version=1, body=change.body)
    if change.token is None and not claimed and state.owner is not None and state.until > at:
        raise _conflict(change.card, f"{state.owner!r} holds it until {state.until}", expected=None, found=state.token)
    state.version, state.body = change.expected + 1, change.body
    return state


def _release(state: CardState | None, release: Release) -> None:
    found = None if state is None else state.token
    if state is None or found != release.token:
        raise _conflict(release.card, f"its token is {found}, not {release.token}", expected=release.token, found=found)
    state.owner, state.until = None, 0.0


def _conflict(card: str, what: str, *, expected: object, found: object) -> StoreConflictError:
    return StoreConflictError(
        f"card {card!r} is not as expected: {what}; read it again", card=card, expected=expected, found=found
    )
