"""A Gitea over a real socket: it checks every request against the published API, and does what it asks to a world.

What is checked: method and path, the token, the media type of bodies, their fields (names, types, which are required)
and the parameters of queries, as ``/api/swagger`` of Gitea 1.22 and later describes them. What does not fit is answered
as Gitea does, and noted in ``complaints``.
"""

import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import anyio
from anyio.abc import SocketStream
from attrs import define, field, frozen
from deliveries import REPOSITORY, pull_request, user
from gitea_world import World
from loopback import serving

from orket.errors import GiteaError

TOKEN = "0123456789abcdef0123456789abcdef01234567"
ROOT = f"/api/v1/repos/{REPOSITORY}"
_TEXT, _NAMES, _FLAG, _NUMBER = (str,), (list,), (bool,), (int,)


@frozen
class Operation:
    """An operation of the API: its fields by type, those that are required, and the parameters of its query."""

    method: str
    path: str
    status: int
    fields: dict[str, tuple[type, ...]] = field(factory=dict)
    required: tuple[str, ...] = ()
    query: dict[str, str] = field(factory=dict)  # name -> what a value looks like

    def match(self, method: str, path: str) -> "re.Match[str] | None":
        """Return how a request fits method and path, or None."""
        return re.fullmatch(ROOT + self.path, path) if method == self.method else None


_EDIT = {"title": _TEXT, "body": _TEXT, "base": _TEXT, "assignee": _TEXT, "assignees": _NAMES, "milestone": _NUMBER}
_EDIT |= {"labels": _NAMES, "state": _TEXT, "due_date": _TEXT, "unset_due_date": _FLAG, "allow_maintainer_edit": _FLAG}
_MERGE = {"Do": _TEXT, "MergeTitleField": _TEXT, "MergeMessageField": _TEXT, "MergeCommitID": _TEXT}
_MERGE |= {"head_commit_id": _TEXT, "force_merge": _FLAG, "merge_when_checks_succeed": _FLAG}
_MERGE |= {"delete_branch_after_merge": _FLAG}
_ISSUE = {"title": _TEXT, "body": _TEXT, "ref": _TEXT, "assignee": _TEXT, "assignees": _NAMES, "due_date": _TEXT}
_ISSUE |= {"milestone": _NUMBER, "labels": _NAMES, "closed": _FLAG}
_LIST = {"state": "open|closed|all", "type": "issues|pulls", "page": r"[1-9]\d*", "limit": r"[1-9]\d?"}
_LIST |= {"since": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "before": ".+", "labels": ".+", "q": ".+", "milestones": ".+"}
OPERATIONS = {
    "repoGetPullRequest": Operation("GET", r"/pulls/(\d+)", 200),
    "repoEditPullRequest": Operation("PATCH", r"/pulls/(\d+)", 201, _EDIT),
    "repoMergePullRequest": Operation("POST", r"/pulls/(\d+)/merge", 200, _MERGE, ("Do",)),
    "issueGetComments": Operation("GET", r"/issues/(\d+)/comments", 200, query={"since": ".+", "before": ".+"}),
    "issueCreateComment": Operation(
        "POST", r"/issues/(\d+)/comments", 201, {"body": _TEXT, "updated_at": _TEXT}, ("body",)
    ),
    "issueListIssues": Operation("GET", r"/issues", 200, query=_LIST),
    "issueCreateIssue": Operation("POST", r"/issues", 201, _ISSUE, ("title",)),
}
_STYLES = {"merge", "rebase", "rebase-merge", "squash", "fast-forward-only", "manually-merged"}


