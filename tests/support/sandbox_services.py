"""Sandbox services as tests make them."""

from collections.abc import Callable
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import Any

from orket._wiring import Binding
from orket.contracts import Batch, Issue, RunRow, Store
from orket.events import Record, SandboxMoved
from orket.nodes.sandbox_policy import DefaultSandboxPolicyNode
from orket.sandbox import SandboxLimits, SandboxOrchestrator


def entropy_of(seed: str) -> Callable[[int], bytes]:
    """Return bytes that look random, and are the same for the same seed."""
    numbers = count()
    return lambda size: sha256(f"{seed}{next(numbers)}".encode()).digest()[:size]


def make_service(store: Store, engine: Any, clock: Any, workspace: Path, **options: Any) -> SandboxOrchestrator:
    """Return a service over docker-compose."""
    node = options.pop("policy", DefaultSandboxPolicyNode)()
    policy = Binding(kind="sandbox_policy", name="test", node=node, distribution="host", version="", source="host")
    options.setdefault("entropy", entropy_of("service"))
    options.setdefault("command", ("docker-compose",))
    options.setdefault("limits", SandboxLimits(query=5, build=50, start=20, poll=1))
    options.setdefault("folder", workspace.parent / "sandboxes")
    return SandboxOrchestrator(store=store, policy=policy, runner=engine, workspace=workspace, clock=clock, **options)


def make_product(workspace: Path) -> Path:
    """Make a workspace with a product that the stock policy can build, and return it."""
    for part in ("backend", "frontend"):
        folder = workspace / "agent_output" / part
        folder.mkdir(parents=True)
        (folder / "Dockerfile").write_text("FROM scratch\n", "utf-8")
    return workspace


async def path_of(store: Store) -> list[str]:
    """Return the states that sandboxes came through, in the order of the journal."""
    return [entry.record.after async for entry in store.events() if isinstance(entry.record, SandboxMoved)]


async def put(
    store: Store, *records: Record, card: str | None = None, row: RunRow | None = None, changes: Any = ()
) -> None:
    """Write something as a run does: as the one of *row*, or as some run of build ``b``."""
    run, build = (row.id, row.build) if row else ("r", "b")
    op = f"test-{run}-{len([entry async for entry in store.events()])}"
    await store.commit(
        Batch(
            op_id=op,
            run=run,
            build=build,
            at=0.0,
            card=card,
            records=records,
            run_row=row,
            changes=changes,
        )
    )


def issue_of(name: str = "ISSUE-1", **fields: Any) -> Issue:
    """Return an issue of the build that :func:`put` writes to."""
    return Issue(id=name, name="x", seat="coder", build="b", **fields)
