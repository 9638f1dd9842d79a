"""Measure what a turn costs, beside raw SQLite, beside memory and beside peers: ``python benchmarks/run.py --help``.

Nothing here passes or fails. Every measurement runs in a fresh process, those that are compared take turns, and the
best of the repeats counts: on a machine that others use too, the least disturbed run says most.
"""

import argparse
import json
import os
import platform
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

import boards
import child
import peers
import report
import starting

SIZES = (100, 1_000, 10_000)
DISTRIBUTIONS = 300
Row: TypeAlias = dict[str, Any]


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0] if __doc__ else None)
    add = parser.add_argument
    add("--sizes", default=",".join(map(str, SIZES)), help="numbers of issues, with commas (%(default)s)")
    add("--shapes", default=",".join(boards.SHAPES), help="which of these boards (%(default)s)")
    add("--peers", default="auto", help="auto (those installed), none, or names with commas (%(default)s)")
    add("--peer-budget", type=float, default=120.0, metavar="S", help="seconds for a peer's board (%(default)g)")
    add("--repeat", type=int, default=3, help="how often each is measured; the best counts (%(default)s)")
    add("--backend", choices=("asyncio", "trio"), default="asyncio", help="event loop (%(default)s)")
    add("--json", type=Path, metavar="FILE", help="write everything that was measured to FILE")
    add("--folder", type=Path, help="where databases are written (the system's temporary folder)")
    chosen = parser.parse_args(argv)
    chosen.sizes = sorted({int(size) for size in chosen.sizes.split(",")})
    chosen.shapes = chosen.shapes.split(",")
    if unknown := set(chosen.shapes) - set(boards.SHAPES):
        parser.error(f"unknown shapes: {', '.join(unknown)}; valid: {', '.join(boards.SHAPES)}")
    if chosen.sizes[0] < 1 or chosen.repeat < 1:
        parser.error("sizes and --repeat are at least 1")
    if find_spec(chosen.backend) is None:
        parser.error(f"{chosen.backend} is not installed")
    chosen.peers = _peers(parser, chosen.peers)
    return chosen


def _peers(parser: argparse.ArgumentParser, wanted: str) -> list[str]:
    there = peers.installed()
    if wanted in ("auto", "none"):
        return list(there) if wanted == "auto" else []
    names = wanted.split(",")
    if missing := set(names) - set(there):
        parser.error(f"not installed: {', '.join(missing)}; installed: {', '.join(there) or 'none'}")
    return names


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _load() -> list[float]:
    return [round(load, 2) for load in os.getloadavg()] if hasattr(os, "getloadavg") else []


def _pace() -> dict[str, float]:
    """Return what one step of an empty loop takes now, in ns, at best and at the median: how fast this machine is."""
    steps, times = 100_000, []
    for _ in range(21):
        began = time.perf_counter()
        for _ in range(steps):
            pass
        times.append((time.perf_counter() - began) / steps * 1e9)
    return {"best": min(times), "median": statistics.median(times)}


def _machine() -> Row:
    return {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": platform.system(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "load": _load(),
        "pace": _pace(),
    }


def _turns(place: Path, root: Path, store: str, view: str, backend: str) -> Row:
    """Run a board once; what it writes goes into a new folder."""
    place.mkdir(parents=True)
    found: Row = child.measure("turns.py", root=str(root), store=store, view=view, backend=backend, folder=str(place))
    if found["outcome"] != "done":
        raise child.ChildError(f"the run ended as {found['outcome']}")
    return found


def _board(shape: str, size: int, chosen: argparse.Namespace, folder: Path) -> Row:
    """Measure one board in every way."""
    root = folder / "organization"
    boards.write_organization(root, shape, size)
    backend = chosen.backend
    taped = _turns(folder / "tape", root, "sqlite", "tape", backend)
    tape: Row = {"database": str(folder / "tape" / "journal.db"), "recorded": str(folder / "tape" / "tape")}
    sqlite, floor, memory, watched = [], [], [], []
    for number in range(chosen.repeat):
        place = folder / f"repeat{number}"
        sqlite.append(_turns(place / "plain", root, "sqlite", "plain", backend))
        floor.append(child.measure("floor.py", **tape, folder=str(place)))
        memory.append(_turns(place / "memory", root, "memory", "plain", backend))
        watched.append(_turns(place / "watch", root, "sqlite", "watch", backend)["loop"])
        shutil.rmtree(place)
    seconds = min(10.0, max(1.0, min(run["wall"] for run in sqlite)))
    noise = child.measure("watch.py", seconds=seconds, **tape, folder=str(folder))
    return {
        "shape": shape,
        "size": size,
        "turns": boards.TURNS * size,
        "transactions": taped["transactions"],
        "sqlite": sqlite,
        "floor": floor,
        "memory": memory,
        "loop": watched,
        "noise": noise,
        "traced_peak": _turns(folder / "trace", root, "sqlite", "trace", backend)["traced_peak"],
        "load": _load(),
        "pace": _pace(),
    }


def _boards(chosen: argparse.Namespace) -> Iterable[Row]:
    for shape in chosen.shapes:
        for size in chosen.sizes:
            began = time.perf_counter()
            with tempfile.TemporaryDirectory(prefix="orket-bench-", dir=chosen.folder) as folder:
                row = _board(shape, size, chosen, Path(folder))
            _say(f"{shape} {size}: {time.perf_counter() - began:.0f} s")
            yield row


def _peer_rows(chosen: argparse.Namespace) -> Iterable[Row]:
    """Run every peer on every board, once each; what would take longer than the budget is left out, and says so."""
    for peer in chosen.peers:
        for shape in chosen.shapes:
            pace = 0.0
            for size in chosen.sizes:
                row: Row = {"peer": peer, "shape": shape, "size": size}
                if pace * size > 2 * chosen.peer_budget:
                    yield {**row, "left_out": f"would take about {pace * size:.0f} s"}
                    continue
                with tempfile.TemporaryDirectory(prefix="orket-bench-", dir=chosen.folder) as folder:
                    fixed: Row = {"peer": peer, "shape": shape, "size": size, "folder": folder}
                    try:
                        found = child.measure("peers.py", timeout=chosen.peer_budget, **fixed)
                    except child.ChildError as error:
                        yield {**row, "left_out": str(error)}
                        continue
                pace = found["wall"] / size
                _say(f"{peer} {shape} {size}: {found['wall']:.0f} s")
                yield {**row, **found}


def _discovery(repeat: int) -> Row:
    with tempfile.TemporaryDirectory(prefix="orket-bench-") as folder:
        starting.install_distributions(Path(folder), DISTRIBUTIONS)
        places = os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH")]))
        rows = [child.measure("starting.py", environ={"PYTHONPATH": places}) for _ in range(max(3, repeat))]
    best: Row = min(rows, key=lambda row: row["look"])
    return best


def main(argv: Sequence[str]) -> None:
    """Measure, print the tables, write the JSON."""
    chosen = _arguments(argv)
    found: Row = {"machine": _machine(), "repeat": chosen.repeat, "backend": chosen.backend}
    found["peers"] = {name: text for name, text in peers.installed().items() if name in chosen.peers}
    found["import"] = starting.import_seconds(chosen.repeat)
    found["discovery"] = _discovery(chosen.repeat)
    found["boards"] = list(_boards(chosen))
    found["peer_boards"] = list(_peer_rows(chosen))
    found["machine"]["load_after"] = _load()
    found["summary"] = report.summary(found)
    print(report.text(found))
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
        _say(f"written: {chosen.json.name}")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except child.ChildError as failed:
        sys.exit(str(failed))
