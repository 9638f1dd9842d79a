"""Ports of a process: what they stand for, with the delays and faults of the world."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final, Protocol, TypeVar

import anyio
import anyio.abc
import anyio.lowlevel
from attrs import define, field

from orket.cards import JsonValue
from orket.contracts import (
    Batch,
    EffectClass,
    ModelClient,
    ModelReply,
    ModelRequest,
    RawToolCall,
    Receipt,
    ReconcilingTool,
    Settlement,
    Store,
    Tool,
    ToolContext,
    ToolResult,
    ToolSpec,
)
from orket.errors import (
    EffectUnknownError,
    ModelConnectionError,
    ModelError,
    ModelReplyError,
    ModelTimeoutError,
    StoreError,
    ToolError,
)
from orket.events import EffectIntended
from orket.testing.fakes import HostileModel
from orket.testing.faults import FrontStore
from orket.testing.simulation._world import EPOCH, Machine, SimulatedStoreError, World

T = TypeVar("T")
_STORE: Final = 0.05  # seconds, about: one way to the store
_MODEL: Final = 2.0
_TOOL: Final = 0.5
_REFUSALS: Final = ("I am sorry, I cannot help with that.", "", "{", '{"tool": ', "```json\n[1, 2\n```", "\x00" * 8)


class Dying(Protocol):
    """What a port belongs to."""

    world: World
    machine: Machine
    intents: set[str]
    outlasted: int

    @property
    def name(self) -> str:
        """Whose it is, in the trace."""
        ...

    @property
    def is_dead(self) -> bool:
        """Whether it is over."""
        ...

    async def point(self, where: str) -> None:
        """Pass a point at which the process may die."""
        ...


class MachineClock:
    """The wall clock of a machine, which may jump. What sleeps by it sleeps by the world's time, which never does."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine

    def now(self) -> float:
        """Return seconds since the epoch."""
        return EPOCH + anyio.current_time() + self._machine.ahead

    async def sleep(self, seconds: float, /) -> None:
        """Wait."""
        await anyio.sleep(seconds)


@define(eq=False)
class _Message:
    """A batch on its way to the store, and what came of it."""

    batch: Batch
    done: anyio.Event = field(factory=anyio.Event)
    receipt: Receipt | None = None
    error: StoreError | None = None


class Connection(FrontStore):
    """A process's way to the store that all share, on which calls take time and get lost.

    A batch that was handed over is on its way: whether who waits for it is cancelled or dead, it arrives, or is lost on
    the way. Batches of one process arrive in their order, except those that it was told had failed.
    """

    def __init__(self, store: Store, process: Dying) -> None:
        super().__init__(store)
        self._process = process
        self._world = process.world
        self._wire = anyio.Lock()

    async def open(self) -> None:
        """Open the store, or find it open."""
        await self.around("open", partial(self._world.stores.open, self.inner))

    async def aclose(self) -> None:
        """Close the store, or leave it open for others, when all that was handed over has arrived."""
        async with self._wire:
            self._world.note(self._process.name, "closes its store")
        if not self._process.is_dead:
            await self._world.stores.close(self.inner)

    async def around(self, verb: str, call: Callable[[], Awaitable[T]], batch: Batch | None = None) -> T:
        """Make a call, in this weather."""
        process, world = self._process, self._world
        if verb == "wait":
            return await call()
        said = verb if batch is None else f"commit {batch.op_id}"
        if batch is not None:
            process.intents.update(record.key for record in batch.records if isinstance(record, EffectIntended))
        await process.point(f"before {said}")
        if batch is not None:
            return await self._send(batch, said)  # type: ignore[return-value]  # what commit returns
        await process.machine.reach()
        await anyio.sleep(world.delay("store", _STORE))
        if world.fails("store", world.weather.store):
            raise self._fault(said, "before")
        answer = await call()
        await process.machine.reach()
        await anyio.sleep(world.delay("store", _STORE))
        await process.point(f"after {said}")
        return answer

    async def _send(self, batch: Batch, said: str) -> Receipt:
        process, world = self._process, self._world
        outcome = ""
        if world.fails("store", world.weather.store):
            outcome = world.chance("store").choice(("before", "after", "unknown"))
        if outcome == "before":
            await anyio.sleep(world.delay("store", _STORE))
            raise self._fault(said, outcome)
        message = _Message(batch)
        world.group.start_soon(self._carry, message, outcome == "unknown")
        if outcome == "unknown":
            await anyio.sleep(world.delay("store", _STORE))
            raise self._fault(said, outcome)
        await message.done.wait()
        await process.point(f"after {said}")
        if outcome == "after":
            raise self._fault(said, outcome)
        if message.receipt is None:
            raise message.error or StoreError("the batch was lost with its process")
        now = MachineClock(process.machine).now()
        process.outlasted += sum(claim.until <= now for claim in batch.claims)
        return message.receipt

    async def _carry(self, message: _Message, is_late: bool) -> None:
        """Carry a batch to the store, and its receipt back; a dead process's may be lost on the way."""
        world = self._world
        try:
            await self._process.machine.reach()
            if is_late:
                await anyio.sleep(world.delay("late batches", 5.0))
                await self._deliver(message)
            elif not world.stores.is_shared:
                await self._deliver(message)  # its own writer keeps the order, and takes its time
            else:
                async with self._wire:
                    await anyio.sleep(world.delay("store", _STORE))
                    await self._deliver(message)
                await anyio.sleep(world.delay("store", _STORE))
            await self._process.machine.reach()
        finally:
            message.done.set()

    async def _deliver(self, message: _Message) -> None:
        batch, world = message.batch, self._world
        if self._process.is_dead and world.chance("lost batches").happens(0.5):
            world.note(self._process.name, f"lost: {batch.op_id}")
            return
        try:
            message.receipt = await world.commit(self.inner, batch)
        except StoreError as error:
            message.error = error
        world.note(self._process.name, f"commit {batch.op_id}: {_told(message)}")
        if world.fails("cut wire", world.weather.cut):
            self._process.machine.cut(world.chance("cut wire").around(20.0))

    def _fault(self, said: str, outcome: str) -> SimulatedStoreError:
        self._world.note(self._process.name, f"{said} fails ({outcome})")
        return SimulatedStoreError(f"simulated: {said} fails ({outcome})", advice="run it again")


