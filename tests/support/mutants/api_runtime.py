"""API runtime strategies that are wrong in one way each."""

from typing import Any

from mutants import Mutant
from mutants.answers import foreign, unstorable
from mutants.nodes import universal
from orket.contracts import AssetQuestion
from orket.nodes.api_runtime import DefaultApiRuntimeStrategyNode as Default
from orket.testing import ApiRuntimeContract


def other(answer: Any, salt: str) -> Any:
    return (*answer, f"https://{salt}.example") if isinstance(answer, tuple) else answer


class Open(Default):
    def parse_allowed_origins(self, value: str, /) -> tuple[str, ...]:
        return super().parse_allowed_origins(value) if value.strip() else ("*",)


class Splits(Default):
    def parse_allowed_origins(self, value: str, /) -> tuple[str, ...]:
        return tuple([part.strip() for part in value.split(",")])


class Strict(Default):
    def resolve_asset_id(self, question: AssetQuestion, /) -> str | None:
        if ".." in question.path:
            raise ValueError("no path goes up")
        return super().resolve_asset_id(question)


class Guessable(Default):
    def create_session_id(self, token: str, /) -> str:
        return f"session-{token[:1]}"


class Nameless(Default):
    def create_session_id(self, token: str, /) -> str:
        return "  " if token[0].isdecimal() else token


MUTANTS = (
    *universal(
        ApiRuntimeContract,
        Default,
        other=other,
        unstorable=unstorable,
        foreign=foreign,
        also={"02": ("api-runtime-22",)},
    ),
    Mutant(rule="api-runtime-20", make=Open, how="allows everybody where nothing is said"),
    Mutant(rule="api-runtime-21", make=Splits, how="takes what stands between two commas for an origin"),
    Mutant(
        rule="api-runtime-22",
        make=Strict,
        how="declines paths that go up, with an error that it declares",
        attributes={"errors": (ValueError,)},
    ),
    Mutant(rule="api-runtime-23", make=Guessable, how="keeps one digit of the token"),
    Mutant(rule="api-runtime-24", make=Nameless, how="leaves a session of some tokens without a name"),
)
