"""Stores that grant what they should refuse, or refuse what they should grant."""

import math
from typing import Any

import anyio.lowlevel
from attrs import evolve

from mutants.store._twin import Twin, before, broken, each_change, each_claim, on_board, refusing
from orket.contracts import Batch, CardChange, CardRow, Claim, Receipt
from orket.errors import StoreConflictError
from orket.stores._changes import CardState

NEVER = 1e18


def moved(change: CardChange, version: int) -> CardChange:
    """Return a change that expects another version."""
    return evolve(change, expected=version, issue=evolve(change.issue, version=version + 1))


def accepts_old(state: CardState, change: CardChange, _: Batch) -> CardChange:
    return moved(change, state.version) if 0 < change.expected == state.version - 2 else change


def overwrites(state: CardState, change: CardChange, _: Batch) -> CardChange:
    return moved(change, state.version) if change.expected == 0 < state.version else change


def adds_instead(state: CardState, change: CardChange, batch: Batch) -> CardChange:
    return moved(change, 0) if state.version == 0 < change.expected and len(batch.changes) == 1 else change


class SaysNothing(Twin):
    async def commit(self, batch: Batch, /) -> Receipt:
        try:
            return await super().commit(batch)
        except StoreConflictError as conflict:
            raise StoreConflictError("conflict", card=conflict.card) from None


class ChecksFirst(Twin):
    """Checks a version, and waits before it writes."""

    async def commit(self, batch: Batch, /) -> Receipt:
        if len(batch.changes) == 1 and not batch.records and not batch.claims and batch.changes[0].token is None:
            (change,) = batch.changes
            if change.expected == self.state(batch, change.issue.id).version == change.issue.version - 1:
                await anyio.lowlevel.checkpoint()
                batch = evolve(batch, changes=(moved(change, self.state(batch, change.issue.id).version),))
        return await super().commit(batch)


class ClaimsFirst(Twin):
    """Looks whether a card is free, and waits before it takes it."""

    async def commit(self, batch: Batch, /) -> Receipt:
        if len(batch.claims) == 1 and not batch.records and not self.knows(batch):
            (claim,) = batch.claims
            state = self.state(batch, claim.card)
            if claim.token is None and state.version and state.owner is None:
                await anyio.lowlevel.checkpoint()
                batch = evolve(batch, claims=(evolve(claim, now=NEVER),))
        return await super().commit(batch)


def is_own_and_live(store: Twin, batch: Batch) -> bool:
    """Return whether a claim is taken again, later than it was taken."""
    for claim in batch.claims:
        state, key = store.state(batch, claim.card), (batch.build, claim.card)
        if state.owner != claim.owner or claim.now >= state.until:
            store.core.notes[key] = claim.now
        elif claim.token is None and claim.now > store.core.notes[key]:
            return True
    return False


def skips_a_token(state: CardState, claim: Claim, _: Batch) -> Claim:
    if claim.token is None and state.owner not in (None, claim.owner) and state.until <= claim.now:
        state.token += 1
    return claim


class FirstTokenOnly(Twin):
    async def commit(self, batch: Batch, /) -> Receipt:
        receipt = await super().commit(batch)
        return evolve(receipt, tokens=dict(list(receipt.tokens.items())[:1]))


def never_shortens(state: CardState, claim: Claim, _: Batch) -> Claim:
    return claim if claim.token is None else evolve(claim, until=max(claim.until, state.until))


def renews_by_name(state: CardState, claim: Claim, _: Batch) -> Claim:
    late = claim.token is not None and claim.token < state.token and claim.owner == state.owner
    return evolve(claim, token=state.token) if late else claim


def revives(state: CardState, claim: Claim, _: Batch) -> Claim:
    if claim.token is not None and claim.token == state.token and state.owner is None:
        state.owner = claim.owner
    return claim


def passes_old_tokens(state: CardState, change: CardChange, _: Batch) -> CardChange:
    return evolve(change, token=state.token) if change.token is not None and change.token < state.token else change


def ends_early(state: CardState, change: CardChange, batch: Batch) -> CardChange:
    free = change.token is None and state.owner is not None and batch.at >= state.until - 1
    return evolve(change, token=state.token) if free else change


def is_over(store: Twin, batch: Batch) -> bool:
    states = [store.state(batch, it.issue.id) for it in batch.changes if it.token is None]
    return any(state.owner is not None and state.until <= batch.at for state in states)


def rests_on_own_claim(_: Twin, batch: Batch) -> bool:
    claimed = {it.card for it in batch.claims}
    return any(it.token is None and it.issue.id in claimed for it in batch.changes)


