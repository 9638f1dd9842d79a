"""Verification: proof of an issue by a fixture in an isolated process, or by calls to its running sandbox."""

from orket.verification._commands import LocalCommandRunner
from orket.verification._endpoints import HttpEndpoints
from orket.verification._ladder import Machine
from orket.verification._verifier import Limits, SubprocessVerifier

__all__ = ["HttpEndpoints", "Limits", "LocalCommandRunner", "Machine", "SubprocessVerifier"]
