"""Sprints: which one a moment lies in, and what it is called; counted from a day and a length in process rules."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from attrs import frozen

from orket._value import Value
from orket.cards import JsonValue
from orket.errors import ConfigError

_START: Final = "sprint_start"
_DAYS: Final = "sprint_days"
_PER_QUARTER: Final = "sprints_per_quarter"
_QUARTERS: Final = 4
_FIRST: Final = date(2025, 12, 29)  # a Monday; weeks counted from it are those of ISO 8601 all through 2026
_LONGEST: Final = 366


@frozen(kw_only=True, repr=False, eq=False)
class SprintRules(Value):
    """How sprints are counted.

    ``start`` is the first day (UTC) of the first one, ``days`` how long each is. After ``per_quarter`` sprints a new
    quarter begins, and after four quarters the first again: ``Q1 S1`` … ``Q4 S13``. With 0 there are no quarters:
    ``Sprint 1``, ``Sprint 2`` …
    """

    start: date = _FIRST
    days: int = 7
    per_quarter: int = 13


@frozen(kw_only=True, repr=False, eq=False)
class Sprint(Value):
    """A sprint: its label, which one it is (from 1), its first day and the first day after it (UTC)."""

    label: str
    number: int
    starts: date
    ends: date


def sprint_rules(process_rules: Mapping[str, JsonValue]) -> SprintRules:
    """Return what an organization's process rules say of sprints.

    Raises:
        ConfigError: lists what of it cannot be used.
    """
    problems: list[str] = []
    stock = SprintRules()

    def said(rule: str, otherwise: Any, read: Any, valid: str) -> Any:
        value = process_rules.get(rule)
        found = otherwise if value is None else read(value)
        if found is None:
            problems.append(f"process rule {rule!r} is {value!r:.80}; valid: {valid}")
        return found

    start = said(_START, stock.start, _day, 'a day such as "2025-12-29"')
    days = said(_DAYS, stock.days, lambda value: _number(value, 1), f"a number of days from 1 to {_LONGEST}")
    per_quarter = said(
        _PER_QUARTER, stock.per_quarter, lambda value: _number(value, 0), f"a number from 0 (no quarters) to {_LONGEST}"
    )
    if problems:
        raise ConfigError("the organization's sprints cannot be counted", problems=problems)
    return SprintRules(start=start, days=days, per_quarter=per_quarter)


def sprint_at(rules: SprintRules, now: float) -> Sprint | None:
    """Return the sprint that a moment (seconds since the epoch) lies in; None before the first."""
    count = (datetime.fromtimestamp(now, UTC).date() - rules.start).days // rules.days
    if count < 0:
        return None
    starts = rules.start + timedelta(days=count * rules.days)
    label = f"Sprint {count + 1}"
    if rules.per_quarter:
        quarter, place = divmod(count, rules.per_quarter)
        label = f"Q{quarter % _QUARTERS + 1} S{place + 1}"
    return Sprint(label=label, number=count + 1, starts=starts, ends=starts + timedelta(days=rules.days))


def same_sprint(one: str, other: str) -> bool:
    """Return whether two labels mean one sprint, however they are spaced and capitalized."""
    return "".join(one.split()).casefold() == "".join(other.split()).casefold()


def _day(value: JsonValue) -> date | None:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        return None


def _number(value: JsonValue, least: int) -> int | None:
    return value if type(value) is int and least <= value <= _LONGEST else None
