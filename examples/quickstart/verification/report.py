"""People can read the report."""

from textstats.report import render
from textstats.stats import Stats


def verify(facts):
    """Return the lines of the report on each scenario's facts."""
    facts["top"] = tuple(tuple(pair) for pair in facts["top"])
    return render(Stats(**facts)).splitlines()
