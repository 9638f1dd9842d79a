"""Split a text into sentences."""

import re

_END = re.compile(r"(?<=[.!?…])\s+")


def split_sentences(text: str) -> list[str]:
    """Return the sentences of *text*, in order, without the space around them."""
    return [sentence for part in _END.split(text) if (sentence := part.strip())]
