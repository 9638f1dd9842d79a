"""What it costs to begin: how long an import takes, and how long the registry looks for nodes."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import child

_DEPENDENCIES = "import attrs, cattrs, anyio"
_BARE = "import orket"
_USED = "import orket; orket.Orchestrator"  # brings what runs need
_OFFER_EVERY = 10  # this share of the distributions offers a node; all have an entry_points.txt
_IMPORT = """
import sys, time
began = time.perf_counter()
exec(sys.argv[1])
below, cpu = time.perf_counter(), time.process_time()
exec(sys.argv[2])
print(below - began, time.perf_counter() - below, time.process_time() - cpu)
"""


def import_seconds(repeat: int) -> dict[str, float]:
    """Return the best times of ``import orket`` in a fresh Python: alone, and up to the first use of the orchestrator.

    The latter is measured whole, and with its dependencies there already. Bytecode is cached, as in any installation,
    whatever this environment says.
    """
    rows = []
    with tempfile.TemporaryDirectory(prefix="orket-bench-") as cache:
        environ = {**os.environ, "PYTHONPYCACHEPREFIX": cache, "PYTHONDONTWRITEBYTECODE": ""}
        _import(environ, _DEPENDENCIES, _USED)
        for _ in range(max(repeat, 10)):
            _, bare, _ = _import(environ, "", _BARE)
            _, whole, whole_cpu = _import(environ, "", _USED)
            below, above, above_cpu = _import(environ, _DEPENDENCIES, _USED)
            rows.append((bare, whole, whole_cpu, below, above, above_cpu))
    names = ("bare", "whole", "whole_cpu", "below", "above", "above_cpu")
    return {name: min(times) for name, times in zip(names, zip(*rows, strict=True), strict=True)}


def _import(environ: Mapping[str, str], before: str, then: str) -> tuple[float, float, float]:
    """Run two statements in a new Python; return the time of each, and the processor time of the second."""
    done = subprocess.run(
        [sys.executable, "-c", _IMPORT, before, then], capture_output=True, text=True, check=True, env=environ
    )
    below, last, cpu = done.stdout.split()
    return float(below), float(last), float(cpu)


def install_distributions(folder: Path, count: int) -> None:
    """Make a folder look as if *count* distributions were installed in it."""
    for number in range(count):
        name = f"bench_dist_{number:04}"
        info = folder / f"{name}-1.0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        points = f"[console_scripts]\n{name} = {name}:main\n"
        if number % _OFFER_EVERY == 0:
            points += f"\n[orket.router]\n{name} = {name}:Router\n"
        (info / "entry_points.txt").write_text(points)


def _main() -> dict[str, Any]:
    """Child: look for nodes once, with nothing cached."""
    from importlib.metadata import distributions

    import orket

    installed = len(list(distributions()))
    registry = orket.DecisionNodeRegistry()
    began = time.perf_counter()
    import importlib_metadata  # noqa: F401 - the registry imports it when it looks

    importing = time.perf_counter() - began
    offers = registry.offers("router")
    looking = time.perf_counter() - began
    registry.resolve()
    resolving = time.perf_counter() - began
    return {
        "installed": installed,
        "offers": len(offers),
        "import_metadata": importing,
        "look": looking - importing,
        "resolve": resolving - looking,
    }


if __name__ == "__main__":
    child.answer(_main(**child.params()))
