"""Dependencies and the frontier of candidates, against naive models."""

import random
from collections.abc import Mapping, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from orket._graph import DependencyGraph, Frontier, find_cycle
from orket.contracts import CardStatus, Issue
from orket.errors import DependencyCycleError, UnknownCardError

IDS = [f"i{number}" for number in range(8)]
EDGES = st.dictionaries(st.sampled_from(IDS), st.lists(st.sampled_from(IDS), max_size=3))
ACYCLIC = st.lists(st.lists(st.integers(0, 11), max_size=4), min_size=1, max_size=12)


def issue(name: str, *needs: str, priority: float = 2.0, status: CardStatus = CardStatus.READY) -> Issue:
    return Issue(id=name, name=name, seat="s", depends_on=needs, priority=priority, status=status)


def board(raw: Sequence[Sequence[int]]) -> list[Issue]:
    """Return issues of which each may depend on earlier ones only, in shuffled order."""
    issues = [issue(f"i{n}", *[f"i{need % n}" for need in needs if n]) for n, needs in enumerate(raw)]
    random.Random(len(raw)).shuffle(issues)
    return issues


def chain(length: int) -> list[Issue]:
    return [issue(f"c{n}", *([f"c{n - 1}"] if n else [])) for n in range(length)]


def naive_weight(edges: Mapping[str, Sequence[str]], name: str) -> int:
    return max((1 + naive_weight(edges, other) for other, needs in edges.items() if name in needs), default=0)


def reaches(edges: Mapping[str, Sequence[str]], start: str) -> set[str]:
    seen: set[str] = set()
    pending = [start]
    while pending:
        for need in edges.get(pending.pop(), ()):
            if need not in seen:
                seen.add(need)
                pending.append(need)
    return seen


@settings(max_examples=150)
@given(EDGES)
def test_find_cycle_agrees_with_reachability(edges: dict[str, list[str]]) -> None:
    """A cycle is found exactly when an issue reaches itself, and what is found is a cycle."""
    known = {name: [need for need in needs if need in edges] for name, needs in edges.items()}
    cycle = find_cycle(edges)
    assert (cycle is not None) == any(name in reaches(known, name) for name in known)
    if cycle is not None:
        assert cycle[0] == cycle[-1]
        assert len(set(cycle)) == len(cycle) - 1
        assert all(need in edges[name] for name, need in pairwise(cycle))


@settings(max_examples=100)
@given(ACYCLIC)
def test_weights_are_longest_chains(raw: list[list[int]]) -> None:
    """An issue's weight is the length of the longest chain that waits for it, built at once or one by one."""
    issues = board(raw)
    edges = {one.id: one.depends_on for one in issues}
    at_once, grown = DependencyGraph(issues), DependencyGraph()
    for one in issues:
        grown.add(one)
    expected = {name: naive_weight(edges, name) for name in edges}
    assert {name: at_once.weight(name) for name in edges} == expected
    assert {name: grown.weight(name) for name in edges} == expected
    assert [at_once.position(one.id) for one in issues] == list(range(len(issues)))


def test_add_names_what_became_heavier() -> None:
    """Adding an issue returns exactly the unfinished issues whose weight grew by it."""
    graph = DependencyGraph([issue("a"), issue("b", "a"), issue("c", "a"), issue("d", "b"), issue("z")])
    assert graph.add(issue("e", "c")) == ("c",)
    assert set(graph.add(issue("f", "e", "z"))) == {"e", "c", "a", "z"}
    assert (graph.weight("a"), graph.weight("c"), graph.weight("z")) == (3, 2, 1)
    graph.finish("a")
    assert set(graph.add(issue("g", "f", "missing"))) == {"f", "e", "c", "z"}
    assert graph.weight("a") == 4  # finished as it is: what is read from the record again weighs the same


