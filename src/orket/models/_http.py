"""One model server over HTTP: connections, time limits, retries. The protocols on top live in modules of their own.

Why a client of our own around httpx2's: a connection belongs to one event loop, so there is one httpx2 client per loop,
opened by the first exchange. It stays open while the model is entered (``async with``) and otherwise closes with the
last exchange under way, so that a model that nobody closes leaves nothing behind.
"""

import math
import random as _random
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, TypedDict
from urllib.parse import urlsplit, urlunsplit

import anyio
import anyio.lowlevel
from attrs import define

from orket.cards import EMPTY, JsonValue
from orket.errors import ModelConnectionError, ModelError, ModelTimeoutError, WiringError
from orket.models._retry import Backoff
from orket.models._wire import HttpAnswer, Secrets

try:
    import httpx2
except ImportError as error:
    raise WiringError([f"model clients over HTTP need httpx2 ({error}): pip install 'orket[http]'"]) from error

_CLOSING = 2.0  # seconds that closing connections may take when the caller is cancelled


class HttpOptions(TypedDict, total=False):
    """How a model server is reached. Every key may be left out.

    Keys:
        api_key: sent as ``Authorization: Bearer …``; appears in no error and no repr. None: nothing is sent.
        headers: further headers; their values appear in no error and no repr either.
        timeout: seconds that one attempt may take. None: only the request's own limit, for all attempts, holds.
        connect_timeout: seconds that connecting may take; 10.
        retries: further attempts after a failed connection, an attempt's timeout, 408, 425, 429 or 5xx; 2.
        backoff: seconds, doubled with each attempt; the wait is a random part of it; 0.5.
        backoff_limit: seconds that such a wait takes at most; 8.
        retry_after_limit: seconds that a server's ``Retry-After`` is obeyed up to; a longer one ends the attempts; 60.
        max_reply_bytes: larger replies are refused while they are read; 4 MiB.
        trust_env: use the proxies and certificates that environment variables name; False, so that what a client does
            is said where it is made.
        client_factory: makes the httpx2 client of an event loop, for hosts and tests that need their own transport.
        random: returns a number in [0, 1).
        sleep: waits for a number of seconds.
    """

    api_key: str | None
    headers: Mapping[str, str]
    timeout: float | None
    connect_timeout: float
    retries: int
    backoff: float
    backoff_limit: float
    retry_after_limit: float
    max_reply_bytes: int
    trust_env: bool
    client_factory: Callable[[], httpx2.AsyncClient] | None
    random: Callable[[], float]
    sleep: Callable[[float], Awaitable[object]]


@define
class _Shared:
    """An event loop's client, and how many hold on to it."""

    client: httpx2.AsyncClient | None = None
    users: int = 0


