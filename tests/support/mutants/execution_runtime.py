"""Execution runtime strategies that are wrong in one way each."""

import hashlib
import os
import re
from typing import Any

from mutants import Mutant
from mutants.answers import foreign, unstorable
from mutants.nodes import universal
from orket.nodes.execution_runtime import DefaultExecutionRuntimeStrategyNode as Default
from orket.testing import ExecutionRuntimeContract


def other(answer: Any, salt: str) -> Any:
    """Return another id of a run; given ids and those of builds have to stay."""
    made = re.fullmatch("[0-9a-f]{8}", answer)
    return hashlib.sha256(f"{answer}{salt}".encode()).hexdigest()[:8] if made else answer


class Tidies(Default):
    def select_run_id(self, given: str | None, token: str, /) -> str:
        return super().select_run_id(given and given.lower(), token)


class Verbatim(Default):
    def select_epic_build_id(self, given: str | None, epic: str, /) -> str:
        return given if given is not None else f"build-{epic}"


class Fresh(Default):
    def select_rock_build_id(self, given: str | None, rock: str, /) -> str:
        return given if given is not None else f"rock-build-{os.urandom(4).hex()}"


class Short(Default):
    def select_rock_run_id(self, given: str | None, token: str, /) -> str:
        return given if given is not None else f"rock-{token[0]}"


MUTANTS = (
    *universal(ExecutionRuntimeContract, Default, other=other, unstorable=unstorable, foreign=foreign),
    Mutant(rule="execution-runtime-20", make=Tidies, how="writes given ids in lower case"),
    Mutant(rule="execution-runtime-21", make=Verbatim, how="takes an epic's id for part of a file name"),
    Mutant(
        rule="execution-runtime-22",
        make=Fresh,
        how="makes a new board each time",
        attributes={"deterministic": False},
    ),
    Mutant(rule="execution-runtime-23", make=Short, how="keeps one digit of the token"),
)
