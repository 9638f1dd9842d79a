"""What nobody can ask again, because the journal does not keep that it was asked."""

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from orket._wiring import KINDS, Wiring
from orket.events import Resolution

_NOT_KEPT: Final = "the journal does not keep what this policy is asked"
_RECORDED: Final = frozenset(
    {
        ("planner", "plan"),
        ("router", "route"),
        ("tool_strategy", "compose"),
        ("prompt_strategy", "select_model"),
        ("prompt_strategy", "select_dialect"),
        ("prompt_strategy", "compose"),
        ("evaluator", "evaluate_success"),
        ("evaluator", "evaluate_failure"),
        ("orchestration_loop", "concurrency_limit"),
        ("orchestration_loop", "turn_budget"),
    }
)
_PARTLY: Final[Mapping[tuple[str, str], str]] = MappingProxyType(
    {("planner", "plan"): "plans that chose nothing are not on record; the others were asked again"}
)


def unrecorded(then: Iterable[Resolution], now: Wiring) -> Iterator[tuple[str, str, str]]:
    """Yield what the exchanged nodes may have been asked without a record of it: kind, method, and why there is none.

    Args:
        then: who decided in the run.
        now: who decides instead.
    """
    before = {one.kind: _identity(one) for one in then}
    for kind, binding in now.bindings.items():
        if kind in before and before[kind] != _identity(binding.resolution):
            for method in KINDS[kind].methods:
                if why := _PARTLY.get((kind, method)) or ("" if (kind, method) in _RECORDED else _NOT_KEPT):
                    yield kind, method, why


def _identity(resolution: Resolution) -> tuple[object, ...]:
    return (resolution.name, resolution.distribution, resolution.version, dict(resolution.options))
