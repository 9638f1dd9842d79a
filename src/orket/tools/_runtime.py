"""The one seam where tools run."""

from inspect import isawaitable

import anyio
from attrs import evolve

from orket.contracts import EffectClass, ReconcilingTool, Settlement, Tool, ToolContext, ToolResult
from orket.errors import EffectUnknownError
from orket.tools._define import ClassTool
from orket.tools._results import capped, failure, normalize
from orket.tools._threads import WorkerThreads


class ToolRuntimeExecutor:
    """Runs tools: whatever a tool does comes back as a :class:`ToolResult`, never as an exception.

    Args:
        limit: how many worker threads tools may keep busy at once. A ``def`` tool that hangs keeps its thread after its
            time is up (Python cannot stop a thread), so when all are kept, later blocking tools fail; the host goes on.
    """

    def __init__(self, limit: int = 16) -> None:
        self._threads = WorkerThreads(limit)

    async def execute(
        self,
        tool: Tool,
        bound: object,
        context: ToolContext,
        *,
        timeout: float,  # noqa: ASYNC109 - running out of time is a result here, not an exception
    ) -> ToolResult:
        """Run *tool* with what its ``bind`` returned.

        Args:
            tool: any tool; those of this package also respect the limit.
            bound: the typed arguments.
            context: where it runs.
            timeout: seconds, the wait for a free thread included.

        Returns:
            The tool's result, or a failed one that names what was raised. Cancellation passes through.

        Raises:
            EffectUnknownError: an ``at_most_once`` tool ran out of time, or says itself that it cannot know whether it
                acted. It may even act later: a thread cannot be stopped.
        """
        is_once = tool.spec.effect is EffectClass.AT_MOST_ONCE
        try:
            running: object
            if isinstance(tool, ClassTool) and type(tool).run is ClassTool.run:
                running = tool.start(bound, context, threads=self._threads)
                if isinstance(running, ToolResult) or not isawaitable(running):
                    return normalize(running)  # it ran inline: there is nothing to wait for
            elif isinstance(tool, ClassTool):
                running = tool.run(bound, context, threads=self._threads)
            else:
                running = tool.run(bound, context)
            with anyio.move_on_after(timeout):
                return normalize(await running)
        except (Exception, SystemExit) as error:  # the seam that calls foreign code; sys.exit ends a tool only
            if is_once and isinstance(error, EffectUnknownError):
                raise
            return failure(error)
        finally:
            is_queued = context.key in self._threads.queued
            self._threads.queued.discard(context.key)
        if is_queued:
            text = f"{tool.spec.name} got no worker thread within {timeout:g} seconds; nothing was run"
            return ToolResult(ok=False, output=text)
        text = f"{tool.spec.name} did not finish within {timeout:g} seconds; whether it acted is not known"
        if is_once:
            raise EffectUnknownError(text, rule="effect_unknown", key=context.key)
        return ToolResult(ok=False, output=text)

    async def reconcile(
        self,
        tool: Tool,
        key: str,
        *,
        timeout: float,  # noqa: ASYNC109 - running out of time is an answer here, not an exception
    ) -> Settlement | str:
        """Ask *tool* what became of the effect of *key*.

        Args:
            tool: any tool; one without ``reconcile`` does not know.
            key: of the effect.
            timeout: seconds.

        Returns:
            The tool's answer, or why there is none ("": it does not know).
        """
        if not isinstance(tool, ReconcilingTool):
            return ""
        try:
            with anyio.move_on_after(timeout):
                return _settlement(await tool.reconcile(key))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the seam that calls foreign code; sys.exit ends a tool only
            return f"reconcile failed: {failure(error).output}"
        return f"reconcile did not answer within {timeout:g} seconds"


def _settlement(answer: object) -> Settlement | str:
    """Check a foreign answer: attrs does not look at the types of what it is given."""
    if answer is None:
        return ""
    if isinstance(answer, Settlement):
        types: tuple[type, ...] = (type(answer.ran), type(answer.ok), type(answer.output))
        if types == (bool, bool, str):
            return evolve(answer, output=capped(answer.output))
    return f"reconcile returned a {type(answer).__name__} that is no settlement"
