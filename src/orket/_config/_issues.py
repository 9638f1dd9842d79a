"""The issues of an epic: their ids, their names, how they are proven, what they wait for."""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from orket._config._names import VALID_ID, is_issue_id
from orket._config._reading import Reading
from orket._graph import find_cycle
from orket.cards import CardStatus, Issue, JsonValue, Verification, WaitReason

# Keys of a verification that an issue may have itself, beside or instead of the nested object.
MOVED_UP: Final = frozenset(
    {"fixture", "fixture_path", "verification_fixture", "scenarios", "last_run", "last_verification"}
)
_ID_KEYS: Final = ("id", "issue_id", "card_id")
_NAME_KEYS: Final = ("summary", "name")
_WAITING: Final = frozenset({CardStatus.BLOCKED, CardStatus.WAITING_FOR_DEVELOPER})


def read_issues(reading: Reading, data: JsonValue) -> tuple[Issue | None, ...]:
    """Return the issues of the epic that *reading* reads.

    An issue without an id gets ``<STEM>-<n>``: the asset's name in capitals, joined by hyphens, and the issue's
    position from 1, with ``-2``, ``-3`` … behind it where another issue was given that id. So the same file has the
    same ids on every machine. An issue that is moved within its file gets another id; whoever reorders gives ids.
    """
    given = _given_ids(data)
    stem = re.sub(r"[\W_]+", "-", reading.name.upper()).strip("-") or "ISSUE"
    known: dict[str, int] = {}
    dependencies: dict[str, tuple[str, ...]] = {}
    issues = []
    for index, item in reading.items(data):
        before = len(reading.problems)
        fields = read_issue(reading, item)
        identity = fields.setdefault("id", _free_id(f"{stem}-{index + 1}", given))
        if identity in known:
            with reading.at("id"):
                reading.wrong(identity, f"an id that no other issue of this file has (also at [{known[identity]}])")
        known.setdefault(identity, index)
        dependencies.setdefault(identity, fields.get("depends_on", ()))
        fields["depends_on"] = tuple(dict.fromkeys(dependencies[identity]))
        issues.append(Issue(**fields) if len(reading.problems) == before else None)
    _check_dependencies(reading, dependencies, known)
    return tuple(issues)


def read_issue(reading: Reading, data: JsonValue) -> dict[str, Any]:
    """Return the fields of one issue; its id only if it has one."""
    fields = reading.fields(data, Issue)
    if not isinstance(data, dict):
        return fields
    if "id" in fields and not is_issue_id(fields["id"]):
        with reading.at("id"):
            reading.wrong(fields.pop("id"), VALID_ID)
    if all(data.get(key) is None or str(data[key]).strip() == "" for key in _NAME_KEYS):
        _name_after_note(reading, fields)
    if fields.get("status") in _WAITING and "wait_reason" not in fields and data.get("wait_reason") is None:
        reading.warn(f'status "{fields["status"]}" without "wait_reason"; read as "input"')
        fields["wait_reason"] = WaitReason.INPUT
    _join_verification(reading, data, fields)
    return fields


def _given_ids(data: JsonValue) -> frozenset[str]:
    items = [item for item in data if isinstance(item, dict)] if isinstance(data, list) else []
    ids = [item.get(key) for item in items for key in _ID_KEYS]
    return frozenset(value for value in ids if isinstance(value, str))


def _free_id(wanted: str, taken: frozenset[str]) -> str:
    number, candidate = 1, wanted
    while candidate in taken:
        number += 1
        candidate = f"{wanted}-{number}"
    return candidate


def _name_after_note(reading: Reading, fields: dict[str, Any]) -> None:
    lines = fields.get("note", "").strip().splitlines()
    name = lines[0].strip() if lines else fields.get("seat", "")
    reading.warn(f'"summary" is missing; the issue is named after its {"note" if lines else "seat"}')
    fields["name"] = name


def _join_verification(reading: Reading, data: JsonValue, fields: dict[str, Any]) -> None:
    """Join the nested verification with the keys of it that the issue has itself."""
    above = reading.fields(data, Verification, only=MOVED_UP, complete=False)
    nested = fields.pop("verification", {})
    for name in sorted(above.keys() & nested.keys()):
        if above[name] != nested[name]:
            reading.problem(f'{name} is given here and in "verification", differently; valid: only one of them')
    if above or nested:
        fields["verification"] = Verification(**(nested | above))


def _check_dependencies(
    reading: Reading, dependencies: Mapping[str, tuple[str, ...]], known: Mapping[str, int]
) -> None:
    for identity, wanted in dependencies.items():
        for position, name in enumerate(wanted):
            if name not in known:
                with reading.at(known[identity]), reading.at("depends_on"), reading.at(position):
                    reading.wrong(name, f"the id of an issue of this file; {_suggest(name, known)}")
    if cycle := find_cycle(dependencies):
        reading.cycle = cycle
        reading.problem(f"issues wait for each other: {' → '.join(cycle)}; valid: dependencies without a cycle")


def _suggest(name: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches  # only needed when something is wrong

    close = get_close_matches(name, known, n=3) or sorted(known)[:8]
    return f"there is {', '.join(close)}"
