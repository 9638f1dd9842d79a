"""The one way to ask a host's review policy; an answer that breaks the contract is never used."""

from typing import Any, Final

from orket.contracts import (
    DeployedSandbox,
    PullEvent,
    PullReview,
    ReviewAct,
    ReviewAction,
    ReviewAnswer,
    ReviewPolicy,
    ReviewQuestion,
)
from orket.review._response import RefusedError

MAX_ACTIONS: Final = 16
MAX_TEXT: Final = 60_000  # characters; what every database behind Gitea takes


def judge(policy: ReviewPolicy, question: ReviewQuestion) -> ReviewAnswer:
    """Return what follows from a delivery.

    Raises:
        RefusedError: with 500, the policy raised or broke its contract; the delivery can be made again later.
    """
    try:
        given: Any = policy.judge(question)
    except Exception as error:
        raise RefusedError(500, f"the review policy raised {type(error).__name__}") from error
    if wrong := _wrong_answer(given, question.delivery.event):
        raise RefusedError(500, f"the review policy broke its contract: {wrong}")
    answer: ReviewAnswer = given
    return answer


def announcement(policy: ReviewPolicy, pull: PullReview, sandbox: DeployedSandbox) -> tuple[str, str]:
    """Return the comment that announces a sandbox, "" for none, and what kept the policy from saying one."""
    try:
        text: Any = policy.announce(pull, sandbox)
    except Exception as error:  # noqa: BLE001 - foreign code; the sandbox runs all the same, and the record says so
        return "", f"the review policy raised {type(error).__name__}"
    if not _is_text(text):
        return "", "the review policy did not return a text that Gitea takes"
    return (text if text.strip() else ""), ""


def _wrong_answer(answer: Any, event: PullEvent) -> str | None:
    if not isinstance(answer, ReviewAnswer) or not isinstance(answer.actions, tuple):
        return "it did not return a ReviewAnswer with a tuple of actions"
    if len(answer.actions) > MAX_ACTIONS:
        return f"more than {MAX_ACTIONS} actions"
    texts: tuple[Any, ...] = (answer.reason, answer.card)
    if not all(map(_is_text, texts)) or not isinstance(answer.counts, bool):
        return "reason and card are texts, counts is True or False"
    return next((wrong for action in answer.actions if (wrong := _wrong_action(action, event))), None)


def _wrong_action(action: Any, event: PullEvent) -> str | None:
    if not isinstance(action, ReviewAction) or not isinstance(action.act, ReviewAct):
        return "an action is no ReviewAction"
    if not all(map(_is_text, (action.card, action.title, action.text))):
        return f"card, title and text of an action are texts of at most {MAX_TEXT} characters"
    match action.act:
        case ReviewAct.MERGE if event is not PullEvent.APPROVED:
            return f"a merge follows an approval only, not {event}"
        case ReviewAct.DEPLOY if event is not PullEvent.MERGED:
            return f"a deployment follows a merge only, not {event}"
        case ReviewAct.START_REVIEW if not action.card.strip():
            return "a review is of a card"
        case ReviewAct.COMMENT if not action.text.strip():
            return "a comment says something"
        case ReviewAct.OPEN_ISSUE if not 0 < len(action.title.strip()) <= len(action.title) <= 255:
            return "an issue has a title of 1 to 255 characters"
        case _:
            return None


def _is_text(value: Any) -> bool:
    """Return whether something is a text that can be sent: not too long, and made of whole characters."""
    if not isinstance(value, str) or len(value) > MAX_TEXT:
        return False
    return value.isascii() or not any("\ud800" <= char <= "\udfff" for char in value)
