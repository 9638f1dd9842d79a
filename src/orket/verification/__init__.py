"""Verification: proof of an issue by a fixture that runs in a process of its own, and the runner of other commands."""

from orket.verification._commands import LocalCommandRunner
from orket.verification._verifier import Limits, SubprocessVerifier

__all__ = ["Limits", "LocalCommandRunner", "SubprocessVerifier"]