class GraphMachine(RuleBasedStateMachine):
    """The graph against sets: issues join, finish, and are reopened in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.graph = DependencyGraph()
        self.edges: dict[str, tuple[str, ...]] = {}
        self.done: set[str] = set()

    def ready(self) -> set[str]:
        return {name for name, needs in self.edges.items() if name not in self.done and set(needs) <= self.done}

    @rule(name=st.sampled_from(IDS), needs=st.lists(st.sampled_from([*IDS, "ghost"]), max_size=3), done=st.booleans())
    def add(self, name: str, needs: list[str], done: bool) -> None:
        status = CardStatus.DONE if done else CardStatus.CANCELED
        if name in self.edges:
            with pytest.raises(ValueError, match="joined already"):
                self.graph.add(issue(name))
            return
        wanted = {**self.edges, name: tuple(needs)}
        if name in reaches(wanted, name):
            with pytest.raises(DependencyCycleError) as caught:
                self.graph.add(issue(name, *needs, status=status))
            assert name in caught.value.cycle
            assert name not in self.graph
            return
        self.graph.add(issue(name, *needs, status=status))
        self.edges = wanted
        if done:
            self.done.add(name)

    @precondition(lambda self: self.edges)
    @rule(data=st.data())
    def finish(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.edges)))
        before = self.ready()
        freed = self.graph.finish(name)
        self.done.add(name)
        assert set(freed) == self.ready() - before
        assert len(set(freed)) == len(freed)

    @precondition(lambda self: self.edges)
    @rule(data=st.data())
    def reopen(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.edges)))
        before = self.ready()
        stopped = self.graph.reopen(name)
        self.done.discard(name)
        assert set(stopped) == before - self.ready()

    @invariant()
    def agrees(self) -> None:
        assert {name for name in [*IDS, "ghost"] if self.graph.is_ready(name)} == self.ready()
        assert len(self.graph) == len(self.edges)
        for name in IDS:
            assert (name in self.graph) == (name in self.edges)
            assert set(self.graph.dependents(name)) == {one for one, needs in self.edges.items() if name in needs}


GraphMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=25)
TestGraph = GraphMachine.TestCase


def test_only_finishing_satisfies_a_dependency() -> None:
    """A canceled or unknown dependency is never satisfied; a done one is from the start."""
    issues = [
        issue("done", status=CardStatus.DONE),
        issue("canceled", status=CardStatus.CANCELED),
        issue("after-done", "done"),
        issue("after-canceled", "canceled"),
        issue("after-nothing", "nothing"),
    ]
    graph = DependencyGraph(issues)
    assert graph.is_ready("after-done")
    assert not graph.is_ready("after-canceled")
    assert not graph.is_ready("after-nothing")
    assert not graph.is_ready("nothing")
    assert graph.dependents("nothing") == ("after-nothing",)


def test_unknown_issues_are_refused_by_name() -> None:
    """What has not joined has no weight and cannot finish."""
    graph = DependencyGraph([issue("a", "ghost")])
    for verb in (graph.finish, graph.reopen, graph.weight, graph.position):
        with pytest.raises(UnknownCardError, match="ghost"):
            verb("ghost")


def test_a_cycle_is_refused_with_its_path() -> None:
    """Building a graph with a cycle names the issues on it."""
    with pytest.raises(DependencyCycleError, match="a -> b -> a") as caught:
        DependencyGraph([issue("x"), issue("a", "b"), issue("b", "a", "x")])
    assert caught.value.cycle == ("a", "b", "a")


def test_a_chain_of_a_hundred_thousand_needs_no_recursion() -> None:
    """Building, searching, extending and walking a chain of 100,000 issues works."""
    issues = chain(100_000)
    graph = DependencyGraph(issues)
    assert graph.weight("c0") == 99_999
    assert find_cycle({one.id: one.depends_on for one in issues}) is None
    assert find_cycle({**{one.id: one.depends_on for one in issues}, "c0": ("c99999",)}) is not None
    assert len(graph.add(issue("last", "c99999"))) == 100_000
    assert graph.weight("c0") == 100_000
    at = "c0"
    for _ in range(100_000):
        (at,) = graph.finish(at)
    assert at == "last"


class FrontierMachine(RuleBasedStateMachine):
    """The frontier against sorted()."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = {name: number % 3 for number, name in enumerate(map(str, range(300)))}
        self.frontier = Frontier(lambda name: self.weights[name], int)
        self.held: dict[str, Issue] = {}
        self.order: dict[str, float] = {}

    def put(self, one: Issue) -> None:
        self.frontier.add(one)
        self.held[one.id] = one
        self.order[one.id] = -(one.priority + self.weights[one.id])

    @rule(name=st.integers(0, 299).map(str), priority=st.integers(0, 5))
    def add(self, name: str, priority: int) -> None:
        self.put(issue(name, priority=priority))

    @rule(start=st.integers(0, 150), priority=st.integers(0, 5))
    def add_many(self, start: int, priority: int) -> None:
        for number in range(start, start + 149):
            self.put(issue(str(number), priority=priority + number % 4))

    @rule(name=st.integers(0, 299).map(str))
    def discard(self, name: str) -> None:
        self.frontier.discard(name)
        self.held.pop(name, None)

    @rule(size=st.sampled_from([-1, 0, 1, 10, 200]), take=st.booleans())
    def window(self, size: int, take: bool) -> None:
        expected = sorted(self.held.values(), key=lambda one: (self.order[one.id], int(one.id)))[: max(size, 0)]
        assert self.frontier.window(size) == tuple(expected)
        for one in expected if take else ():
            self.discard(one.id)

    @rule(name=st.integers(0, 299).map(str), weight=st.integers(0, 9))
    def reweigh(self, name: str, weight: int) -> None:
        self.weights[name] = weight  # counts from the next time it is added

    @invariant()
    def agrees(self) -> None:
        assert len(self.frontier) == len(self.held)
        for name in ("0", "150"):
            assert (name in self.frontier) == (name in self.held)
            assert self.frontier.get(name) is self.held.get(name)


