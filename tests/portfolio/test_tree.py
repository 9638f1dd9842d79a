"""Each card stands at its place, and nowhere else."""

from collections import Counter

from cards_at_hand import REVIEWS, card, epic_asset, recorded, rock_asset, survey
from hypothesis import given
from hypothesis import strategies as st

from orket.cards import CardStatus, EpicReference, WaitReason
from orket.portfolio._found import EpicAsset, IssueAsset, RecordedBuild, RockAsset, Survey
from orket.portfolio._tree import Tree, grow
from orket.portfolio._views import Portfolio, Progress, progress_of


def tree_of(found: Survey, *builds: RecordedBuild) -> Tree:
    return grow(found, builds, reviews=REVIEWS, now=5.0)


def test_rocks_hold_epics_and_epics_hold_issues() -> None:
    """What the record has of an issue wins over its asset, and what it does not have is planned."""
    found = survey(rock_asset("goal", "launch"), epic_asset("launch", card("a"), card("b", "a")))
    tree = tree_of(found, recorded("build-launch", card("a", status="done"), card("new", "a")))
    (epic,) = tree.portfolio.rocks[0].epics
    assert [(one.issue.id, one.build) for one in epic.issues] == [
        ("a", "build-launch"),
        ("new", "build-launch"),
        ("b", None),
    ]
    assert [one.wait and one.wait[0] for one in epic.issues] == [None, WaitReason.RESOURCE, None]
    assert epic.progress == Progress(total=3, done=1, waiting=1, planned=1)
    assert epic.builds == ("build-launch",)
    assert (epic.status, tree.portfolio.rocks[0].status) == (CardStatus.IN_PROGRESS, CardStatus.IN_PROGRESS)


def test_an_epic_of_two_rocks_stands_below_the_first() -> None:
    """The second rock names it as shared, and counts its issues in its own progress."""
    found = survey(rock_asset("one", "launch"), rock_asset("two", "launch"), epic_asset("launch", card("a")))
    first, second = tree_of(found).portfolio.rocks
    assert [epic.name for epic in first.epics] == ["launch"]
    assert (second.epics, second.shared) == ((), (EpicReference(epic="launch"),))
    assert first.progress == second.progress == Progress(total=1, planned=1)


def test_orphans_are_found() -> None:
    """Epics in no rock, cards whose epic is gone or that name none, and issues with a file of their own."""
    alone = IssueAsset(file="issues/x", name="x", department="core", issue=card("x"))
    linked = IssueAsset(file="issues/a", name="a", department="core", issue=card("a"))
    broken = IssueAsset(file="issues/y", name="y", department="core", issue=None)
    taken = IssueAsset(file="issues/z", name="z", department="core", issue=card("z"))
    found = survey(rock_asset("goal"), epic_asset("loose", card("a")))
    found = Survey(
        rocks=found.rocks, epics=found.epics, issues=(alone, linked, broken, taken), adopted=frozenset({"issues/z"})
    )
    tree = tree_of(
        found,
        recorded("build-gone", card("g"), epic="gone", known=False),
        recorded("build-none", card("n"), epic=None),
    )
    assert [epic.name for epic in tree.portfolio.orphan_epics] == ["loose"]
    assert [(one.issue.id, one.build) for one in tree.portfolio.orphan_issues] == [
        ("g", "build-gone"),
        ("n", "build-none"),
        ("x", None),
    ]


def test_a_missing_epic_is_named_by_its_rock() -> None:
    """A rock that lists an epic that exists nowhere keeps the others."""
    found = survey(rock_asset("goal", "launch", missing=["ghost"]), epic_asset("launch"))
    (rock,) = tree_of(found).portfolio.rocks
    assert ([epic.name for epic in rock.epics], rock.missing) == (["launch"], (EpicReference(epic="ghost"),))


def test_a_broken_epic_keeps_its_cards() -> None:
    """An epic that cannot be read has no asset and still holds what the record has of it."""
    broken = EpicAsset(file="epics/launch", name="launch", department="core", epic=None)
    tree = tree_of(survey(rock_asset("goal", "launch"), broken), recorded("b", card("a", status="canceled")))
    (epic,) = tree.portfolio.rocks[0].epics
    assert (epic.epic, epic.status, len(epic.issues)) == (None, CardStatus.CANCELED, 1)
    unread = RockAsset(file="rocks/r", name="r", department="core", rock=None)
    (rock,) = tree_of(survey(unread)).portfolio.rocks
    assert (rock.status, rock.epics) == (None, ())


