"""What people write in epics, and what becomes of it."""

import json
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orket._config import ConfigLoader
from orket.cards import CardStatus, Epic, Issue, Scenario, ScenarioResult, Verification, VerificationResult, WaitReason
from orket.errors import ConfigError, DependencyCycleError
from orket.nodes.loader_strategy import DefaultLoaderStrategyNode

Read = Callable[..., Epic]


def write_epic(root: Path, **keys: Any) -> ConfigLoader:
    folder = root / "config" / "epics"
    folder.mkdir(parents=True, exist_ok=True)
    body = {"name": "Launch", "team": "standard", "environment": "standard", **keys}
    (folder / "launch.json").write_text(json.dumps(body))
    return ConfigLoader(root, loader=DefaultLoaderStrategyNode())


def read_issue(root: Path, **keys: Any) -> Issue:
    loader = write_epic(root, issues=[{"id": "A-1", "summary": "Build", "seat": "coder", **keys}])
    return loader.load_epic("launch").issues[0]


def problems(root: Path, **keys: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        write_epic(root, **keys).load_epic("launch")
    return tuple(problem.removeprefix("config/epics/launch.json: ") for problem in caught.value.problems)


def issue_problems(root: Path, **keys: Any) -> tuple[str, ...]:
    return problems(root, issues=[{"id": "A-1", "summary": "Build", "seat": "coder", **keys}])


@pytest.mark.parametrize("key", ["issues", "stories", "cards"])
def test_issues_have_three_names(tmp_path: Path, key: str) -> None:
    """``issues``, ``stories`` and ``cards`` are the same list."""
    loader = write_epic(tmp_path, **{key: [{"summary": "Build", "seat": "coder"}]})
    assert loader.load_epic("launch").issues == (Issue(id="LAUNCH-1", name="Build", seat="coder"),)
    assert loader.warnings == ()


def test_every_field_of_an_issue_is_read(tmp_path: Path) -> None:
    """Each field comes from its key or an alias, comments and known keys aside."""
    issue = read_issue(
        tmp_path,
        _comment="not read",
        type="story",
        schema_version="1",
        created_at="yesterday",
        status="In Progress",
        priority="High",
        assignee="Ada",
        wait_reason="Review",
        wait_detail="until noon",
        note="n",
        requirements="r",
        depends_on=[],
        parent_id="P",
        build_id="B",
        sprint="S",
        labels=["x"],
        params={"_why": "tuned", "k": [1]},
        references=["u"],
        retry_count=1,
        max_retries=0,
        metrics={"score": 4, "criteria_scores": {"_c": "no", "docs": 1}},
    )
    assert (issue.status, issue.priority, issue.assignee) == (CardStatus.IN_PROGRESS, 3.0, "Ada")
    assert (issue.wait_reason, issue.wait_detail) == (WaitReason.REVIEW, "until noon")
    assert (issue.note, issue.requirements, issue.parent, issue.build, issue.sprint) == ("n", "r", "P", "B", "S")
    assert (issue.labels, issue.params, issue.references) == (("x",), {"k": [1]}, ("u",))
    assert (issue.retry_count, issue.max_retries, issue.created_at, issue.version) == (1, 0, 0.0, 0)
    assert issue.metrics is not None
    assert (issue.metrics.score, issue.metrics.criteria_scores) == (4.0, {"docs": 1.0})


@pytest.mark.parametrize(
    ("written", "read"),
    [(3, 3.0), (2.5, 2.5), ("3", 3.0), (" 1.5 ", 1.5), ("HIGH", 3.0), ("medium", 2.0), ("Low", 1.0), ("-1", -1.0)],
)
def test_priorities_are_numbers_or_three_words(tmp_path: Path, written: object, read: float) -> None:
    """Numbers, numeric strings and High, Medium, Low in any case are priorities."""
    assert read_issue(tmp_path, priority=written).priority == read


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("Cancelled", CardStatus.CANCELED),
        ("canceled", CardStatus.CANCELED),
        ("Code_Review", CardStatus.CODE_REVIEW),
        ("ready-for testing", CardStatus.READY_FOR_TESTING),
        (" DONE ", CardStatus.DONE),
    ],
)
def test_statuses_are_read_as_people_spell_them(tmp_path: Path, written: str, read: CardStatus) -> None:
    """Case, spaces, hyphens and the British spelling do not matter."""
    assert read_issue(tmp_path, status=written).status is read


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("priority", "urgent", 'found "urgent"; valid: a number, a numeric string, High, Medium or Low'),
        ("priority", True, "found true; valid: a number"),
        ("priority", "1e3", 'found "1e3"'),
        ("status", "todo", 'found "todo"; valid: ready · in_progress'),
        ("status", 1, "found 1; valid: ready"),
        ("wait_reason", "boredom", 'found "boredom"; valid: resource'),
        ("retry_count", -1, "found -1; valid: an integer ≥ 0"),
        ("max_retries", 1.0, "found 1.0; valid: an integer ≥ 0"),
        ("max_retries", True, "found true; valid: an integer ≥ 0"),
        ("labels", "one", 'found "one"; valid: a list'),
        ("note", ["x"], "found a list; valid: a text"),
        ("params", [], "found a list; valid: an object"),
        ("seat", " ", 'found " "; valid: a text that is not blank'),
        ("id", "", 'found ""; valid: up to 128 printable characters'),
        ("id", " A", 'found " A"; valid: up to 128'),
        ("id", 7, "found 7; valid: a text"),
        ("summary", 7, "found 7; valid: a text"),
        ("verification", "x.py", 'found "x.py"; valid: an object'),
    ],
)
def test_a_wrong_value_is_named_with_its_path(tmp_path: Path, key: str, value: object, says: str) -> None:
    """A wrong value gives one problem: JSON path, what was found, what is valid."""
    found = issue_problems(tmp_path, **{key: value})
    assert len(found) == 1
    assert found[0].startswith(f"$.issues[0].{key}: {says}")


