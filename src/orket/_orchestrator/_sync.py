"""run_sync: for hosts without an event loop."""

from contextlib import suppress

import anyio
import anyio.lowlevel

from orket._orchestrator._arguments import check, check_backend
from orket._orchestrator._face import Orchestrator
from orket._pipeline import RunResult
from orket.errors import RunError


def run_sync(
    orchestrator: Orchestrator,
    card: str,
    *,
    department: str = "core",
    build: str | None = None,
    run_id: str | None = None,
    target_issue_id: str | None = None,
    backend: str = "asyncio",
) -> RunResult:
    """Open *orchestrator*, run *card*, close it; for hosts without an event loop.

    Args:
        orchestrator: not open yet.
        card: the name of a rock, epic or issue.
        department: whose assets define it.
        build: the board to work on; None for the stock id.
        run_id: the run's id; None for a new one.
        target_issue_id: of an epic, the only issue that takes turns.
        backend: ``"asyncio"`` or ``"trio"``.

    Raises:
        RunError: an event loop runs in this thread already; await ``run_card`` there.
        WiringError: there is no such backend here.
        OrketError: as :meth:`Orchestrator.run_epic`.
    """
    check_backend(backend)
    check("orchestrator", orchestrator, is_valid=isinstance(orchestrator, Orchestrator), valid="an Orchestrator")
    with suppress(RuntimeError):  # there is none: good
        anyio.lowlevel.current_token()
        raise RunError("an event loop runs in this thread: open the orchestrator there and await run_card(...)")

    async def work() -> RunResult:
        async with orchestrator:
            return await orchestrator.run_card(
                card, department=department, build=build, run_id=run_id, target_issue_id=target_issue_id
            )

    return anyio.run(work, backend=backend)
