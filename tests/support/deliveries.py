"""Deliveries as Gitea makes them: the fields of its ``PullRequestPayload``, signed as its webhooks are."""

import hashlib
import hmac
import json
from typing import Any

SECRET = "a secret of some length"
REPOSITORY = "acme/shop"
HEAD = "c0ffee" + "0" * 34


def user(login: str) -> dict[str, Any]:
    """Return a user, as far as matters."""
    return {"id": 7, "login": login, "full_name": "", "email": f"{login}@noreply.localhost", "username": login}


def repository(name: str = REPOSITORY) -> dict[str, Any]:
    """Return a repository, as far as matters."""
    owner, _, short = name.partition("/")
    return {"id": 3, "owner": user(owner), "name": short, "full_name": name, "private": False, "default_branch": "main"}


def pull_request(number: int = 7, *, title: str = "ISSUE-1: sell socks", merged: bool = False, **more: Any) -> Any:
    """Return a pull request as Gitea's API and payloads have it."""
    head = more.pop("head", HEAD)
    state = more.pop("state", "closed" if merged else "open")
    branch = {"label": "socks", "ref": "socks", "sha": head, "repo_id": 3, "repo": repository()}
    return {
        "id": 1000 + number,
        "url": f"http://gitea/{REPOSITORY}/pulls/{number}",
        "number": number,
        "user": user("ann"),
        "title": title,
        "body": "Socks.",
        "labels": [],
        "milestone": None,
        "state": state,
        "comments": 0,
        "mergeable": True,
        "merged": merged,
        "merged_at": "2026-01-01T00:00:00Z" if merged else None,
        "base": {**branch, "label": "main", "ref": "main", "sha": "b" * 40},
        "head": branch,
        "updated_at": "2026-01-01T00:00:00Z",
        **more,
    }


def payload(action: str, number: int = 7, *, by: str = "ann", review: Any = None, nonce: int = 0, **pull: Any) -> Any:
    """Return the payload of an event; *nonce* stands for what makes two events of one kind differ."""
    about = {"updated_at": f"2026-01-01T{nonce // 3600:02}:{nonce // 60 % 60:02}:{nonce % 60:02}Z", **pull}
    return {
        "action": action,
        "number": number,
        "pull_request": pull_request(number, **about),
        "requested_reviewer": None,
        "repository": repository(),
        "sender": user(by),
        "commit_id": "",
        "review": review,
    }


def approved(number: int = 7, *, by: str = "bob", **more: Any) -> Any:
    """Return the payload of an approval."""
    return payload("reviewed", number, by=by, review={"type": "pull_request_review_approved", "content": ""}, **more)


def rejected(number: int = 7, *, by: str = "bob", reason: str = "No tests.", **more: Any) -> Any:
    """Return the payload of a request for changes."""
    said = {"type": "pull_request_review_rejected", "content": reason}
    return payload("reviewed", number, by=by, review=said, **more)


def merged(number: int = 7, *, by: str = "orket", **more: Any) -> Any:
    """Return the payload that tells of a merge."""
    return payload("closed", number, by=by, merged=True, **more)


def encode(data: Any) -> bytes:
    """Return the bytes that Gitea sends: JSON, indented by two."""
    return json.dumps(data, indent=2).encode()


def signed(body: bytes, *, secret: str = SECRET) -> dict[str, str]:
    """Return the header fields of a delivery."""
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {
        "Content-Type": "application/json",
        "X-Gitea-Delivery": "f6266f16-1bf3-46a5-9ea4-602e06ead473",
        "X-Gitea-Event": "pull_request",
        "X-Gitea-Event-Type": "pull_request",
        "X-Gitea-Signature": signature,
        "X-Hub-Signature-256": f"sha256={signature}",
    }


def delivery(data: Any) -> tuple[dict[str, str], bytes]:
    """Return header fields and body of a delivery."""
    body = data if isinstance(data, bytes) else encode(data)
    return signed(body), body