def test_a_path_goes_all_the_way_down(tmp_path: Path) -> None:
    """A wrong value deep in an object has the whole path to it."""
    found = issue_problems(tmp_path, metrics={"criteria_scores": {"end to end": "good"}, "score": 11})
    assert found == (
        '$.issues[0].metrics.criteria_scores["end to end"]: found "good"; valid: a number',
        "$.issues[0].metrics.score: found 11; valid: a number from 0 to 10",
    )


def test_a_problem_names_the_key_that_was_used(tmp_path: Path) -> None:
    """The path follows the file's own spelling, not the field's name."""
    found = problems(tmp_path, cards=[{"name": 1, "seat": "coder"}])
    assert found == ("$.cards[0].name: found 1; valid: a text",)


def test_all_problems_of_a_file_come_at_once(tmp_path: Path) -> None:
    """One error lists every problem, so that the file is mended in one go."""
    found = problems(tmp_path, team=3, status="?", issues=[{"priority": "x"}, 5, {"seat": "s", "depends_on": ["Z"]}])
    assert {problem.split(": ")[0] for problem in found} == {
        "$.team",
        "$.status",
        "$.issues[0].priority",
        "$.issues[0]",
        "$.issues[1]",
        "$.issues[2].depends_on[0]",
    }


@pytest.mark.parametrize("issues", [{"a": {}}, "x", 3, True])
def test_issues_that_are_no_list_are_a_problem(tmp_path: Path, issues: object) -> None:
    """A container of the wrong kind is a typed error like any other."""
    assert len(problems(tmp_path, issues=issues)) == 1


def test_null_says_nothing(tmp_path: Path) -> None:
    """Null stands for the default, and for a missing value where there is no default."""
    assert read_issue(tmp_path, note=None, priority=None, depends_on=None, verification=None).priority == 2.0
    assert issue_problems(tmp_path, seat=None) == ('$.issues[0]: "seat" is missing',)


def test_two_aliases_must_agree(tmp_path: Path) -> None:
    """The same value twice is accepted; two values for one field are a problem."""
    assert read_issue(tmp_path, name="Build").name == "Build"
    found = issue_problems(tmp_path, name="Other")
    assert found == ('$.issues[0].name: "summary" means the same and says something else; valid: only one of them',)
    assert problems(tmp_path, issues=[], cards=[{"summary": "x", "seat": "y"}])


def test_ids_are_made_of_name_and_position(tmp_path: Path) -> None:
    """Issues without ids get ``<STEM>-<n>``, and step aside where another issue was given that id."""
    issues = [{"summary": "s", "seat": "t", **({"id": given} if given else {})} for given in ("", "LAUNCH-3", "", "X")]
    epic = write_epic(tmp_path, issues=issues).load_epic("launch")
    assert [issue.id for issue in epic.issues] == ["LAUNCH-1", "LAUNCH-3", "LAUNCH-3-2", "X"]


@settings(max_examples=60)
@given(st.lists(st.sampled_from(["", "LAUNCH-1", "LAUNCH-2", "LAUNCH-2-2", "A"]), max_size=6))
def test_made_ids_are_unique_and_stable(tmp_path_factory: pytest.TempPathFactory, given_ids: list[str]) -> None:
    """Whatever ids are given once each, the others get new ones, the same on every reading."""
    kept = list(dict.fromkeys(given_ids))
    ids = [name if name in kept and given_ids.index(name) == place else "" for place, name in enumerate(given_ids)]
    issues = [{"summary": "s", "seat": "t", **({"id": name} if name else {})} for name in ids]
    loader = write_epic(tmp_path_factory.getbasetemp() / "ids", issues=issues)
    read = [issue.id for issue in loader.load_epic("launch").issues]
    assert len(set(read)) == len(read)
    assert all(name in ("", got) for name, got in zip(ids, read, strict=True))
    assert read == [issue.id for issue in loader.load_epic("launch").issues]


