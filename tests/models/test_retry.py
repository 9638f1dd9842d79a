"""When to try again, and after how long."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orket.models._retry import Backoff, retry_after

seconds = st.floats(0, 1e6)


@given(
    st.builds(Backoff, retries=st.integers(0, 9), base=seconds, limit=seconds, retry_after_limit=seconds),
    st.integers(1, 10**6),
    st.none() | seconds,
    st.floats(0, 1, exclude_max=True),
)
def test_waits_are_bounded(backoff: Backoff, failed: int, asked: float | None, luck: float) -> None:
    """A wait is never shorter than asked for, never longer than the larger limit, and none comes after the last try."""
    pause = backoff.pause(failed, asked, lambda: luck)
    if failed > backoff.retries or (asked or 0.0) > backoff.retry_after_limit:
        assert pause is None
    else:
        assert pause is not None
        assert (asked or 0.0) <= pause <= max(backoff.limit, asked or 0.0)


def test_waits_double_up_to_the_limit() -> None:
    """The largest possible wait doubles with each failure until it meets the limit."""
    backoff = Backoff(retries=6, base=0.5, limit=5.0, retry_after_limit=60.0)
    assert [backoff.pause(failed, None, lambda: 1.0) for failed in range(1, 8)] == [0.5, 1, 2, 4, 5, 5, None]
    assert backoff.pause(1, None, lambda: 0.0) == 0.0


DATE = "Wed, 21 Oct 2026 07:28:00 GMT"


@pytest.mark.parametrize(
    ("value", "date", "expected"),
    [
        ("0", "", 0.0),
        (" 120 ", "", 120.0),
        ("9" * 400, "", 999_999_999.0),
        ("Wed, 21 Oct 2026 07:29:30 GMT", DATE, 90.0),
        ("Wed, 21 Oct 2026 07:27:00 GMT", DATE, 0.0),
        ("Wed, 21 Oct 2026 07:29:30 GMT", "", None),
        ("Wed, 21 Oct 2026 07:29:30", DATE, None),
        ("soon", DATE, None),
        ("-1", "", None),
        ("", DATE, None),
        ("٣", "", None),
    ],
)
def test_retry_after_is_read(value: str, date: str, expected: float | None) -> None:
    """``Retry-After`` is seconds, or a date that is read against the answer's own clock; anything else is nothing."""
    assert retry_after({"retry-after": value, "date": date}) == expected


@given(st.text(), st.text())
def test_retry_after_never_fails(value: str, date: str) -> None:
    """No header whatever makes it raise or return something negative."""
    found = retry_after({"retry-after": value, "date": date})
    assert found is None or found >= 0
