"""Kernels, stores and nodes that do not survive a storm, each wrong in one way that simulations must find."""

import time
from pathlib import Path
from types import MappingProxyType
from typing import Any

import attrs
import pytest

import orket
from orket._board import Board
from orket._flow import _converse, _recorded
from orket._flow._turn import Turn
from orket._pipeline import ExecutionPipeline
from orket.contracts import Batch, Plan, PlanQuestion, Receipt, ToolResult
from orket.events import EffectIntended
from orket.nodes.planner import DefaultPlannerNode
from orket.stores import _ledger
from orket.testing import EffectLedger
from orket.testing.simulation import random_crew


def without_fencing(patch: pytest.MonkeyPatch) -> None:
    """A store that lets who has lost a card write on."""
    claim, change = _ledger._claim, _ledger._change

    def forgiving_claim(state: Any, wanted: Any) -> int:
        if state is not None and wanted.token is not None:
            state.owner, state.until = wanted.owner, wanted.until
            return state.token
        return claim(state, wanted)

    def forgiving_change(state: Any, wanted: Any, at: float, *, claimed: bool) -> Any:
        return change(state, attrs.evolve(wanted, token=None if state is None else state.token), at, claimed=claimed)

    patch.setattr(_ledger, "_claim", forgiving_claim)
    patch.setattr(_ledger, "_change", forgiving_change)


def without_leases(patch: pytest.MonkeyPatch) -> None:
    """A store that gives away cards that somebody holds."""
    claim = _ledger._claim
    patch.setattr(
        _ledger, "_claim", lambda state, wanted: claim(state, attrs.evolve(wanted, now=wanted.now + 1_000_000.0))
    )


def with_lost_wake_up(patch: pytest.MonkeyPatch) -> None:
    """A pipeline that is not woken when the claim of another one expires."""

    async def sleep(self: Any) -> None:
        await self._context.clock.sleep(self._context.limits.lease)

    patch.setattr(ExecutionPipeline, "_await_others", sleep)


def without_intents(patch: pytest.MonkeyPatch) -> None:
    """A flow that acts before its intent is on record."""
    commit = Turn.commit

    async def lazy(self: Turn, **how: Any) -> None:
        last = self.records[-1] if self.records else None
        if how or not isinstance(last, EffectIntended):
            await commit(self, **how)

    patch.setattr(Turn, "commit", lazy)


def with_reruns(patch: pytest.MonkeyPatch) -> None:
    """A flow that runs an effect again of which it has no result."""

    async def take_up(turn: Turn, index: int, call: Any, *, allowed: bool) -> ToolResult | None:
        assert turn.recorded is not None
        intent = turn.recorded.intents.get((turn.rounds, index))
        known = turn.recorded.outputs.get(intent.key) if intent else None
        return ToolResult(ok=known[0], output=known[1]) if known else None

    patch.setattr(_converse, "take_up", take_up)


def with_forgotten_results(patch: pytest.MonkeyPatch) -> None:
    """A flow that does not know, of a turn that it takes up, which effects have a result."""
    assemble = _recorded._assemble
    patch.setattr(_recorded, "_assemble", lambda *parts: attrs.evolve(assemble(*parts), outputs={}))


def with_silent_waits(patch: pytest.MonkeyPatch) -> None:
    """A board that does not say why a card waits for another one."""
    wait_of = Board.wait_of

    def silent(self: Board, issue: orket.Issue) -> Any:
        wait = wait_of(self, issue)
        return None if wait is not None and wait[0] is orket.WaitReason.DEPENDENCY else wait

    patch.setattr(Board, "wait_of", silent)


def with_real_clock(patch: pytest.MonkeyPatch) -> None:
    """A node that looks at the machine's clock."""
    plan = DefaultPlannerNode.plan

    def timed(self: DefaultPlannerNode, question: PlanQuestion) -> Plan:
        return attrs.evolve(plan(self, question), reason=f"at {time.perf_counter()}")

    patch.setattr(DefaultPlannerNode, "plan", timed)