def test_an_id_may_be_given_once(tmp_path: Path) -> None:
    """A repeated id is a problem that names both places."""
    twice = [{"id": "A", "summary": "s", "seat": "t"}] * 2
    assert problems(tmp_path, issues=twice) == (
        '$.issues[1].id: found "A"; valid: an id that no other issue of this file has (also at [0])',
    )


def test_an_issue_without_summary_is_named_after_its_note_or_seat(tmp_path: Path) -> None:
    """A missing summary is filled in, with a warning, or refused when strict."""
    issues = [{"seat": "coder", "note": "First line\nsecond"}, {"seat": "coder", "summary": " "}]
    loader = write_epic(tmp_path, issues=issues)
    assert [issue.name for issue in loader.load_epic("launch").issues] == ["First line", "coder"]
    assert [warning.split(": ", 1)[1] for warning in loader.warnings] == [
        '$.issues[0]: "summary" is missing; the issue is named after its note',
        '$.issues[1]: "summary" is missing; the issue is named after its seat',
    ]
    with pytest.raises(ConfigError, match="named after its note"):
        ConfigLoader(tmp_path, loader=DefaultLoaderStrategyNode(), strict=True).load_epic("launch")


def test_a_waiting_issue_has_a_reason(tmp_path: Path) -> None:
    """Blocked without a reason waits for input, with a warning; a given reason is kept."""
    loader = write_epic(tmp_path, issues=[{"summary": "s", "seat": "t", "status": "blocked"}])
    assert loader.load_epic("launch").issues[0].wait_reason is WaitReason.INPUT
    assert "without" in loader.warnings[0]
    assert read_issue(tmp_path, status="blocked", wait_reason="system").wait_reason is WaitReason.SYSTEM


def test_verification_is_nested_or_spread(tmp_path: Path) -> None:
    """A verification may be an object, keys of the issue, or both, as long as they agree."""
    scenarios = [{"id": "S1", "input_data": {"x": 1}, "expected": 2}]
    run = {"passed": True, "scenarios": [{"id": "S1", "passed": True}]}
    expected = Verification(
        fixture="v.py",
        scenarios=(Scenario(id="S1", input={"x": 1}, expected=2),),
        last_run=VerificationResult(passed=True, scenarios=(ScenarioResult(id="S1", passed=True),)),
    )
    nested = {"verification_fixture": "v.py", "scenarios": scenarios, "last_run": run}
    assert read_issue(tmp_path, verification=nested).verification == expected
    assert (
        read_issue(tmp_path, fixture_path="v.py", scenarios=scenarios, last_verification=run).verification == expected
    )
    both = {"fixture": "v.py", "verification": {"fixture_path": "v.py", "scenarios": scenarios, "last_run": run}}
    assert read_issue(tmp_path, **both).verification == expected
    assert read_issue(tmp_path, verification={}).verification is None
    assert issue_problems(tmp_path, fixture="a.py", verification={"fixture": "b.py"}) == (
        '$.issues[0]: fixture is given here and in "verification", differently; valid: only one of them',
    )
    assert issue_problems(tmp_path, scenarios=[{"input": 1}]) == ('$.issues[0].scenarios[0]: "id" is missing',)


def test_unknown_dependencies_are_named(tmp_path: Path) -> None:
    """A dependency on an issue that is not there is named, with what is there."""
    issues = [{"id": name, "summary": "s", "seat": "t"} for name in ("AUTH-1", "AUTH-2")]
    issues[1]["depends_on"] = ["AUTH-1", "AUHT-1", "AUTH-1"]  # type: ignore[assignment]
    found = problems(tmp_path, issues=issues)
    assert found == (
        '$.issues[1].depends_on[1]: found "AUHT-1"; valid: the id of an issue of this file; there is AUTH-1, AUTH-2',
    )


def test_dependencies_are_kept_once_each(tmp_path: Path) -> None:
    """Naming a dependency twice means it once; made ids can be named too."""
    issues = [{"summary": "s", "seat": "t"}, {"summary": "s", "seat": "t", "depends_on": ["LAUNCH-1", "LAUNCH-1"]}]
    assert write_epic(tmp_path, issues=issues).load_epic("launch").issues[1].depends_on == ("LAUNCH-1",)


@pytest.mark.parametrize("length", [1, 2, 5])
def test_a_cycle_is_an_error_that_carries_it(tmp_path: Path, length: int) -> None:
    """Issues that wait for each other are refused with the cycle, each id waiting for the next."""
    waits = {f"I{n}": f"I{(n + 1) % length}" for n in range(length)}
    issues = [{"id": name, "summary": "s", "seat": "t", "depends_on": [other]} for name, other in waits.items()]
    with pytest.raises(DependencyCycleError) as caught:
        write_epic(tmp_path, issues=issues).load_epic("launch")
    cycle = caught.value.cycle
    assert len(cycle) == length + 1
    assert all(waits[one] == other for one, other in pairwise(cycle))
    assert "$.issues: issues wait for each other" in str(caught.value)
