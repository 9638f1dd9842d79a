"""Remembered decisions, found by their words.

    words     what a text is searched by                    (_words.py)
    index     SQLite FTS5 in memory, ranked by bm25         (_index.py)

The index is derived data: the record has the decisions, and the flow tells the index of them.
"""

from orket.memory._index import FullTextMemory

__all__ = ["FullTextMemory"]
