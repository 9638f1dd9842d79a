"""Engine runtime policies that are wrong in one way each."""

import os
from collections.abc import Mapping
from typing import Any

import attrs

from mutants import Mutant
from mutants.answers import foreign, unstorable
from mutants.nodes import universal
from orket.contracts import EnvironmentQuestion
from orket.nodes.engine_runtime import DefaultEngineRuntimePolicyNode
from orket.testing import EngineRuntimeContract


class Lenient(DefaultEngineRuntimePolicyNode):
    """A policy that keeps all rules and passes over a file that it cannot read."""

    def environment(self, question: EnvironmentQuestion, /) -> Mapping[str, str]:
        try:
            return super().environment(question)
        except ValueError:
            return dict(question.environ)


def other(answer: Any, salt: str) -> Any:
    return {**answer, "SALT": salt} if isinstance(answer, Mapping) else answer


class FillsUp(Lenient):
    def environment(self, question: EnvironmentQuestion, /) -> Mapping[str, str]:
        for name, value in super().environment(question).items():
            question.environ.setdefault(name, value)  # type: ignore[attr-defined]
        return question.environ


class Parses(Lenient):
    def environment(self, question: EnvironmentQuestion, /) -> Mapping[str, str]:
        found = super().environment(question)
        return {name: int(value) if value.isdecimal() else value for name, value in found.items()}  # type: ignore[misc]


class Loads(Lenient):
    def environment(self, question: EnvironmentQuestion, /) -> Mapping[str, str]:
        if question.dotenv:
            os.environ["DOTENV"] = "loaded"
        return super().environment(question)


class Quotes(DefaultEngineRuntimePolicyNode):
    def environment(self, question: EnvironmentQuestion, /) -> Mapping[str, str]:
        for line in question.dotenv.splitlines():
            try:
                super().environment(attrs.evolve(question, dotenv=line))
            except ValueError as error:
                raise ValueError(f"cannot read {line}") from error
        return super().environment(question)


MUTANTS = (
    *[
        mutant
        for mutant in universal(EngineRuntimeContract, Lenient, other=other, unstorable=unstorable, foreign=foreign)
        if mutant.rule != "engine-runtime-03"
    ],
    Mutant(rule="engine-runtime-03", make=FillsUp, how="fills up the mapping within its question"),
    Mutant(rule="engine-runtime-20", make=Parses, how="makes numbers of digits"),
    Mutant(rule="engine-runtime-21", make=Loads, how="leaves a note in os.environ", also=("engine-runtime-12",)),
    Mutant(
        rule="engine-runtime-22",
        make=Quotes,
        how="quotes the line that it cannot read",
        attributes={"errors": (ValueError,)},
    ),
)
