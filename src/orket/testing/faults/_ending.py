"""How a case ends: effects that wait are settled by who knows, and boards are compared by what matters."""

from orket._flow import UnsettledEffect
from orket._orchestrator import Orchestrator
from orket.cards import Issue
from orket.testing.fakes import EffectLedger


async def settle_by(ledger: EffectLedger, orchestrator: Orchestrator, effect: UnsettledEffect) -> None:
    """Say what became of an effect, as a person does who has looked: the ledger knows."""
    ran = any(it.key == effect.key for it in ledger.effects)
    output = f"written by {effect.tool}" if ran else ""
    await orchestrator.settle(effect, ran=ran, actor="harness", output=output, reason="so the ledger says")


def line_of(issue: Issue) -> list[object]:
    """Return what must be the same however often a crew was stopped; ids and versions tell how it went."""
    return [issue.name, issue.status, issue.wait_reason, issue.seat, issue.priority, issue.retry_count]
