"""After a crash: what goes on, and what is taken away."""

import os
from collections.abc import Mapping

import anyio.to_thread
from attrs import frozen

from orket._value import Value
from orket.cards import EMPTY
from orket.errors import SandboxError
from orket.sandbox._builder import Builder
from orket.sandbox._states import Sandbox, SandboxState


@frozen(kw_only=True, repr=False, eq=False)
class Reconciled(Value):
    """What became of what an earlier life has left, by ids of sandboxes.

    ``adopted`` go on, as they stand now on record; ``removed`` are gone with all they had; ``busy`` were left alone,
    because somebody is working on them; ``failed`` says why something could not be seen to.
    """

    adopted: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    busy: tuple[str, ...] = ()
    failed: Mapping[str, str] = EMPTY


async def reconcile(builder: Builder) -> Reconciled:
    """See to every sandbox that is on record, or that engine or folder have something of.

    Raises:
        SandboxError: the engine does not answer.
    """
    adopted, removed, busy, failed = list[str](), list[str](), list[str](), dict[str, str]()
    labelled = await builder.engine.sandboxes()
    kept = await anyio.to_thread.run_sync(builder.folder.names)
    live = [one.id for one in await builder.record.all() if one.is_live]
    for name in sorted({*labelled, *kept, *live}):
        if (lock := builder.folder.lock(name)) is None:
            busy.append(name)
            continue
        try:
            (adopted if await _mend(builder, name) else removed).append(name)
        except SandboxError as error:
            failed[name] = error.message
        finally:
            os.close(lock)
    return Reconciled(adopted=tuple(adopted), removed=tuple(removed), busy=tuple(busy), failed=failed)


async def _mend(builder: Builder, name: str) -> bool:
    """See to one sandbox that nobody is working on, and return whether it goes on."""
    now = await builder.record.load(name)
    if now is None or not now.is_live:
        await builder.clear(name)
        return False
    if now.doomed:
        await builder.remove(now, now.detail)
        return False
    if now.state is SandboxState.CREATING:
        return await _finish(builder, now)
    await builder.refresh(now)
    return True


async def _finish(builder: Builder, now: Sandbox) -> bool:
    """Adopt a sandbox that was being built where all its containers run or begin to; else remove it."""
    verdict = await builder.look(now)
    if verdict.state is SandboxState.RUNNING or (verdict.may_become and verdict.state is SandboxState.UNHEALTHY):
        await builder.swap(now, verdict.state, verdict.detail)
        return True
    await builder.remove(now, f"left half built: {verdict.detail}")
    return False
