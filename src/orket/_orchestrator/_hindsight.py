"""What a run would have decided with other nodes or rules."""

from collections import deque
from collections.abc import Mapping
from functools import partial

import anyio.to_thread
from attrs import evolve

from orket._codec import codec
from orket._orchestrator._engine import Engine
from orket._orchestrator._views import unknown_run
from orket._pipeline import EpicAssets
from orket._registry import DecisionNodeRegistry
from orket._replay import WhatIf, ask_again, together
from orket._wiring import Wiring
from orket.cards import Epic, JsonValue
from orket.errors import ConfigError, RunError
from orket.governance import ToolGate
from orket.organization import Dialect, Environment, Organization, Team


async def what_if(
    engine: Engine,
    registry: DecisionNodeRegistry,
    run_id: str,
    nodes: Wiring | Mapping[str, object],
    rules: ToolGate | None,
) -> WhatIf:
    """Ask every recorded question of a run, or of the runs of a rock, again.

    Args:
        engine: whose record is read.
        registry: where nodes are found.
        run_id: which run.
        nodes: who decides now.
        rules: the host's rules of the gate that judge now.

    Raises:
        RunError: there is no such run, or the record does not hold what it began with.
        WiringError: the nodes cannot be resolved.
        StoreError: the record cannot be read.
    """
    house = engine.house
    runs = await engine.store.runs()
    rows = [row for row in runs if run_id in (row.id, row.parent)]
    if not any(row.id == run_id for row in rows):
        raise unknown_run(run_id, runs)
    found = []
    for row in rows:
        snapshot = [one.body for one in await engine.store.find("snapshot", prefix=row.id) if one.key == row.id]
        if snapshot:  # a rock's own run decides nothing
            wiring = await anyio.to_thread.run_sync(partial(_resolve, engine, registry, nodes))
            context = engine.context(_assets(snapshot[0]), row.id, row.build)
            context = evolve(context, wiring=wiring, host_gate=rules)
            found.append(await ask_again(context, own=house.wiring, is_review=engine.is_review, environ=house.environ))
    return together(found)


def _resolve(engine: Engine, registry: DecisionNodeRegistry, nodes: Wiring | Mapping[str, object]) -> Wiring:
    """Return the nodes that decide now; new ones for every run."""
    house = engine.house
    if isinstance(nodes, Wiring):
        return Wiring(bindings={**house.wiring.bindings, **nodes.bindings})
    return registry.resolve(host=nodes, environ=house.environ, process_rules=house.organization.process_rules)


def _assets(snapshot: JsonValue) -> EpicAssets:
    """Return the assets as they were when the run began.

    Raises:
        RunError: the record does not hold all of them.
    """
    load = codec().load
    if gone := {"organization", "epic", "planned", "team", "environment", "dialects"} - snapshot.keys():
        raise RunError(f"what the run began with is not on record: {', '.join(sorted(gone))}")
    return EpicAssets(
        organization=load(snapshot["organization"], Organization),
        epic=load(snapshot["epic"], Epic),
        issues=deque(),
        planned=snapshot["planned"],
        team=load(snapshot["team"], Team),
        environment=load(snapshot["environment"], Environment),
        dialects={
            family: ConfigError(f"dialect {family!r} was broken then") if one is None else load(one, Dialect)
            for family, one in snapshot["dialects"]
        },
    )
