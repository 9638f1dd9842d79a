"""Words are counted, and put in order."""

from textstats.count import most_common


def verify(case):
    """Return the most common words of each scenario."""
    return [list(pair) for pair in most_common(case["words"], case["limit"])]
