"""The stock evaluator: what a turn's outcome means for its issue."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from orket.contracts import (
    CardStatus,
    FailureAction,
    FailureAnswer,
    FailureKind,
    FailureQuestion,
    SuccessAnswer,
    SuccessQuestion,
    TurnKind,
    WaitReason,
)

_WAITING: Final = frozenset({CardStatus.BLOCKED, CardStatus.WAITING_FOR_DEVELOPER})
_REMEDIES: Final[Mapping[FailureKind, str]] = MappingProxyType(
    {
        FailureKind.GOVERNANCE: "Read which rule refused the call; change the role's tools, the issue or the rule, "
        "then unblock the issue.",
        FailureKind.MODEL: "See what the model client said, and that its server runs, knows the model and is in time.",
        FailureKind.REPLY: "Check that the dialect fits the model and that the model can call tools.",
        FailureKind.TOOL: "Read the tool's error; the next attempt sees it in the issue's history.",
        FailureKind.NODE: "Fix or replace the decision node that broke its contract.",
        FailureKind.ROUNDS: "Allow more rounds, or split the issue into smaller ones.",
    }
)
_REPAIR: Final = (
    "No retry can mend this. Give the model server the right credentials, or shorten the prompt (lower context_window, "
    "split the issue, choose a model with a larger context); then unblock the issue."
)


class DefaultEvaluatorNode:
    """Honour the model's own wish, hold it to the evidence, and bound the retries.

    Args:
        decision_marker: lines of a reply that begin with it are remembered, without it; "" remembers nothing.
    """

    contract_version = 1

    def __init__(self, *, decision_marker: str = "DECISION:") -> None:
        self._marker = decision_marker

    def evaluate_success(self, question: SuccessQuestion, /) -> SuccessAnswer:
        """Judge a turn that ended well.

        Args:
            question: the issue, what its turn came to, and the statuses that the law could grant.

        Returns:
            The model's own wish; without one, code review after work and nothing after a review. A wish for done
            against a failed verification becomes ready. A sandbox is asked for when the issue's params hold
            ``"sandbox": true`` and the wish is done.
        """
        wish, reason = _choose_wish(question)
        return SuccessAnswer(
            wish=wish,
            wait_reason=question.report.wait_reason if wish in _WAITING else None,
            remember=_find_decisions(question.report.text, self._marker),
            sandbox=wish is CardStatus.DONE and question.issue.params.get("sandbox") is True,
            reason=reason,
        )

    def evaluate_failure(self, question: FailureQuestion, /) -> FailureAnswer:
        """Judge a turn that failed.

        Args:
            question: the issue with its retries so far, what went wrong, and the turn's report.

        Returns:
            A governance violation, and what no retry can mend, blocks and costs no retry; everything else is tried
            again, and aborts the run once ``max_retries`` retries are used up.
        """
        issue, kind = question.issue, question.kind
        remedy = _REMEDIES[kind] if question.retryable else _REPAIR
        if kind is FailureKind.GOVERNANCE:
            action, count, reason = FailureAction.BLOCK, issue.retry_count, "the turn ended on a refused call"
        elif not question.retryable:
            action, count = FailureAction.BLOCK, issue.retry_count
            reason = f"{kind.value} failure that no retry can mend"
        elif issue.retry_count < issue.max_retries:
            action, count = FailureAction.RETRY, issue.retry_count + 1
            reason = f"{kind.value} failure, retry {count} of {issue.max_retries}"
        else:
            action, count = FailureAction.ABORT, issue.retry_count
            reason = f"{kind.value} failure, and all {issue.max_retries} retries are used up"
        wait_reason = None if action is FailureAction.RETRY else WaitReason.SYSTEM
        return FailureAnswer(action=action, retry_count=count, wait_reason=wait_reason, remedy=remedy, reason=reason)


def _choose_wish(question: SuccessQuestion) -> tuple[CardStatus | None, str]:
    """Return the status to wish for, if any, and why."""
    report, wishes = question.report, question.wishes
    wish = report.wish
    if wish is None:
        if report.kind is TurnKind.REVIEW:
            return None, "the review ended without a verdict"
        if CardStatus.CODE_REVIEW in wishes:
            return CardStatus.CODE_REVIEW, "the work ended without a wish of its own"
        return None, "the work ended without a wish, and code review cannot be wished for"
    refuted = wish is CardStatus.DONE and report.verification is not None and not report.verification.passed
    if refuted:
        wish = CardStatus.READY
    if wish not in wishes:
        return None, f"{wish.value} cannot be wished for now"
    return wish, "done was asked for, but the verification failed" if refuted else "the model asked for it"


def _find_decisions(text: str, marker: str) -> str | None:
    """Return what follows *marker* on the lines that begin with it, or None."""
    if not marker or marker not in text:
        return None
    lines = [line.strip() for line in text.splitlines()]
    found = [line.removeprefix(marker).strip() for line in lines if line.startswith(marker)]
    return "\n".join(filter(None, found)) or None
