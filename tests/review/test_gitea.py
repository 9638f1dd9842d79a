"""The HTTP client against a Gitea that checks every request, over a real socket."""

import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import httpx2
import pytest
from deliveries import HEAD, REPOSITORY, SECRET, approved, delivery, merged, rejected
from gitea_double import TOKEN, GiteaDouble, gitea_double
from gitea_world import World

from orket.contracts import GiteaClient, GiteaPull
from orket.errors import GiteaError, RunError, WiringError
from orket.review import GiteaHttpClient, ReviewDesk
from orket.stores import MemoryStore, SQLiteStore
from orket.testing import SimulatedClock

pytestmark = pytest.mark.anyio
SUPPORT = Path(__file__).parents[1] / "support"


@pytest.fixture
async def double(anyio_backend: str) -> AsyncIterator[GiteaDouble]:
    async with gitea_double(World()) as served:
        yield served


@pytest.fixture
async def gitea(double: GiteaDouble) -> AsyncIterator[GiteaHttpClient]:
    async with GiteaHttpClient(url=double.url, token=TOKEN) as client:
        yield client
    assert double.complaints == []


async def test_each_request_is_one_of_the_api(gitea: GiteaHttpClient, double: GiteaDouble) -> None:
    """Every method makes the requests that the published API describes, and reads what comes back."""
    world = double.world
    assert isinstance(gitea, GiteaClient)
    assert await gitea.pull(REPOSITORY, 7) == GiteaPull(number=7, is_open=True, is_merged=False, head=HEAD)
    await gitea.comment(REPOSITORY, 7, "Ünïcode\n<!-- key -->")
    assert await gitea.has_comment(REPOSITORY, 7, "<!-- key -->")
    assert not await gitea.has_comment(REPOSITORY, 7, "<!-- other -->")
    await gitea.close(REPOSITORY, 8)
    assert await gitea.pull(REPOSITORY, 8) == GiteaPull(number=8, is_open=False, is_merged=False, head=HEAD)
    await gitea.merge(REPOSITORY, 7, HEAD)
    assert await gitea.pull(REPOSITORY, 7) == GiteaPull(number=7, is_open=False, is_merged=True, head=HEAD)
    number = await gitea.open_issue(REPOSITORY, "Requirements", "why <!-- mark -->")
    assert world.issues[number] == ("Requirements", "why <!-- mark -->")
    assert await gitea.find_issue(REPOSITORY, "<!-- mark -->", 1.7e9) == number
    assert set(double.heard) == {
        "repoGetPullRequest",
        "repoEditPullRequest",
        "repoMergePullRequest",
        "issueGetComments",
        "issueCreateComment",
        "issueListIssues",
        "issueCreateIssue",
    }


async def test_all_pages_of_issues_are_looked_through(gitea: GiteaHttpClient, double: GiteaDouble) -> None:
    """An issue is found behind a hundred newer ones, and one that is not there is missed after the last page."""
    number = double.world.open_issue("first", "<!-- mark -->")
    for _ in range(120):
        double.world.open_issue("later", "")
    assert await gitea.find_issue(REPOSITORY, "<!-- mark -->", 0.0) == number
    assert double.heard == ["issueListIssues"] * 3
    assert await gitea.find_issue(REPOSITORY, "<!-- other -->", 0.0) is None


async def test_what_gitea_refuses_is_a_typed_error(gitea: GiteaHttpClient, double: GiteaDouble) -> None:
    """A refusal says that nothing was changed; one that may be another later says so, too."""
    with pytest.raises(GiteaError, match="404: no such pull request") as missing:
        await gitea.pull(REPOSITORY, 999)
    with pytest.raises(GiteaError, match="409: head out of date") as moved:
        await gitea.merge(REPOSITORY, 7, "d" * 40)
    double.world.merged.add(7)
    with pytest.raises(GiteaError, match="405: it is merged") as busy:
        await gitea.merge(REPOSITORY, 7, HEAD)
    found = [(it.value.status, it.value.refused, it.value.retryable) for it in (missing, moved, busy)]
    assert found == [(404, True, False), (409, True, False), (405, True, True)]


def reply(status: int, body: Any = None, extra: str = "") -> bytes:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return f"HTTP/1.1 {status} X\r\ncontent-length: {len(content)}\r\n{extra}\r\n".encode() + content


