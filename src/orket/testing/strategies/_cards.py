"""Issues, epics and boards: every shape of graph, every legal state."""

import math
from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

import attrs
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from orket.cards import CardStatus, Epic, EpicReference, Issue, JsonValue, Rock, WaitReason

Shape: TypeAlias = Literal["independent", "chain", "diamond", "wide", "deep", "any"]
SHAPES: Final[tuple[Shape, ...]] = ("independent", "chain", "diamond", "wide", "deep", "any")
_WAITING: Final = (CardStatus.BLOCKED, CardStatus.WAITING_FOR_DEVELOPER)

# From the plainest to the strangest: a failing example shrinks towards the front. Names and texts are chosen, not
# composed, so that an example costs one choice instead of fifty.
NAMES: Final = (
    *map("I{}".format, range(1, 41)),
    *("ISSUE-1", "issue-1", "I.1", "a b", "-", "_", "0", "O'Neil", "x" * 200, "задача-1", "课题", "é", "e\u0301", "🦉"),
)
TEXTS: Final = (
    *("", "do it", "Write the parser.", "line\nline\r\nline", "\t", " ", "{", '{"quoted": "yes"}', "```json\n{}\n```"),
    *("TOOL: write_file\nPATH: x\nCONTENT:\ny", "%s %(x)s {0} {x}", "\\", "'; DROP TABLE cards; --", "<b>&amp;</b>"),
    *("пример", "例子", "مثال", "\u202eright to left", "\x00", "\x1b[31m", "🦉" * 10, "word " * 400),
)
_NAMES: Final = st.sampled_from(NAMES)
_TEXTS: Final = st.sampled_from(TEXTS)
_PLAIN_SEATS: Final = st.sampled_from(("coder", "qa", "architect"))
_STATUSES: Final = st.sampled_from(CardStatus)


def identifiers() -> SearchStrategy[str]:
    """Generate ids of cards: short plain ones, and what people use in earnest, in every script."""
    return _NAMES


def texts() -> SearchStrategy[str]:
    """Generate texts of people: empty ones, long ones, in every script, with line breaks, quotes and markup."""
    return _TEXTS


def json_values() -> SearchStrategy[JsonValue]:
    """Generate JSON data, as deep as it is in real parameters."""
    scalars = st.one_of(st.none(), st.booleans(), st.integers(-(2**53), 2**53), st.floats(-1e9, 1e9), texts())
    return st.recursive(
        scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts(), inner, max_size=3), max_leaves=6
    )


def issues(
    *,
    ids: SearchStrategy[str] = _NAMES,
    seats: SearchStrategy[str] = _PLAIN_SEATS,
    statuses: SearchStrategy[CardStatus] = _STATUSES,
) -> SearchStrategy[Issue]:
    """Generate single issues without dependencies, each in a state that the law knows.

    Args:
        ids: Where ids come from.
        seats: The seats that they name.
        statuses: The statuses that they stand in.
    """
    return st.builds(
        _issue,
        id=ids,
        seat=seats,
        status=statuses,
        wait_reason=_WAIT_REASONS,
        text=_TEXTS,
        priority=_PRIORITIES,
        counts=_COUNTS,
    )


_WAIT_REASONS: Final = st.sampled_from(WaitReason)
_PRIORITIES: Final = st.sampled_from((2.0, 0.0, 1.0, 2.5, 3.0, 100.0))
_COUNTS: Final = st.sampled_from(
    [(retry, limit, version) for retry in range(4) for limit in (3, 5) for version in (1, 9)]
)


def _issue(
    *,
    id: str,  # noqa: A002 - the field's name
    seat: str,
    status: CardStatus,
    wait_reason: WaitReason,
    text: str,
    priority: float,
    counts: tuple[int, int, int],
) -> Issue:
    retry_count, max_retries, version = counts
    return Issue(
        id=id,
        name=text or id,
        seat=seat,
        status=status,
        priority=priority,
        wait_reason=wait_reason if status in _WAITING else None,
        requirements=text,
        retry_count=retry_count,
        max_retries=max_retries,
        created_at=float(version),
        version=version,
    )


