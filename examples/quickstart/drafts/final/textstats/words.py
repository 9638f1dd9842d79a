"""Split a text into words."""

import re

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")


def split_words(text: str) -> list[str]:
    """Return the words of *text* in lower case, in order; apostrophes and hyphens within a word belong to it."""
    return _WORD.findall(text.lower())