PULL = {"number": 7, "state": "open", "merged": False, "head": {"sha": HEAD}}
ANSWERS = {
    "server error": (reply(500, {"message": "oops"}), (500, False, True)),
    "bad gateway": (reply(502, b"<html>"), (502, False, True)),
    "too many": (reply(429, {}), (429, False, True)),
    "forbidden": (reply(403, {"message": ["no"]}), (403, True, False)),
    "redirect": (reply(302, None, "location: http://127.0.0.1:1/\r\n"), (302, False, False)),
    "not JSON": (reply(200, b"<html>"), (200, False, False)),
    "deep": (reply(200, b"[" * 100_000), (200, False, False)),
    "of another kind": (reply(200, []), (200, False, False)),
    "of another pull": (
        reply(200, {"number": 8, "state": "open", "merged": False, "head": {"sha": HEAD}}),
        (200, False, False),
    ),
    "a text for a flag": (
        reply(200, {"number": 7, "state": "open", "merged": "no", "head": {"sha": HEAD}}),
        (200, False, False),
    ),
    "too large": (reply(200, b'"' + b"x" * 5 * 1024 * 1024 + b'"'), (None, False, True)),
    "not HTTP": (b"hello\r\n\r\n", (None, False, True)),
}


@pytest.mark.parametrize("case", ANSWERS)
async def test_odd_answers_are_typed_errors(case: str, gitea: GiteaHttpClient, double: GiteaDouble) -> None:
    """Whatever a server answers becomes a GiteaError that says whether it was refused, and whether to try again."""
    double.raw["repoGetPullRequest"], expected = ANSWERS[case]
    with pytest.raises(GiteaError) as caught:
        await gitea.pull(REPOSITORY, 7)
    assert (caught.value.status, caught.value.refused, caught.value.retryable) == expected
    assert len(str(caught.value)) < 400
    double.raw.clear()
    assert (await gitea.pull(REPOSITORY, 7)).is_open


@pytest.mark.parametrize("body", [b"{}", b"[1]", b'[{"id": 1}]', b'[{"id": "1", "body": "x"}]', b'{"number": "1"}'])
async def test_odd_lists_are_typed_errors(body: bytes, gitea: GiteaHttpClient, double: GiteaDouble) -> None:
    """Comments, issues and new issues that are none are errors, not empty lists."""
    operations = ("issueGetComments", "issueListIssues", "issueCreateIssue")
    double.raw = dict.fromkeys(operations, reply(200, body)) | {"issueCreateIssue": reply(201, body)}
    with pytest.raises(GiteaError, match="Gitea's answer is not"):
        await gitea.has_comment(REPOSITORY, 7, "x")
    with pytest.raises(GiteaError, match="Gitea's answer is not"):
        await gitea.find_issue(REPOSITORY, "x", 0.0)
    with pytest.raises(GiteaError, match="Gitea's answer is not"):
        await gitea.open_issue(REPOSITORY, "t", "x")


async def test_nobody_answers() -> None:
    """A server that is not there, or does not answer in time, is an error after which nobody knows."""
    async with await anyio.create_tcp_listener(local_host="127.0.0.1") as silent:
        port = silent.extra(anyio.abc.SocketAttribute.local_port)
        async with GiteaHttpClient(url=f"http://127.0.0.1:{port}", token=TOKEN, timeout=0.2) as client:
            with pytest.raises(GiteaError, match="no answer") as late:
                await client.close(REPOSITORY, 7)
    async with GiteaHttpClient(url="http://127.0.0.1:1", token=TOKEN) as client:
        with pytest.raises(GiteaError, match="no answer") as gone:
            await client.close(REPOSITORY, 7)
    assert [(it.value.refused, it.value.retryable) for it in (late, gone)] == [(False, True)] * 2


async def test_the_token_is_shown_nowhere(double: GiteaDouble) -> None:
    """A server that echoes the token does not get it into an error, whole or in part; a wrong one is a refusal."""
    double.raw["repoGetPullRequest"] = reply(400, {"message": "x" * 190 + TOKEN})
    async with GiteaHttpClient(url=double.url, token=TOKEN) as client:
        with pytest.raises(GiteaError) as caught:
            await client.pull(REPOSITORY, 7)
        assert TOKEN[:9] not in str(caught.value) + repr(vars(caught.value)) + repr(client)
    async with GiteaHttpClient(url=double.url, token="another") as client:
        with pytest.raises(GiteaError, match="401") as refused:
            await client.pull(REPOSITORY, 7)
    assert (refused.value.refused, refused.value.retryable) == (True, False)


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "gitea.example"},
        {"url": "ftp://x"},
        {"url": "http://me:secret77@x"},
        {"url": "http://x?token=secret77"},
        {"url": "http://x:0"},
        {"url": "http://[x"},
        {"url": None},
        {"token": ""},
        {"token": "secret77 with space"},
        {"token": "secret77\n"},
        {"token": None},
        {"style": "octopus"},
        {"timeout": 0},
    ],
)
async def test_arguments_are_checked(wrong: Any) -> None:
    """What cannot be an address, a token, a style or a time is refused when the client is made, and not shown."""
    with pytest.raises(WiringError) as caught:
        GiteaHttpClient(**{"url": "http://127.0.0.1", "token": TOKEN, **wrong})
    assert "secret77" not in str(caught.value)


