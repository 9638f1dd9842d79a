"""The modules work together."""

import dataclasses

from textstats.analyse import analyse


def verify(text):
    """Return everything that is found out about each scenario's text."""
    return dataclasses.asdict(analyse(text, top=2))
