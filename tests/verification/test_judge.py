"""What a fixture's process told, judged by what was expected of it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orket.contracts import Scenario, Verification, VerificationResult
from orket.verification._child import MAX_VALUE
from orket.verification._judge import FORGED, judge, same_json
from orket.verification._process import Finished

NONCE = "n0nce"
BOTH = (Scenario(id="one", input=1, expected=1), Scenario(id="two", input=2))


def nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


def channel(*facts: Any, nonce: str = NONCE) -> bytes:
    return "".join(f"{nonce}{json.dumps(fact)}\n" for fact in facts).encode()


def judged(
    results: bytes, scenarios: tuple[Scenario, ...] = BOTH, *, code: int | None = 0, timed_out: bool = False
) -> VerificationResult:
    finished = Finished(returncode=code, stdout="log", stderr="", results=results, timed_out=timed_out)
    return judge(Verification(fixture="f.py", scenarios=scenarios), finished, nonce=NONCE, isolation="rlimits")


def details(result: VerificationResult) -> list[str]:
    return [scenario.detail for scenario in result.scenarios]


def test_all_passed() -> None:
    """A run that told of every scenario and of its end passes; isolation and log are kept."""
    result = judged(channel(["loaded"], ["returned", 0, 1], ["returned", 1, None], ["end"]))
    assert result.passed
    assert [scenario.passed for scenario in result.scenarios] == [True, True]
    assert (result.detail, result.isolation, result.log) == ("2 of 2 scenarios passed", "rlimits", "log")


@pytest.mark.parametrize(
    ("fact", "expected", "detail"),
    [
        (["returned", 0, 2], 1, "returned 2, expected 1"),
        (["returned", 0, True], 1, "returned true, expected 1"),
        (["returned", 0, "x" * 200], "y", 'returned "' + "x" * 119 + '…, expected "y"'),
        (["raised", 0, "ValueError: no"], 1, "ValueError: no"),
        (["raised", 0, "ValueError: no"], None, "ValueError: no"),
        (["returned", 0, None, "returned a set"], 1, "returned a set"),
        (["returned", 0, None, "returned a set"], None, ""),
        (["returned", 0, False], None, "returned False"),
        (["returned", 0, 0], None, ""),
        (["returned", 0, None], None, ""),
        (["returned", 0, False], False, ""),
        (["raised", 0, "a", "b"], None, FORGED),
        (["raised", 0, 7], None, FORGED),
        (["raised", 0, "x" * 1001], None, "x" * 1000 + "…"),
        (["returned", 0, None, "x" * 1001], 1, "x" * 1000 + "…"),
        (["raised", 0, "\ud800"], None, "\\ud800"),
        (["returned", 0, "\ud800"], 1, 'returned "\\ud800", expected 1'),
        (["returned", 0, {"a": [1, 2.0]}], {"a": (1.0, 2)}, ""),
    ],
)
def test_scenarios(fact: Any, expected: Any, detail: str) -> None:
    """A scenario passes when it returned what is expected, or where nothing is, unless it raised or returned False."""
    result = judged(channel(["loaded"], fact, ["end"]), (Scenario(id="one", expected=expected),))
    assert details(result) == [detail]
    assert result.passed is result.scenarios[0].passed is (detail == "")


@pytest.mark.parametrize(
    ("fact", "passed", "detail"),
    [
        (["returned", 0, None], True, "passed"),
        (["returned", 0, False], False, "returned False"),
        (["raised", 0, "AssertionError"], False, "AssertionError"),
    ],
)
def test_without_scenarios(fact: Any, passed: bool, detail: str) -> None:
    """A fixture without scenarios passes unless ``verify`` raised or returned False."""
    result = judged(channel(["loaded"], fact, ["end"]), ())
    assert (result.passed, result.detail, result.scenarios) == (passed, detail, ())


@pytest.mark.parametrize(
    ("code", "timed_out", "why"),
    [
        (0, False, "its process ended by itself with exit code 0"),
        (None, False, "its process ended by itself with exit code None"),
        (-24, False, "its process was killed by SIGXCPU"),
        (-40, False, "its process was killed by signal 40"),
        (-9, True, "its time was up"),
    ],
)
def test_what_was_not_told(code: int | None, timed_out: bool, why: str) -> None:
    """A scenario that was never told of fails with the way the process ended, as does a run that told of no end."""
    half = judged(channel(["loaded"], ["returned", 0, 1]) + b'n0nce["retur', code=code, timed_out=timed_out)
    assert details(half) == ["", f"did not report: {why}"]
    assert half.detail == f"1 of 2 scenarios passed; the fixture did not run to its end: {why}"
    whole = judged(channel(["loaded"], ["returned", 0, 1], ["returned", 1, 1]), code=code, timed_out=timed_out)
    assert details(whole) == ["", ""]
    assert not half.passed
    assert not whole.passed


@pytest.mark.parametrize("expected", [1, nested(899)], ids=["flat", "nested"])
def test_deeply_nested(expected: Any) -> None:
    """What is nested as deeply as a parser takes it does not pass, and ends no judge."""
    line = f'{NONCE}["returned",0,{"[" * 901}{"]" * 901}]\n'.encode()
    result = judged(channel(["loaded"]) + line + channel(["end"]), (Scenario(id="one", expected=expected),))
    assert not result.passed
    assert len(details(result)[0]) < 400


def test_the_longest_value_is_told() -> None:
    """A value as long as the runner tells one is read; its line is no forgery."""
    text = "x" * (MAX_VALUE - 2)
    result = judged(channel(["loaded"], ["returned", 0, text], ["end"]), (Scenario(id="one", expected=text),))
    assert result.passed


def test_forged_reasons_are_cut() -> None:
    """Why a fixture cannot be loaded is cut, and spelled in what any record takes, even if it is forged."""
    result = judged(channel(["broken", "\ud800" + "x" * 2000]))
    assert result.detail == "the fixture cannot be loaded: \\ud800" + "x" * 999 + "…"


def test_without_supervision() -> None:
    """Results of a fixture whose supervisor was killed do not pass, however good they look."""
    finished = Finished(returncode=-9, stdout="", stderr="", results=GOOD, timed_out=False, orphaned=True)
    result = judge(Verification(fixture="f.py", scenarios=BOTH), finished, nonce=NONCE, isolation="rlimits")
    assert not result.passed
    assert result.detail.endswith("did not run to its end: its supervisor was killed, or its report forged")


def test_broken_fixture() -> None:
    """A fixture that cannot be loaded fails all its scenarios with the same reason."""
    for scenarios in (BOTH, ()):
        result = judged(channel(["broken", "SyntaxError"]), scenarios)
        assert not result.passed
        assert result.detail == "the fixture cannot be loaded: SyntaxError"
        assert set(details(result)) <= {result.detail}


GOOD = channel(["loaded"], ["returned", 0, 1], ["returned", 1, 1], ["end"])


@pytest.mark.parametrize(
    "forged",
    [
        channel(["returned", 1, 1], nonce="guess"),
        b'["returned",1,1]\n',
        b"\xff\n",
        b"\n",
        channel(["returned", 0, 1]),
        channel(["raised", 1, "again"]),
        channel(["returned", 2]),
        channel(["returned", 2, 1]),
        channel(["returned", -1, 1]),
        channel(["raised", 1, "x" * 70_000]),
        channel(["raised", 2, "a", "b", "c"]),
        channel(["returned", "0", 1]),
        channel({"passed": True}),
        channel("passed"),
        b"n0nce[" + b"[" * 100_000 + b"\n",
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_forged_channel(forged: bytes, first: bool) -> None:
    """One line that the runner did not write, or a second result of a scenario, and no result counts."""
    result = judged(forged + GOOD if first else GOOD + forged)
    assert not result.passed
    assert details(result) == [FORGED, FORGED]
    assert result.detail == FORGED


@given(st.binary(max_size=40))
def test_any_bytes_are_judged(results: bytes) -> None:
    """Whatever stands in the channel, there is a result, and it fails."""
    assert not judged(results).passed


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 2) | st.floats(-2, 2) | st.text(max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=5,
)


@given(JSON, JSON)
def test_equal_json(one: Any, other: Any) -> None:
    """Two values are equal when JSON spells them alike, whatever the order of keys and the spelling of numbers."""

    def spelled(value: Any) -> Any:
        match value:
            case bool() | None | str():
                return ("plain", value, type(value).__name__)
            case int() | float():
                return ("number", float(value))
            case list():
                return ("array", *map(spelled, value))
            case _:
                return ("object", *sorted((key, spelled(item)) for key, item in value.items()))

    assert same_json(one, one)
    assert same_json(one, other) is same_json(other, one)
    assert same_json(one, other) is (
        repr(spelled(one)).replace("-0.0", "0.0") == repr(spelled(other)).replace("-0.0", "0.0")
    )
