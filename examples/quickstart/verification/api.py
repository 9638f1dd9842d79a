"""The package offers what its users need, under its own name."""

import textstats


def verify_names(_):
    """Return the public names."""
    return sorted(textstats.__all__)


def verify_use(text):
    """Return the first line of a report that is made with the public names alone."""
    return textstats.render(textstats.analyse(text)).splitlines()[0].split()
