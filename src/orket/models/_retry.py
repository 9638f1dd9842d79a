"""When to try again, and after how long: pure."""

import math
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime

from attrs import frozen

from orket._value import Value


@frozen(kw_only=True, repr=False, eq=False)
class Backoff(Value):
    """Exponential backoff with full jitter: wait anything between 0 and ``base`` · 2ⁿ seconds, at most ``limit``.

    Full jitter spreads the callers that failed together; see "Exponential Backoff And Jitter",
    AWS Architecture Blog, 2015.
    """

    retries: int
    base: float
    limit: float
    retry_after_limit: float

    def pause(self, failed: int, retry_after: float | None, random: Callable[[], float]) -> float | None:
        """Return the seconds to wait before the next attempt, or None: do not try again.

        Args:
            failed: attempts that failed so far, ≥ 1.
            retry_after: seconds that the server asked for. It is never asked earlier; where that is longer than
                ``retry_after_limit``, it is not asked again at all.
            random: returns a number in [0, 1).
        """
        if failed > self.retries or (retry_after is not None and retry_after > self.retry_after_limit):
            return None
        jittered = random() * min(self.limit, math.ldexp(self.base, min(failed - 1, 64)))
        return max(jittered, retry_after or 0.0)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that ``Retry-After`` asks for (RFC 9110, section 10.2.3), or None.

    A date is read against the same answer's ``Date``, so that the two machines' clocks need not agree.
    """
    value = headers.get("retry-after", "").strip()
    if value.isascii() and value.isdigit():
        return float(value[:9])
    try:
        pause = parsedate_to_datetime(value) - parsedate_to_datetime(headers.get("date", ""))
    except (TypeError, ValueError):  # no date, or one of the two without a time zone
        return None
    return max(0.0, pause.total_seconds())
