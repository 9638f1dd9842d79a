"""Each measurement in a fresh Python process: one JSON object in, one JSON object out."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
_PROC = Path("/proc/self")
KIB = 1024


class ChildError(Exception):
    """A measurement did not come to its end."""


def measure(script: str, *, timeout: float | None = None, environ: Mapping[str, str] = {}, **params: Any) -> Any:
    """Run a script of this folder with *params* and return what it answered.

    Raises:
        ChildError: it failed, or took longer than *timeout* seconds.
    """
    command = [sys.executable, str(HERE / script), json.dumps(params)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=timeout, check=False, env={**os.environ, **environ}
        )
    except subprocess.TimeoutExpired:
        raise ChildError(f"more than {timeout:g} s") from None
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        raise ChildError(f"{script} {params} ended with {done.returncode}: {done.stderr[-2000:]}")
    return json.loads(lines[-1])


def params() -> dict[str, Any]:
    """Return what the parent asks for; called by a child."""
    given: dict[str, Any] = json.loads(sys.argv[1])
    return given


def answer(value: Any) -> None:
    """Give the parent its answer; called by a child, last."""
    print(json.dumps(value))


def forget_peak() -> None:
    """Let :func:`peak_memory` begin anew, where the system can."""
    try:
        (_PROC / "clear_refs").write_text("5")
    except OSError:
        return


def memory() -> int:
    """Return the resident memory of this process now, in bytes; 0 where the system does not say."""
    return _status("VmRSS")


def peak_memory() -> int:
    """Return the most resident memory this process ever had, in bytes."""
    if found := _status("VmHWM"):  # unlike ru_maxrss it does not remember the process that started this one
        return found
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * KIB


def _status(name: str) -> int:
    try:
        text = (_PROC / "status").read_text()
    except OSError:
        return 0
    return next((int(line.split()[1]) * KIB for line in text.splitlines() if line.startswith(f"{name}:")), 0)
