"""A crew that decides things about a shed, and a memory of a host's own."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
from small_world import diligent, issue, organization

from orket.contracts import (
    Memory,
    MemoryQuery,
    ModelReply,
    ModelRequest,
    RawToolCall,
    Remembered,
    ServiceQuestion,
    TurnKind,
)
from orket.nodes.pipeline_wiring import DefaultPipelineWiringStrategyNode

HEADING = "# Remembered decisions\n"
TEXTS = {"paint": "Paint the shed green.", "dig": "Dig no deeper than a metre.", "build": "Build with oak only."}


def offered(request: ModelRequest) -> list[str]:
    """Return the remembered decisions that a prompt lists."""
    prompt = request.messages[1].content
    if HEADING not in prompt:
        return []
    return [line.removeprefix("- ") for line in prompt.partition(HEADING)[2].splitlines()]


class Deciding:
    """Decides what its issue says in every work turn, and keeps what the first prompt of each issue offered."""

    def __init__(self) -> None:
        self.offers: dict[str, list[str]] = {}

    def __call__(self, request: ModelRequest) -> object:
        assert request.brief is not None
        name = request.brief.issue.id
        self.offers.setdefault(name, offered(request))
        if request.brief.kind is TurnKind.REVIEW or name not in TEXTS:
            return diligent(request)
        call = RawToolCall(name="update_issue_status", arguments={"status": "code_review"})
        return ModelReply(text=f"DECISION: {TEXTS[name]}", tool_calls=(call,))


def wired(make: Callable[[], Any]) -> type[DefaultPipelineWiringStrategyNode]:
    """Return a wiring whose memory is what *make* returns."""

    class Wired(DefaultPipelineWiringStrategyNode):
        def create_memory(self, question: ServiceQuestion, /) -> Memory | None:
            made: Memory | None = make()
            return made

    return Wired


def shed(root: Path, *more: dict[str, Any], **fields: Any) -> Path:
    chain = [issue("paint"), issue("dig", "paint"), issue("build", "dig")]
    return organization(root, [*chain, *more], **fields)


class Foreign:
    """A memory of a host: keeps what it is told, finds all of it, and fails as it is asked to."""

    def __init__(self, *, fails: int = 0, answer: Any = None, hangs: bool = False) -> None:
        self.kept: list[Remembered] = []
        self.closed = False
        self._fails, self._answer, self._hangs = fails, answer, hangs

    async def add(self, remembered: tuple[Remembered, ...], /) -> None:
        await anyio.lowlevel.checkpoint()
        if self._fails:
            self._fails -= 1
            raise OSError("no route")
        self.kept += remembered

    async def search(self, query: MemoryQuery, /) -> Any:
        if self._hangs:
            await anyio.sleep_forever()
        if isinstance(self._answer, Exception | SystemExit):
            raise self._answer
        if self._answer is not None:
            return self._answer
        return tuple(self.kept[: query.limit])

    @property
    def told(self) -> list[str]:
        return [one.text for one in self.kept]

    async def aclose(self) -> None:
        self.closed = True
