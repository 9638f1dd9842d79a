"""What HTTP clients do about servers that fail: retries, time limits, sizes, secrets."""

import json
from typing import Any

import anyio
import httpx2
import pytest
from http_double import Behaviour, answer, http_double, raw, reset

from orket.contracts import Message, ModelRequest
from orket.errors import (
    ModelAuthenticationError,
    ModelConnectionError,
    ModelContextExceededError,
    ModelError,
    ModelReplyError,
    ModelTimeoutError,
    WiringError,
)
from orket.models import OllamaModel, OpenAICompatibleModel

pytestmark = pytest.mark.anyio

ASK = ModelRequest(model="m", messages=(Message(role="user", content="hi"),), timeout=30.0)
GOOD = {"choices": [{"message": {"content": "hello"}, "finish_reason": "stop"}]}
KEY = "sk-orket-test/0123456789+abc=="


class Naps:
    """A sleep that only takes notes."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


def patient(url: str, naps: Naps, **options: Any) -> OpenAICompatibleModel:
    return OpenAICompatibleModel(url, **{"random": lambda: 0.5, "sleep": naps, **options})


FAILURES = {
    "500": answer(500, {"error": {"message": "boom", "code": 500}}),
    "503": answer(503, b"<html>busy</html>"),
    "529": answer(529),
    "408": answer(408),
    "429": answer(429, {"error": {"message": "slow down"}}),
    "reset": reset,
    "closed": raw(b"", close=True),
    "cut off": raw(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{", close=True),
    "not HTTP": raw(b"SSH-2.0-OpenSSH_9.2\r\n\r\n", close=True),
    "a failure reported as success": answer(200, {"error": {"message": "upstream died", "code": 502}}),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())
async def test_passing_failures_are_tried_again(failure: Behaviour) -> None:
    """After each passing failure the same request is sent again, with doubled waits, until the answer is good."""
    naps = Naps()
    async with http_double(failure, failure, answer(200, GOOD)) as double:
        reply = await patient(double.url, naps).complete(ASK)
    assert reply.text == "hello"
    assert naps.taken == [0.25, 0.5]
    assert len(double.heard) == 3
    assert double.heard[0].body == double.heard[1].body == double.heard[2].body


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())
async def test_lasting_failures_end_as_connection_errors(failure: Behaviour) -> None:
    """When no attempt is left it is a retryable ModelConnectionError that counts the attempts."""
    async with http_double(failure, failure) as double:
        with pytest.raises(ModelConnectionError, match=r"\(2 attempts\)") as caught:
            await patient(double.url, Naps(), retries=1).complete(ASK)
    assert (caught.value.retryable, caught.value.data["attempts"]) == (True, 2)
    assert caught.value.data["url"] == f"{double.url}/v1/chat/completions"


async def test_nobody_listens() -> None:
    """A port where nobody listens is a ModelConnectionError with the reason chained."""
    async with http_double() as double:
        pass
    with pytest.raises(ModelConnectionError, match="no answer from") as caught:
        await patient(double.url, Naps()).complete(ASK)
    assert isinstance(caught.value.__cause__, httpx2.ConnectError)


async def test_retry_after_is_obeyed() -> None:
    """The wait is never shorter than the server's ``Retry-After``, in seconds or as a date."""
    naps = Naps()
    dates = {"date": "Wed, 21 Oct 2026 07:28:00 GMT", "retry_after": "Wed, 21 Oct 2026 07:28:04 GMT"}
    script = answer(429, retry_after="3"), answer(503, **dates), answer(200, GOOD)
    async with http_double(*script) as double:
        assert (await patient(double.url, naps).complete(ASK)).text == "hello"
    assert naps.taken == [3.0, 4.0]


async def test_too_long_a_retry_after_ends_the_attempts() -> None:
    """A server that asks for more patience than allowed is not asked again, and the error says for how long."""
    naps = Naps()
    async with http_double(answer(429, retry_after="3600")) as double:
        with pytest.raises(ModelConnectionError) as caught:
            await patient(double.url, naps).complete(ASK)
    assert (caught.value.data["retry_after"], naps.taken) == (3600.0, [])


