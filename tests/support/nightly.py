"""How often a test repeats itself: a little in CI, a lot in ``nox -s nightly``."""

import os


def scaled(in_ci: int, at_night: int) -> int:
    """Return the number for this session; ``NIGHTLY=1`` in the environment makes it night."""
    return at_night if os.environ.get("NIGHTLY") else in_ci
