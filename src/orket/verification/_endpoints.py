"""Scenarios that call an endpoint of an issue's running sandbox, over HTTP."""

import importlib
import json
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlsplit

import anyio
import attrs

from orket.contracts import Issue, JsonValue, SandboxLookup, Scenario, ScenarioResult
from orket.errors import VerificationError
from orket.verification._judge import misfit

MAX_BODY: Final = 1024 * 1024  # bytes of an answer that are read


@attrs.frozen(kw_only=True)
class Answer:
    """What an endpoint answered; ``cut`` says that there was more than is read."""

    status: int
    body: bytes
    cut: bool = False


@attrs.frozen
class HttpEndpoints:
    """Calls endpoints one after the other, in the order of the scenarios; needs the extra ``http``.

    The payload is sent as JSON. Redirects are answers like any other, environment proxies are not used, and at most
    1 MiB of an answer is read.

    Args:
        sandboxes: says where the issue's sandbox is reached.
        timeout: seconds for one call, from its beginning to the last byte of the answer.

    Raises:
        VerificationError: httpx2 is not installed.
    """

    sandboxes: SandboxLookup
    timeout: float = attrs.field(default=30.0, kw_only=True)
    _http: Any = attrs.field(init=False, repr=False, eq=False)

    @_http.default
    def _import(self) -> Any:
        try:
            return importlib.import_module("httpx2")
        except ImportError as error:
            raise VerificationError(f"endpoints need httpx2 ({error}): pip install 'orket[http]'") from error

    async def call(self, issue: Issue, scenarios: Sequence[Scenario], /) -> tuple[ScenarioResult, ...]:
        """Return what each scenario gave; an endpoint that does not answer has not passed.

        Raises:
            NoSandboxError: no sandbox of the issue runs; nothing was called.
            VerificationError: the sandbox's address is none.
        """
        base = _checked(await self.sandboxes.find_api(issue))
        async with self._http.AsyncClient(trust_env=False, timeout=None) as client:
            return tuple([await self._one(client, base, scenario) for scenario in scenarios])

    async def _one(self, client: Any, base: str, scenario: Scenario) -> ScenarioResult:
        try:
            with anyio.fail_after(self.timeout):
                answer = await self._exchange(client, base, scenario)
        except TimeoutError:
            return _failed(scenario, f"no answer within {self.timeout:g} seconds")
        except self._http.HTTPError as error:
            return _failed(scenario, f"no answer: {type(error).__name__}: {error}")
        return judge_answer(scenario, answer)

    async def _exchange(self, client: Any, base: str, scenario: Scenario) -> Answer:
        content = None if scenario.input is None else json.dumps(scenario.input).encode()
        headers = {"Accept-Encoding": "identity"}  # what is not packed cannot grow
        headers |= {} if content is None else {"Content-Type": "application/json"}
        url = base + scenario.endpoint
        async with client.stream(scenario.method, url, content=content, headers=headers) as response:
            body = await self._read(response)
            return Answer(status=response.status_code, body=body[:MAX_BODY], cut=len(body) > MAX_BODY)

    async def _read(self, response: Any) -> bytes:
        """Return a little more than the body may have; reading ends from within, by closing: trio asks for it."""
        body = bytearray()
        try:
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_BODY:
                    await response.aclose()
        except self._http.HTTPError:
            if len(body) <= MAX_BODY:
                raise
        return bytes(body)


def judge_answer(scenario: Scenario, answer: Answer) -> ScenarioResult:
    """Return whether an answer has the status that is expected, and the body where one is."""
    if answer.status != scenario.expected_status:
        said = answer.body[:200].decode(errors="replace")
        return _failed(scenario, f"status {answer.status}, expected {scenario.expected_status}: {said}")
    if scenario.expected is None:
        return ScenarioResult(id=scenario.id, passed=True)
    if answer.cut:
        return _failed(scenario, f"answered more than {MAX_BODY} bytes")
    try:
        body: JsonValue = json.loads(answer.body)
    except (ValueError, RecursionError):
        body = answer.body.decode(errors="replace")  # a text stands for itself
    if reason := misfit("answered", body, scenario.expected):
        return _failed(scenario, reason)
    return ScenarioResult(id=scenario.id, passed=True)


def _failed(scenario: Scenario, why: str) -> ScenarioResult:
    return ScenarioResult(id=scenario.id, passed=False, detail=f"{scenario.method} {scenario.endpoint}: {why}")


def _checked(base: str) -> str:
    """Return a base URL without the slash at its end."""
    parts = urlsplit(base)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise VerificationError(f"the sandbox's address is {base!r:.200}; valid: http://host:port", found=base)
    return base.rstrip("/")
