"""Passwords: made here, and taken out of whatever is shown."""

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final
from urllib.parse import quote, quote_plus

from attrs import frozen

HIDDEN: Final = "[secret]"
_BYTES: Final = 24
_CUT: Final = re.compile(r"[^\n]*\n… \(only the first \d+ bytes were kept\)\Z")


def make_password(entropy: Callable[[int], bytes]) -> str:
    """Return a new password of letters, digits, ``-`` and ``_``, with one of each class that databases ask for."""
    return f"aA1{base64.urlsafe_b64encode(entropy(_BYTES)).decode()}"


@frozen
class Redactor:
    """Takes secrets out of texts, in the encodings that programs print them in."""

    _forms: tuple[str, ...]

    @classmethod
    def of(cls, *secrets: str) -> "Redactor":
        """Return what takes these out."""
        forms = {form for secret in secrets if secret for form in _encodings(secret)}
        return cls(tuple(sorted(forms, key=len, reverse=True)))

    def __call__(self, text: str) -> str:
        """Return *text* without them. The last line of a text that was cut is dropped: it may begin one."""
        text = _CUT.sub("… (cut)", text)
        for form in self._forms:
            text = text.replace(form, HIDDEN)
        return text


def _encodings(secret: str) -> Iterator[str]:
    data = secret.encode("utf-8", "surrogatepass")
    plain = (secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1], secret.replace("$", "$$"))
    yield from (*plain, data.hex(), data.hex().upper(), *_base64(data))


def _base64(data: bytes) -> Iterable[str]:
    """Yield how the bytes look within a text in base64, wherever in it they begin."""
    for offset, start in ((0, 0), (1, 2), (2, 3)):
        end = (offset + len(data)) * 8 // 6
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(b"\0" * offset + data).decode()[start:end]
