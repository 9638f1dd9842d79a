"""The value that all modules of textstats exchange."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Stats:
    """What is known about a text. ``top`` holds the most common words with their counts, the most common first."""

    words: int
    sentences: int
    unique: int
    words_per_sentence: float
    minutes: int
    top: tuple[tuple[str, int], ...] = ()
