"""Show statistics to people."""

from textstats.stats import Stats


def render(stats: Stats) -> str:
    """Return *stats* as text: a line for each fact, then the most common words."""
    facts = {
        "words": str(stats.words),
        "unique words": str(stats.unique),
        "sentences": str(stats.sentences),
        "words per sentence": f"{stats.words_per_sentence:.1f}",
        "minutes to read": str(stats.minutes),
        "most common": ", ".join(f"{word} ({count})" for word, count in stats.top) or "-",
    }
    width = max(map(len, facts))
    return "\n".join(f"{name:<{width}}  {value}" for name, value in facts.items())