FrontierMachine.TestCase.settings = settings(max_examples=40, stateful_step_count=30)
TestFrontier = FrontierMachine.TestCase


def test_without_positions_age_is_first_sight() -> None:
    """Issues of equal rank come in the order they were first added, also after they left and came back."""
    frontier = Frontier()
    for name in ("b", "a", "c"):
        frontier.add(issue(name))
    frontier.discard("b")
    frontier.add(issue("b"))
    assert [one.id for one in frontier.window(3)] == ["b", "a", "c"]


def test_the_front_stays_short() -> None:
    """However many issues come before all others, the sorted front does not grow with them, and the order holds."""
    frontier = Frontier()
    frontier.add(issue("first", priority=0))
    assert len(frontier.window(1)) == 1
    for number in range(1_000):
        frontier.add(issue(str(number), priority=number + 1))
    assert len(frontier._front) <= 128
    assert [one.id for one in frontier.window(1_001)] == [*map(str, reversed(range(1_000))), "first"]


def test_the_heap_forgets_what_was_discarded() -> None:
    """Adding and discarding the same issues for ever does not grow the frontier."""
    frontier = Frontier(position=int)
    for turn in range(5_000):
        frontier.add(issue(str(turn % 10)))
        frontier.discard(str((turn + 5) % 10))
    assert len(frontier._heap) <= 200


def test_filling_pauses_now_and_then() -> None:
    """Filling a graph yields after every few hundred issues of its three passes: joining, counting and weighing."""
    issues = chain(2_000)
    graph, whole = DependencyGraph(), DependencyGraph(issues)
    pauses = [len(graph) for _ in graph.fill(issues)]
    assert len(pauses) == 3 * 8
    assert max(later - earlier for earlier, later in pairwise(pauses)) == 250
    assert [graph.weight(one.id) for one in issues] == [whole.weight(one.id) for one in issues]