def is_held_elsewhere(store: Twin, batch: Batch) -> bool:
    return any(
        card == claim.card and build != batch.build and state.owner not in (None, claim.owner)
        for claim in batch.claims
        for (build, card), state in store.core._cards.items()
    )


def is_kept_after_release(store: Twin, batch: Batch) -> bool:
    notes: dict[Any, Any] = store.core.notes
    for release in batch.releases:
        state = store.state(batch, release.card)
        if state.until - batch.at > 1000:
            notes[batch.build, release.card] = state.owner, state.until
    for claim in batch.claims:
        owner, until = notes.get((batch.build, claim.card), (claim.owner, 0.0))
        if owner != claim.owner and claim.now < until:
            return True
    return False


def drops_claims(store: Twin, batch: Batch) -> Batch:
    if batch.changes:
        return batch
    there = [it for it in batch.claims if store.state(batch, it.card).version or math.isnan(it.until)]
    return evolve(batch, claims=tuple(there))


def releases_by_name(store: Twin, batch: Batch) -> Batch:
    last = [min(it.token + 1, max(it.token, store.state(batch, it.card).token)) for it in batch.releases]
    releases = [evolve(it, token=token) for it, token in zip(batch.releases, last, strict=True)]
    return evolve(batch, releases=tuple(releases))


def remembers_ends(rows: tuple[CardRow, ...]) -> list[CardRow]:
    return [evolve(it, until=20.0) if it.owner is None and it.token else it for it in rows]


MUTANTS = (
    broken(
        "20",
        each_change(lambda _, it, __: evolve(it, issue=evolve(it.issue, requirements="")) if it.expected else it),
        "drops a field when a card is changed",
    ),
    broken("21", each_change(accepts_old), "lets a change through that is two versions late"),
    broken("22", each_change(overwrites), "replaces a card that is added again"),
    broken("23", each_change(adds_instead), "adds a card that is to be changed"),
    broken("24", SaysNothing, "keeps to itself what it found"),
    broken(
        "25",
        each_change(lambda _, it, __: moved(it, it.expected) if it.expected else it),
        "gives a card its next version by itself",
    ),
    broken("26", ChecksFirst, "waits between the check and the write"),
    broken(
        "27", on_board(lambda rows: [evolve(it, until=round(it.until, 2)) for it in rows]), "rounds the end of claims"
    ),
    broken(
        "28",
        each_claim(lambda _, it, __: evolve(it, now=math.ceil(it.now)) if it.token is None else it),
        "compares whole seconds",
    ),
    broken(
        "29",
        each_claim(lambda _, it, __: evolve(it, now=it.now - 0.001) if it.token is None else it),
        "lets a claim live at its end",
    ),
    broken("30", refusing(is_own_and_live), "keeps a holder from taking again"),
    broken("31", each_claim(skips_a_token), "counts a takeover twice"),
    broken("32", FirstTokenOnly, "returns one token of several"),
    broken("33", each_claim(never_shortens), "never moves the end of a claim back"),
    broken("34", each_claim(renews_by_name), "lets the owner renew with any token"),
    broken("35", each_claim(revives), "renews a claim that was given back"),
    broken(
        "36",
        each_claim(lambda _, it, __: it if it.token is None else evolve(it, version=None)),
        "ignores the version when a claim is renewed",
    ),
    broken("37", before(drops_claims), "passes over claims on what is not there"),
    broken(
        "38",
        refusing(lambda store, it: any(c.token and store.state(it, c.issue.id).version >= 3 for c in it.changes)),
        "lets a token serve twice only",
    ),
    broken("39", each_change(passes_old_tokens), "takes any token that was ever given"),
    broken("40", each_change(ends_early), "counts a claim as over a second early"),
    broken("41", refusing(is_over), "asks for a token although the claim is over"),
    broken("42", refusing(rests_on_own_claim), "applies changes before claims"),
    broken(
        "43",
        refusing(lambda _, it: it.releases and len({c.issue.id for c in it.changes}) < len(it.changes)),
        "refuses two changes of a card in one batch",
    ),
    broken("44", ClaimsFirst, "waits between the look and the claim"),
    broken("45", refusing(is_held_elsewhere), "looks for claims in all builds"),
    broken("46", refusing(is_kept_after_release), "keeps a long claim for its owner although it was given back"),
    broken("47", on_board(remembers_ends), "shows when a claim would have ended that was given back"),
    broken("48", before(releases_by_name), "gives back by the token before"),
)
