"""Where processes are born that are to die: one that has imported everything, and forks for each life.

It reads orders, one line of JSON each, and answers each with a line. A life is a forked process of its own: it opens
the crew, runs the card, and dies where the order says; the last life of a case has no such place, and tells how all
ended. In a relay, each life dies at the first point where nobody has died yet, so the last one is who finds none.
"""

import gc
import json
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio

from orket.testing.faults._crowd import share
from orket.testing.faults._lives import act, live
from orket.testing.faults._mortal import DEAD


def main() -> None:
    """Serve orders until there are no more."""
    sys.path[:] = json.loads(sys.stdin.readline())
    _warm_up()
    for line in sys.stdin:
        order = json.loads(line)
        answer = share(order) if "crowd" in order else serve(order)
        _learn(answer.pop("modules", ()))
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def serve(order: Mapping[str, Any]) -> dict[str, Any]:
    """Let lives follow each other on one record: each dies as the order says, the last one lives."""
    folder = Path(order["folder"])
    folder.mkdir(parents=True)
    number, deaths, seconds = 0, 0, 0.0
    words: list[str] = []
    wanted = Counter(order["wanted"])
    for number in count():
        doom = _doom(order, number, wanted)
        born = time.monotonic()
        code = live(order, folder, number, doom)
        seconds = time.monotonic() - born
        if code == 0 and number >= len(order["deaths"]):
            break
        if code == 0:
            continue
        if not doom or code not in (DEAD, -signal.SIGKILL):
            said = (folder / f"life-{number}.err").read_text("utf-8")
            return {"deaths": deaths, "words": words, "problems": [f"life {number} ended with {code}: {said}"]}
        deaths += 1
        last_words = folder / f"life-{number}.txt"
        words.append(last_words.read_text("utf-8") if last_words.exists() else "killed")
        wanted -= Counter(words[-1:])
    told: dict[str, Any] = json.loads((folder / f"life-{number}.json").read_text("utf-8"))
    told["missed"] = list(wanted.elements())
    return {"deaths": deaths, "words": words, "seconds": seconds, **told}


def _doom(order: Mapping[str, Any], number: int, wanted: Counter[str]) -> Mapping[str, Any]:
    """Return how a life shall end."""
    deaths: Sequence[Mapping[str, Any]] = order["deaths"]
    if number < len(deaths):
        return deaths[number]
    return {"wanted": list(wanted)} if wanted else {}


def _warm_up() -> None:
    """Live once in this very process, so that the lives to come are born with all modules and converters.

    With a crew of its own: what a host's modules keep in memory must not be inherited.
    """
    with TemporaryDirectory() as folder:
        order = {"scenario": "orket.testing.faults:chains_and_fans", "card": "launch", "options": {"issues": 6}}
        anyio.run(act, order, Path(folder), 0, {})
    while threading.active_count() > 1:  # worker threads end a little after their loop; a fork would lose them
        time.sleep(0.001)
    gc.collect()


def _learn(modules: Iterable[str]) -> None:
    """Import what a life had to import: the lives to come are born with it."""
    for name in set(modules) - sys.modules.keys():
        with suppress(ImportError):  # a name that was put there, and is no module's
            import_module(name)
    gc.freeze()  # what all lives share is not looked through by each
