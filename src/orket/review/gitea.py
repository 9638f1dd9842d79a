"""Gitea (or Forgejo) over HTTP: its API, version 1, as far as reviews need it.

The paths and fields are those of the API's published description (``/api/swagger`` of any Gitea).
"""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Literal, Self
from urllib.parse import quote, urlsplit

from attrs import define, field

from orket.cards import JsonValue
from orket.contracts import GiteaPull
from orket.errors import GiteaError, RunError, WiringError
from orket.review._answer import GiteaAnswer

try:
    import httpx2
except ImportError as _missing:
    raise WiringError([f"Gitea over HTTP needs httpx2 ({_missing}): pip install 'orket[http]'"]) from _missing

MAX_ANSWER: Final = 4 * 1024 * 1024  # bytes
_PAGE: Final = 50  # issues; Gitea gives no more by default
_STYLES: Final = frozenset({"merge", "rebase", "rebase-merge", "squash", "fast-forward-only"})

MergeStyle = Literal["merge", "rebase", "rebase-merge", "squash", "fast-forward-only"]


def _address(url: str) -> str:
    try:
        parts = urlsplit(url)
        is_plain = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except (ValueError, AttributeError):
        is_plain = False
    if not is_plain or "@" in url or "?" in url or "#" in url:
        raise WiringError(
            ["url: the address of a Gitea is valid, http://… or https://…, without credentials or a query"]
        )
    return url.rstrip("/") + "/api/v1"


def _token(value: Any) -> str:
    if not isinstance(value, str) or not value or not value.isascii() or not value.isalnum():
        raise WiringError(["token: an access token of Gitea, letters and digits, is valid"])
    return value


@define(kw_only=True, eq=False, repr=False)
class GiteaHttpClient:
    """Asks a Gitea over HTTP; open it with ``async with``. It implements :class:`orket.contracts.GiteaClient`.

    Args:
        url: the address of the Gitea, without ``/api/v1``.
        token: an access token of the account that merges and comments; it appears in no error and no repr. It needs the
            scopes ``write:repository`` and ``write:issue``.
        style: how pull requests are merged.
        timeout: seconds that one request may take; 15.
        trust_env: use the proxies and certificates that environment variables name; False.

    Raises:
        WiringError: an argument cannot be used.
    """

    _url: str = field(alias="url", converter=_address)
    _token: str = field(alias="token", converter=_token)
    _style: MergeStyle = field(alias="style", default="merge")
    _timeout: float = field(alias="timeout", default=15.0)
    _trust_env: bool = field(alias="trust_env", default=False)
    _client: httpx2.AsyncClient | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        if self._style not in _STYLES:
            raise WiringError([f"style is {self._style!r:.40}; valid: {', '.join(sorted(_STYLES))}"])
        if not 0 < self._timeout < math.inf:
            raise WiringError([f"timeout is {self._timeout!r:.40}; valid: a finite number of seconds above 0"])

    async def __aenter__(self) -> Self:
        """Make connections possible; none is made yet."""
        if self._client is not None:
            raise RunError("the Gitea client is open already")
        self._client = httpx2.AsyncClient(timeout=self._timeout, trust_env=self._trust_env, follow_redirects=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    async def pull(self, repository: str, number: int, /) -> GiteaPull:
        """Return a pull request.

        Raises:
            GiteaError: there is none, or Gitea does not answer.
        """
        answer = await self._ask("GET", f"/repos/{_path(repository)}/pulls/{number:d}", good=200)
        return answer.pull(number)

    async def merge(self, repository: str, number: int, head: str, /) -> None:
        """Merge a pull request whose tip is the commit *head*.

        Raises:
            GiteaError: it was refused, because it has conflicts, or another tip …; or Gitea does not answer.
        """
        # The names are Gitea's own; that of the commit is in lower case in every version.
        body = {"Do": self._style, "head_commit_id": head}
        await self._ask("POST", f"/repos/{_path(repository)}/pulls/{number:d}/merge", body, good=200, busy=405)

    async def close(self, repository: str, number: int, /) -> None:
        """Close a pull request.

        Raises:
            GiteaError: it was refused, or Gitea does not answer.
        """
        await self._ask("PATCH", f"/repos/{_path(repository)}/pulls/{number:d}", {"state": "closed"}, good=201)

    async def comment(self, repository: str, number: int, text: str, /) -> None:
        """Comment on a pull request.

        Raises:
            GiteaError: it was refused, or Gitea does not answer.
        """
        await self._ask("POST", f"/repos/{_path(repository)}/issues/{number:d}/comments", {"body": text}, good=201)

    async def has_comment(self, repository: str, number: int, marker: str, /) -> bool:
        """Return whether a comment contains *marker*; Gitea gives all comments at once.

        Raises:
            GiteaError: Gitea does not answer.
        """
        answer = await self._ask("GET", f"/repos/{_path(repository)}/issues/{number:d}/comments", good=200)
        return any(marker in text for text in answer.bodies().values())

    async def open_issue(self, repository: str, title: str, text: str, /) -> int:
        """Open an issue and return its number.

        Raises:
            GiteaError: it was refused, or Gitea does not answer.
        """
        answer = await self._ask("POST", f"/repos/{_path(repository)}/issues", {"title": title, "body": text}, good=201)
        return answer.number()

    async def find_issue(self, repository: str, marker: str, since: float, /) -> int | None:
        """Return the number of an issue that contains *marker*; they are listed, because Gitea's search may be behind.

        Raises:
            GiteaError: Gitea does not answer.
        """
        moment = datetime.fromtimestamp(since, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        page = 1
        while True:
            query = f"state=all&type=issues&since={quote(moment)}&page={page}&limit={_PAGE}"
            answer = await self._ask("GET", f"/repos/{_path(repository)}/issues?{query}", good=200)
            found = answer.bodies("number")
            if not found:
                return None
            if (number := next((one for one, text in found.items() if marker in text), None)) is not None:
                return number
            page += 1

    async def _ask(
        self,
        method: str,
        path: str,
        body: Mapping[str, JsonValue] | None = None,
        *,
        good: int,
        busy: int | None = None,
    ) -> GiteaAnswer:
        """Make one request.

        Args:
            method: of HTTP.
            path: below the API, with its query.
            body: sent as JSON; None: nothing is sent.
            good: the status that means that it is done.
            busy: the status that may mean that Gitea is not ready yet.

        Raises:
            GiteaError: anything but *good* came back.
        """
        client = self._client
        if client is None:
            raise RunError("the Gitea client is not open; use it with `async with`")
        url = self._url + path
        headers = {"Authorization": f"token {self._token}", "Accept": "application/json", "User-Agent": "orket"}
        try:
            async with client.stream(method, url, headers=headers, json=body) as response:
                content = await _read(response)
                status = response.status_code
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise GiteaError(f"{method} {url}: no answer ({type(error).__name__})", retryable=True) from None
        answer = GiteaAnswer(request=f"{method} {url}", status=status, content=content)
        answer.check(good, busy, self._token)
        return answer


async def _read(response: httpx2.Response) -> bytes:
    content = bytearray()
    async for chunk in response.aiter_bytes():
        content += chunk
        if len(content) > MAX_ANSWER:
            await response.aclose()  # ends the loop from within, which both backends like better than leaving it
    return bytes(content)


def _path(repository: str) -> str:
    owner, _, name = repository.partition("/")
    return f"{quote(owner, safe='')}/{quote(name, safe='')}"
