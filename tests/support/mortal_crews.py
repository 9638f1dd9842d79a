"""Crews that do not survive their death: the harness must see it."""

from pathlib import Path

import attrs

import orket
from orket.contracts import EffectClass, ModelRequest, Tool, ToolCall, ToolContext
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
