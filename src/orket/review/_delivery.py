"""From a payload to a delivery: what Gitea's events of pull requests say. Only the body is signed, and believed."""

import re
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any, Final

from orket.cards import JsonValue
from orket.contracts import Delivery, PullEvent
from orket.events import Digest
from orket.review._response import RefusedError

MAX_NAME: Final = 255  # characters of a title, a login
MAX_COMMENT: Final = 8_000  # characters of a reviewer's words that are kept
_LARGEST: Final = 2**53  # of a number that every reader of JSON reads alike
_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")

# Gitea's HookIssueAction: what it sends with pull requests and is of no use here.
_IGNORED: Final = frozenset(
    {"edited", "assigned", "unassigned", "label_updated", "label_cleared", "milestoned", "demilestoned", "deleted"}
    | {"review_requested", "review_request_removed"}
)
_EVENTS: Final[Mapping[str, PullEvent]] = MappingProxyType(
    {
        "opened": PullEvent.OPENED,
        "reopened": PullEvent.REOPENED,
        "synchronized": PullEvent.SYNCHRONIZED,
        "closed": PullEvent.CLOSED,
    }
)
_REVIEWS: Final[Mapping[str, PullEvent | None]] = MappingProxyType(
    {
        "pull_request_review_approved": PullEvent.APPROVED,
        "pull_request_review_rejected": PullEvent.CHANGES_REQUESTED,
        "pull_request_review_comment": None,
    }
)


def read_delivery(payload: Mapping[str, JsonValue], digest: Digest, repositories: Collection[str]) -> Delivery | None:
    """Return what a payload says; None where it says nothing that matters here.

    Args:
        payload: a verified body.
        digest: of the body.
        repositories: the ones that deliveries may be about.

    Raises:
        RefusedError: it is no event of a pull request, of another repository, or a field is missing or of another type.
    """
    pull = _object(payload, "pull_request")
    repository = _text(_object(payload, "repository"), "repository.full_name", MAX_NAME)
    if repository not in repositories:
        raise RefusedError(403, "this desk is not for that repository")
    number = _number(payload, "number")
    if _number(pull, "pull_request.number") != number:
        raise RefusedError(422, "pull_request.number is not number")
    is_merged = _flag(pull, "pull_request.merged")
    sender = _login(payload, "sender")
    author = _login(pull, "pull_request.user")
    title = _text(pull, "pull_request.title", MAX_NAME)
    head = _commit(_object(pull, "pull_request.head"), "pull_request.head.sha")
    event, comment = _event(payload, is_merged=is_merged)
    if event is None:
        return None
    return Delivery(
        digest=digest,
        repository=repository,
        number=number,
        event=event,
        sender=sender,
        author=author,
        title=title,
        head=head,
        comment=comment,
    )


def _event(payload: Mapping[str, JsonValue], *, is_merged: bool) -> tuple[PullEvent | None, str]:
    action = _text(payload, "action", MAX_NAME)
    if action == "reviewed":
        return _review(_object(payload, "review"))
    if action in _IGNORED:
        return None, ""
    event = _EVENTS.get(action)
    if event is None:
        raise RefusedError(422, "action is none that a pull request has")
    if event is PullEvent.CLOSED:
        return PullEvent.MERGED if is_merged else event, ""
    if is_merged:
        raise RefusedError(422, "a merged pull request is opened by nobody")
    return event, ""


def _review(review: Mapping[str, Any]) -> tuple[PullEvent | None, str]:
    kind = _text(review, "review.type", MAX_NAME)
    if kind not in _REVIEWS:
        raise RefusedError(422, "review.type is none that a review has")
    content = review.get("content")
    if not isinstance(content, str):
        raise RefusedError(422, "review.content is not a text")
    return _REVIEWS[kind], content.strip()[:MAX_COMMENT]


def _object(data: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    found = data.get(_last(path))
    if not isinstance(found, dict):
        raise RefusedError(422, f"{path} is not an object")
    return found


def _text(data: Mapping[str, Any], path: str, most: int) -> str:
    found = data.get(_last(path))
    if not isinstance(found, str) or not 0 < len(found.strip()) <= len(found) <= most:
        raise RefusedError(422, f"{path} is not a text of 1 to {most} characters")
    return found


def _number(data: Mapping[str, Any], path: str) -> int:
    found = data.get(_last(path))
    if type(found) is not int or not 0 < found < _LARGEST:
        raise RefusedError(422, f"{path} is not a number of a pull request")
    return found


def _flag(data: Mapping[str, Any], path: str) -> bool:
    found = data.get(_last(path))
    if not isinstance(found, bool):
        raise RefusedError(422, f"{path} is neither true nor false")
    return found


def _login(data: Mapping[str, Any], path: str) -> str:
    return _text(_object(data, path), f"{path}.login", MAX_NAME)


def _commit(data: Mapping[str, Any], path: str) -> str:
    found = data.get(_last(path))
    if not isinstance(found, str) or _COMMIT.fullmatch(found) is None:
        raise RefusedError(422, f"{path} is not a commit")
    return found


def _last(path: str) -> str:
    return path.rpartition(".")[2]
