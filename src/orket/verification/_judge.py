"""What a fixture's process told, judged by what was expected of it. Pure."""

import json
import signal
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from attrs import field, frozen

from orket.contracts import JsonValue, Scenario, ScenarioResult, Verification, VerificationResult
from orket.verification._child import MAX_VALUE
from orket.verification._process import Finished

_NAMES: Final = MappingProxyType({number.value: number.name for number in signal.Signals})
MAX_REASON: Final = 1000  # characters of a reason: more than the fixture's runner tells
MAX_LINE: Final = MAX_VALUE + 1024  # characters of a fact: those of a value, and what stands around it
FORGED: Final = "something other than the fixture's runner wrote to the channel of results: none of them counts"


@frozen(kw_only=True)
class _Told:
    """The facts of the channel, in order of the scenarios. ``broken`` says why there are none."""

    facts: Mapping[int, list[Any]] = field(factory=dict)
    broken: str = ""
    ended: bool = False


def judge(verification: Verification, finished: Finished, *, nonce: str, isolation: str) -> VerificationResult:
    """Return the result of a fixture's run.

    A scenario passes when the fixture returned what it expects. Where nothing is expected (None), and in a fixture
    without scenarios, it passes unless the fixture raised or returned False.
    """
    told = _read(finished.results, nonce, max(1, len(verification.scenarios)))
    missing = told.broken or f"did not report: {_ending(finished)}"
    scenarios = tuple(
        _scenario(scenario, told.facts.get(number), missing) for number, scenario in enumerate(verification.scenarios)
    )
    if verification.scenarios:
        good = sum(result.passed for result in scenarios)
        passed, detail = good == len(scenarios), f"{good} of {len(scenarios)} scenarios passed"
    else:
        whole = _scenario(Scenario(id="verify"), told.facts.get(0), missing)
        passed, detail = whole.passed, whole.detail or "passed"
    if told.broken:
        passed, detail = False, told.broken
    elif finished.orphaned or not told.ended:
        passed, detail = False, f"{detail}; the fixture did not run to its end: {_ending(finished)}"
    return VerificationResult(
        passed=passed, scenarios=scenarios, detail=detail, isolation=isolation, log=finished.stdout
    )


def _read(results: bytes, nonce: str, count: int) -> _Told:
    """Read the channel, of *count* scenarios; a line that is cut off at its end was never told.

    What the fixture's runner cannot have written is not even parsed: whoever forges lines writes many, and long ones.
    """
    facts: dict[int, list[Any]] = {}
    awaited = set(range(count))
    broken, ended = "", False
    for line in results.split(b"\n")[:-1]:
        text = line.decode(errors="replace")
        is_own = text.startswith(nonce) and len(text) <= MAX_LINE
        try:
            fact = json.loads(text.removeprefix(nonce)) if is_own else None
        except (ValueError, RecursionError):
            fact = None
        match fact:
            case ["loaded"]:
                pass
            case ["broken", str() as why]:
                broken = f"the fixture cannot be loaded: {_cut(why)}"
            case ["end"]:
                ended = True
            case ["returned" | "raised" as verb, int() as number, *rest] if number in awaited and len(rest) in (1, 2):
                awaited.discard(number)
                facts[number] = [verb, *rest]
            case _:
                return _Told(broken=FORGED)
    return _Told(facts=facts, broken=broken, ended=ended)


def _scenario(scenario: Scenario, fact: list[Any] | None, missing: str) -> ScenarioResult:
    match fact:
        case None:
            reason = missing
        case ["raised", str() as why]:
            reason = _cut(why)
        case ["returned", _, str() as why] if scenario.expected is not None:
            reason = _cut(why)
        case ["returned", value, *_] if scenario.expected is None:
            reason = "returned False" if value is False else ""
        case ["returned", value]:
            reason = misfit("returned", value, scenario.expected)
        case _:
            reason = FORGED
    return ScenarioResult(id=scenario.id, passed=not reason, detail=reason)


def misfit(verb: str, value: JsonValue, expected: JsonValue) -> str:
    """Return what is wrong with a value that was returned or answered (*verb*); "" for nothing."""
    try:
        fits = same_json(value, expected)
        return "" if fits else f"{verb} {short(value)}, expected {short(expected)}"
    except RecursionError:
        return f"{verb} JSON that is nested too deeply to be compared"


def same_json(one: JsonValue, other: JsonValue) -> bool:
    """Return whether two JSON values are equal; unlike in Python, ``true`` is not 1."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same_json(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same_json, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def short(value: JsonValue) -> str:
    """Return a value as JSON, cut to what fits on a line."""
    return _cut(json.dumps(value, ensure_ascii=False, default=str), most=120)


def _cut(text: str, *, most: int = MAX_REASON) -> str:
    """Return a text that any record takes, cut to *most* characters; whoever forges one may send any."""
    cut = text if len(text) <= most else text[:most] + "…"
    return cut.encode("utf-8", "backslashreplace").decode()


def _ending(finished: Finished) -> str:
    if finished.timed_out:
        return "its time was up"
    if finished.exceeded:
        return f"it was stopped for what it used in all ({finished.exceeded})"
    if finished.orphaned:
        return "its supervisor was killed, or its report forged"
    code = finished.returncode
    if code is None or code >= 0:
        return f"its process ended by itself with exit code {code}"
    return f"its process was killed by {_NAMES.get(-code, f'signal {-code}')}"
