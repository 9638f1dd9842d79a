"""It is measured how a text reads."""

from textstats.reading import reading_minutes, words_per_sentence


def verify_length(text):
    """Return the average length of a sentence."""
    return words_per_sentence(text)


def verify_minutes(words):
    """Return the minutes that a text of so many words takes."""
    return reading_minutes("word " * words)


verify_empty = verify_length
