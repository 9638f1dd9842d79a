"""Put the example host under load, beside a double that commits once for each request; results as JSON and a table.

    nox -s load
    nox -s load -- --repeat 5 --json benchmarks/results/load.json

Everything stays on the loopback, and every loop is bounded. Each measurement has fresh processes and files; the host
and its doubles take turns, so that what else the machine does meets all of them.
"""

import argparse
import asyncio
import json
import os
import platform
import signal
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import uvloop
from inside import measured
from jobs import SECRET, run_all

ROOT = Path(__file__).resolve().parents[2]
HOST = (str(ROOT / "examples" / "host"), "--port", "0", "--pace", "0", "--log", "warning")
DOUBLE = (str(ROOT / "benchmarks" / "load" / "double.py"),)
SERVERS = {"host": HOST, "double": DOUBLE, "double, WAL": (*DOUBLE, "--wal")}
TIMES = ("p50", "p95", "p99", "mean", "wall_s", "cpu_s")
JOBS = ("deliveries", "heartbeats", "epics", "followers", "news")
PARTS = ("starlette", "uvicorn", "uvloop", "httptools", "websockets", "fastapi", "aiosqlite")

Found = dict[str, Any]


def main() -> int:
    """Measure, write, show; 1 where there was an error."""
    options = _options()
    runs: list[Found] = []
    inside = []
    for number in range(options.repeat):
        for scale in options.scales:
            for name, command in SERVERS.items():
                run = {"server": name, "scale": scale, "repeat": number, **_measure(command, scale, options.folder)}
                runs.append(run)
                print(f"{name}, x{scale}: {_line(run)}", file=sys.stderr, flush=True)
        inside.append(measured(options.folder))
    summary = _summary(runs, inside, options.scales)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        found = {"about": _about(options), "runs": runs, "inside": inside, "summary": summary}
        options.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    print(_table(summary))
    errors = sum(job["errors"] for run in runs for job in run["jobs"].values())
    print(f"\n{errors} errors")
    return 1 if errors else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="nox -s load --", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--scales", type=lambda text: [int(part) for part in text.split(",")], default=[1, 10])
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--folder", type=Path, default=Path.cwd(), help="on the disk whose speed matters")
    return parser.parse_args()


def _measure(command: tuple[str, ...], scale: int, folder: Path) -> Found:
    with (
        tempfile.TemporaryDirectory(prefix=".load-", dir=folder) as state,
        _serving(command, Path(state)) as (port, used),
    ):
        begun, load = time.perf_counter(), os.getloadavg()[0]
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            jobs = runner.run(run_all(port, scale, used))
        return {"jobs": jobs, "seconds": round(time.perf_counter() - begun, 2), "load_average": round(load, 2)}


@contextmanager
def _serving(command: tuple[str, ...], state: Path) -> Iterator[tuple[int, Callable[[], float]]]:
    """Start a server; end it when the block is left."""
    environment = {**os.environ, "HOST_WEBHOOK_SECRET": SECRET}
    with subprocess.Popen(
        [sys.executable, *command, "--state", str(state)], env=environment, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline().rpartition(":")[2]), partial(_used, process.pid)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)


def _used(process: int) -> float:
    """Return the processor time of a process so far, in seconds; 0 where there is no such file."""
    with suppress(OSError):
        fields = Path(f"/proc/{process}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def _line(run: Found) -> str:
    jobs = run["jobs"].items()
    return ", ".join([f"{name} {job['p50']} ms, {job['errors']} errors" for name, job in jobs])


def _summary(runs: list[Found], inside: list[Found], scales: list[int]) -> list[Found]:
    """Return for every job and scale the medians over the repeats, and how many times faster the host is."""
    rows: list[Found] = []
    for scale in scales:
        for job in JOBS:
            found = {name: _median([run["jobs"][job] for run in _of(runs, name, scale)]) for name in SERVERS}
            doubles = [name for name in SERVERS if name != "host"]
            faster = {name: {key: _ratio(runs, name, scale, job, key) for key in TIMES} for name in doubles}
            rows.append({"job": job, "scale": scale, **found, "faster": faster})
    rows += [{"job": f"in-process, {it}", "scale": 1, "host": _median([one[it] for one in inside])} for it in inside[0]]
    return rows


def _of(runs: list[Found], name: str, scale: int) -> list[Found]:
    return [run for run in runs if run["server"] == name and run["scale"] == scale]


def _median(jobs: list[Found]) -> Found:
    medians = {key: round(statistics.median([job.get(key, 0.0) for job in jobs]), 3) for key in TIMES}
    first = {key: jobs[0][key] for key in ("requests", "concurrency")}
    return {**first, **medians, "errors": sum(job["errors"] for job in jobs)}


def _ratio(runs: list[Found], name: str, scale: int, job: str, key: str) -> float:
    """Return the median, over the repeats, of what the double took by what the host took beside it."""
    pairs = zip(_of(runs, name, scale), _of(runs, "host", scale), strict=True)
    ratios = [float(it["jobs"][job][key]) / max(1e-6, float(beside["jobs"][job][key])) for it, beside in pairs]
    return round(statistics.median(ratios), 2)


def _table(rows: list[Found]) -> str:
    lines = [
        "| job | requests, at once | host | double | double, WAL | p50 | mean | all | cpu |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        host = row["host"]
        cells = [row["job"], f"{host['requests']:,}, {host['concurrency']}", _cell(host)]
        cells += [_cell(row[name]) if name in row else "" for name in SERVERS if name != "host"]
        for key in ("p50", "mean", "wall_s", "cpu_s"):
            cells.append(", ".join([f"{faster[key]:.1f}" for faster in row.get("faster", {}).values()]))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(job: Found) -> str:
    return f"{job['p50']:,.1f} / {job['p95']:,.1f} / {job['p99']:,.1f}"


def _about(options: argparse.Namespace) -> Found:
    parts = {name: version(name) for name in PARTS}
    machine = {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version, "processors": os.cpu_count()}
    return {"orket": version("orket"), **machine, **parts, "repeat": options.repeat, "unit": "milliseconds"}


if __name__ == "__main__":
    sys.exit(main())
