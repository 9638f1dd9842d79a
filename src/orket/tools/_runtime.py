"""The one seam where tools run."""

from inspect import isawaitable

import anyio

from orket.contracts import Tool, ToolContext, ToolResult
from orket.tools._define import ClassTool
from orket.tools._results import failure, normalize
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

        """
        try:
            running: object
            if isinstance(tool, ClassTool) and type(tool).run is ClassTool.run:
                running = tool.start(bound, context, threads=self._threads)
                if not isawaitable(running):
                    return normalize(running)  # it ran inline: there is nothing to wait for
            elif isinstance(tool, ClassTool):
                running = tool.run(bound, context, threads=self._threads)
            else:
                running = tool.run(bound, context)
            with anyio.move_on_after(timeout):
                return normalize(await running)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - the seam that calls foreign code; sys.exit ends a tool only
            return failure(error)
        text = f"{tool.spec.name} did not finish within {timeout:g} seconds; whether it acted is not known"
        return ToolResult(ok=False, output=text)
