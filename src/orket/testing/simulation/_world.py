"""The world of one seed: its time, its trace, the store that all its processes share, and what is wrong with it."""

import json
from collections import Counter
from typing import Any, Final, Protocol

import anyio
import anyio.abc
from attrs import define, evolve, field

from orket._orchestrator import Orchestrator
from orket.contracts import Batch, Receipt, Store
from orket.errors import StoreError
from orket.testing.fakes import EffectLedger
from orket.testing.simulation._chance import Chance, Weather
from orket.testing.simulation._stores import Stores

EPOCH: Final = 1_000_000_000.0  # what all wall clocks show at first
_USUAL: Final = 0.01  # seconds of a thread's delay, about
_SLOW: Final = 100.0  # so much longer take slow calls


class SimulatedStoreError(StoreError):
    """A store failed because the weather is bad, and for no other reason."""


class Life(Protocol):
    """What the world knows of a process."""

    busy: int
    is_dead: bool
    is_over: bool
    intents: set[str]
    orchestrator: Orchestrator | None


@define(eq=False)
class World:
    """What is outside of all processes.

    Attributes:
        seed: It decides everything.
        weather: What it decides about faults.
        stores: Where processes find their store.
        ledger: What tools really did.
        group: Where things go on that no process waits for.
        calm: No further fault happens.
        busy: Functions on their way that belong to no process.
        trace: What happened, a line each.
        problems: What is wrong, a sentence each.
        counts: How often what happened.
    """

    seed: int
    weather: Weather
    stores: Stores
    ledger: EffectLedger
    group: anyio.abc.TaskGroup
    calm: bool = False
    busy: int = 0
    is_dead: bool = False
    trace: list[str] = field(factory=list)
    problems: list[str] = field(factory=list)
    counts: Counter[str] = field(factory=Counter)
    registry: "ClaimRegistry" = field(init=False)
    machines: list["Machine"] = field(factory=list)
    processes: list["Life"] = field(factory=list)
    under_way: Counter[str] = field(factory=Counter)  # keys of effects: calls that have not come back
    _disk: anyio.Lock = field(factory=anyio.Lock)
    _chances: dict[str, Chance] = field(factory=dict)

    def __attrs_post_init__(self) -> None:
        self.registry = ClaimRegistry(self.problems)

    def chance(self, name: str) -> Chance:
        """Return a stream of this seed."""
        if (known := self._chances.get(name)) is None:
            known = self._chances[name] = Chance(self.seed, name)
        return known

    def note(self, who: str, what: str) -> None:
        """Write a line of the trace."""
        self.trace.append(f"{anyio.current_time():12.4f}  {who:<8}  {what}")

    def accuse(self, what: str) -> None:
        """Note a problem."""
        self.note("!", what)
        self.problems.append(what)

    def fails(self, what: str, rate: float) -> bool:
        """Whether a fault happens now."""
        if self.calm or not self.chance(what).happens(rate):
            return False
        self.counts[what] += 1
        return True

    def delay(self, what: str, seconds: float) -> float:
        """Return how long a call takes, about *seconds*, and sometimes very much longer."""
        chance = self.chance(f"delay of {what}")
        slow = _SLOW if not self.calm and chance.happens(self.weather.slow) else 1.0
        return chance.around(seconds) * slow

    def may_happen(self, key: str) -> bool:
        """Return whether an effect that has not happened may still do so, by what was begun before.

        A process that lost its claim begins nothing more, if it can trust its clock.
        """
        alive = [process for process in self.processes if not process.is_dead]
        return bool(
            self.under_way[key]
            or self.busy
            or any(process.busy for process in alive)
            or (self.weather.jump and any(not process.is_over and key in process.intents for process in alive))
        )

    def thread_delay(self) -> float:
        """Return how long a worker thread takes to begin, or to be heard of."""
        return self.delay("threads", _USUAL)

    async def commit(self, store: Store, batch: Batch) -> Receipt:
        """Commit a batch that has arrived.

        In a store that all processes share, batches are written one after the other, and in this order they count.
        """
        if not self.stores.is_shared:
            return await store.commit(batch)
        async with self._disk:
            receipt = await store.commit(batch)
            self.registry.add(batch, receipt)
        return receipt


@define(eq=False)
class Machine:
    """Where one orchestrator after the other runs, by a wall clock of its own."""

    name: str
    ahead: float = 0.0  # seconds, of the world's time
    cut_until: float = 0.0  # by the world's time: till then it does not reach the store

    def jump(self, seconds: float) -> None:
        """Move the wall clock, forward or backward."""
        self.ahead += seconds

    async def reach(self) -> None:
        """Wait until the store can be reached."""
        await anyio.sleep(max(0.0, self.cut_until - anyio.current_time()))

    def cut(self, seconds: float) -> None:
        """Let it reach the store no more for a while."""
        self.cut_until = max(self.cut_until, anyio.current_time() + seconds)


@define
class _Hold:
    token: int = 0
    owner: str | None = None
    until: float = 0.0


@define(eq=False)
class ClaimRegistry:
    """Who holds which card, in the order in which batches were written: the law of claims, told once more.

    It knows nothing of what a store refuses, and so accuses it of what it does not.
    """

    problems: list[str]
    _holds: dict[tuple[str, str], _Hold] = field(factory=dict)
    _known: set[str] = field(factory=set)

    def add(self, batch: Batch, receipt: Receipt) -> None:
        """Take in a batch that was written."""
        if batch.op_id in self._known:
            return  # it was told again what it had been told before
        self._known.add(batch.op_id)
        for claim in batch.claims:
            hold = self._hold(batch, claim.card)
            before, token = evolve(hold), receipt.tokens[claim.card]
            if claim.token is None and token != before.token + 1:
                self.problems.append(f"{claim.card}: token {token} was granted after {before.token}")
            if claim.token is None and before.owner not in (None, claim.owner) and before.until > claim.now:
                self.problems.append(f"{claim.card}: {claim.owner} got it while {before.owner} had it")
            if claim.token is not None and (claim.token, claim.owner) != (before.token, before.owner):
                self.problems.append(f"{claim.card}: {claim.owner} renewed token {claim.token}, which it had lost")
            hold.token, hold.owner, hold.until = token, claim.owner, claim.until
        for change in batch.changes:
            token = self._hold(batch, change.issue.id).token
            if change.token not in (None, token):
                self.problems.append(f"{change.issue.id}: token {change.token} wrote, and {token} is the last one")
        for release in batch.releases:
            hold = self._hold(batch, release.card)
            if hold.token == release.token:
                hold.owner, hold.until = None, 0.0

    def _hold(self, batch: Batch, card: str) -> _Hold:
        return self._holds.setdefault((batch.build, card), _Hold())


def lines(parts: list[dict[str, Any]]) -> bytes:
    """Return JSON lines, the same for the same values."""
    return b"".join(json.dumps(part, sort_keys=True).encode() + b"\n" for part in parts)
