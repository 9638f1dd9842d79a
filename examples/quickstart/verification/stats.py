"""There is one frozen value for everybody to work with."""

import dataclasses

from textstats.stats import Stats


def verify_fields(_):
    """Return the names of its fields, in order."""
    return [field.name for field in dataclasses.fields(Stats)]


def verify_frozen(_):
    """Return what becomes of an attempt to change one."""
    stats = Stats(words=2, sentences=1, unique=2, words_per_sentence=2.0, minutes=1)
    try:
        stats.words = 3
    except dataclasses.FrozenInstanceError:
        return "refused"
    return "changed"
