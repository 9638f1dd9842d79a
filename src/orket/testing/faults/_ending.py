"""How a case ends: effects that wait are settled by who knows, and boards are compared by what matters."""

from orket._orchestrator import Orchestrator
from orket.cards import Issue
from orket.testing.fakes import EffectLedger


async def settle_all(orchestrator: Orchestrator, ledger: EffectLedger) -> int:
    """Say what became of every effect that waits for it, as a person does who has looked: the ledger knows."""
    waiting = await orchestrator.unsettled()
    for effect in waiting:
        ran = any(it.key == effect.key for it in ledger.effects)
        output = f"written by {effect.tool}" if ran else ""
        await orchestrator.settle(effect, ran=ran, actor="harness", output=output, reason="so the ledger says")
    return len(waiting)


def line_of(issue: Issue) -> list[object]:
    """Return what must be the same however often a crew was stopped; ids and versions tell how it went."""
    return [issue.name, issue.status, issue.wait_reason, issue.seat, issue.priority, issue.retry_count]
