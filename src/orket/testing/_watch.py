"""Watching a call: how long its steps kept the event loop, whether it took a cancellation, what it left behind."""

import contextlib
import io
import json
import os
import random
import sys
import time
import warnings
from collections.abc import Awaitable, Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import anyio
import attrs


@attrs.define
class Steps:
    """What was seen of an awaited call: its steps up to each suspension, and what was thrown into it."""

    longest: float = 0.0
    suspended: int = 0
    thrown: int = 0
    on_suspend: Callable[[int], None] = lambda _count: None

    async def watch(self, call: Callable[[], Any]) -> Any:
        """Make a call, await what it returns if that can be awaited, and return the answer."""
        begun = time.perf_counter()
        try:
            answer = call()
        finally:
            self.longest = max(self.longest, time.perf_counter() - begun)
        return await _Watched(answer, self) if hasattr(type(answer), "__await__") else answer


class _Watched:
    def __init__(self, awaitable: Awaitable[Any], steps: Steps) -> None:
        self._awaitable = awaitable
        self._steps = steps

    def __await__(self) -> Generator[Any, Any, Any]:
        inner = self._awaitable.__await__()
        resume: Callable[[], Any] = lambda: next(inner)  # noqa: E731 - replaced at every step
        while True:
            begun = time.perf_counter()
            try:
                wanted = resume()
            except StopIteration as end:
                return end.value
            finally:
                self._steps.longest = max(self._steps.longest, time.perf_counter() - begun)
            self._steps.suspended += 1
            self._steps.on_suspend(self._steps.suspended)
            try:
                sent = yield wanted
            except BaseException as error:  # noqa: BLE001 - handed on to whom it was meant for
                self._steps.thrown += 1
                resume = _bound(inner.throw, error)
            else:
                if _is_cancellation(getattr(sent, "error", None)):
                    self._steps.thrown += 1  # trio sends what asyncio throws
                resume = _bound(inner.send, sent)


def _is_cancellation(error: object) -> bool:
    return error is not None and isinstance(error, anyio.get_cancelled_exc_class())


def _bound(function: Callable[[Any], Any], value: Any) -> Callable[[], Any]:
    return lambda: function(value)


@contextlib.contextmanager
def unchanged_process() -> Iterator[list[str]]:
    """Note what the body changes about the process that it runs in; restores what can be restored."""
    changed: list[str] = []
    before = _process()
    environ = dict(os.environ)
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            yield changed
    finally:
        after = _process()
        changed.extend(name for name, value in before.items() if after[name] != value)
        if printed.getvalue():
            changed.append(f"the output ({printed.getvalue()[:80]!r})")
        _restore(before, environ)


def _process() -> dict[str, Any]:
    return {
        "the environment": dict(os.environ),
        "the working directory": Path.cwd(),
        "sys.path": list(sys.path),
        "the warning filters": list(warnings.filters),
        "the state of random": random.getstate(),
        "json": (json.dumps, json.loads, json.JSONEncoder, json.JSONDecoder),
        "the clock": (time.time, time.monotonic, time.sleep),
        "the recursion limit": sys.getrecursionlimit(),
    }


def _restore(before: dict[str, Any], environ: dict[str, str]) -> None:
    if dict(os.environ) != environ:
        os.environ.clear()
        os.environ.update(environ)
    if Path.cwd() != before["the working directory"]:
        os.chdir(before["the working directory"])
    sys.path[:] = before["sys.path"]
    json.dumps, json.loads, json.JSONEncoder, json.JSONDecoder = before["json"]  # type: ignore[misc]
    time.time, time.monotonic, time.sleep = before["the clock"]
    sys.setrecursionlimit(before["the recursion limit"])
    random.setstate(before["the state of random"])
