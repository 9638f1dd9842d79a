"""How a sandbox is built and taken away: each step on record before it is taken, and again when it is done.

Whoever takes a step holds the lock of the sandbox, which ends with its process. So what is on record as under way while
nobody holds the lock was left behind, and may be mended.
"""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import anyio.to_thread
from attrs import define

from orket.contracts import Clock, CommandResult, SandboxPorts
from orket.errors import SandboxError
from orket.sandbox._engine import Engine, is_port_taken, tail
from orket.sandbox._folder import SandboxFolder
from orket.sandbox._health import Container, Verdict, judge
from orket.sandbox._plan import Blueprint, Plan, Planner
from orket.sandbox._ports import PortRanges, Reservation, reserve
from orket.sandbox._record import SandboxRecord
from orket.sandbox._states import Sandbox, SandboxState, move

_TRIES: Final = 8  # sets of ports that are tried
_WAIT: Final = 0.25  # seconds between two looks at a lock
_LINES: Final = 20  # of each container's log, where it did not become well


@define(kw_only=True, eq=False)
class Builder:
    """Builds the sandboxes of one store."""

    record: SandboxRecord
    planner: Planner
    folder: SandboxFolder
    engine: Engine
    clock: Clock
    ranges: PortRanges

    @asynccontextmanager
    async def holding(self, sandbox: str) -> AsyncIterator[None]:
        """Hold the lock of a sandbox; wait for whoever has it."""
        while (lock := self.folder.lock(sandbox)) is None:  # no thread: a lock that nobody is told of would stay
            await self.clock.sleep(_WAIT)
        try:
            yield
        finally:
            os.close(lock)

    async def swap(self, before: Sandbox, state: SandboxState, detail: str = "", **changes: Any) -> Sandbox:
        """Bring a sandbox into a state on record, also where a look at its health has moved it meanwhile.

        Raises:
            SandboxError: it cannot come there any more.
        """
        now: Sandbox | None = before
        while now is not None:
            after = await self.record.swap(now, move(now, state, self.clock.now(), detail, **changes))
            if after is not None:
                return after
            now = await self.record.load(before.id)
        raise SandboxError(f"sandbox {before.id} is not on record any more", sandbox=before.id)

    async def build(self, plan: Plan, before: Sandbox | None) -> Sandbox:
        """Build a sandbox of which nothing is there, and return it when it runs.

        Raises:
            SandboxError: it does not run; what is left of it is on record as unhealthy, or removed.
        """
        others = [one for one in await self.record.all() if one.is_live and one.id != plan.id]
        avoid = {port for one in others for port in _of(one.ports)}
        now, prefer = before, before.ports if before else None
        for _ in range(_TRIES):
            reservation = Reservation()
            try:
                asked = (reservation, self.ranges, plan.stack, frozenset(avoid), prefer)
                ports = await anyio.to_thread.run_sync(reserve, *asked)
                drawn = await self.planner.draw(plan, ports, self.engine.owner)
                now = await self._begin(plan, drawn, ports, now)
                result = await self._raise_up(plan.id, drawn)
            except SandboxError as error:
                if now is before:  # nothing was begun
                    raise
                raise await self._give_up(now, error.message) from error
            finally:
                reservation.release()
            failed = result.returncode != 0 or result.timed_out
            if is_port_taken(result) and not failed:  # podman-compose does not say by its code that it failed
                failed = not (await self.look(now)).may_become
            if not failed:
                return await self._become_well(now, drawn.password, result)
            if not is_port_taken(result):
                why = "ran out of time" if result.timed_out else f"failed ({result.returncode})"
                raise await self._give_up(now, f"building it {why}: {tail(result)}")
            avoid |= set(_of(ports))  # which of them was taken, dialects do not say alike
            await self.engine.remove(plan.id)
        raise await self._give_up(now, f"other programs took its ports {_TRIES} times")

    async def _raise_up(self, sandbox: str, drawn: Blueprint) -> CommandResult:
        await anyio.to_thread.run_sync(self.folder.write, sandbox, drawn.file.text)
        return await self.engine.hiding(drawn.password).up(drawn.project, self.folder.file(sandbox))

    async def _begin(self, plan: Plan, drawn: Blueprint, ports: SandboxPorts, before: Sandbox | None) -> Sandbox:
        now = self.clock.now()
        after = Sandbox(
            id=plan.id,
            card=plan.card,
            project=drawn.project,
            stack=plan.stack,
            product=str(plan.product),
            ports=ports,
            services=drawn.file.services,
            published=drawn.file.published,
            state=SandboxState.CREATING,
            created_at=now,
            changed_at=now,
            key=plan.key,
        )
        written = await self.record.swap(before, after)
        if written is None:
            raise SandboxError(f"somebody else changed sandbox {plan.id} meanwhile", sandbox=plan.id, retryable=True)
        return written

    async def _become_well(self, sandbox: Sandbox, secret: str, result: CommandResult) -> Sandbox:
        deadline = self.clock.now() + self.engine.limits.start
        while True:
            verdict = await self.look(sandbox)
            if verdict.state is SandboxState.RUNNING:
                return await self.swap(sandbox, SandboxState.RUNNING)
            if not verdict.may_become or self.clock.now() >= deadline:
                break
            await self.clock.sleep(self.engine.limits.poll)
        after = await self.swap(sandbox, verdict.state, verdict.detail)
        said = await self._said(await self.engine.containers(after.id), secret, _LINES) or tail(result)
        raise SandboxError(
            f"sandbox {after.id} does not become well: {verdict.detail}; it is left to look at, or to delete\n{said}",
            sandbox=after.id,
        )

    async def _give_up(self, sandbox: Sandbox | None, why: str) -> SandboxError:
        """Remove what is there of a sandbox that cannot be built, and return the error that says so."""
        name = sandbox.id if sandbox else ""
        error = SandboxError(f"sandbox {name} cannot be built: {why}", sandbox=name)
        if sandbox is not None:
            try:
                await self.remove(sandbox, why)
            except SandboxError as second:
                error = SandboxError(
                    f"{error.message}\nand not be removed: {second.message}", sandbox=name, retryable=second.retryable
                )
        return error

    async def look(self, sandbox: Sandbox) -> Verdict:
        """Return where a sandbox stands, as the engine has it."""
        return judge(sandbox.services, await self.engine.containers(sandbox.id))

    async def logs(self, sandbox: Sandbox, lines: int, service: str | None = None) -> str:
        """Return the last lines of each container, without the password.

        Raises:
            SandboxError: the engine does not answer, or the compose file is gone, which holds the password.
        """
        containers = await self.engine.containers(sandbox.id)
        # The password is read after them: were it read before, somebody might build the sandbox anew in between, and
        # what the new containers say would be searched for the old password.
        secret = await anyio.to_thread.run_sync(self.folder.secret, sandbox.id)
        if secret is None:
            raise SandboxError(
                f"the logs of sandbox {sandbox.id} cannot be shown: its compose file is gone, which holds the password "
                "that must not be in them; look at them with the engine itself",
                sandbox=sandbox.id,
            )
        wanted = [one for one in containers if service is None or one.service == service]
        return await self._said(wanted, secret, lines)

    async def _said(self, containers: Sequence[Container], secret: str, lines: int) -> str:
        engine = self.engine.hiding(secret)
        shown = sorted(containers, key=lambda it: it.service)
        return "".join([f"== {one.service}\n{await engine.logs(one, lines)}" for one in shown])

    async def remove(self, sandbox: Sandbox, why: str) -> Sandbox:
        """Take away everything of a sandbox.

        Raises:
            SandboxError: something is still there; the record says that it is to go.
        """
        if sandbox.state is SandboxState.DELETED:
            return sandbox
        if not sandbox.doomed or sandbox.state not in (SandboxState.STOPPING, SandboxState.STOPPED):
            sandbox = await self.swap(sandbox, SandboxState.STOPPING, why, doomed=True)
        if sandbox.state is SandboxState.STOPPING:
            await self.engine.stop(sandbox.id)
            sandbox = await self.swap(sandbox, SandboxState.STOPPED, why)
        await self.clear(sandbox.id)
        return await self.swap(sandbox, SandboxState.DELETED, why, doomed=False)

    async def clear(self, sandbox: str) -> None:
        """Remove what engine and folder have of a sandbox."""
        await self.engine.remove(sandbox)
        await anyio.to_thread.run_sync(self.folder.remove, sandbox)

    async def refresh(self, sandbox: Sandbox) -> Sandbox:
        """Put on record where a sandbox stands that nobody is working on."""
        while sandbox.is_live and not sandbox.doomed and sandbox.state is not SandboxState.CREATING:
            verdict = await self.look(sandbox)
            if (verdict.state, verdict.detail) == (sandbox.state, sandbox.detail):
                break
            after = move(sandbox, verdict.state, self.clock.now(), verdict.detail)
            if (written := await self.record.swap(sandbox, after)) is not None:
                return written
            sandbox = await self.record.load(sandbox.id) or sandbox
        return sandbox


def _of(ports: SandboxPorts) -> tuple[int, ...]:
    return tuple(port for port in (ports.api, ports.frontend, ports.database, ports.admin) if port is not None)
