"""Find out everything that textstats can say about a text."""

from textstats.count import most_common
from textstats.reading import reading_minutes, words_per_sentence
from textstats.sentences import split_sentences
from textstats.stats import Stats
from textstats.words import split_words


def analyse(text: str, top: int = 5) -> Stats:
    """Return the statistics of *text*, with its *top* most common words."""
    words = split_words(text)
    return Stats(
        words=len(words),
        sentences=len(split_sentences(text)),
        unique=len(set(words)),
        words_per_sentence=words_per_sentence(text),
        minutes=reading_minutes(text),
        top=tuple(most_common(words, top)),
    )
