"""The stock planner: what waits for review first, then what is ready, each in the domain's order."""

from collections.abc import Iterable
from itertools import chain
from typing import Final

from orket.contracts import Backlog, CardStatus, Issue, Plan, PlanQuestion

_NOTHING: Final = "no candidate is free"


class DefaultPlannerNode:
    """Fill the free slots: reviews first, because a finished issue frees those that depend on it."""

    contract_version = 1

    def plan(self, question: PlanQuestion, /) -> Plan:
        """Choose the first ``slots`` candidates that do not run yet.

        Args:
            question: windows of candidates that are already in domain order; a target issue outside of them is
                looked up in the backlog and chosen under the same conditions.

        Returns:
            The chosen ids, reviews first.
        """
        if question.target_issue_id is not None:
            return _plan_target(question, question.target_issue_id)
        taken = {issue.id for issue in question.running}
        reviews = _take(question.review, taken, question.slots)
        ready = _take(question.ready, taken, question.slots - len(reviews))
        if not reviews and not ready:
            return Plan(issue_ids=(), reason=_NOTHING)
        return Plan(issue_ids=(*reviews, *ready), reason=f"{len(reviews)} to review, {len(ready)} ready")


def _take(candidates: Iterable[Issue], taken: set[str], slots: int) -> list[str]:
    """Return up to *slots* ids that are not in *taken*, and add them to it."""
    chosen: list[str] = []
    for issue in candidates:
        if len(chosen) >= slots:
            break
        if issue.id not in taken:
            taken.add(issue.id)
            chosen.append(issue.id)
    return chosen


def _plan_target(question: PlanQuestion, target: str) -> Plan:
    """Choose the target issue, or nothing and say why."""
    if any(issue.id == target for issue in question.running):
        return Plan(issue_ids=(), reason=f"target {target} runs already")
    if any(issue.id == target for issue in chain(question.review, question.ready)):
        return Plan(issue_ids=(target,), reason=f"target {target} is a candidate")
    if (obstacle := _obstacle(question.backlog, target)) is not None:
        return Plan(issue_ids=(), reason=f"target {target} {obstacle}")
    return Plan(issue_ids=(target,), reason=f"target {target} found in the backlog")


def _obstacle(backlog: Backlog, target: str) -> str | None:
    """Return what keeps an issue outside the windows from taking a turn, or None."""
    issue = backlog.get(target)
    if issue is None:
        return "is not on the board"
    if issue.status is CardStatus.CODE_REVIEW:
        return None
    if issue.status is not CardStatus.READY:
        return f"is {issue.status.value}"
    waits_for = [name for name in issue.depends_on if not _is_done(backlog.get(name))]
    return f"waits for {', '.join(waits_for)}" if waits_for else None


def _is_done(issue: Issue | None) -> bool:
    return issue is not None and issue.status is CardStatus.DONE
