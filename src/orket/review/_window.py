"""How many deliveries are taken in within a time."""

import math
from collections import deque
from typing import Any

from attrs import Attribute, field, frozen

from orket._value import Value
from orket.errors import WiringError


def _positive(_: object, attribute: "Attribute[Any]", value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < math.inf:
        raise WiringError([f"{attribute.name} of a rate limit is {value!r:.40}; valid: a finite number above 0"])


@frozen(kw_only=True, repr=False, eq=False)
class RateLimit(Value):
    """At most ``deliveries`` within any ``seconds``.

    Raises:
        WiringError: one of them is no finite number above 0.
    """

    deliveries: int = field(default=1200, validator=_positive)
    seconds: float = field(default=60.0, validator=_positive)


class SlidingWindow:
    """The deliveries of the last seconds."""

    def __init__(self, limit: RateLimit) -> None:
        self._limit = limit
        self._times: deque[float] = deque()

    def admit(self, now: float) -> int | None:
        """Count a delivery, or return after how many seconds the next one is admitted.

        Args:
            now: seconds since the epoch. Where the clock was set back, what it had counted before is forgotten.
        """
        times, start = self._times, now - self._limit.seconds
        if times and times[-1] > now:
            times.clear()
        while times and times[0] <= start:
            times.popleft()
        if len(times) < self._limit.deliveries:
            times.append(now)
            return None
        return max(1, math.ceil(times[0] - start))
