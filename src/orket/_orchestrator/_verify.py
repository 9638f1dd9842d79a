"""Run an issue's fixture because the host asks, outside any turn."""

from orket._orchestrator._engine import Engine
from orket._orchestrator._operator import find_card
from orket.cards import VerificationResult
from orket.contracts import Batch
from orket.errors import VerificationError
from orket.events import VerificationRecorded


async def verify_issue(engine: Engine, issue_id: str, build: str | None) -> VerificationResult:
    """Run the fixture of an issue and record the result; the card itself does not change.

    Raises:
        UnknownCardError: no board has such an issue.
        RunError: several boards have one.
        VerificationError: the issue has no fixture, there is no verifier, or the fixture cannot be run.
    """
    home, issue = await find_card(engine, issue_id, build)
    wanted = issue.verification
    if wanted is None or not wanted.proves:
        raise VerificationError(f"issue {issue_id!r} has no verification fixture", card=issue_id)
    result = await engine.services.prover.prove(issue, engine.workspace)
    token = engine.token(8)
    await engine.store.commit(
        Batch(
            op_id=f"verify:{home}:{issue_id}:{token}",
            run=f"verify-{token}",
            build=home,
            at=engine.clock.now(),
            card=issue_id,
            records=(VerificationRecorded(result=result),),
        )
    )
    return result
