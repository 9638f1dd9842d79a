"""What a host sends back, and why a delivery is turned away."""

from collections.abc import Mapping

from attrs import frozen

from orket._codec import to_json
from orket._value import Value
from orket.cards import EMPTY

_JSON = "application/json"


@frozen(kw_only=True, repr=False, eq=False)
class Response(Value):
    """What to answer to a delivery: the status code, a JSON body, and header fields."""

    status: int
    headers: Mapping[str, str] = EMPTY
    body: bytes = b""


class RefusedError(Exception):
    """A delivery is turned away, and nothing changes."""

    def __init__(self, status: int, reason: str, *, retry_after: int | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.retry_after = retry_after

    def response(self) -> Response:
        """Return what the sender is told: never anything of what it sent."""
        return answer(self.status, "refused", self.reason, retry_after=self.retry_after)


def answer(status: int, outcome: str, reason: str, *, retry_after: int | None = None) -> Response:
    """Return a response that says what became of a delivery, and why."""
    headers = {"content-type": _JSON}
    if retry_after is not None:
        headers["retry-after"] = str(retry_after)
    return Response(status=status, headers=headers, body=to_json({"outcome": outcome, "reason": reason}).encode())