@st.composite
def boards(
    draw: DrawFn,
    *,
    shape: Shape = "any",
    min_size: int = 0,
    max_size: int = 12,
    fresh: bool = False,
    seats: SearchStrategy[str] = _PLAIN_SEATS,
) -> tuple[Issue, ...]:
    """Generate boards: issues that depend on earlier ones, in states that the law allows together.

    Args:
        draw: Given by hypothesis.
        shape: Which graph: nothing depends on anything, each on the one before, two branches that meet, one in front of
            all others, few long chains, or any of these and what lies between.
        min_size: The least number of issues.
        max_size: The largest number of issues.
        fresh: Whether no issue has taken a turn yet: all are ready.
        seats: The seats that issues name.

    Returns:
        The issues, in the order that they joined. An issue that is anything but ready, waiting or canceled has all its
        dependencies done.
    """
    names = draw(st.lists(_NAMES, min_size=min_size, max_size=max_size, unique=True))
    chosen = draw(_SHAPES) if shape == "any" else shape
    edges = draw(_any_edges(len(names))) if chosen == "any" else list(edges_of(chosen, len(names)))
    placed: dict[str, Issue] = {}
    for name, before in zip(names, edges, strict=True):
        depends_on = tuple(names[index] for index in before)
        free = all(placed[it].status is CardStatus.DONE for it in depends_on)
        statuses = _FRESH if fresh else _FREE if free else _HELD
        drawn = draw(issues(ids=st.just(name), seats=seats, statuses=statuses))
        placed[name] = attrs.evolve(drawn, depends_on=depends_on, build="build-launch", parent="launch")
    return tuple(placed.values())


_SHAPES: Final = st.sampled_from(SHAPES)
_FRESH: Final = st.just(CardStatus.READY)
# Done twice: graphs with work behind them are the interesting ones.
_FREE: Final = st.sampled_from((*CardStatus, CardStatus.DONE))
_HELD: Final = st.sampled_from((CardStatus.READY, *_WAITING, CardStatus.CANCELED))  # with dependencies that are open


def _any_edges(count: int) -> SearchStrategy[list[tuple[int, ...]]]:
    """Generate for each position up to two earlier ones: a number names a pair of them."""
    pairs = [st.integers(0, max(0, index * index - 1)) for index in range(count)]
    return st.tuples(*pairs).map(
        lambda drawn: [
            tuple(sorted({number // index, number % index})) if index and number else ()
            for index, number in enumerate(drawn)
        ]
    )


def edges_of(shape: Shape, count: int) -> Iterator[tuple[int, ...]]:
    """Yield for each of *count* issues the positions of those that it depends on, all before its own."""
    strands = max(1, math.isqrt(count))
    for index in range(count):
        match shape:
            case "chain":
                yield (index - 1,) if index else ()
            case "diamond":
                yield _diamond(index)
            case "wide":
                yield (0,) if index else ()
            case "deep":
                yield (index - strands,) if index >= strands else ()
            case _:
                yield ()


def _diamond(index: int) -> tuple[int, ...]:
    """Return the dependencies within diamonds that hang on each other: one, two beside each other, one again."""
    match index % 3:
        case 0:
            return (index - 2, index - 1) if index else ()
        case 1:
            return (index - 1,)
        case _:
            return (index - 2,)


def epics(*, shape: Shape = "any", max_size: int = 12) -> SearchStrategy[Epic]:
    """Generate epics that nobody has worked on yet: ready issues in a graph of the given shape."""
    return st.builds(
        Epic,
        id=st.sampled_from(("launch", "core_baseline", "пуск")),
        name=texts(),
        team=st.sampled_from(("core", "crew")),
        environment=st.sampled_from(("standard", "production")),
        description=texts(),
        issues=boards(shape=shape, max_size=max_size, fresh=True),
        params=st.one_of(
            st.just({}), st.fixed_dictionaries({"model_overrides": st.dictionaries(st.just("coder"), st.just("qwen3"))})
        ),
    )


def rocks() -> SearchStrategy[Rock]:
    """Generate rocks of up to four different epics."""
    references = st.builds(EpicReference, epic=identifiers(), department=st.sampled_from(("core", "marketing")))
    return st.builds(
        Rock,
        id=identifiers(),
        name=texts(),
        task=texts(),
        epics=st.lists(references, max_size=4, unique_by=lambda it: (it.epic, it.department)).map(tuple),
    )


def large_board(
    count: int, *, shape: Shape = "independent", status: CardStatus = CardStatus.READY
) -> tuple[Issue, ...]:
    """Return a board of *count* issues; not generated: generating 10,000 takes longer than asking about them."""
    return tuple(
        Issue(
            id=f"I-{index}",
            name=f"Issue {index}",
            seat=("coder", "qa", "architect")[index % 3],
            status=status,
            priority=float(index % 4),
            depends_on=tuple(f"I-{it}" for it in before),
            build="build-launch",
            version=1,
        )
        for index, before in enumerate(edges_of(shape, count))
    )
