"""The index: SQLite FTS5 in memory, so it works with every store and changes no schema.

What a search costs does not grow with how many decisions there are. Words that most decisions share say nothing, and
are not searched for; of the others the rarest come first, until all that they are found in is as much as may be ranked.
So the search runs where it is called, without a thread.
"""

import sqlite3
import weakref
from collections import Counter
from contextlib import closing
from typing import Final

from orket.contracts import MemoryQuery, Remembered
from orket.errors import RecallError
from orket.memory._words import words

_LONGEST: Final = 10_000  # characters of a query that are looked at
_WORDS: Final = 24  # words of a query that are searched for
_RANKED: Final = 500  # decisions that are ranked in one search
_LOOSE: Final = 16  # decisions that may come before the index is tidied, a tenth of all apart
_FEW: Final = 2  # decisions: a word that is found in no more of them says something, however few there are

_TABLE: Final = "CREATE VIRTUAL TABLE decision USING fts5(words, content='', tokenize='unicode61')"
_TIDY: Final = "INSERT INTO decision (decision) VALUES ('optimize')"
_INSERT: Final = "INSERT INTO decision (rowid, words) VALUES (?, ?)"
_SEARCH: Final = (
    "SELECT rowid FROM decision WHERE decision MATCH ? AND rowid > ? ORDER BY bm25(decision), rowid DESC LIMIT ?"
)


class FullTextMemory:
    """Find decisions by the words that they share with a query; rare words count most.

    Raises:
        RecallError: the SQLite of this Python has no FTS5.
    """

    def __init__(self) -> None:
        with closing(sqlite3.connect(":memory:")) as probe:
            _make_table(probe)
        self._index: sqlite3.Connection | None = None  # made with the first decision
        self._kept: list[Remembered] = []  # each one's place, counted from 1, is its rowid
        self._keys: set[str] = set()
        self._found_in: Counter[str] = Counter()  # word -> decisions that have it
        self._of_build: dict[str, list[Remembered]] = {}
        self._loose = 0  # decisions that came since the index was tidied

    def add(self, remembered: tuple[Remembered, ...], /) -> None:
        """Take decisions in; those that are known already are left as they are."""
        unknown = {one.key: one for one in reversed(remembered) if one.key not in self._keys}
        new = list(reversed(unknown.values()))
        if not new:
            return
        index = self._index
        if index is None:
            index = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)  # garbage goes anywhere
            self._index = index
            _make_table(index)
            weakref.finalize(self, index.close).atexit = False  # a memory that nobody closed takes its index with it
        said = [words(one.text) for one in new]
        index.execute("BEGIN")
        index.executemany(_INSERT, [(place, " ".join(it)) for place, it in enumerate(said, len(self._kept) + 1)])
        index.execute("COMMIT")
        for one, spoken in zip(new, said, strict=True):
            self._kept.append(one)
            self._keys.add(one.key)
            self._found_in.update(set(spoken))
            self._of_build.setdefault(one.build, []).append(one)
        self._loose += len(new)

    def search(self, query: MemoryQuery, /) -> tuple[Remembered, ...]:
        """Return the decisions that share words with the query, then the newest of its build."""
        if not self._kept:
            return ()
        found = {one.key: one for one in self._ranked(query)}
        if query.build is not None:
            for one in reversed(self._of_build.get(query.build, ())):
                if len(found) >= query.limit:
                    break
                found.setdefault(one.key, one)
        return tuple(found.values())

    def _ranked(self, query: MemoryQuery) -> list[Remembered]:
        chosen, ranked = self._chosen(query.text)
        if self._index is None or not chosen:
            return []
        if self._loose > _LOOSE + len(self._kept) // 10:  # what lies in many pieces takes four times as long to search
            self._index.execute(_TIDY)
            self._loose = 0
        since = 0 if ranked <= _RANKED else len(self._kept) - _RANKED  # one word too many have: the newest of them
        sought = " OR ".join([f'"{word}"' for word in chosen])  # letters and digits only: nothing to be escaped
        rows = self._index.execute(_SEARCH, (sought, since, max(0, query.limit)))
        return [self._kept[place - 1] for (place,) in rows]

    def _chosen(self, text: str) -> tuple[list[str], int]:
        """Return the words to search for, the rarest first, and in how many decisions they are found, added up."""
        most = max(_FEW, len(self._kept) // 2)
        counts = [(self._found_in[word], word) for word in set(words(text[:_LONGEST]))]
        chosen: list[str] = []
        ranked = 0
        for count, word in sorted(counts):
            if not 0 < count <= most:
                continue
            if chosen and (ranked + count > _RANKED or len(chosen) == _WORDS):
                break
            chosen.append(word)
            ranked += count
        return chosen, ranked

    async def aclose(self) -> None:
        """Forget everything."""
        if self._index is not None:
            self._index.close()
        self._index = None
        self._kept, self._keys, self._of_build = [], set(), {}
        self._found_in.clear()


def _make_table(connection: sqlite3.Connection) -> None:
    try:
        connection.execute(_TABLE)
    except sqlite3.OperationalError as error:
        raise RecallError(
            f"this Python's SQLite {sqlite3.sqlite_version} cannot search texts: {error}; use a Python whose SQLite has"
            " FTS5, or a pipeline-wiring node whose create_memory returns another memory, or None"
        ) from error
