"""The stock policy: which card a pull request is about, and what follows from reviews."""

import re
from collections.abc import Collection
from typing import Final

from attrs import field, frozen

from orket._value import Value
from orket.contracts import (
    DeployedSandbox,
    PullEvent,
    PullReview,
    ReviewAct,
    ReviewAction,
    ReviewAnswer,
    ReviewCycle,
    ReviewQuestion,
)

_CARD: Final = re.compile(r"(?<![\w-])ISSUE-\w+(?:-\w+)*")
_NEW_CODE: Final = frozenset({PullEvent.OPENED, PullEvent.SYNCHRONIZED, PullEvent.REOPENED})


def _names(value: Collection[str] | None) -> frozenset[str] | None:
    return None if value is None else frozenset(value)


@frozen(kw_only=True, repr=False, eq=False)
class DefaultReviewPolicy(Value):
    """Review, merge, escalate, give up.

    * New code, with ``ISSUE-…`` in the title: a review turn of that card starts.
    * Approved: it is merged. An author's own approval counts for nothing.
    * Changes requested ``escalate_after`` times: a comment asks for an architect.
    * Changes requested ``close_after`` times: it is closed, and an issue with all reasons asks for better requirements.
    * Merged: it is deployed.

    Args:
        reviewers: logins whose reviews count; None: of everybody whom Gitea lets review.
        architect: login that the escalation mentions; "" mentions nobody.
        escalate_after: 3.
        close_after: 4.
    """

    reviewers: frozenset[str] | None = field(default=None, converter=_names)
    architect: str = ""
    escalate_after: int = 3
    close_after: int = 4

    def judge(self, question: ReviewQuestion, /) -> ReviewAnswer:
        """Return what follows from a delivery."""
        pull, delivery = question.pull, question.delivery
        named = _CARD.search(delivery.title)
        card = named[0] if named else ""
        if delivery.event in _NEW_CODE:
            if not card:
                return ReviewAnswer(actions=(), reason="the title names no card")
            start = ReviewAction(act=ReviewAct.START_REVIEW, card=card)
            return ReviewAnswer(actions=(start,), reason=f"new code for {card}", card=card)
        if delivery.event is PullEvent.MERGED:
            deploy = ReviewAction(act=ReviewAct.DEPLOY, card=card)
            return ReviewAnswer(actions=(deploy,), reason="merged", card=card)
        if delivery.event is PullEvent.CLOSED:
            return ReviewAnswer(actions=(), reason="closed without a merge", card=card)
        if self.reviewers is not None and delivery.sender not in self.reviewers:
            return ReviewAnswer(actions=(), reason=f"{delivery.sender} is no reviewer here", card=card, counts=False)
        if delivery.event is PullEvent.APPROVED:
            return self._approved(question, card)
        return self._sent_back(pull, card)

    def announce(self, pull: PullReview, sandbox: DeployedSandbox, /) -> str:
        """Return the comment that tells where a merged pull request runs."""
        return f"`{pull.head[:10]}` runs in sandbox `{sandbox.id}`: {sandbox.url}"

    def _approved(self, question: ReviewQuestion, card: str) -> ReviewAnswer:
        delivery = question.delivery
        if delivery.sender == delivery.author:
            return ReviewAnswer(actions=(), reason="its own author approved it", card=card)
        merge = ReviewAction(act=ReviewAct.MERGE)
        return ReviewAnswer(actions=(merge,), reason=f"approved by {delivery.sender}", card=card)

    def _sent_back(self, pull: PullReview, card: str) -> ReviewAnswer:
        count = len(pull.cycles)
        reason = f"changes requested {count} times"
        if count >= self.close_after:
            close = ReviewAction(act=ReviewAct.CLOSE)
            title = f"Requirements: {pull.title}"[:255]
            issue = ReviewAction(act=ReviewAct.OPEN_ISSUE, title=title, text=_given_up(pull))
            return ReviewAnswer(actions=(close, issue), reason=f"{reason}: closed", card=card)
        if count == self.escalate_after:
            comment = ReviewAction(act=ReviewAct.COMMENT, text=self._escalation(pull))
            return ReviewAnswer(actions=(comment,), reason=f"{reason}: escalated", card=card)
        return ReviewAnswer(actions=(), reason=reason, card=card)

    def _escalation(self, pull: PullReview) -> str:
        call = f"@{self.architect}: " if self.architect else ""
        left = self.close_after - len(pull.cycles)
        return (
            f"{call}**Escalated to the architect.** Changes were requested {len(pull.cycles)} times; after {left} more "
            f"this pull request is closed.\n\n{_reasons(pull.cycles)}"
        )


def _given_up(pull: PullReview) -> str:
    about = f" for {pull.card}" if pull.card else ""
    return (
        f"#{pull.number}{about} was closed: changes were requested {len(pull.cycles)} times. What it should do has to "
        f"be said more clearly before it is tried again.\n\n{_reasons(pull.cycles)}"
    )


def _reasons(cycles: tuple[ReviewCycle, ...]) -> str:
    return "\n\n".join([_reason(number, cycle) for number, cycle in enumerate(cycles, 1)])


def _reason(number: int, cycle: ReviewCycle) -> str:
    """Quote a reviewer; every line, so that nothing that was said ends the quote."""
    quoted = "\n".join([f"> {line}" for line in (cycle.reason or "(no reason given)").splitlines()])
    return f"{number}. {cycle.reviewer}, of `{cycle.head[:10]}`:\n\n{quoted}"
