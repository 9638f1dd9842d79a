"""Texts are split into sentences."""

from textstats.sentences import split_sentences


def verify(text):
    """Return the sentences of each scenario's text."""
    return split_sentences(text)