class Endpoint:
    """Post JSON to one address and read JSON back. The arguments are those of :class:`HttpOptions`."""

    def __init__(
        self,
        url: str,
        *,
        api_key: str | None = None,
        headers: Mapping[str, str] = EMPTY,
        timeout: float | None = None,
        connect_timeout: float = 10.0,
        retries: int = 2,
        backoff: float = 0.5,
        backoff_limit: float = 8.0,
        retry_after_limit: float = 60.0,
        max_reply_bytes: int = 4 * 1024 * 1024,
        trust_env: bool = False,
        client_factory: Callable[[], httpx2.AsyncClient] | None = None,
        random: Callable[[], float] = _random.random,
        sleep: Callable[[float], Awaitable[object]] = anyio.sleep,
    ) -> None:
        _check_bounds("a whole number, 0 or more", int, retries=retries, max_reply_bytes=max_reply_bytes)
        pauses = {"backoff": backoff, "backoff_limit": backoff_limit, "retry_after_limit": retry_after_limit}
        limits = {"timeout": 0 if timeout is None else timeout, "connect_timeout": connect_timeout}
        _check_bounds("seconds, 0 or more", int | float, **limits, **pauses)
        self.url = url
        self._headers = {
            "Accept": "application/json",
            "Accept-Encoding": "identity",  # so that the size limit holds for what is kept in memory
            "Content-Type": "application/json",
            "User-Agent": "orket",
            **_checked_headers(headers, api_key),
        }
        self._secrets = Secrets(_secret_values(headers, api_key))
        self._timeout = math.inf if timeout is None else timeout
        self._limits = httpx2.Timeout(None, connect=connect_timeout)
        self._backoff = Backoff(retries=retries, base=backoff, limit=backoff_limit, retry_after_limit=retry_after_limit)
        self._max_reply_bytes = max_reply_bytes
        self._make_client = client_factory or _client_maker(url, trust_env=trust_env)
        self._random, self._sleep = random, sleep
        self._shared = anyio.lowlevel.RunVar[_Shared]("orket.models")

    async def post(self, content: bytes, *, seconds: float) -> dict[str, JsonValue]:
        """Send *content* until an answer is good, *seconds* are over, or trying again is no use.

        Raises:
            ModelError: of the subclass that says what happened last.
        """
        failures: list[ModelError] = []
        async with self._client() as client:
            with anyio.move_on_after(seconds) as scope:
                return await self._persist(client, content, scope.deadline, failures)
        text = f"{self.url} did not answer within {seconds:g} s"
        raise ModelTimeoutError(text, url=self.url, timeout=seconds, attempts=len(failures) + 1) from (
            failures[-1] if failures else None
        )

    async def hold(self) -> None:
        """Keep the connections of this event loop open until :meth:`release`."""
        self._here().users += 1

    async def release(self) -> None:
        """Undo one :meth:`hold`; the last one closes the connections."""
        shared = self._here()
        shared.users -= 1
        if shared.users == 0:
            await self.aclose()

    async def aclose(self) -> None:
        """Close the connections of this event loop. Exchanges under way on it fail; later ones open new connections."""
        shared = self._here()
        client, shared.client = shared.client, None
        if client is not None:
            with anyio.move_on_after(_CLOSING, shield=True):
                await client.aclose()

    def _here(self) -> _Shared:
        shared = self._shared.get(None)
        if shared is None:
            self._shared.set(shared := _Shared())
        return shared

    @asynccontextmanager
    async def _client(self) -> AsyncGenerator[httpx2.AsyncClient]:
        shared = self._here()
        shared.users += 1  # no await between looking and making: concurrent first calls share one client
        try:
            if shared.client is None:
                shared.client = self._make_client()
            yield shared.client
        finally:
            await self.release()

    async def _persist(
        self, client: httpx2.AsyncClient, content: bytes, deadline: float, failures: list[ModelError]
    ) -> dict[str, JsonValue]:
        while True:
            try:
                return (await self._attempt(client, content)).read(self._secrets)
            except ModelError as error:
                failures.append(error)
                asked = error.data.get("retry_after")
                pause = self._backoff.pause(len(failures), asked, self._random) if error.retryable else None
                if pause is None or anyio.current_time() + pause >= deadline:
                    raise _counted(error, len(failures)) from error.__cause__
            await self._sleep(pause)

    async def _attempt(self, client: httpx2.AsyncClient, content: bytes) -> HttpAnswer:
        with anyio.move_on_after(self._timeout):
            try:
                return await self._exchange(client, content)
            except Exception as error:  # noqa: BLE001 - the seam that calls foreign code
                words = self._secrets.redact(f"{type(error).__name__}: {error}".rstrip(": "))
                shown = error if self._secrets.redact(repr(error)) == repr(error) else None
                raise ModelConnectionError(f"no answer from {self.url}: {words}", url=self.url) from shown
        raise ModelTimeoutError(
            f"{self.url} did not answer an attempt within {self._timeout:g} s", url=self.url, timeout=self._timeout
        )

    async def _exchange(self, client: httpx2.AsyncClient, content: bytes) -> HttpAnswer:
        async with client.stream(
            "POST", self.url, content=content, headers=self._headers, timeout=self._limits, follow_redirects=False
        ) as response:
            body, complete = await self._read(response)
            headers = {name.lower(): value for name, value in response.headers.items()}
            return HttpAnswer(url=self.url, status=response.status_code, headers=headers, body=body, complete=complete)

    async def _read(self, response: httpx2.Response) -> tuple[bytes, bool]:
        """Return the body up to the size limit, and whether that is all of it.

        Breaking out of httpx2's nested generators would leave the inner ones to the garbage collector, of which trio
        warns. Closing the response makes the next read fail instead, which ends them from within.
        """
        body = bytearray()
        try:
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > self._max_reply_bytes:
                    await response.aclose()
        except httpx2.HTTPError:
            if len(body) <= self._max_reply_bytes:
                raise
        return bytes(body[: self._max_reply_bytes]), len(body) <= self._max_reply_bytes


