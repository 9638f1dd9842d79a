"""Crews that do not survive their death: the harness must see it."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import anyio
import attrs

import orket
from orket.contracts import (
    Batch,
    CardChange,
    EffectClass,
    ModelReply,
    ModelRequest,
    Receipt,
    Tool,
    ToolCall,
    ToolContext,
    TurnKind,
)
from orket.stores import SQLiteStore
from orket.testing import Effect, EffectLedger
from orket.testing.faults import FrontStore, chains_and_fans
from orket.testing.faults._crew import work


class InMemory(FrontStore):
    """A record that claims to be in a file, and is in memory."""

    def __init__(self, path: Path) -> None:
        super().__init__(orket.MemoryStore())
        self._path = path

    @property
    def location(self) -> Path:
        return self._path


def forgetful(folder: Path, ledger: EffectLedger) -> orket.Orchestrator:
    """A crew whose record dies with it."""
    return attrs.evolve(chains_and_fans(folder, ledger, issues=2), store=InMemory(folder / "journal.db"))


def homeless(folder: Path, ledger: EffectLedger) -> orket.Orchestrator:
    """A crew whose record does not even claim to be in a file."""
    return attrs.evolve(chains_and_fans(folder, ledger, issues=2), store=orket.MemoryStore())


class Hasty:
    """A tool that acts as soon as it hears of a call, before anybody has allowed or intended it."""

    def __init__(self, tool: Tool, ledger: EffectLedger) -> None:
        self.spec, self.run = tool.spec, tool.run
        self._tool, self._ledger = tool, ledger

    def bind(self, arguments):
        self._ledger.record(Effect(key="early", tool=self.spec.name, effect=EffectClass.READ, note="early"))
        return self._tool.bind(arguments)


def hasty(folder: Path, ledger: EffectLedger) -> orket.Orchestrator:
    """A crew with a tool that acts too early."""
    crew = chains_and_fans(folder, ledger, issues=1)
    return attrs.evolve(crew, tools=[Hasty(tool, ledger) for tool in crew._tools])


def stuttering(folder: Path, ledger: EffectLedger) -> orket.Orchestrator:
    """A crew whose ring rings twice, once its first life is over."""

    @orket.tool
    def ring(note: str, context: ToolContext) -> str:
        """Ring."""
        for _ in range(2 if (folder / "life-1.err").exists() else 1):
            ledger.record(Effect(key=context.key, tool="ring", effect=EffectClass.AT_MOST_ONCE, note=note))
        return "rung"

    crew = chains_and_fans(folder, ledger, issues=1)
    return attrs.evolve(crew, tools=[ring, *[tool for tool in crew._tools if tool.spec.name != "ring"]])


def growing(folder: Path, ledger: EffectLedger) -> orket.Orchestrator:
    """A crew that looks around in its first life in each folder only; whoever takes over does not."""
    crew = chains_and_fans(folder, ledger, issues=2)
    is_first = not (folder / "life-1.err").exists()

    def agent(request: ModelRequest) -> object:
        brief = request.brief
        if is_first and folder.name == "case-0" and brief is not None and (brief.kind, brief.round) == ("work", 1):
            return ToolCall(name="look", arguments={"note": brief.issue.id})
        return work(request)

    return attrs.evolve(crew, model=agent)


def in_memory(folder: Path, ledger: EffectLedger, issues: int) -> orket.Orchestrator:
    """A crew whose record is in memory, for several that share a process."""
    return attrs.evolve(chains_and_fans(folder, ledger, issues=issues), store=orket.MemoryStore())


class Rewriting(FrontStore):
    """A store that keeps other batches than it is given."""

    def rewrite(self, batch: Batch) -> Batch:
        raise NotImplementedError

    async def commit(self, batch: Batch, /) -> Receipt:
        return await self.inner.commit(self.rewrite(batch))


class Unfenced(Rewriting):
    """Looks at no token: whoever writes is believed to hold the claim, and to know the card as it is."""

    async def commit(self, batch: Batch, /) -> Receipt:
        rows = {row.issue.id: row for row in await self.inner.load_board(batch.build)}
        held = {claim.card: claim.token for claim in batch.claims if claim.token is not None}
        changes = [
            CardChange(
                issue=attrs.evolve(it.issue, version=rows[it.issue.id].issue.version + 1),
                expected=rows[it.issue.id].issue.version,
                token=None if it.token is None else rows[it.issue.id].token,
            )
            if it.issue.id in rows
            else it
            for it in batch.changes
        ]
        receipt = await self.inner.commit(
            attrs.evolve(
                batch,
                changes=tuple(changes),
                claims=tuple([it for it in batch.claims if it.token is None]),
                releases=tuple(
                    [attrs.evolve(it, token=rows[it.card].token) for it in batch.releases if it.card in rows]
                ),
            )
        )
        return attrs.evolve(receipt, tokens={**receipt.tokens, **held})


class Undying(Rewriting):
    """Grants claims that never expire."""

    def rewrite(self, batch: Batch) -> Batch:
        return attrs.evolve(batch, claims=tuple([attrs.evolve(it, until=1e12) for it in batch.claims]))


class Unrenewed(Rewriting):
    """Says that a claim is renewed, and lets it expire as it was granted."""

    def rewrite(self, batch: Batch) -> Batch:
        return attrs.evolve(batch, claims=tuple([it for it in batch.claims if it.token is None]))

    async def commit(self, batch: Batch, /) -> Receipt:
        receipt = await super().commit(batch)
        held = {claim.card: claim.token for claim in batch.claims if claim.token is not None}
        return attrs.evolve(receipt, tokens={**receipt.tokens, **held})


def _kept_by(kind: type[Rewriting], folder: Path, ledger: EffectLedger, issues: int) -> orket.Orchestrator:
    crew = chains_and_fans(folder, ledger, issues=issues)
    return attrs.evolve(crew, store=kind(SQLiteStore(folder / "journal.db")))


def _late(folder: Path) -> Callable[[ModelRequest], Awaitable[ModelReply]]:
    """Return a model that answers, where several share a record, whoever asks first for I0 last.

    That is when somebody else has done the work on I0, and it is reviewed: the claim of who asked first is long lost.
    """

    async def answer(request: ModelRequest) -> ModelReply:
        brief = request.brief
        if folder.name == "shared" and brief is not None and brief.issue.id == "I0":
            if brief.kind is TurnKind.REVIEW:
                (folder / "reviewed").touch()
            elif _comes_first(folder / "held"):
                while not (folder / "reviewed").exists():  # noqa: ASYNC110 - somebody else's doing, in another process
                    await anyio.sleep(0.01)
        return work(request)

    return answer


def _comes_first(path: Path) -> bool:
    try:
        path.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def unfenced(folder: Path, ledger: EffectLedger, issues: int) -> orket.Orchestrator:
    """A crew whose store looks at no token, nor renews a claim, and whose model answers somebody too late."""
    return attrs.evolve(_kept_by(Unfenced, folder, ledger, issues), model=_late(folder))


def undying(folder: Path, ledger: EffectLedger, issues: int) -> orket.Orchestrator:
    """A crew whose store grants claims that never expire."""
    return _kept_by(Undying, folder, ledger, issues)


def unrenewed(folder: Path, ledger: EffectLedger, issues: int) -> orket.Orchestrator:
    """A crew whose store renews no claim, and whose model answers somebody too late."""
    return attrs.evolve(_kept_by(Unrenewed, folder, ledger, issues), model=_late(folder))
