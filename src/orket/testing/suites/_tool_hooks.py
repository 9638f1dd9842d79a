"""What a subclass of the tools' suite says of its tool, and how the rules run it."""

import abc
import copy
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any, ClassVar, Final

from hypothesis import reject
from hypothesis.strategies import SearchStrategy, deferred

from orket.cards import JsonValue
from orket.contracts import Issue, Tool, ToolContext, ToolResult
from orket.testing._outcome import Outcome, outcome
from orket.testing._suite import ContractSuite
from orket.testing._watch import Steps
from orket.testing.strategies import arguments_for

_ADDRESS: Final = re.compile(r" at 0x[0-9a-fA-F]+")


class ToolHooks(ContractSuite, abc.ABC):
    """What makes tools, arguments and contexts, and looks at what a tool did."""

    subject: ClassVar[str] = "make_tool"

    @abc.abstractmethod
    def make_tool(self) -> Tool:
        """Return a new tool; called again and again."""

    @classmethod
    def arguments(cls) -> SearchStrategy[dict[str, JsonValue]]:
        """Return what generates well-formed arguments, of calls that succeed as a rule; by default, from the schema."""
        return deferred(lambda: arguments_for(cls().make_tool().spec.parameters))

    def make_context(self, workspace: Path, key: str) -> ToolContext:
        """Return where the tool runs.

        Args:
            workspace: An empty folder, made for this example; put into it what the tool needs to find.
            key: The effect key.
        """
        return ToolContext(
            run="run-1",
            build="build-1",
            issue=Issue(id="I-1", name="Write the parser", seat="coder"),
            seat="coder",
            roles=("coder",),
            turn=1,
            workspace=workspace,
            key=key,
        )

    def observe(self, context: ToolContext) -> object:
        """Return what can be seen of the tool's effects, to be compared; by default, all files of the workspace, with
        their modes.

        A tool that acts elsewhere looks there: at its service's double, or at an EffectLedger.
        """
        found = sorted(context.workspace.rglob("*"))
        return [
            (it.relative_to(context.workspace).as_posix(), it.lstat().st_mode, it.read_bytes() if it.is_file() else b"")
            for it in found
        ]

    @contextmanager
    def context(self, key: str = "0" * 64) -> Iterator[ToolContext]:
        """Give a context in a folder of its own."""
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            yield self.make_context(Path(folder), key)

    def bound(self, tool: Tool, arguments: Mapping[str, JsonValue]) -> Any:
        """Return arguments as the tool binds them; an example that it refuses does not count."""
        try:
            return tool.bind(copy.deepcopy(dict(arguments)))
        except (Exception, SystemExit):  # noqa: BLE001 - the seam that calls foreign code
            reject()

    async def run(
        self, arguments: Mapping[str, JsonValue], *, context: ToolContext | None = None, steps: Steps | None = None
    ) -> Outcome:
        """Return what came of running a new tool with *arguments*."""
        tool = self.make_tool()
        bound = self.bound(tool, arguments)
        if context is not None:
            return await outcome(lambda: tool.run(bound, context), steps)
        with self.context() as made:
            return await outcome(lambda: tool.run(bound, made), steps)

    @asynccontextmanager
    async def ran(self, tool: Tool, arguments: Mapping[str, JsonValue]) -> AsyncIterator[tuple[ToolContext, Outcome]]:
        """Run a tool under a key that was never used, and give the context and what came of it."""
        bound = self.bound(tool, arguments)
        with self.context(token_hex(32)) as context:
            yield context, await outcome(lambda: tool.run(bound, context))

    async def result(self, arguments: Mapping[str, JsonValue], *, context: ToolContext | None = None) -> ToolResult:
        """Return the result of a new tool; an example in which there is none does not count."""
        found = (await self.run(arguments, context=context)).answer
        if not isinstance(found, ToolResult):
            reject()
        return found


def same(first: object, second: object) -> bool:
    """Return whether two bound values say the same, where they can be compared at all."""
    return bool(first == second) or (type(first) is type(second) and plainly(first) == plainly(second))


def plainly(value: object) -> str:
    """Return what a value holds, without where it lies in memory."""
    slots = [name for cls in type(value).__mro__ for name in getattr(cls, "__slots__", ())]
    held = getattr(value, "__dict__", None) or {it: getattr(value, it, None) for it in slots if it != "__weakref__"}
    return _ADDRESS.sub("", repr(held or value))


def refused(tool: Tool, arguments: Mapping[str, Any]) -> BaseException | None:
    """Return what a tool's bind raises on arguments, or None where it takes them."""
    bind: Callable[[Mapping[str, Any]], object] = tool.bind
    try:
        bind(arguments)
    except (Exception, SystemExit, KeyboardInterrupt, GeneratorExit) as error:  # noqa: BLE001 - the seam that calls foreign code
        return error
    return None