def _check_bounds(valid: str, kind: Any, **bounds: Any) -> None:
    """Refuse numbers that bound nothing.

    Raises:
        WiringError: naming all of them.
    """
    wrong = [name for name, it in bounds.items() if isinstance(it, bool) or not isinstance(it, kind) or not it >= 0]
    if wrong:
        raise WiringError([f"{name} is {bounds[name]!r:.80}; valid: {valid}" for name in wrong])


def server_url(base_url: str, *, default_path: str = "") -> str:
    """Return *base_url* in the form that paths are added to.

    Raises:
        WiringError: it is not an http(s) address, or carries credentials, a query or a fragment.
    """
    if not isinstance(base_url, str):
        raise WiringError([f"a model server's address is {base_url!r:.80}; valid: http://… or https://…"])
    try:
        parts = urlsplit(base_url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port or a bracket that is none
        parts, usable = urlsplit(""), False
    if not usable:
        raise WiringError([f"a model server's address is http://… or https://…, found {_bare(base_url)!r}"])
    if "@" in parts.netloc or parts.query or parts.fragment:
        place = f"{parts.scheme}://{parts.hostname}"
        raise WiringError(
            [f"the address of {place} carries credentials, a query or a fragment; use api_key or headers"]
        )
    return urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/") or default_path, "", ""))


def _bare(address: str) -> str:
    """Return as much of an address as cannot be a credential."""
    return address.rpartition("@")[2].partition("?")[0][:200]


def _client_maker(url: str, *, trust_env: bool) -> Callable[[], httpx2.AsyncClient]:
    """Return a maker of clients that is quick enough to be called on an event loop.

    What is slow is done here, once: reading certificates takes some 30 ms, importing what httpx2 imports with its first
    client some 100 ms.
    """
    verify: bool | ssl.SSLContext = False  # redirects are never followed: a plain address never meets a certificate
    if url.startswith("https:") or trust_env:
        verify = httpx2.create_ssl_context(trust_env=trust_env)
    limits = httpx2.Limits(max_connections=None, max_keepalive_connections=32)

    def make() -> httpx2.AsyncClient:
        return httpx2.AsyncClient(verify=verify, trust_env=trust_env, limits=limits)

    make()
    return make


def _checked_headers(headers: Mapping[str, str], api_key: str | None) -> dict[str, str]:
    credentials = {} if api_key is None else {"Authorization": api_key}
    for name, value in [*headers.items(), *credentials.items()]:
        # Checked here because HTTP libraries quote what they refuse, and this may be a secret.
        if not _is_header_value(value):
            raise WiringError([f"header {name!r}: some printable ASCII, without space around it, is valid"])
    return {**headers, **{name: f"Bearer {key}" for name, key in credentials.items()}}


def _is_header_value(value: Any) -> bool:
    return isinstance(value, str) and value.isascii() and value.isprintable() and value == value.strip() != ""


def _secret_values(headers: Mapping[str, str], api_key: str | None) -> list[str]:
    """Return what errors must not show; values below eight characters are not secrets, and too common to blot out."""
    values = [part for value in headers.values() for part in (value, *value.split()) if len(part) >= 8]
    return values if api_key is None else [api_key, *values]


def _counted(error: ModelError, attempts: int) -> ModelError:
    if attempts == 1:
        return type(error)(error.message, **error.data | {"attempts": 1})
    return type(error)(f"{error.message} ({attempts} attempts)", **error.data | {"attempts": attempts})
