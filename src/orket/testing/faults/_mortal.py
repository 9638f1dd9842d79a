"""Ports that die: the process ends at a chosen point, before or after a call, as by a power switch."""

import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Final, TypeVar

from orket.cards import JsonValue
from orket.contracts import Batch, ModelClient, ModelReply, ModelRequest, Store, Tool, ToolContext, ToolResult, ToolSpec
from orket.testing.faults._front import FrontStore

T = TypeVar("T")
DEAD: Final = 86  # the exit code of a process that died on purpose


class Mortality:
    """Points of a process's life, counted from 1; at one of them it ends, by ``os._exit``.

    Args:
        at: Where; 0 nowhere.
        last_words: A file into which the dying process writes where it was.
    """

    def __init__(self, at: int, last_words: Path) -> None:
        self.passed = 0
        self._at = at
        self._last_words = last_words

    def point(self, where: str) -> None:
        """Pass a point, or die there."""
        self.passed += 1
        if self.passed == self._at:
            self._last_words.write_text(where, "utf-8")
            os._exit(DEAD)

    def forgive(self) -> None:
        """Let the process live, from now on."""
        self._at = 0


class MortalStore(FrontStore):
    """A store before and after each of whose calls the process may die."""

    def __init__(self, store: Store, mortality: Mortality) -> None:
        super().__init__(store)
        self._mortality = mortality

    async def around(self, verb: str, call: Callable[[], Awaitable[T]], batch: Batch | None = None) -> T:
        """Make a call, and live."""
        where = verb if batch is None else f"{verb} {batch.op_id}"
        self._mortality.point(f"before {where}")
        answer = await call()
        self._mortality.point(f"after {where}")
        return answer


class MortalModel:
    """A model client before and after each of whose exchanges the process may die."""

    def __init__(self, model: ModelClient, mortality: Mortality) -> None:
        self._model = model
        self._mortality = mortality

    async def complete(self, request: ModelRequest, /) -> ModelReply:
        """Answer, and live."""
        where = f"the model, for {request.brief.issue.id if request.brief else 'nobody'}"
        self._mortality.point(f"before {where}")
        reply = await self._model.complete(request)
        self._mortality.point(f"after {where}")
        return reply


class MortalTool:
    """A tool before and after each of whose runs the process may die."""

    def __init__(self, tool: Tool, mortality: Mortality) -> None:
        self._tool = tool
        self._mortality = mortality

    @property
    def spec(self) -> ToolSpec:
        """What the model is told."""
        return self._tool.spec

    def bind(self, arguments: Mapping[str, JsonValue], /) -> object:
        """Return the typed arguments."""
        return self._tool.bind(arguments)

    async def run(self, bound: object, context: ToolContext, /) -> ToolResult:
        """Act, and live."""
        where = f"{self.spec.name}, for {context.issue.id}"
        self._mortality.point(f"before {where}")
        result = await self._tool.run(bound, context)
        self._mortality.point(f"after {where}")
        return result