async def test_no_wait_goes_past_the_request_timeout() -> None:
    """Where the next wait would outlast the request's timeout the failure is reported at once."""
    async with http_double(answer(503, retry_after="40")) as double:
        with pytest.raises(ModelConnectionError, match="answered 503"):
            await OpenAICompatibleModel(double.url).complete(ASK)


async def test_a_hanging_server_runs_into_the_request_timeout() -> None:
    """A server that never answers is ModelTimeoutError, and the connection is closed."""
    async with http_double() as double:
        double.script.append(double.hang)
        for seconds in (0.5, 5.0, 50.0):
            with pytest.raises(ModelTimeoutError, match=rf"within {seconds:g} s"):
                await OpenAICompatibleModel(double.url).complete(ModelRequest(model="m", messages=(), timeout=seconds))
            if double.waiting.is_set():  # else its time was up before it had asked
                break
        with anyio.fail_after(60):
            await double.hung_up.wait()


async def test_an_attempt_has_its_own_limit() -> None:
    """With a limit for each attempt a server that hung once is asked again."""
    async with http_double() as double:
        double.script += [double.hang, answer(200, GOOD)]
        assert (await patient(double.url, Naps(), timeout=2.0).complete(ASK)).text == "hello"


async def test_the_timeout_names_what_failed_before() -> None:
    """A timeout after failures chains the last of them."""

    async def sleep(_seconds: float) -> None:
        await anyio.sleep_forever()

    for seconds in (1.0, 10.0, 60.0):
        async with http_double(answer(500)) as double:
            model = OpenAICompatibleModel(double.url, sleep=sleep, random=lambda: 0.0)
            with pytest.raises(ModelTimeoutError) as caught:
                await model.complete(ModelRequest(model="m", messages=(), timeout=seconds))
        if caught.value.__cause__:  # else its time was up before the answer came
            break
    assert isinstance(caught.value.__cause__, ModelConnectionError)


async def test_cancelling_hangs_up() -> None:
    """A cancelled exchange closes its connection."""
    async with http_double() as double:
        double.script.append(double.hang)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(OpenAICompatibleModel(double.url).complete, ASK)
            await double.waiting.wait()
            tasks.cancel_scope.cancel()
        with anyio.fail_after(60):
            await double.hung_up.wait()


LIMIT = 250_000
REFUSALS = {
    "401": (answer(401, {"error": {"message": "no"}}), ModelAuthenticationError, "answered 401: no"),
    "403": (answer(403), ModelAuthenticationError, "answered 403$"),
    "404": (answer(404, {"error": "model 'x' not found"}), ModelReplyError, "404: model 'x' not found"),
    "detail": (answer(422, {"detail": "no such field"}), ModelReplyError, "422: no such field"),
    "unknown words": (answer(400, {"error": {"reason": 7}}), ModelReplyError, 'answered 400: {"reason": 7}'),
    "text": (answer(400, b"bad\n\x1b[31mthing\x00"), ModelReplyError, r"answered 400: bad \[31mthing$"),
    "OpenAI context": (
        answer(400, {"error": {"message": "too long", "code": "context_length_exceeded"}}),
        ModelContextExceededError,
        "too long",
    ),
    "vLLM context": (
        answer(400, {"object": "error", "message": "This model's maximum context length is 4096 tokens."}),
        ModelContextExceededError,
        "4096",
    ),
    "redirect": (answer(307, location="http://elsewhere/"), ModelReplyError, "redirect, which is never followed"),
    "202": (answer(202, GOOD), ModelReplyError, "answered 202"),
    "HTML": (answer(200, b"<html>Welcome"), ModelReplyError, "not JSON .*<html>Welcome"),
    "NaN": (answer(200, b'{"choices": NaN}'), ModelReplyError, "NaN is not JSON"),
    "deep": (answer(200, b"[" * 200_000), ModelReplyError, "not JSON"),
    "not UTF-8": (answer(200, b'{"a": "\xff"}'), ModelReplyError, "not JSON"),
    "list": (answer(200, [1]), ModelReplyError, "answered list; an object is valid"),
    "refusal in a good answer": (answer(200, {"error": "quota"}), ModelReplyError, "answered 400: quota"),
    "compressed": (answer(200, b"x", content_encoding="gzip"), ModelReplyError, "'gzip', which was not asked"),
    "huge": (answer(200, b"x" * 2_000_000), ModelReplyError, "more than 250000 bytes"),
    "huge refusal": (answer(404, b"gone " + b"x" * 2_000_000), ModelReplyError, "answered 404: gone x"),
}


