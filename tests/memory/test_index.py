"""The full-text memory: what a search finds, in which order, and that no text can harm it."""

import sqlite3
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orket._answers import wrong_recollection
from orket.contracts import MemoryQuery, Remembered
from orket.errors import RecallError
from orket.memory import FullTextMemory
from orket.memory import _index as index
from orket.memory._words import words

SPEECH = st.text() | st.sampled_from(
    ('"', "a OR b", "NEAR(a b)", "words:*", "x AND NOT", "\x00", "\ud800", "é", "漢字 1")
)
COMMON = st.lists(st.sampled_from(("use", "the", "tabs")), min_size=1, max_size=6)


def decision(number: int, text: str, build: str = "b", at: float | None = None) -> Remembered:
    key = f"{build}/c/run/{number}"
    return Remembered(key=key, text=text, build=build, card="c", at=float(number) if at is None else at)


def told(*texts: str, build: str = "b") -> FullTextMemory:
    memory = FullTextMemory()
    memory.add(tuple([decision(number, text, build) for number, text in enumerate(texts)]))
    return memory


def found(memory: FullTextMemory, text: str, limit: int = 10, build: str | None = None) -> list[str]:
    return [one.text for one in memory.search(MemoryQuery(text=text, limit=limit, build=build))]


def test_what_shares_a_word_is_found() -> None:
    """A decision is found by one word of many, whatever its case, its accents and its punctuation."""
    memory = told("Indent with spaces.", "The CAFÉ opens at 8", "use SQLite")
    assert found(memory, "how are lines indent-ed?") == ["Indent with spaces."]
    assert found(memory, "where is the cafe?")[0] == "The CAFÉ opens at 8"
    assert found(memory, "sqlite_version") == ["use SQLite"]
    assert found(memory, "nothing of that") == []


def test_what_shares_more_and_rarer_words_comes_first() -> None:
    """The order is by relevance, not by age."""
    memory = told("colour the parser red", "the parser is fast", "the lexer is fast", "write the docs", "ask the guard")
    assert found(memory, "which colour has the parser?") == ["colour the parser red", "the parser is fast"]


def test_of_equals_the_newest_comes_first() -> None:
    """Decisions in the same words are found from the latest on."""
    memory = FullTextMemory()
    memory.add(tuple([decision(number, "use tabs", f"build{number}") for number in range(3)]))
    memory.add(tuple([decision(9 + number, "write") for number in range(6)]))
    assert [one.build for one in memory.search(MemoryQuery(text="tabs", limit=9))] == ["build2", "build1", "build0"]


def test_the_newest_of_the_build_fill_up() -> None:
    """Where few decisions match, the latest of the query's own build follow, and none of another one."""
    memory = told("use tabs", "use red", "test first")
    memory.add((decision(7, "elsewhere", "other"),))
    assert found(memory, "tabs", build="b") == ["use tabs", "test first", "use red"]
    assert found(memory, "tabs", limit=2, build="b") == ["use tabs", "test first"]
    assert found(memory, "tabs", build="new") == ["use tabs"]
    assert found(memory, "elsewhere", limit=1, build="b") == ["elsewhere"]


def test_words_that_most_decisions_share_find_nothing() -> None:
    """A word in more than half of the decisions says nothing about any of them."""
    memory = told("the cat", "the dog", "the bird", "a fish")
    assert found(memory, "the") == []
    assert found(memory, "the dog") == ["the dog"]


def test_a_memory_that_was_told_nothing_finds_nothing() -> None:
    """An empty memory answers, and so does one that was told of nothing."""
    memory = FullTextMemory()
    memory.add(())
    assert found(memory, "anything", build="b") == []


def test_a_key_that_is_told_again_changes_nothing() -> None:
    """A decision that is told twice is found once, as it was told first."""
    memory = told("use tabs")
    memory.add((decision(0, "use spaces"), decision(1, "use tabs too"), decision(1, "never")))
    assert found(memory, "use tabs") == ["use tabs", "use tabs too"]