def test_a_card_that_somebody_works_on_runs() -> None:
    """A live claim makes a card run; it waits for nothing."""
    found = survey(rock_asset("goal", "launch"), epic_asset("launch"))
    tree = tree_of(found, recorded("b", card("a"), card("b"), running=["a"]))
    first, second = tree.portfolio.issues()
    assert (first.is_running, first.wait) == (True, None)
    assert (second.is_running, second.wait) == (False, (WaitReason.RESOURCE, "waits for a free slot"))


def test_an_issue_that_says_no_sprint_has_its_epics() -> None:
    """Recorded and planned issues take over the sprint of their epic; of_sprint keeps what belongs to one."""
    found = survey(
        rock_asset("goal", "launch"), epic_asset("launch", card("a"), card("b", sprint="Q1 S7"), sprint="Q1 S6")
    )
    tree = tree_of(found, recorded("b", card("c"), card("d", sprint="q1 s7")))
    whole = tree.portfolio
    assert {one.issue.id: one.sprint for one in whole.issues()} == {
        "a": "Q1 S6",
        "b": "Q1 S7",
        "c": "Q1 S6",
        "d": "q1 s7",
    }
    part = whole.of_sprint("Q1 S7")
    assert [one.issue.id for one in part.issues()] == ["d", "b"]
    assert part.rocks[0].progress == Progress(total=2, waiting=1, planned=1)
    assert whole.of_sprint("Q9 S9") == Portfolio()


def test_issues_that_wait_for_each_other_do_not_hide_the_rest() -> None:
    """A board with a cycle is a knot with its error, and each of its cards waits for a person to mend it."""
    found = survey(rock_asset("goal", "launch"), epic_asset("launch"))
    tree = tree_of(found, recorded("tied", card("a", "b"), card("b", "a"), card("c", status="done")))
    assert tree.knots["tied"].cycle in (("a", "b", "a"), ("b", "a", "b"))
    waits = [one.wait and one.wait[0] for one in tree.portfolio.issues()]
    assert waits == [WaitReason.SYSTEM, WaitReason.SYSTEM, None]


NAMES = ["launch", "second", "third"]


@st.composite
def worlds(draw: st.DrawFn) -> tuple[Survey, list[RecordedBuild]]:
    """Draw rocks, epics and builds that overlap at random; dependencies may be cyclic or lead nowhere."""
    ids = st.sampled_from("abcdef")
    issues = st.lists(
        st.builds(
            lambda name, needs, status: card(name, *needs, status=status),
            ids,
            st.lists(ids, max_size=2, unique=True),
            st.sampled_from(["ready", "in_progress", "code_review", "done", "canceled", "archived"]),
        ),
        max_size=5,
        unique_by=lambda one: one.id,
    )
    epics = [epic_asset(name, *draw(issues)) for name in draw(st.lists(st.sampled_from(NAMES), unique=True))]
    there = [epic.name for epic in epics]
    rocks = [
        rock_asset(
            f"r{number}",
            *draw(st.lists(st.sampled_from(there), unique=True) if there else st.just([])),
            missing=draw(st.sampled_from([[], ["ghost"]])),
        )
        for number in range(draw(st.integers(0, 3)))
    ]
    builds = []
    for number in range(draw(st.integers(0, 3))):
        parent = draw(st.sampled_from([*NAMES, None]))
        cards = draw(issues)
        running = draw(st.lists(st.sampled_from([one.id for one in cards]), unique=True)) if cards else []
        builds.append(recorded(f"b{number}", *cards, epic=parent, known=parent in there, running=running))
    return survey(*rocks, *epics), builds


@given(worlds())
def test_each_card_stands_at_one_place(world: tuple[Survey, list[RecordedBuild]]) -> None:
    """Every recorded card and every epic is there exactly once, planned issues are those of no board, counts add up."""
    found, builds = world
    tree = tree_of(found, *builds)
    places = Counter((one.build, one.issue.id) for one in tree.portfolio.issues() if one.build is not None)
    assert places == Counter((build.build, row.issue.id) for build in builds for row in build.cards)
    assert Counter(epic.file for epic in tree.portfolio.epics()) == Counter(asset.file for asset in found.epics)
    assets = {asset.file: asset for asset in found.epics}
    for epic in tree.portfolio.epics():
        joined = {one.issue.id for one in epic.issues if one.build is not None}
        planned = [one.issue.id for one in epic.issues if one.build is None]
        asset = assets[epic.file].epic
        assert asset is not None
        assert planned == [one.id for one in asset.issues if one.id not in joined]
        progress = progress_of(epic.issues)
        parts = (progress.done, progress.canceled, progress.running, progress.waiting, progress.planned)
        assert sum(parts) == progress.total == len(epic.issues)
    for one in tree.portfolio.issues():
        is_at_rest = one.issue.status.is_terminal or one.is_running or one.build is None
        assert (one.wait is None) == is_at_rest
