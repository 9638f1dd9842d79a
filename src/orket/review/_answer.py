"""From an answer of Gitea's to what it says, or a typed error: pure."""

import json
from typing import Any, Final

from attrs import field, frozen

from orket._value import Value
from orket.contracts import GiteaPull
from orket.errors import GiteaError

_SHOWN: Final = 200  # characters of Gitea's own words in an error
_LATER: Final = frozenset({408, 425, 429})  # and every 5xx


@frozen(kw_only=True, repr=False, eq=False)
class GiteaAnswer(Value):
    """What came back: ``request`` says to what."""

    request: str
    status: int
    content: bytes = field(repr=False)

    def check(self, good: int, busy: int | None, secret: str) -> None:
        """Accept the status *good*.

        Args:
            good: the status that means that it is done.
            busy: a status of refusal that may be another one later.
            secret: what no error may show.

        Raises:
            GiteaError: it is another one.
        """
        if self.status == good:
            return
        words = self._words(secret)
        raise GiteaError(
            f"{self.request}: Gitea answered {self.status}{words and ': '}{words}",
            status=self.status,
            refused=400 <= self.status < 500 and self.status not in _LATER,
            retryable=self.status in _LATER or self.status == busy or self.status >= 500,
        )

    def pull(self, number: int) -> GiteaPull:
        """Return the pull request that the answer is.

        Raises:
            GiteaError: it is something else.
        """
        match self._data():
            case {
                "number": int(found),
                "state": "open" | "closed" as state,
                "merged": bool(merged),
                "head": {"sha": str(head)},
            } if found == number:
                return GiteaPull(number=number, is_open=state == "open", is_merged=merged, head=head)
            case _:
                raise self._strange("a pull request")

    def number(self) -> int:
        """Return the number of the issue that the answer is.

        Raises:
            GiteaError: it is something else.
        """
        match self._data():
            case {"number": int(number)}:
                return number
            case _:
                raise self._strange("an issue")

    def bodies(self, key: str = "id") -> dict[int, str]:
        """Return the texts of a list of comments or issues.

        Raises:
            GiteaError: it is something else.
        """
        data = self._data()
        if not isinstance(data, list):
            raise self._strange("a list")
        found: dict[int, str] = {}
        for one in data:
            match one:
                case {"body": str(body)} if isinstance(number := one.get(key), int):
                    found[number] = body
                case _:
                    raise self._strange("a list of texts")
        return found

    def _data(self) -> Any:
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError):
            raise self._strange("JSON") from None

    def _strange(self, expected: str) -> GiteaError:
        return GiteaError(f"{self.request}: Gitea's answer is not {expected}", status=self.status)

    def _words(self, secret: str) -> str:
        try:
            data = json.loads(self.content)
            words = data["message"] if isinstance(data, dict) else ""
        except (ValueError, RecursionError, KeyError):
            words = ""
        text = " ".join(words.replace(secret, "***").split()) if isinstance(words, str) else ""
        return "".join([char for char in text if char.isprintable()])[:_SHOWN]