def test_only_so_many_decisions_are_ranked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rare words are sought before common ones; of what a single common word finds, the newest are looked at."""
    monkeypatch.setattr(index, "_RANKED", 3)
    memory = told("red 0", "red 1", "red 2", "red 3", "rare red 4", "odd", *[f"other {n}" for n in range(9)])
    assert found(memory, "rare red") == ["rare red 4"]  # one rare, five red: more than three
    assert found(memory, "red") == []  # all of them are older than the three newest
    memory.add((decision(99, "red at last"),))
    assert found(memory, "red") == ["red at last"]


@pytest.mark.anyio
async def test_a_closed_memory_has_forgotten_everything() -> None:
    """After aclose, which may be called twice, a memory is as new."""
    memory = told("use tabs")
    for _ in range(2):
        await memory.aclose()
        assert found(memory, "tabs", build="b") == []
    memory.add((decision(0, "use spaces"),))
    assert found(memory, "spaces") == ["use spaces"]
    await memory.aclose()


def test_without_fts5_a_memory_cannot_be_made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where SQLite has no FTS5, the error says so, and what helps."""
    monkeypatch.setattr(index, "_TABLE", index._TABLE.replace("fts5(", "fts0("))
    with pytest.raises(RecallError, match=r"no such module: fts0; use a Python whose SQLite has FTS5, or a pipeline-w"):
        FullTextMemory()


@given(
    texts=st.lists(SPEECH, max_size=6), text=SPEECH, limit=st.integers(1, 8), build=st.sampled_from((None, "b", "x"))
)
def test_any_text_is_remembered_and_sought(texts: list[str], text: str, limit: int, build: str | None) -> None:
    """No text breaks the index, as a decision or as a query, and every answer keeps the contract of memories."""
    memory = told(*texts)
    answer = memory.search(MemoryQuery(text=text, limit=limit, build=build))
    assert wrong_recollection(answer, limit) is None
    assert {one.text for one in answer} <= set(texts)
    assert answer == memory.search(MemoryQuery(text=text, limit=limit, build=build))


@given(texts=st.lists(st.lists(st.sampled_from("abcdefg"), min_size=1).map(" ".join), max_size=20), data=st.data())
def test_the_order_is_the_same_however_the_memory_was_told(texts: list[str], data: Any) -> None:
    """Two memories that were told the same, all at once or bit by bit, answer every query alike."""
    at_once, by_bits = told(*texts), FullTextMemory()
    for number, text in enumerate(texts):
        by_bits.add((decision(number, text),))
    query = MemoryQuery(text=data.draw(st.text("abcdefg ")), limit=20, build=data.draw(st.sampled_from((None, "b"))))
    assert at_once.search(query) == by_bits.search(query)


@given(others=st.lists(COMMON, min_size=3, max_size=30), own=COMMON, asked=COMMON, place=st.integers(0, 29))
def test_who_shares_a_rare_word_comes_first(
    others: list[list[str]], own: list[str], asked: list[str], place: int
) -> None:
    """The one decision that has a word of the query which no other one has is the first that is found."""
    # What is common is in all of them, so that nothing else tells them apart.
    texts = [" ".join(["use", "the", "tabs", *said]) for said in others]
    place = min(place, len(texts))
    texts.insert(place, " ".join(["use", "the", "tabs", *own, "zanzibar"]))
    assert found(told(*texts), " ".join([*asked, "Zanzibar!"]), build="b")[0] == texts[place]


@given(text=st.text())
def test_words_are_letters_and_digits_only(text: str) -> None:
    """A word holds nothing that the syntax of a full-text query gives a meaning to, and is found in itself."""
    for word in words(text):
        assert word.isalnum()
        assert words(word) == [word]


@given(text=st.text(min_size=1))
def test_the_index_reads_the_words_as_they_are_counted(text: str) -> None:
    """SQLite finds every word of a text that is plain letters and digits in that text."""
    spoken = [word for word in words(text) if word.isascii()]
    assume(spoken)
    memory = told(text, *["other"] * 3)
    for word in spoken:
        assert found(memory, word) == [text]


def test_sqlite_here_has_fts5() -> None:
    """The machine that runs these tests has what the stock memory needs."""
    connection = sqlite3.connect(":memory:")
    assert "ENABLE_FTS5" in [option for (option,) in connection.execute("PRAGMA compile_options")]
    connection.close()