def with_order_of_memory(patch: pytest.MonkeyPatch) -> None:
    """A node whose order is that of places in memory."""
    plan = DefaultPlannerNode.plan

    def jumbled(self: DefaultPlannerNode, question: PlanQuestion) -> Plan:
        ready = sorted(question.ready, key=lambda issue: id(issue) >> 4 & 0xFFF)
        return plan(self, attrs.evolve(question, ready=tuple(ready)))

    patch.setattr(DefaultPlannerNode, "plan", jumbled)


def with_amnesia(patch: pytest.MonkeyPatch) -> None:
    """A store that says that it keeps what a run ends with, and does not."""
    commit = orket.MemoryStore.commit

    async def forget(self: orket.MemoryStore, batch: Batch) -> Receipt:
        if not batch.op_id.endswith("::finished"):
            return await commit(self, batch)
        return Receipt(first_seq=self._link.seq + 1, last_seq=self._link.seq + len(batch.records), tokens={})

    patch.setattr(orket.MemoryStore, "commit", forget)


def with_blind_groups(patch: pytest.MonkeyPatch) -> None:
    """A store whose batches of one transaction do not see each other's cards."""

    settle = _ledger.Ledger._settle

    def blind(self: _ledger.Ledger, batch: Any) -> Any:
        seen, self.cards = self.cards, {}
        try:
            return settle(self, batch)
        finally:
            self.cards = seen

    patch.setattr(_ledger.Ledger, "_settle", blind)


def with_false_alarms(patch: pytest.MonkeyPatch) -> None:
    """A flow that says that the store is too slow where it is not."""

    async def hold_on(self: Turn) -> None:
        raise orket.StoreError(f"the claim of {self.issue.id} ran out while the store renewed it", advice="wait")

    patch.setattr(Turn, "hold_on", hold_on)


class HashedPlanner:
    """A planner whose order is that of a set of texts: another one in each process."""

    contract_version = 1

    def plan(self, question: PlanQuestion, /) -> Plan:
        """Choose."""
        names = {issue.id for issue in (*question.review, *question.ready)}
        return Plan(issue_ids=tuple(list(names)[: question.slots]), reason="any")


def hashed(folder: Path, ledger: EffectLedger, *, seed: int) -> orket.Orchestrator:
    """Return a crew whose planner depends on the order of a set."""
    return attrs.evolve(random_crew(folder, ledger, seed=seed), nodes={"planner": HashedPlanner()})


def hasty(folder: Path, ledger: EffectLedger, *, seed: int) -> orket.Orchestrator:
    """Return a crew whose claims last no longer than its store often takes."""
    return attrs.evolve(random_crew(folder, ledger, seed=seed), limits=orket.Limits(lease=0.3))


SPOILED = MappingProxyType(  # by name: what spoils it, what is said of it then, and in which store
    {
        "no fencing": (without_fencing, r"lost|last one", "memory"),
        "no leases": (without_leases, r"while .* had it", "memory"),
        "a lost wake-up": (with_lost_wake_up, r"stuck", "memory"),
        "an effect without an intent": (without_intents, r"no intent of it is on record|happened more often", "memory"),
        "an effect that runs again": (with_reruns, r"happened more often|second result", "memory"),
        "a result that is forgotten": (with_forgotten_results, r"happened more often|second result|waits", "memory"),
        "a wait without a reason": (with_silent_waits, r"explained|wait reason is None", "memory"),
        "a real clock": (with_real_clock, r"another one the second time", "memory"),
        "a store that forgets": (with_amnesia, r"was acknowledged", "memory"),
        "batches that do not see each other": (with_blind_groups, r"the board says|not its|stuck", "sqlite"),
        "a false alarm": (with_false_alarms, r"no fault of the world: the claim of", "memory"),
        "an order of memory": (with_order_of_memory, r"the second time", "memory"),
    }
)
