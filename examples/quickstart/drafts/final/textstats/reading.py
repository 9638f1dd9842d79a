"""Judge how a text reads."""

import math

from textstats.sentences import split_sentences
from textstats.words import split_words

WORDS_PER_MINUTE = 200


def words_per_sentence(text: str) -> float:
    """Return the average length of a sentence in words, 0.0 for a text without any."""
    sentences = split_sentences(text)
    return len(split_words(text)) / len(sentences) if sentences else 0.0


def reading_minutes(text: str, pace: int = WORDS_PER_MINUTE) -> int:
    """Return how many minutes a reader of *pace* words per minute needs, rounded up."""
    return math.ceil(len(split_words(text)) / pace)
