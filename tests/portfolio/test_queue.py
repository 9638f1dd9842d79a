"""What comes next, and what takes longest."""

import itertools

import pytest
from attrs import evolve
from cards_at_hand import REVIEWS, card, recorded
from hypothesis import given
from hypothesis import strategies as st

from orket._board import Board
from orket._graph import find_cycle
from orket.cards import CardStatus, Issue
from orket.errors import DependencyCycleError
from orket.events import TurnKind
from orket.portfolio._found import RecordedBuild
from orket.portfolio._queue import CriticalPath, critical_path_of, longest_chain, queue_of


def queue(*builds: RecordedBuild, limit: int | None = None) -> list[tuple[str, str]]:
    return [(one.build, one.issue.id) for one in queue_of(builds, REVIEWS, 5.0, limit)]


def test_reviews_come_first_then_the_urgent() -> None:
    """Reviews, then ready ones by priority and what waits for them; running, waiting and finished ones are no part."""
    build = recorded(
        "b",
        card("low", priority=1.0),
        card("high", priority=3.0),
        card("root", priority=1.0),
        card("mid", "root"),
        card("leaf", "mid"),
        card("seen", status="code_review", priority=0.0),
        card("busy"),
        card("over", status="done"),
        running=["busy"],
    )
    assert [name for _, name in queue(build)] == ["seen", "high", "root", "low"]
    found = queue_of([build], REVIEWS, 5.0, None)
    assert [one.kind for one in found] == [TurnKind.REVIEW, TurnKind.WORK, TurnKind.WORK, TurnKind.WORK]
    assert [one.urgency for one in found] == [0.0, 3.0, 3.0, 1.0]
    assert queue(build, limit=2) == [("b", "seen"), ("b", "high")]
    assert queue(build, limit=0) == queue() == []


def test_between_builds_the_urgent_and_then_the_old_go_first() -> None:
    """Candidates of several builds are merged by urgency, and equals by when they joined."""
    one = recorded("one", card("a", priority=3.0, created_at=2.0), card("b", priority=1.0, created_at=3.0))
    two = recorded("two", card("c", priority=3.0, created_at=1.0), card("d", status="code_review", priority=0.0))
    assert queue(one, two) == [("two", "d"), ("two", "c"), ("one", "a"), ("one", "b")]


boards = st.lists(
    st.tuples(
        st.sampled_from(["ready", "in_progress", "code_review", "done", "canceled"]),
        st.sampled_from([1.0, 2.0, 3.0]),
        st.sets(st.integers(0, 11), max_size=3),
    ),
    max_size=12,
).map(
    lambda rows: [
        card(f"i{place}", *[f"i{need}" for need in sorted(needs) if need < place], status=status, priority=priority)
        for place, (status, priority, needs) in enumerate(rows)
    ]
)


@given(boards, boards, st.integers(0, 15))
def test_the_queue_is_what_planners_see(first: list[Issue], second: list[Issue], limit: int) -> None:
    """Each build's part of the queue is its board's windows, and a limit cuts the end off."""
    builds = [recorded("one", *first), recorded("two", *second)]
    whole = queue_of(builds, REVIEWS, 5.0, None)
    for build in builds:
        board = Board([row.issue for row in build.cards], is_review=lambda status: status in REVIEWS)
        review, ready = board.window(len(board))
        assert [one.issue for one in whole if one.build == build.build] == [*review, *ready]
    assert queue_of(builds, REVIEWS, 5.0, limit) == whole[:limit]


def test_the_longest_chain_is_the_critical_path() -> None:
    """The chain runs through unfinished issues only; of equal ones the more urgent; of builds the longest."""
    short = recorded("short", card("x"), card("y", "x"))
    long = recorded(
        "long",
        card("done", status="done"),
        card("a", "done"),
        card("b", "a"),
        card("c1", "b", priority=1.0),
        card("c2", "b", priority=3.0),
        card("off", "c2", status="canceled"),
        card("after", "off"),
    )
    path = critical_path_of([short, long])
    assert path is not None
    assert (path.build, [one.id for one in path.issues], path.weight) == ("long", ["a", "b", "c2"], 2)
    assert critical_path_of([recorded("b", card("a", status="done"))]) is None
    assert critical_path_of([]) is None


def test_of_equal_builds_the_first_counts() -> None:
    """Two chains of one length: the older build's is the critical path."""
    path = critical_path_of([recorded("one", card("a")), recorded("two", card("b"))])
    assert path == CriticalPath(build="one", issues=path.issues if path else ())


@given(boards)
def test_no_chain_is_longer(issues: list[Issue]) -> None:
    """The path is a chain of unfinished issues, and as long as the longest that a search of all chains finds."""
    left = {one.id: one for one in issues if not one.status.is_terminal}
    chain = longest_chain(issues)
    assert all(one.id in left for one in chain)
    for before, after in itertools.pairwise(chain):
        assert before.id in after.depends_on

    def longest(name: str) -> int:
        return 1 + max((longest(need) for need in left[name].depends_on if need in left), default=0)

    assert len(chain) == max((longest(name) for name in left), default=0)


cyclic = st.lists(st.sets(st.integers(0, 7), max_size=3), max_size=8).map(
    lambda rows: [card(f"i{place}", *[f"i{need}" for need in sorted(needs)]) for place, needs in enumerate(rows)]
)


@given(cyclic)
def test_cycles_end_in_a_typed_error(issues: list[Issue]) -> None:
    """Issues that wait for each other give a DependencyCycleError that names them; others give a path and a queue."""
    cycle = find_cycle({one.id: one.depends_on for one in issues})
    build = recorded("b", *issues)
    if cycle is None:
        assert bool(critical_path_of([build])) == bool(issues)
        queue_of([build], REVIEWS, 5.0, None)
        return
    with pytest.raises(DependencyCycleError):
        critical_path_of([build])
    with pytest.raises(DependencyCycleError):
        queue_of([build], REVIEWS, 5.0, None)


def test_a_cycle_of_finished_issues_is_over() -> None:
    """The critical path does not look at what is finished, be it tied in a knot."""
    tied = [evolve(card("a", "b"), status=CardStatus.DONE), evolve(card("b", "a"), status=CardStatus.CANCELED)]
    assert [one.id for one in longest_chain([*tied, card("c", "a")])] == ["c"]


def test_ten_thousand_cards_are_no_recursion() -> None:
    """A chain of ten thousand issues is its own critical path."""
    chain = [card("i0"), *[card(f"i{place}", f"i{place - 1}") for place in range(1, 10_000)]]
    path = critical_path_of([recorded("b", *chain)])
    assert path is not None
    assert path.weight == 9_999
