"""Watching a call: how long its steps kept the event loop, whether it took a cancellation, what it left behind."""

import contextlib
import io
import json
import locale
import logging
import os
import random
import signal
import socket
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
    """What was seen of an awaited call: its steps up to each suspension, and what was thrown into it.

    ``thrown`` counts cancellations from when ``scope`` is cancelled: before, they are the call's own timeouts, which
    are cancellations too (on trio, every sleep ends with one).
    """

    longest: float = 0.0
    suspended: int = 0
    thrown: int = 0
    scope: anyio.CancelScope | None = None
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
                self._note(error)
                resume = _bound(inner.throw, error)
            else:
                self._note(getattr(sent, "error", None))  # trio sends what asyncio throws
                resume = _bound(inner.send, sent)

    def _note(self, error: object) -> None:
        scope = self._steps.scope
        if scope is not None and scope.cancel_called and _is_cancellation(error):
            self._steps.thrown += 1


def _is_cancellation(error: object) -> bool:
    return error is not None and isinstance(error, anyio.get_cancelled_exc_class())


def _bound(function: Callable[[Any], Any], value: Any) -> Callable[[], Any]:
    return lambda: function(value)


@contextlib.contextmanager
def unchanged_process() -> Iterator[list[str]]:
    """Note what the body changes about the process that it runs in; restores what can be restored."""
    changed: list[str] = []
    printed = io.StringIO()
    with restored_process() as before:
        try:
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
                yield changed
        finally:
            after = _process()
            changed.extend(name for name, value in before.items() if after[name] != value)
            if printed.getvalue():
                changed.append(f"the output ({printed.getvalue()[:80]!r})")


@contextlib.contextmanager
def restored_process() -> Iterator[dict[str, Any]]:
    """Give how the process stands, and put it back in the end: what is done to it but once is seen by every rule."""
    before = _process()
    try:
        yield before
    finally:
        _restore(before)


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
        "the timeout of sockets": socket.getdefaulttimeout(),
        "the locale": locale.setlocale(locale.LC_ALL),
        "the root logger": (logging.root.level, list(logging.root.handlers)),
        "the handling of signals": [signal.getsignal(it) for it in (signal.SIGINT, signal.SIGTERM)],
    }


def _restore(before: dict[str, Any]) -> None:
    if dict(os.environ) != before["the environment"]:
        os.environ.clear()
        os.environ.update(before["the environment"])
    if Path.cwd() != before["the working directory"]:
        os.chdir(before["the working directory"])
    sys.path[:] = before["sys.path"]
    json.dumps, json.loads, json.JSONEncoder, json.JSONDecoder = before["json"]  # type: ignore[misc]
    time.time, time.monotonic, time.sleep = before["the clock"]
    sys.setrecursionlimit(before["the recursion limit"])
    random.setstate(before["the state of random"])
    socket.setdefaulttimeout(before["the timeout of sockets"])
    if locale.setlocale(locale.LC_ALL) != before["the locale"]:
        locale.setlocale(locale.LC_ALL, before["the locale"])
    level, logging.root.handlers[:] = before["the root logger"]
    logging.root.setLevel(level)
