"""Ports that die: the process ends at a chosen point, before or after a call, as by a power switch."""

import os
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Mapping
from pathlib import Path
from typing import Final, TypeVar

from orket.cards import JsonValue
from orket.contracts import Batch, ModelClient, ModelReply, ModelRequest, Store, Tool, ToolContext, ToolResult, ToolSpec
from orket.events import DecisionMade, Record, TurnResumed
from orket.testing.faults._front import FrontStore

T = TypeVar("T")
DEAD: Final = 86  # the exit code of a process that died on purpose
_CREATED: Final = re.compile(r"\.\d+\.\d+$")  # of an id: the turn that created the issue, and the place in it
_TELLING: Final = ("kind", "round", "index", "tool", "after")  # what tells apart two records of one type


class Mortality:
    """Points of a process's life, counted from 1; at one of them it ends, by ``os._exit``.

    Args:
        last_words: A file into which the dying process writes where it was.
        at: The point, by its number; 0: none.
        wanted: Points by name; it ends at the first that is one of them.

    Attributes:
        passed: The names of the points so far. They say the same in every run of a crew, whatever its ids and clocks.
    """

    def __init__(self, last_words: Path, *, at: int = 0, wanted: Collection[str] = ()) -> None:
        self.passed: list[str] = []
        self._at = at
        self._wanted = frozenset(wanted)
        self._last_words = last_words
        self._reads: Counter[str] = Counter()

    def point(self, where: str) -> None:
        """Pass a point, or die there."""
        self.passed.append(where)
        if len(self.passed) == self._at or where in self._wanted:
            self._last_words.write_text(where, "utf-8")
            os._exit(DEAD)

    def read(self, verb: str) -> str:
        """Return the name of a call that commits nothing: the verb, and how often it has been called."""
        self._reads[verb] += 1
        return f"{verb} {self._reads[verb]}"

    def begin(self) -> None:
        """Count anew from here."""
        self.passed.clear()
        self._reads.clear()

    def forgive(self) -> None:
        """Let the process live, from now on."""
        self._at, self._wanted = 0, frozenset()


class MortalStore(FrontStore):
    """A store before and after each of whose calls the process may die."""

    def __init__(self, store: Store, mortality: Mortality) -> None:
        super().__init__(store)
        self._mortality = mortality

    async def around(self, verb: str, call: Callable[[], Awaitable[T]], batch: Batch | None = None) -> T:
        """Make a call, and live."""
        where = self._mortality.read(verb) if batch is None else _committing(batch)
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
        brief = request.brief
        where = f"the model, for {_card(brief.issue.id)}, {brief.kind} {brief.round}" if brief else "the model"
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
        where = f"{self.spec.name}, for {_card(context.issue.id)}, {bound!r:.200}"
        self._mortality.point(f"before {where}")
        result = await self._tool.run(bound, context)
        self._mortality.point(f"after {where}")
        return result


def _committing(batch: Batch) -> str:
    """Say what a batch commits, without what differs from run to run."""
    told = Counter([_telling(it) for it in batch.records if not isinstance(it, DecisionMade | TurnResumed)])
    what = [name if count == 1 else f"{count} {name}" for name, count in told.items()]
    what += [f"claim {_card(claim.card)}" for claim in batch.claims if not told]
    what += [f"release {_card(release.card)}" for release in batch.releases if not told]
    return f"commit for {_card(batch.card or 'the run')}: {', '.join(what)}"


def _telling(record: Record) -> str:
    details = [str(getattr(record, name)) for name in _TELLING if hasattr(record, name)]
    return " ".join([type(record).__name__, *details])


def _card(name: str) -> str:
    """Return an issue's id; one that a turn created is called by what it came from."""
    return _CREATED.sub(" and its child", name)
