"""Texts are split into words as people see them."""

from textstats.words import split_words


def verify(text):
    """Return the words of each scenario's text."""
    return split_words(text)