async def test_a_client_is_used_while_it_is_open(double: GiteaDouble) -> None:
    """A client refuses to be used before it is opened and after it is closed, and closing twice is harmless."""
    client = GiteaHttpClient(url=double.url + "/", token=TOKEN)
    for _ in range(2):
        with pytest.raises(RunError, match="not open"):
            await client.pull(REPOSITORY, 7)
        async with client:
            assert (await client.pull(REPOSITORY, 7)).is_open
            with pytest.raises(RunError, match="open already"):
                await client.__aenter__()
        await client.__aexit__(None, None, None)


async def test_the_whole_cycle_over_http(gitea: GiteaHttpClient, double: GiteaDouble) -> None:
    """Four requests for changes and an approval have their effects at a Gitea behind a socket, each once."""
    store = MemoryStore()
    await store.open()
    story = [*[rejected(nonce=nonce) for nonce in range(4)], approved(8), merged(8)]
    async with ReviewDesk(secret=SECRET, repositories=[REPOSITORY], store=store, gitea=gitea) as desk:
        for event in story:
            await desk.handle(*delivery(event))
            await desk.settled()
    done = {"comment 7": 1, "close 7": 1, "issue Requirements: ISSUE-1: sell socks": 1, "merge 8": 1}
    assert dict(double.world.done) == done


MOMENTS = [
    ("after", "issueCreateComment"),
    ("before", "issueCreateIssue"),
    ("after", "issueCreateIssue"),
    ("after", "repoMergePullRequest"),
]


def start(*arguments: str) -> "subprocess.Popen[bytes]":
    """Start a desk in a process of its own."""
    path = os.pathsep.join([str(SUPPORT), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, str(SUPPORT / "mortal_desk.py"), *arguments]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path})


@pytest.mark.parametrize(("moment", "operation"), MOMENTS, ids=["-".join(it) for it in MOMENTS])
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_killed_process_did_it_once(
    moment: str, operation: str, double: GiteaDouble, gitea: GiteaHttpClient, tmp_path: Path
) -> None:
    """A process that is killed while Gitea answers leaves a file from which another desk finishes, nothing twice."""
    story = [*[rejected(nonce=nonce) for nonce in range(4)], approved(8)]
    (tmp_path / "story.json").write_text(json.dumps(story), "utf-8")
    child = start(str(tmp_path / "reviews.db"), double.url, str(tmp_path / "story.json"))

    def kill(found: str) -> None:
        if found == operation:
            child.kill()
            child.wait()

    setattr(double, moment, kill)
    assert await anyio.to_thread.run_sync(child.wait) == -9
    setattr(double, moment, lambda _operation: None)
    store, clock = SQLiteStore(tmp_path / "reviews.db"), SimulatedClock(start=time.time(), auto=True)
    await store.open()
    ports: dict[str, Any] = {"store": store, "gitea": gitea, "clock": clock}
    async with ReviewDesk(secret=SECRET, repositories=[REPOSITORY], **ports) as desk:
        await desk.settled()
        for event in story:
            await desk.handle(*delivery(event))
            clock.advance(1)
        while (await desk.pull(REPOSITORY, 7)).pending or (await desk.pull(REPOSITORY, 8)).pending:
            await desk.settled()
    await store.verify()
    await store.aclose()
    done = {"comment 7": 1, "close 7": 1, "issue Requirements: ISSUE-1: sell socks": 1, "merge 8": 1}
    assert dict(double.world.done) == done


def test_without_httpx2_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, asking for the HTTP client names it; the desk itself needs none."""
    monkeypatch.setitem(sys.modules, "httpx2", None)
    monkeypatch.delitem(sys.modules, "orket.review.gitea")
    import orket.review

    with pytest.raises(WiringError, match=r"orket\[http\]"):
        _ = orket.review.GiteaHttpClient
    assert httpx2 is not None
    with pytest.raises(AttributeError, match="no attribute"):
        _ = orket.review.Nothing
    assert "GiteaHttpClient" in dir(orket.review)
