"""How long a bug-fix phase lasts, as the organization's process rules say."""

from collections.abc import Iterator
from typing import Final

from attrs import frozen

from orket._value import Value
from orket.errors import ConfigError
from orket.organization import Organization


@frozen(kw_only=True, repr=False, eq=False)
class BugFixRules(Value):
    """How long a phase lasts: ``days``, and as many again, up to ``longest`` in all, while there are too many bugs.

    Too many are more than ``per_day`` found per day of the last period, or more than ``critical`` open critical ones.
    """

    days: float = 7.0
    longest: float = 28.0
    per_day: float = 5.0
    critical: int = 3


_MOST: Final = 1_000_000  # of anything: whole numbers have no end, and times of floats have one
_RULES = (  # the process rule, the field, what is valid
    ("bug_fix_days", "days", "a number of days above 0, up to a million"),
    ("bug_fix_longest_days", "longest", "a number of days above 0, up to a million"),
    ("bug_fix_bugs_per_day", "per_day", "a number from 0 to a million"),
    ("bug_fix_critical_bugs", "critical", "a whole number from 0 to a million"),
)


def bug_fix_rules(organization: Organization) -> BugFixRules:
    """Return the rules of an organization.

    Raises:
        ConfigError: process rules are no such numbers; lists all of them.
    """
    said = organization.process_rules
    problems = list(_problems(organization))
    values = {field: said[rule] for rule, field, _ in _RULES if rule in said}
    rules = BugFixRules() if problems else BugFixRules(**values)
    if not problems and rules.longest < rules.days:
        problems.append(f"bug_fix_longest_days is {rules.longest}; valid: at least bug_fix_days, {rules.days}")
    if problems:
        raise ConfigError(f"process rules of organization {organization.name!r} are wrong", problems=problems)
    return rules


def _problems(organization: Organization) -> Iterator[str]:
    for rule, field, valid in _RULES:
        value = organization.process_rules.get(rule, 1)
        is_number = isinstance(value, int if field == "critical" else int | float) and not isinstance(value, bool)
        if not is_number or not 0 <= value <= _MOST or (value == 0 and field in ("days", "longest")):
            yield f"{rule} is {value!r:.80}; valid: {valid}"
