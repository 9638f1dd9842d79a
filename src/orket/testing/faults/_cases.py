"""Cases: asked for from processes that fork crews, and compared with the undisturbed one."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import zip_longest
from queue import SimpleQueue
from typing import Any, Final

from orket.contracts import EffectClass

_MAIN: Final = "from orket.testing.faults._nursery import main; main()"
_SHOWN: Final = 20  # problems in an error's text


class Nursery:
    """A process that gives birth to others."""

    def __init__(self) -> None:
        command = [sys.executable, "-c", _MAIN]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)  # noqa: S603
        self._tell(sys.path)

    def ask(self, order: Mapping[str, Any]) -> dict[str, Any]:
        """Give an order, and wait for the answer."""
        self._tell(order)
        if not (line := self._process.stdout.readline() if self._process.stdout else ""):
            raise RuntimeError(f"the process that forks the crews has died, over {order}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """Let it end."""
        self._process.communicate()

    def _tell(self, what: object) -> None:
        if self._process.stdin is not None:
            self._process.stdin.write(json.dumps(what) + "\n")
            self._process.stdin.flush()


@contextmanager
def nurseries(number: int) -> Iterator[SimpleQueue[Nursery]]:
    """Give so many nurseries, in a queue of those that have nothing to do.

    Raises:
        OSError: this system cannot fork.
    """
    if not hasattr(os, "fork"):
        raise OSError("processes are forked here, and this system cannot fork")
    found = [Nursery() for _ in range(number)]
    waiting: SimpleQueue[Nursery] = SimpleQueue()
    for nursery in found:
        waiting.put(nursery)
    try:
        yield waiting
    finally:
        for nursery in found:
            nursery.close()


def check(report: object, problems: tuple[str, ...]) -> None:
    """Pass, where there are no problems.

    Raises:
        AssertionError: there are some; says which.
    """
    if problems:
        more = len(problems) - _SHOWN
        shown = [*problems[:_SHOWN], *([f"and {more} more"] if more > 0 else [])]
        raise AssertionError(f"{report}\n  - " + "\n  - ".join(shown))


def check_first(first: Mapping[str, Any]) -> None:
    """Pass, where an undisturbed case went well.

    Raises:
        AssertionError: it did not.
    """
    if first["problems"]:
        raise AssertionError("undisturbed, it fails already:\n  - " + "\n  - ".join(first["problems"]))


def differences(case: Mapping[str, Any], first: Mapping[str, Any]) -> Iterator[str]:
    """Compare a case with the undisturbed run."""
    yield from case["problems"]
    if "board" not in case:
        return
    for line, wanted in zip_longest(case["board"], first["board"]):
        if line != wanted:
            yield f"the board has {line}, and undisturbed {wanted}"
    if case["finished"] != first["finished"]:
        yield f"issues were finished {sum(case['finished'])} times instead of {sum(first['finished'])}"
    for effect in sorted({*case["effects"], *first["effects"]}):
        found, wanted = case["effects"].get(effect, 0), first["effects"].get(effect, 0)
        if found < wanted or (found > wanted and effect.startswith(EffectClass.AT_MOST_ONCE)):
            yield f"{effect} happened {found} times instead of {wanted}"