def _told(message: _Message) -> str:
    if message.receipt is None:
        return f"{type(message.error).__name__}: {message.error}"
    return f"{message.receipt.first_seq}-{message.receipt.last_seq}"


class WeatheredModel:
    """A model client that takes its time, errs, refuses, and talks nonsense."""

    def __init__(self, model: ModelClient, process: Dying) -> None:
        self._model = model
        self._process = process
        self._hostile = HostileModel(process.world.seed)

    async def complete(self, request: ModelRequest, /) -> ModelReply:
        """Answer, or not."""
        process, world = self._process, self._process.world
        said = f"the model, for {request.brief.issue.id if request.brief else 'nobody'}"
        await process.point(f"before {said}")
        wait = world.delay("model", _MODEL)
        await anyio.sleep(min(wait, request.timeout))
        if wait >= request.timeout:
            raise ModelTimeoutError(f"simulated: no answer within {request.timeout:g} s")
        reply = await (
            self._err(request) if world.fails("model", world.weather.model) else self._model.complete(request)
        )
        world.note(process.name, f"{said}: {[call.name for call in reply.tool_calls] or reply.text[:40]!r}")
        await process.point(f"after {said}")
        return reply

    async def _err(self, request: ModelRequest) -> ModelReply:
        chance = self._process.world.chance("model")
        match chance.randrange(8):
            case 0:
                raise ModelConnectionError("simulated: the server hung up")
            case 1:
                raise ModelError("simulated: 429, too many requests")
            case 2:
                raise ModelReplyError("simulated: what came back is no reply")
            case 3:
                raise ValueError("simulated: an error of the client's own")
            case 4:
                await anyio.sleep(request.timeout)
                raise ModelTimeoutError(f"simulated: no answer within {request.timeout:g} s")
            case 5:
                return ModelReply(text=chance.choice(_REFUSALS))
            case 6:
                names = [tool.name for tool in request.tools] or ["nothing"]
                junk = chance.choice(("{", "null", "[]", '{"note": 3}', "{}"))
                return ModelReply(tool_calls=(RawToolCall(name=chance.choice(names), arguments=junk, id="junk"),))
            case _:
                return await self._hostile.complete(request)


class WeatheredTool:
    """A tool that takes its time, and fails before it has acted, or after."""

    def __init__(self, tool: Tool, process: Dying) -> None:
        self._tool = tool
        self._process = process

    @property
    def spec(self) -> ToolSpec:
        """What the model is told."""
        return self._tool.spec

    def bind(self, arguments: Mapping[str, JsonValue], /) -> object:
        """Return the typed arguments."""
        return self._tool.bind(arguments)

    async def run(self, bound: object, context: ToolContext, /) -> ToolResult:
        """Act, or not."""
        world = self._process.world
        world.under_way[context.key] += 1
        try:
            return await self._run(bound, context, f"{self.spec.name}, for {context.issue.id}")
        finally:
            world.under_way[context.key] -= 1

    async def _run(self, bound: object, context: ToolContext, said: str) -> ToolResult:
        process, world = self._process, self._process.world
        await process.point(f"before {said}")
        await anyio.sleep(world.delay("tools", _TOOL))
        if world.fails("tool", world.weather.tool):
            raise ToolError(f"simulated: {said} did not act")
        result = await self._tool.run(bound, context)
        world.note(process.name, f"{said}: {result.output[:40]!r}")
        await process.point(f"after {said}")
        await anyio.sleep(world.delay("tools", _TOOL))
        if world.fails("tool", world.weather.tool):
            if self.spec.effect is EffectClass.AT_MOST_ONCE and world.chance("tool").happens(0.5):
                raise EffectUnknownError(f"simulated: {said} hung up", rule="effect_unknown", key=context.key)
            raise OSError(f"simulated: {said} failed after it had acted")
        return result


class WeatheredReconcilingTool(WeatheredTool):
    """One that can be asked what became of its effects, and does not always know: not while they may still happen."""

    def __init__(self, tool: ReconcilingTool, process: Dying) -> None:
        super().__init__(tool, process)
        self._asked = tool

    async def reconcile(self, key: str, /) -> Settlement | None:
        """Say what became of an effect."""
        process, world = self._process, self._process.world
        await process.point("before reconcile")
        await anyio.sleep(world.delay("tools", _TOOL))
        if world.fails("tool", world.weather.tool):
            return None
        answer = await self._asked.reconcile(key)
        return None if answer is not None and not answer.ran and world.may_happen(key) else answer
