"""What may be the name of an asset, a department, a category or an issue, and which process rules orket reads."""

import re
from typing import Final

_NAME = re.compile(r"\w[\w .-]{0,127}")
VALID_NAME = "a name of letters, digits, space, _ . and -, no path, at most 128 long"
VALID_ID: Final = "up to 128 printable characters, no space around them"
KNOWN_RULES: Final = (  # beside those that choose nodes; others belong to packages and hosts
    "concurrency",
    "context_window",
    "turn_budget",
    "default_model",
    "sandbox_command",
    "sandbox_engine",
    "sandbox_stack",
    "sandbox_product",
    "verification_isolation",
    "sprint_start",
    "sprint_days",
    "sprints_per_quarter",
    "run_the_business_rock",
    "unplanned_support_epic",
    "bug_fix_days",
    "bug_fix_longest_days",
    "bug_fix_bugs_per_day",
    "bug_fix_critical_bugs",
)


def is_asset_name(name: object) -> bool:
    """Return whether *name* is a plain file name without its ending: no separators, nothing hidden, no ``..``."""
    return isinstance(name, str) and _NAME.fullmatch(name) is not None and name == name.rstrip(" .")


def is_issue_id(value: object) -> bool:
    """Return whether an issue may have this id."""
    return isinstance(value, str) and 0 < len(value) <= 128 and value.isprintable() and value == value.strip()
