"""Who sent a delivery: HMAC-SHA256 over its bytes, before anything looks into them."""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, TypeAlias

from orket.errors import WiringError
from orket.events import Digest
from orket.review._response import RefusedError

Headers: TypeAlias = Mapping[str, str] | Iterable[tuple[str | bytes, str | bytes]]

MIN_SECRET: Final = 16  # bytes
_HEADER: Final = "x-gitea-signature"
_FORM: Final = re.compile(r"[0-9a-f]{64}")


class Secret:
    """What Gitea and the desk share; it is shown nowhere.

    Raises:
        WiringError: it is no text, or too short.
    """

    def __init__(self, value: str | bytes) -> None:
        given: Any = value.encode() if isinstance(value, str) else value
        if not isinstance(given, bytes) or len(given.strip()) < MIN_SECRET:
            raise WiringError([f"secret: at least {MIN_SECRET} bytes are valid, beside white space around them"])
        self._key = given

    def __repr__(self) -> str:
        return "Secret(***)"

    def check(self, headers: Headers, body: bytes) -> None:
        """Accept what was signed with the secret, in a time that does not depend on where a signature is wrong.

        Raises:
            RefusedError: there is no signature, it has another form, or it is wrong.
        """
        given = _signatures(headers)
        if len(given) != 1:
            raise RefusedError(401, "one X-Gitea-Signature is needed")
        if _FORM.fullmatch(given[0]) is None:
            raise RefusedError(401, "X-Gitea-Signature is not 64 lower-case hexadecimal digits")
        if not hmac.compare_digest(hmac.digest(self._key, body, "sha256").hex(), given[0]):
            raise RefusedError(401, "the signature is wrong")

    def key_of(self, *parts: str | int) -> Digest:
        """Return a key that only who knows the secret can make of these parts."""
        material = "\n".join([f"{part}" for part in parts]).encode()
        return hmac.digest(self._key, material, "sha256").hex()


def digest_of(body: bytes) -> Digest:
    """Return what identifies a delivery: the SHA-256 of the signed bytes."""
    return hashlib.sha256(body).hexdigest()


def _signatures(headers: Headers) -> list[str]:
    given: Any = headers
    pairs: Iterable[tuple[Any, Any]] = given.items() if isinstance(given, Mapping) else given
    return [_text(value) for name, value in pairs if _text(name).lower() == _HEADER]


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
