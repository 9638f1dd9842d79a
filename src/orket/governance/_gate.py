"""The tool gate: denied by default, allowed only where every rule allows."""

import inspect
from collections.abc import Iterable

from orket._fit import misfits
from orket.errors import WiringError
from orket.governance._question import GateQuestion, GateRule, Verdict
from orket.governance._rules import STOCK_RULES


class ToolGate:
    """Judges tool calls by its rules, in their order; the first that refuses names the verdict.

    Args:
        rules: at least one, or nothing would ever be refused.
        extra: further rules, asked after *rules*.

    Raises:
        WiringError: a rule has no name, has the name of another, or cannot check.
    """

    def __init__(self, rules: Iterable[GateRule] = STOCK_RULES, extra: Iterable[GateRule] = ()) -> None:
        self._rules = (*rules, *extra)
        problems = [problem for rule in self._rules if (problem := _rule_fault(rule))]
        names = [] if problems else [rule.name for rule in self._rules]
        problems += [f"two gate rules are named {name!r}" for name in dict.fromkeys(names) if names.count(name) > 1]
        if problems or not names:
            raise WiringError(problems or ["a tool gate without rules would allow everything"])
        self._names = tuple(names)

    @property
    def rules(self) -> tuple[str, ...]:
        """The names of the rules, in the order they are asked."""
        return self._names

    def judge(self, question: GateQuestion) -> Verdict:
        """Return whether the call may run. It never raises: a rule that fails refuses under its own name."""
        for name, rule in zip(self._names, self._rules, strict=True):
            answer: object
            try:
                answer = rule.check(question)
            except (Exception, SystemExit) as error:  # noqa: BLE001 - the seam that calls foreign code
                answer = f"the rule failed: {type(error).__name__}"
            if answer is not None:
                return Verdict(allowed=False, rule=name, detail=_refusal(answer))
        return Verdict(allowed=True)


def _refusal(answer: object) -> str:
    if isinstance(answer, str):
        return answer or "refused without a reason"
    if inspect.iscoroutine(answer):
        answer.close()
    return f"the rule returned {type(answer).__name__}, neither None nor text"


def _rule_fault(rule: object) -> str:
    name = getattr(rule, "name", None)
    if not isinstance(name, str) or not name:
        return f"a gate rule needs a name; found {rule!r:.120}"
    faults = misfits(rule, GateRule, may_be_async=False)
    return next((f"the gate rule {name!r} {fault}" for fault in faults), "")
