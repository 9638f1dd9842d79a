"""Write ``evidence.md`` from what the fire tests have shown: ``nox -s evidence`` calls it with their JSON.

Several of these add up: shares of a night, other evenings, other machines. The page says of each when and where it was.
What nights have shown is kept in the folder ``evidence``, a list of sessions in each file.

The exit status is 1 where a guarantee did not hold.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

NOTES = 16  # of a line
_SHARE = re.compile(r"share (\d+)/(\d+)")
PAGE = Path(__file__).with_name("evidence.md")
HEAD = """# Evidence

What orket promises about its record was tried as often as this page says, by tests that anybody can repeat.
`nox -s evidence` wrote it, from what ran. [Prove durability](howto/prove-durability.md) shows the harness.

{sessions}
| guarantee | command | sessions | runs | failures | 95 % bound |
|---|---|---|---|---|---|
"""
TAIL = """
A run is a case: one death, one fault, one cut, one seed. Where cases are drawn by chance and none of N failed, the
share of cases that fail is below 3/N with a probability of 95 %, as far as cases are independent of each other. Where
they are enumerated, all points, steps or kinds of an epic are gone through, or every n-th of a long one.
"""


def page(*shown: dict[str, Any]) -> str:
    """Return the page of some sessions."""
    sessions: dict[str, list[dict[str, Any]]] = {}
    for one in shown:
        sessions.setdefault(_session(one), []).append(one)
    told = [f"{number}. {_when(same)}\n" for number, same in enumerate(sessions.values(), 1)]
    head = HEAD.format(sessions="".join(told))
    names = shown[0]["lines"]
    summed = [{name: _sum([one["lines"][name] for one in same]) for name in names} for same in sessions.values()]
    lines = {name: _sum([one[name] for one in summed]) for name in names}
    return f"{head}{''.join([_row(line) for line in lines.values()])}{TAIL}{_notes(lines)}"


def _session(one: dict[str, Any]) -> str:
    """Return what all parts of one session have in common, the shares of a night too."""
    return f"{one['date']} {_SHARE.sub('', one['counts'])} {one['versions']} {one['machine']}"


def _when(parts: list[dict[str, Any]]) -> str:
    """Say of a session when, how often, with what and where it was."""
    one = parts[0]
    counts = one["counts"]
    shares = sorted({int(found[1]) for part in parts if (found := _SHARE.match(part["counts"]))})
    if shares:
        counts = _SHARE.sub(rf"shares {_spans(shares)} of \2", counts)
    versions = ", ".join([f"{name} {version}" for name, version in one["versions"].items()])
    return f"{one['date']} · the counts of {counts} · {versions} · {one['machine']}"


def _sum(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """Add up what sessions say of one line."""
    added = {key: sum(line[key] for line in lines) for key in ("runs", "failures", "skipped")}
    notes = [note for line in lines for note in line["notes"]]
    ran = [number for number, line in enumerate(lines, 1) if line["tests"]]
    tests = {test for line in lines for test in line["tests"]}
    return {**lines[0], **added, "notes": notes, "sessions": ran, "tests": sorted(tests)}


def _row(line: dict[str, Any]) -> str:
    command = f"`python -m pytest -m fire {' '.join(line['tests'])}`" if line["tests"] else ""
    runs = f"{line['runs']:,} | {line['failures']:,}" if line["tests"] else "not run | "
    return f"| {line['guarantee']} | {command} | {_spans(line['sessions'])} | {runs} | {_bound(line)} |\n"


def _spans(numbers: list[int]) -> str:
    """Return numbers with neighbours joined: 1-3, 5."""
    ends = [number for number in numbers if number + 1 not in numbers]
    starts = [number for number in numbers if number - 1 not in numbers]
    return ", ".join([f"{a}" if a == z else f"{a}-{z}" for a, z in zip(starts, ends, strict=True)])


def _bound(line: dict[str, Any]) -> str:
    if line["failures"] or not line["runs"]:
        return ""
    return f"{300 / line['runs']:.2g} %" if line["drawn"] else "enumerated"


def _notes(lines: dict[str, dict[str, Any]]) -> str:
    notes = [f"- {name}: {note}\n" for name, line in lines.items() for note in [*_told(line), *_skipped(line)]]
    return "\n## Measured besides\n\n" + "".join(notes) if notes else ""


def _told(line: dict[str, Any]) -> list[str]:
    more = len(line["notes"]) - NOTES
    return [*line["notes"][:NOTES], *([f"and {more} like these"] if more > 0 else [])]


def _skipped(line: dict[str, Any]) -> list[str]:
    return [f"{line['skipped']} tests cannot run on this machine"] if line["skipped"] else []


def _read(path: str) -> list[dict[str, Any]]:
    """Return what a file holds: a session, or a list of them."""
    found = json.loads(Path(path).read_text("utf-8"))
    return found if isinstance(found, list) else [found]


def main(*paths: str) -> int:
    """Write the page of all; return whether a guarantee did not hold in one."""
    shown = [one for path in paths for one in _read(path)]
    PAGE.write_text(page(*shown), "utf-8")
    return int(any(line["failures"] for one in shown for line in one["lines"].values()))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