@define
class GiteaDouble:
    """What it was asked, and what did not fit. ``before`` and ``after`` see every operation around its effect."""

    world: World
    url: str = ""
    heard: list[str] = field(factory=list)
    complaints: list[str] = field(factory=list)
    raw: dict[str, bytes] = field(factory=dict)  # operation -> bytes that are sent instead of an answer
    before: Callable[[str], Any] = lambda _operation: None
    after: Callable[[str], Any] = lambda _operation: None

    async def serve(self, stream: SocketStream) -> None:
        async with stream:
            buffer = bytearray()
            try:
                while request := await _read(stream, buffer):
                    await stream.send(self._answer(*request))
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                return

    def _answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> bytes:
        parts = urlsplit(target)
        meant = [(name, found) for name, it in OPERATIONS.items() if (found := it.match(method, parts.path))]
        if not meant:
            return self._complain(404, f"{method} {target} is no operation")
        ((name, found),) = meant
        operation = OPERATIONS[name]
        self.heard.append(name)
        if headers.get("authorization") != f"token {TOKEN}":
            return _reply(401, {"message": "user does not exist", "url": "http://gitea/api/swagger"})
        if wrong := _wrong(operation, headers, body, parse_qs(parts.query, keep_blank_values=True)):
            return self._complain(422, f"{name}: {wrong}")
        number = int(found[1]) if found.groups() else 0
        self.before(name)
        try:
            done = self._do(name, number, json.loads(body or b"null"), parse_qs(parts.query))
        except GiteaError as error:
            return _reply(error.status or 500, {"message": error.message, "url": "http://gitea/api/swagger"})
        self.after(name)
        return self.raw.get(name) or _reply(operation.status, done)

    def _do(self, name: str, number: int, sent: Any, query: dict[str, list[str]]) -> Any:
        world = self.world
        match name:
            case "repoGetPullRequest":
                return self._pull(number)
            case "repoEditPullRequest":
                world.pull(number)
                if sent.get("state") == "closed":
                    world.close(number)
                return self._pull(number)
            case "repoMergePullRequest":
                world.pull(number)
                world.merge(number, sent.get("head_commit_id") or world.heads[number])
                return None
            case "issueGetComments":
                texts = world.comments.get(number, [])
                return [{"id": 50 + n, "body": text, "user": user("orket")} for n, text in enumerate(texts)]
            case "issueCreateComment":
                world.pull(number)
                world.comment(number, sent["body"])
                return {"id": 50, "body": sent["body"], "user": user("orket")}
            case "issueListIssues":
                return self._issues(query)
            case _:
                opened = world.open_issue(sent["title"], sent.get("body", ""))
                return {"id": opened + 5, "number": opened, "title": sent["title"], "body": sent.get("body", "")}

    def _issues(self, query: dict[str, list[str]]) -> Any:
        page, limit = int(query["page"][0]), int(query["limit"][0])
        datetime.fromisoformat(query["since"][0])
        listed = sorted(self.world.issues.items(), reverse=True)[(page - 1) * limit : page * limit]
        return [{"id": n + 5, "number": n, "title": title, "body": text} for n, (title, text) in listed]

    def _pull(self, number: int) -> Any:
        pull = self.world.pull(number)
        state = "open" if pull.is_open else "closed"
        return pull_request(number, merged=pull.is_merged, state=state, head=pull.head)

    def _complain(self, status: int, what: str) -> bytes:
        self.complaints.append(what)
        return _reply(status, {"message": what, "url": "http://gitea/api/swagger"})


def _wrong(operation: Operation, headers: dict[str, str], body: bytes, query: dict[str, list[str]]) -> str | None:
    for name, values in query.items():
        if name not in operation.query or not all(re.fullmatch(operation.query[name], value) for value in values):
            return f"the parameter {name}={values} is not in the description"
    if operation.method == "GET":
        return "a body was sent" if body else None
    if not headers.get("content-type", "").startswith("application/json"):
        return "the body is not application/json"
    sent = json.loads(body)
    for name, value in sent.items():
        if name not in operation.fields or type(value) not in operation.fields[name]:
            return f"the field {name}={value!r:.40} is not in the description"
    if missing := [name for name in operation.required if not sent.get(name)]:
        return f"required: {missing}"
    if sent.get("Do", "merge") not in _STYLES or sent.get("state", "open") not in ("open", "closed"):
        return "a value is none that is listed"
    return None


async def _read(stream: SocketStream, buffer: bytearray) -> tuple[str, str, dict[str, str], bytes]:
    while b"\r\n\r\n" not in buffer:
        buffer += await stream.receive()
    head, _, rest = bytes(buffer).partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in [line.split(": ", 1) for line in lines]}
    length = int(headers.get("content-length", 0))
    while len(rest) < length:
        rest += await stream.receive()
    buffer[:] = rest[length:]
    method, target, _ = first.split(" ")
    return method, target, headers, rest[:length]


def _reply(status: int, data: Any) -> bytes:
    body = b"" if data is None else json.dumps(data).encode()
    head = f"HTTP/1.1 {status} Whatever\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


@asynccontextmanager
async def gitea_double(world: World) -> AsyncIterator[GiteaDouble]:
    """Serve a world on a free port of the loopback."""
    double = GiteaDouble(world)
    async with serving(double.serve) as double.url:
        yield double
