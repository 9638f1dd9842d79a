"""The stock ids of runs and builds."""

import hashlib
import re


class DefaultExecutionRuntimeStrategyNode:
    """Keep a given id; else runs get eight characters of the token, and builds are named after what is built."""

    contract_version = 1

    def select_run_id(self, given: str | None, token: str, /) -> str:
        """Return *given*, or the first eight characters of *token*."""
        return given if given is not None else token[:8]

    def select_epic_build_id(self, given: str | None, epic: str, /) -> str:
        """Return *given*, or ``build-<epic>``."""
        return given if given is not None else f"build-{_safe(epic)}"

    def select_rock_run_id(self, given: str | None, token: str, /) -> str:
        """Return *given*, or the first eight characters of *token*."""
        return given if given is not None else token[:8]

    def select_rock_build_id(self, given: str | None, rock: str, /) -> str:
        """Return *given*, or ``rock-build-<rock>``."""
        return given if given is not None else f"rock-build-{_safe(rock)}"


def _safe(name: str) -> str:
    """Return *name* in the letters of a file name.

    Where letters are lost (``Überblick``) or the name is too long for a file, part of its digest tells names apart.
    """
    plain = re.sub(r"[^a-z0-9_-]+", "_", name.strip().lower()).strip("_")
    if name.isascii() and 0 < len(plain) <= 100:
        return plain
    digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{plain[:80]}-{digest}".lstrip("-")
