"""Runs a fixture's scenarios. The text of this file is run by a process of its own, which imports nothing of orket.

``python -I -c TEXT RESULTS``: the job is JSON on standard input; RESULTS is a descriptor that takes one line of JSON
per fact, each led by the job's nonce, so that what a fixture prints is never mistaken for a result. What a scenario
should return is not part of the job: the comparison is made by whoever asked.

    job     {"nonce", "source", "filename", "paths", "scenarios": [{"id", "input"}]}
    facts   ["loaded"] · ["broken", why] · ["returned", number, value] · ["raised", number, why] · ["end"]

The number is that of the scenario, or 0 for a fixture without scenarios. A value that is no JSON is told as ``raised``,
unless nothing can be expected of it (see ``told``).
"""

import contextlib
import json
import os
import re
import sys
import types
from collections.abc import Callable, Iterator
from typing import Any

MAX_DETAIL = 300  # characters of a failure's description
MAX_VALUE = 65536  # characters of a returned value as JSON


def main() -> None:
    """Read the job, take standard input away, and run it."""
    job = json.loads(sys.stdin.buffer.read())
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - a device
        os.dup2(nothing.fileno(), 0)
    results = int(sys.argv[1])
    os.set_inheritable(results, False)
    nonce = job.pop("nonce")

    def tell(*fact: Any) -> None:
        line = memoryview(f"{nonce}{json.dumps(fact)}\n".encode())
        while line:
            line = line[os.write(results, line) :]

    run(job, tell)


def run(job: dict[str, Any], tell: Callable[..., None]) -> None:
    """Load the fixture and call its functions, telling what each came to."""
    library = os.path.dirname(os.__file__)  # noqa: PTH120 - pathlib takes long to import
    ours = [place for place, path in enumerate(sys.path, 1) if path.startswith(library) and "site-packages" not in path]
    place = max(ours, default=0)
    sys.path[place:place] = job["paths"]  # what agents write takes no module of the standard library's place
    module = types.ModuleType("orket_fixture")
    module.__file__ = filename = job["filename"]
    sys.modules["orket_fixture"] = module
    try:
        exec(compile(job["source"], filename, "exec"), module.__dict__)  # noqa: S102 - running it is the point
    except BaseException as error:  # noqa: BLE001 - the seam that calls foreign code; sys.exit is a failure too
        return tell("broken", describe(error, filename))
    tell("loaded")
    if not job["scenarios"]:
        call(module, ["verify"], (), 0, tell)
    for number, scenario in enumerate(job["scenarios"]):
        own = re.sub(r"\W", "_", f"verify_{scenario['id']}")
        call(module, [own, "verify"], (scenario["input"],), number, tell)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # the fixture may have put anything there
            stream.flush()
    return tell("end")


def call(
    module: types.ModuleType, names: list[str], arguments: tuple[Any, ...], number: int, tell: Callable[..., None]
) -> None:
    """Call the first function of *names* that the fixture has."""
    function = next((found for name in names if callable(found := getattr(module, name, None))), None)
    if function is None:
        return tell("raised", number, f"the fixture has no function {' or '.join(names)}")
    try:
        value = function(*arguments)
        if isinstance(value, types.GeneratorType) or hasattr(value, "__await__"):
            return tell("raised", number, f"{names[0]} must be a plain function, not async and not a generator")
        return tell("returned", number, *told(value))
    except BaseException as error:  # noqa: BLE001 - the seam that calls foreign code; sys.exit is a failure too
        return tell("raised", number, describe(error, module.__file__ or ""))


def told(value: Any) -> tuple[Any, ...]:
    """Return ``(value,)`` when JSON can spell it, else ``(None, why)``: good enough where nothing is expected of it."""
    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return None, f"returned a {type(value).__name__}, which JSON cannot spell"
    return (value,) if len(text) <= MAX_VALUE else (None, f"returned more than {MAX_VALUE} characters of JSON")


def describe(error: BaseException, filename: str) -> str:
    """Say in one line what was raised, and at which line of the fixture."""
    try:
        message = str(error)
    except Exception:  # noqa: BLE001 - __str__ of a foreign exception is foreign code
        message = "(its message cannot be read)"
    text = f"{type(error).__name__}: {message}" if message else type(error).__name__
    lines = list(lines_of(error.__traceback__, filename))
    if isinstance(error, SyntaxError) and error.filename == filename:
        lines = [error.lineno or 0]
    place = f" ({os.path.basename(filename)} line {lines[-1]})" if lines and lines[-1] else ""  # noqa: PTH119
    return text[:MAX_DETAIL].encode("utf-8", "backslashreplace").decode() + place


def lines_of(trace: types.TracebackType | None, filename: str) -> Iterator[int]:
    """Yield the lines of a file that a traceback goes through, the innermost last."""
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == filename:
            yield trace.tb_lineno
        trace = trace.tb_next


if __name__ == "__main__":
    main()
    os._exit(0)  # whatever threads the fixture left
