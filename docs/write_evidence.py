"""Write ``evidence.md`` from what the fire tests have shown: ``nox -s evidence`` calls it with their JSON.

The exit status is 1 where a guarantee did not hold.
"""

import json
import sys
from pathlib import Path
from typing import Any

PAGE = Path(__file__).with_name("evidence.md")
HEAD = """# Evidence

What orket promises about its record was tried as often as this page says, by tests that anybody can repeat.
`nox -s evidence` wrote it, from what ran. [Prove durability](howto/prove-durability.md) shows the harness.

{date} · {counts} · {versions} · {machine}

| guarantee | command | runs | failures | 95 % bound |
|---|---|---|---|---|
"""
TAIL = """
A run is a case: one death, one fault, one cut, one seed. Where cases are drawn by chance and none of N failed, the
share of cases that fail is below 3/N with a probability of 95 %, as far as cases are independent of each other. Where
they are enumerated, all points, steps or kinds of an epic are gone through, or every n-th of a long one.
"""


def page(shown: dict[str, Any]) -> str:
    """Return the page."""
    counts = "the counts of `nox -s nightly`" if shown["nightly"] else "the counts of CI"
    versions = ", ".join([f"{name} {version}" for name, version in shown["versions"].items()])
    head = HEAD.format(date=shown["date"], counts=counts, versions=versions, machine=shown["machine"])
    command = "NIGHTLY=1 python -m pytest -m fire" if shown["nightly"] else "python -m pytest -m fire"
    rows = [_row(line, command) for line in shown["lines"].values()]
    return f"{head}{''.join(rows)}{TAIL}{_notes(shown['lines'])}"


def _row(line: dict[str, Any], command: str) -> str:
    command = f"`{command} {' '.join(sorted(line['tests']))}`" if line["tests"] else ""
    runs = f"{line['runs']:,} | {line['failures']:,}" if line["tests"] else "not run | "
    return f"| {line['guarantee']} | {command} | {runs} | {_bound(line)} |\n"


def _bound(line: dict[str, Any]) -> str:
    if line["failures"] or not line["runs"]:
        return ""
    return f"{300 / line['runs']:.2g} %" if line["drawn"] else "enumerated"


def _notes(lines: dict[str, dict[str, Any]]) -> str:
    notes = [f"- {name}: {note}\n" for name, line in lines.items() for note in [*line["notes"], *_skipped(line)]]
    return "\n## Measured besides\n\n" + "".join(notes) if notes else ""


def _skipped(line: dict[str, Any]) -> list[str]:
    return [f"{line['skipped']} tests cannot run on this machine"] if line["skipped"] else []


def main(path: str) -> int:
    """Write the page; return how many guarantees did not hold."""
    shown = json.loads(Path(path).read_text("utf-8"))
    PAGE.write_text(page(shown), "utf-8")
    return int(any(line["failures"] for line in shown["lines"].values()))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
