"""From an HTTP answer to a JSON object or a typed error: pure."""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, Never
from urllib.parse import quote

from attrs import field, frozen

from orket._value import Value
from orket.cards import JsonValue
from orket.errors import (
    ModelAuthenticationError,
    ModelConnectionError,
    ModelContextExceededError,
    ModelError,
    ModelReplyError,
)
from orket.models._retry import retry_after

# How servers say that a prompt is too long, as code, type or prose: llama.cpp, OpenAI, vLLM, Ollama.
_TOO_LONG: Final = re.compile(
    r"exceed_context_size|context_length_exceeded|maximum context length"
    r"|exceeds? the (?:available )?context (?:size|length|window)"
)
_RETRYABLE: Final = frozenset({408, 425, 429})  # and every 5xx
_SHOWN: Final = 500  # characters of a server's own words in an error


class Secrets:
    """Values that no error may show, in the encodings a server is likely to echo them in."""

    def __init__(self, values: Iterable[str]) -> None:
        forms = {form for value in values for form in (value, quote(value, safe=""), _base64(value)) if form}
        longest_first = sorted(forms, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if forms else None

    def __repr__(self) -> str:
        return "Secrets(***)"

    def redact(self, text: str) -> str:
        """Return *text* with every secret replaced."""
        return self._pattern.sub("***", text) if self._pattern else text


def _base64(value: str) -> str:
    return base64.b64encode(value.encode()).decode().rstrip("=")


@frozen(kw_only=True, repr=False, eq=False)
class HttpAnswer(Value):
    """What came back. Header names are in lower case; ``complete`` is False when reading stopped at the size limit."""

    url: str
    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    complete: bool = True

    def read(self, secrets: Secrets) -> dict[str, JsonValue]:
        """Return the JSON object of a good answer.

        Raises:
            ModelError: of the subclass that says what the server answered instead.
        """
        if self.status != 200:
            self._refuse(self.status, secrets)
        if not self.complete:
            raise ModelReplyError(f"{self.url} answered with more than {len(self.body)} bytes", url=self.url)
        encoding = self.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("", "identity"):
            raise ModelReplyError(f"{self.url} answered in {encoding!r:.40}, which was not asked for", url=self.url)
        try:
            payload = _loads(self.body)
        except (ValueError, RecursionError) as error:
            text = f"{self.url} answered something that is not JSON ({error}): {_shown(self.body, secrets)[:80]!r}"
            raise ModelReplyError(text, url=self.url) from None
        if not isinstance(payload, dict):
            raise ModelReplyError(f"{self.url} answered {type(payload).__name__}; an object is valid", url=self.url)
        if payload.get("error"):  # some gateways report the failure of what is behind them like this
            self._refuse(_embedded_status(payload["error"]), secrets)
        return payload

    def _refuse(self, status: int, secrets: Secrets) -> Never:
        words, detail = self._words(secrets)
        data: dict[str, Any] = {"url": self.url, "status": status}
        message = f"{self.url} answered {status}: {words}" if words else f"{self.url} answered {status}"
        raise _refusal(status, message, words, data | detail, retry_after(self.headers))

    def _words(self, secrets: Secrets) -> tuple[str, dict[str, int]]:
        """Return the server's message, fit to be shown, and the numbers it gave with it."""
        if 300 <= self.status < 400:
            return "a redirect, which is never followed; give the address that it leads to", {}
        try:
            payload = _loads(self.body)
        except (ValueError, RecursionError):
            return _shown(self.body, secrets), {}
        error = payload.get("error") or payload if isinstance(payload, dict) else payload
        numbers: dict[str, int] = {}
        if isinstance(error, dict):
            numbers = {key: error[key] for key in ("n_prompt_tokens", "n_ctx") if type(error.get(key)) is int}
            known = [error.get(key) for key in ("message", "detail", "code", "type")]
            error = "; ".join([value for value in known if isinstance(value, str) and value]) or json.dumps(error)
        return _shown(str(error).encode(errors="replace"), secrets), numbers


def _shown(text: bytes, secrets: Secrets) -> str:
    """Return a server's words as one short printable line; redacted first, so that no cut leaves half a secret."""
    words = " ".join(secrets.redact(text.decode(errors="replace")).split())
    return "".join([char for char in words[: 2 * _SHOWN] if char.isprintable()])[:_SHOWN]


def _refusal(status: int, message: str, words: str, data: dict[str, Any], pause: float | None) -> ModelError:
    if status in (401, 403):
        return ModelAuthenticationError(message, **data)
    if status in _RETRYABLE or status >= 500:
        return ModelConnectionError(message, retry_after=pause, **data)
    if 400 <= status < 500 and _TOO_LONG.search(words):
        return ModelContextExceededError(message, **data)
    return ModelReplyError(message, **data)


def _embedded_status(error: object) -> int:
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) and 400 <= code < 600 else 400


def _loads(body: bytes) -> Any:
    return json.loads(body, parse_constant=_no_constant)


def _no_constant(name: str) -> Never:
    raise ValueError(f"{name} is not JSON")
