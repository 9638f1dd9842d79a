"""Effects of unknown outcome: how a person finds them, and says what became of one."""

from orket._board import is_running
from orket._codec import digest
from orket._flow import CardEffects, UnsettledEffect, effects_of, settle_effect, settling
from orket._orchestrator._arguments import check
from orket._orchestrator._builds import builds_of
from orket._orchestrator._engine import Engine
from orket._orchestrator._operator import check_person
from orket.cards import CardStatus, Issue
from orket.contracts import Batch, CardRow, Claim, Settlement
from orket.errors import RunError
from orket.events import EffectSettled
from orket.governance import Actor


async def unsettled(engine: Engine, build: str | None) -> tuple[UnsettledEffect, ...]:
    """Return all effects of unknown outcome, the oldest first."""
    found = [one for _, effects in await _open_effects(engine, build) for one in effects.unsettled.values()]
    return tuple(sorted(found, key=lambda one: one.since))


async def settle(
    engine: Engine, effect: UnsettledEffect | str, answer: Settlement, *, actor: str, reason: str
) -> Issue:
    """Record what became of an effect, and let its card go on; otherwise as ``Orchestrator.settle``."""
    check_person(actor, reason)
    check("ran", answer.ran, is_valid=isinstance(answer.ran, bool), valid="True or False")
    check("ok", answer.ok, is_valid=isinstance(answer.ok, bool), valid="True or False")
    check("output", answer.output, is_valid=isinstance(answer.output, str), valid="a text")
    if not answer.ran and (answer.output or not answer.ok):
        raise RunError("output and ok are the result of an effect that ran; this one did not")
    key = effect.key if isinstance(effect, UnsettledEffect) else effect
    known: list[str] = []
    build = effect.build if isinstance(effect, UnsettledEffect) else None
    for row, effects in await _open_effects(engine, build):
        if key in effects.unsettled:
            effects = await _read_alone(engine, row, effects.unsettled[key].build, actor)
            if key not in effects.unsettled:
                raise RunError(f"effect {key:.12} has got its result meanwhile; nothing is left to settle", key=key)
            return await _settle(engine, row, effects, key, answer, actor, reason)
        known += [f"{it.key} ({it.tool} on {it.card})" for it in effects.unsettled.values()]
    raise RunError(f"no effect {key!r:.80} waits to be settled; those that do: {', '.join(known) or 'none'}", key=key)


async def _read_alone(engine: Engine, row: CardRow, build: str, actor: str) -> CardEffects:
    """Read a card's effects when nobody can add to them any more.

    A turn whose claim has run out may still record a result: a claim that ends as it begins fences it out.

    Raises:
        StoreConflictError: a turn holds the card, or somebody else changed it meanwhile.
    """
    now, card = engine.clock.now(), row.issue.id
    claim = Claim(card=card, owner=actor, now=now, until=now, version=row.issue.version)
    op_id = f"operator:{build}:{card}:{engine.token(8)}"
    await engine.store.commit(Batch(op_id=op_id, run="operator", build=build, at=now, claims=(claim,)))
    return await effects_of(engine.store, build, card)


async def _settle(
    engine: Engine, row: CardRow, effects: CardEffects, key: str, answer: Settlement, actor: str, reason: str
) -> Issue:
    output = digest(answer.output) if answer.ran else ""
    batch = Batch(
        op_id=settling(key, effects),
        run="operator",
        build=effects.unsettled[key].build,
        at=engine.clock.now(),
        card=row.issue.id,
        payloads={output: answer.output} if answer.ran else None,
    )
    settled = EffectSettled(key=key, ran=answer.ran, by=actor, reason=reason, ok=answer.ok, output=output)
    return await settle_effect(engine.store, effects, row, batch, settled, Actor.OPERATOR)


async def _open_effects(engine: Engine, build: str | None) -> list[tuple[CardRow, CardEffects]]:
    """Return the cards that have effects of unknown outcome; what a turn works on now is not unknown yet."""
    store, now = engine.store, engine.clock.now()
    found: list[tuple[CardRow, CardEffects]] = []
    for home in await builds_of(store, build):
        for row in await store.load_board(home):
            if row.token == 0 or is_running(row, now) or row.issue.status is CardStatus.DONE:
                continue
            effects = await effects_of(store, home, row.issue.id)
            if effects.unsettled:
                found.append((row, effects))
    return found