@pytest.mark.parametrize(("behaviour", "error", "words"), REFUSALS.values(), ids=REFUSALS.keys())
async def test_lasting_refusals_are_not_tried_again(behaviour: Behaviour, error: type[ModelError], words: str) -> None:
    """What would fail again is asked once, and becomes the error that says what happened, in one line."""
    async with http_double(behaviour) as double:
        model = patient(double.url, Naps(), max_reply_bytes=LIMIT)
        with pytest.raises(error, match=words) as caught:
            await model.complete(ASK)
    assert (type(caught.value), caught.value.retryable, len(double.heard)) == (error, False, 1)
    assert str(caught.value).isprintable()


async def test_secrets_stay_out_of_errors() -> None:
    """A server that echoes key and headers, in plain or encoded, does not get them into any error of the chain."""
    words = f"key {KEY} / sk-orket-test%2F0123456789%2Babc%3D%3D / hidden-value-7"
    echo = raw(f"HTTP/1.1 {KEY}\r\n\r\n".encode(), close=True)
    failures = answer(400, {"error": words}), answer(500, words.encode()), answer(200, words.encode()), echo
    for behaviour in failures:
        async with http_double(behaviour) as double:
            model = patient(double.url, Naps(), api_key=KEY, headers={"X-Token": "hidden-value-7"}, retries=0)
            with pytest.raises(ModelError) as caught:
                await model.complete(ASK)
        assert double.heard[0].headers["authorization"] == f"Bearer {KEY}"
        assert double.heard[0].headers["x-token"] == "hidden-value-7"
        shown = [repr(model), str(vars(model._endpoint)["_secrets"])]
        error: BaseException | None = caught.value
        while error is not None:
            shown += [str(error), repr(error), repr(vars(error))]
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        assert "***" in shown[2]
        for secret in (KEY, "0123456789%2B", "hidden-value"):
            assert not [text for text in shown if secret in text]


@pytest.mark.parametrize("key", ["sk-with-newline\n", "sk-wïth-umlaut", " sk-padded", ""])
async def test_a_key_that_cannot_be_sent_is_refused_unseen(key: str) -> None:
    """A key that is no header value is refused when the client is made, without being shown."""
    with pytest.raises(WiringError, match="Authorization") as caught:
        OpenAICompatibleModel("http://127.0.0.1", api_key=key)
    assert "sk-" not in str(caught.value)


async def test_connections_are_kept_while_entered() -> None:
    """An entered model keeps one connection until it is left for the last time."""
    connections = set()

    def noting(behaviour: Behaviour) -> Behaviour:
        async def behave(stream: Any, heard: Any) -> None:
            connections.add(id(stream))
            await behaviour(stream, heard)

        return behave

    async with http_double(*[noting(answer(200, GOOD))] * 3) as double:
        model = OpenAICompatibleModel(double.url)
        async with model:
            await model.complete(ASK)
            async with model:
                await model.complete(ASK)
            await model.complete(ASK)
    assert len(connections) == 1


