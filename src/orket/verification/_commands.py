"""The command runner that starts real processes."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

import attrs

from orket.contracts import CommandResult
from orket.verification._process import Command, default_python, run_command
from orket.verification._programs import SUPERVISOR, program_text

ORPHANED: Final = "\n(the command killed its supervisor, or forged its report: its exit code is not known)"


@attrs.frozen(kw_only=True)
class LocalCommandRunner:
    """Runs commands on this machine, without a shell; nothing of a command outlives :meth:`run`.

    Args:
        environ: the environment of the commands; None: this process's own.
        output: bytes that are kept of each stream; what is beyond is read and dropped.
        python: the interpreter that runs the supervisor.
    """

    environ: Mapping[str, str] | None = None
    output: int = 1024 * 1024
    python: str = attrs.field(factory=default_python)
    _supervisor: str = attrs.field(init=False, repr=False, factory=partial(program_text, *SUPERVISOR))

    async def run(
        self,
        argv: Sequence[str],
        /,
        *,
        cwd: Path,
        timeout: float,  # noqa: ASYNC109 - running out of time is a result here, not an exception
    ) -> CommandResult:
        """Run *argv* in *cwd* for at most *timeout* seconds.

        A command that cannot be started is a result too: code 127, as from a shell, and its ``stderr`` says why.
        """
        command = Command(
            argv=argv,
            cwd=cwd,
            timeout=timeout,
            cap=self.output,
            python=self.python,
            supervisor=self._supervisor,
            environ=self.environ,
        )
        try:
            finished = await run_command(command)
        except (OSError, ValueError) as error:
            return CommandResult(returncode=127, stdout="", stderr=f"cannot be started: {error}")
        if finished.returncode is None:
            return CommandResult(returncode=127, stdout="", stderr=f"cannot be started: {finished.failed}")
        return CommandResult(
            returncode=finished.returncode,
            stdout=finished.stdout,
            stderr=finished.stderr + (ORPHANED if finished.orphaned else ""),
            timed_out=finished.timed_out,
        )
