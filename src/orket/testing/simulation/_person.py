"""A person beside the crews: meddles while there is a storm, and clears up after it."""

from typing import Final

import anyio
from attrs import define

from orket._flow import UnsettledEffect
from orket._orchestrator import Orchestrator
from orket.cards import CardStatus
from orket.errors import EffectUnknownError, OrketError, RunError, StoreConflictError, TransitionError, UnknownCardError
from orket.testing.simulation._threads import MACHINE
from orket.testing.simulation._world import SimulatedStoreError, World

_REFUSALS: Final = (TransitionError, EffectUnknownError, StoreConflictError, UnknownCardError, SimulatedStoreError)
_WAITING: Final = frozenset({CardStatus.BLOCKED, CardStatus.WAITING_FOR_DEVELOPER})


@define(eq=False)
class Person:
    """Acts on cards through whatever orchestrator is open, and never says of an effect what is not so."""

    world: World

    async def meddle(self) -> None:
        """Act now and then, as long as there is a storm."""
        MACHINE.set(self.world)
        world, chance = self.world, self.world.chance("person")
        while world.weather.person:
            await anyio.sleep(chance.around(world.weather.person))
            opened = [process for process in self.world.processes if process.orchestrator is not None]
            if not opened:
                continue
            process = chance.choice(opened)
            orchestrator = process.orchestrator
            assert orchestrator is not None
            try:
                said = await self._act(orchestrator)
                world.note("person", said)
                world.counts["act of a person"] += 1
            except _REFUSALS as error:
                world.note("person", f"is refused: {type(error).__name__}: {error}")
            except OrketError as error:
                if not process.is_dead and process.orchestrator is orchestrator:
                    world.accuse(f"a person was refused for no good reason: {type(error).__name__}: {error}")

    async def _act(self, orchestrator: Orchestrator) -> str:
        chance = self.world.chance("person")
        cards = [issue for view in (await orchestrator.board()).builds for issue in view.issues]
        if not cards:
            return "finds no board"
        card = chance.choice(cards).id
        match chance.randrange(6):
            case 0:
                await orchestrator.reprioritize(card, chance.uniform(0, 5), actor="ann")
                return f"reprioritizes {card}"
            case 1 if chance.happens(0.2):
                await orchestrator.cancel(card, actor="ann", reason="not needed")
                return f"cancels {card}"
            case 2:
                await orchestrator.reopen(card, actor="ann", reason="not good enough")
                return f"reopens {card}"
            case 3:
                return await self.settle(orchestrator)
            case _:
                waiting = [one.id for one in cards if one.status in _WAITING] or [card]
                card = chance.choice(waiting)
                await orchestrator.unblock(card, actor="ann", reason="try again")
                return f"unblocks {card}"

    async def settle(self, orchestrator: Orchestrator) -> str:
        """Say of each effect of unknown outcome what the ledger says, unless it may still happen."""
        said = []
        for effect in await orchestrator.unsettled():
            ran = any(known.key == effect.key for known in self.world.ledger.effects)
            if not ran and self.world.may_happen(effect.key):
                continue
            said.append(await self._say(orchestrator, effect, ran=ran))
        return f"settles {', '.join(said) or 'nothing'}"

    async def _say(self, orchestrator: Orchestrator, effect: UnsettledEffect, *, ran: bool) -> str:
        output = f"written by {effect.tool}" if ran else ""
        try:
            await orchestrator.settle(effect, ran=ran, actor="ann", output=output, reason="so the ledger says")
        except RunError:
            return f"{effect.tool} on {effect.card}, too late"  # somebody else was faster
        return f"{effect.tool} on {effect.card}: it {'ran' if ran else 'did not run'}"

    async def clear_up(self, orchestrator: Orchestrator) -> None:
        """Settle and unblock all that waits; what a dead process's clock, ahead of others, still holds waits longer."""
        try:
            await self.settle(orchestrator)
        except StoreConflictError as error:
            self.world.note("person", f"cannot settle yet: {error}")
        cards = [(view.build, issue) for view in (await orchestrator.board()).builds for issue in view.issues]
        for build, issue in [one for one in cards if one[1].status in _WAITING]:
            try:
                await orchestrator.unblock(issue.id, build=build, actor="ann", reason="the storm is over")
            except (EffectUnknownError, TransitionError, StoreConflictError) as error:
                self.world.note("person", f"cannot unblock {issue.id}: {error}")