async def test_closing_is_safe_at_any_time() -> None:
    """Closing twice is fine, ends the exchanges under way, and a later exchange opens a new connection."""
    async with http_double() as double:
        double.script += [double.hang, answer(200, GOOD)]
        model = OpenAICompatibleModel(double.url, retries=0)
        await model.aclose()
        failed: list[ModelError] = []

        async def ask() -> None:
            with pytest.raises(ModelConnectionError) as caught:
                await model.complete(ASK)
            failed.append(caught.value)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ask)
            await double.waiting.wait()
            await model.aclose()
            await model.aclose()
        assert len(failed) == 1
        assert (await model.complete(ASK)).text == "hello"


def test_one_model_serves_many_event_loops() -> None:
    """The same model answers on one event loop after another, of either kind."""
    model = OpenAICompatibleModel("http://127.0.0.1:1", client_factory=_canned)

    async def ask() -> str:
        return (await model.complete(ASK)).text

    async def ask_entered() -> str:
        async with model:
            return await ask()

    for backend in ("asyncio", "trio", "asyncio"):
        for use in (ask, ask_entered):
            assert anyio.run(use, backend=backend) == "hello"


def _canned() -> httpx2.AsyncClient:
    good = json.dumps(GOOD).encode()
    transport = httpx2.MockTransport(lambda _request: httpx2.Response(200, stream=httpx2.ByteStream(good)))
    return httpx2.AsyncClient(transport=transport)


@pytest.mark.parametrize("address", ["", "ftp://x", "x:80", "http://", "http://x:99999", "http://[x", "http://x:0"])
def test_addresses_that_cannot_be_used(address: str) -> None:
    """An address that is not http(s) with a host is refused, and shown."""
    for make in (OpenAICompatibleModel, OllamaModel):
        with pytest.raises(WiringError, match="is http://… or https://…, found"):
            make(address)


@pytest.mark.parametrize("address", ["http://me:hunter22@x/v1", "http://x/v1?key=hunter22", "http://x/#hunter22"])
def test_addresses_with_secrets_are_refused_unseen(address: str) -> None:
    """Credentials in an address are refused without being shown."""
    with pytest.raises(WiringError, match="use api_key or headers") as caught:
        OpenAICompatibleModel(address)
    assert "hunter" not in str(caught.value)


def test_secure_addresses_check_certificates(monkeypatch: pytest.MonkeyPatch) -> None:
    """An https address gets a TLS context that verifies, made once and not per event loop."""
    contexts: list[Any] = []
    monkeypatch.setattr(httpx2, "AsyncClient", lambda **options: contexts.append(options["verify"]))
    model = OpenAICompatibleModel("https://example.invalid")
    model._endpoint._make_client()
    model._endpoint._make_client()
    assert contexts[0] is contexts[1] is contexts[2]
    assert contexts[0].check_hostname


def test_the_environment_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies of the environment are used only when asked for."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert not OpenAICompatibleModel("http://x")._endpoint._make_client()._mounts
    assert OpenAICompatibleModel("http://x", trust_env=True)._endpoint._make_client()._mounts


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"retries": -1}, "retries is -1; valid: a whole number, 0 or more"),
        ({"retries": "3"}, "retries is '3'; valid: a whole number, 0 or more"),
        ({"max_reply_bytes": True}, "max_reply_bytes is True; valid: a whole number, 0 or more"),
        ({"timeout": "10"}, "timeout is '10'; valid: seconds, 0 or more"),
        ({"backoff": float("nan")}, "backoff is nan; valid: seconds, 0 or more"),
        ({"name": None}, "name is None; valid: the model's name on the server, or ''"),
        ({"base_url": 8080}, "a model server's address is 8080; valid: http://… or https://…"),
    ],
)
async def test_what_cannot_be_an_option_is_refused(option: dict[str, Any], said: str) -> None:
    """An option of a wrong kind is refused by name when the client is made, not by its first exchange."""
    with pytest.raises(WiringError) as caught:
        OpenAICompatibleModel(**{"base_url": "http://127.0.0.1", **option})
    assert caught.value.problems == (said,)
