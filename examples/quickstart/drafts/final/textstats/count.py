"""Count words."""

from collections import Counter
from collections.abc import Iterable


def most_common(words: Iterable[str], limit: int = 5) -> list[tuple[str, int]]:
    """Return at most *limit* words with their counts, the most common first, equally common ones by the alphabet."""
    return sorted(Counter(words).items(), key=lambda item: (-item[1], item[0]))[:limit]
