"""The bug-fix phase of a finished rock: how long it lasts, what is found in it, and the rock that remains."""

from orket.bugfix._keeper import DefaultBugFixManager
from orket.bugfix._rules import BugFixRules, bug_fix_rules
from orket.bugfix._sequel import Sequel, find_sequels, is_sequel_name

__all__ = [
    "BugFixRules",
    "DefaultBugFixManager",
    "Sequel",
    "bug_fix_rules",
    "find_sequels",
    "is_sequel_name",
]
