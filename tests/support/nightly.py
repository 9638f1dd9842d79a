"""How often a test repeats itself: a little in CI, a lot in ``nox -s nightly``.

``NIGHTLY=1`` in the environment makes it night. A night can be split, over machines or evenings: ``NIGHTLY=3/10`` is
the third of ten shares, which together are the whole night. What is drawn by chance is drawn anew in each of them, and
what is gone through point by point is dealt out; the rest runs in the first.
"""

import os
import re
from collections.abc import Sequence
from typing import Final, TypeVar

T = TypeVar("T")


def share_in(text: str) -> tuple[int, int] | None:
    """Return which share of how many a text means, the first is 1; None: it is day.

    Raises:
        ValueError: it means nothing.
    """
    if text in ("", "1"):
        return (1, 1) if text else None
    found = re.fullmatch(r"(\d+)/(\d+)", text)
    number, of = map(int, found.groups()) if found else (0, 0)
    if not 1 <= number <= of:
        raise ValueError(f"NIGHTLY={text}: valid is 1, or a share of a night, as 3/10")
    return number, of


NIGHT: Final = share_in(os.environ.get("NIGHTLY", ""))


def scaled(in_ci: int, at_night: int) -> int:
    """Return the number for this session."""
    return at_night if NIGHT else in_ci


def drawn(in_ci: int, at_night: int) -> range:
    """Return the numbers of the cases that this session draws; no two shares of a night have one in common.

    Raises:
        ValueError: the night is split into more shares than there are cases.
    """
    if NIGHT is None:
        return range(in_ci)
    number, of = NIGHT
    if of > at_night:
        raise ValueError(f"NIGHTLY: {at_night} cases cannot be split into {of} shares")
    return range(at_night * (number - 1) // of, at_night * number // of)


def dealt(points: Sequence[T]) -> Sequence[T]:
    """Return those of some points that this session tries; all shares of a night together try all."""
    number, of = NIGHT or (1, 1)
    return points[number - 1 :: of]
