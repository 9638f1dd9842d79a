"""Scenarios that call endpoints, against a real server."""

import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from orket.contracts import EndpointVerifier, Issue, SandboxLookup, Scenario, ScenarioResult
from orket.errors import NoSandboxError, VerificationError
from orket.verification import HttpEndpoints
from orket.verification._endpoints import MAX_BODY, Answer, judge_answer

pytestmark = pytest.mark.anyio
ISSUE = Issue(id="a", name="A", seat="coder")


class Api(BaseHTTPRequestHandler):
    """A product's API: says what it was asked, and misbehaves at some paths."""

    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        payload = json.loads(self.rfile.read(length)) if length else None
        asked = {"method": self.command, "path": self.path, "payload": payload, "type": self.headers["Content-Type"]}
        if self.path == "/hang":
            self.rfile.read(1)  # until the client goes
            return self.close()
        if self.path == "/rude":
            return self.close()
        if self.path == "/text":
            return self.send(200, b"plain")
        if self.path == "/large":
            return self.send(200, b"1" * (MAX_BODY + 1))
        if self.path == "/moved":
            return self.send(302, b"", Location="/text")
        return self.send(404 if self.path == "/none" else 200, json.dumps(asked).encode())

    do_GET = do_POST = do_PUT = do_DELETE = answer  # noqa: N815 - the names that http.server calls

    def send(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:  # the client has read enough
            self.close()

    def close(self) -> None:
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def url() -> Iterator[str]:
    """The address of a running API."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Api) as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class Sandboxes:
    """Has one sandbox, or none."""

    def __init__(self, url: str) -> None:
        self.url = url

    async def find_api(self, issue: Issue, /) -> str:
        if not self.url:
            raise NoSandboxError(f"no sandbox of {issue.id} runs", card=issue.id)
        return self.url


async def call(url: str, *scenarios: Scenario, **options: Any) -> list[ScenarioResult]:
    sandboxes = Sandboxes(url)
    endpoints = HttpEndpoints(sandboxes, **options)
    assert isinstance(endpoints, EndpointVerifier)
    assert isinstance(sandboxes, SandboxLookup)
    return list(await endpoints.call(ISSUE, scenarios))


def at(endpoint: str, **fields: Any) -> Scenario:
    return Scenario(id=endpoint, endpoint=endpoint, **fields)


async def test_what_is_sent(url: str) -> None:
    """Method, path with its query, and payload arrive, below the sandbox's address."""
    plain = {"method": "GET", "path": "/items?a=1", "payload": None, "type": None}
    sent = {"method": "PUT", "path": "/items", "payload": {"n": [1, None]}, "type": "application/json"}
    results = await call(
        url + "/",
        at("/items?a=1", expected=plain),
        at("/items", method="PUT", input={"n": [1, None]}, expected=sent),
        at("/none", method="DELETE", expected_status=404),
        at("/text", expected="plain"),
        at("/moved", expected_status=302),
    )
    assert [(result.passed, result.detail) for result in results] == [(True, "")] * 5


async def test_what_is_wrong(url: str) -> None:
    """What is not as expected, is no answer, or is too much, is a failure that says what it was."""
    results = await call(
        url,
        at("/items", expected={"method": "POST"}),
        at("/none"),
        at("/rude"),
        at("/large", expected=1),
        at("/moved"),
    )
    assert [result.passed for result in results] == [False] * 5
    reasons = [result.detail.removeprefix(f"GET {result.id}: ") for result in results]
    assert reasons[0].startswith('answered {"method": "GET"')
    assert reasons[0].endswith('expected {"method": "POST"}')
    assert reasons[1].startswith('status 404, expected 200: {"method": "GET"')
    assert reasons[2].startswith("no answer: ")
    assert reasons[3] == f"answered more than {MAX_BODY} bytes"
    assert reasons[4] == "status 302, expected 200: "


async def test_what_hangs(url: str) -> None:
    """An API that does not answer in time is a failure that says so."""
    [result] = await call(url, at("/hang"), timeout=0.1)
    assert (result.passed, result.detail) == (False, "GET /hang: no answer within 0.1 seconds")


@pytest.mark.parametrize(
    ("body", "expected", "passes"),
    [
        (b'{"a": [1, {"b": null}], "c": 1.0}', {"c": 1, "a": [1, {"b": None}]}, True),
        (b'{"a": [1, {"b": null}]}', {"a": [1, {"b": 0}]}, False),
        (b'{"a": 1, "b": 2}', {"a": 1}, False),
        (b"true", 1, False),
        (b"[1, 2]", [2, 1], False),
        (b"anything", None, True),
        (b"[" * 100_000, [], False),
    ],
)
def test_bodies_are_compared_deeply(body: bytes, expected: Any, passes: bool) -> None:
    """Every value at every depth counts, an order of keys does not, and true is not 1."""
    assert judge_answer(at("/a", expected=expected), Answer(status=200, body=body)).passed is passes


async def test_no_sandbox() -> None:
    """Without a running sandbox nothing is called; an address that is none is said to be so."""
    with pytest.raises(NoSandboxError, match="no sandbox of a runs"):
        await call("", at("/items"))
    with pytest.raises(VerificationError, match="the sandbox's address is 'localhost'; valid: http"):
        await call("localhost", at("/items"))
    (result,) = await call("http://127.0.0.1:1", at("/items"))
    assert result.detail.startswith("GET /items: no answer: ConnectError")


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without httpx2 the error says what to install."""
    monkeypatch.setitem(sys.modules, "httpx2", None)
    with pytest.raises(VerificationError, match=r"pip install 'orket\[http\]'"):
        HttpEndpoints(Sandboxes(""))
