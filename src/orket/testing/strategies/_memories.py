"""What a memory is told and asked."""

from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from orket.contracts import MemoryQuery, Remembered
from orket.testing.strategies._batches import HOSTILE
from orket.testing.strategies._cards import TEXTS

_SPOKEN: Final = st.sampled_from(
    (*TEXTS, *HOSTILE[:-1], "Use tabs.", "use SQLite", '"tabs" OR (NEAR', "tabs*", "-tabs", "words:tabs")
)
_BUILDS: Final = st.sampled_from(("build-launch", "build-press"))


def remembered() -> SearchStrategy[tuple[Remembered, ...]]:
    """Generate decisions in the order they were made, each with a key of its own; their texts are as models write."""
    said = st.tuples(_SPOKEN, _BUILDS)
    return st.lists(said, max_size=8).map(
        lambda spoken: tuple([_decision(number, text, build) for number, (text, build) in enumerate(spoken)])
    )


def _decision(number: int, text: str, build: str) -> Remembered:
    key = f"{build}/card/run/{number}"
    return Remembered(key=key, text=text[:2_000], build=build, card="card", at=1_763_654_021.5 + number)


def memory_queries() -> SearchStrategy[MemoryQuery]:
    """Generate queries: any text, which may be what some full-text index takes for syntax, and few or many wanted."""
    return st.builds(
        MemoryQuery,
        text=st.one_of(_SPOKEN, st.text(max_size=20), st.just("tabs " * 5_000)),
        limit=st.sampled_from((10, 1, 3)),
        build=st.none() | _BUILDS,
    )
