"""Split a text into words."""

import re

_WORD = re.compile(r"[a-z]+")


def split_words(text: str) -> list[str]:
    """Return the words of *text* in lower case, in order."""
    return _WORD.findall(text.lower())
