"""What an API runtime strategy owes."""

from collections.abc import Mapping
from typing import Any, ClassVar

from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from orket.contracts import ApiRuntimeStrategyNode, AssetQuestion
from orket.testing._nodes import Call, NodeContract
from orket.testing._suite import rule
from orket.testing.strategies import alone, asset_questions, empty_origin_values, origin_values, tokens
from orket.testing.strategies._policies import near_tokens


def _calls() -> SearchStrategy[Call]:
    return st.one_of(
        st.tuples(st.just("parse_allowed_origins"), alone(origin_values())),
        st.tuples(st.just("resolve_asset_id"), alone(asset_questions())),
        st.tuples(st.just("create_session_id"), alone(tokens())),
    )


class ApiRuntimeContract(NodeContract[ApiRuntimeStrategyNode]):
    """The rules of API runtime strategies."""

    kind: ClassVar[str] = "api_runtime"
    prefix: ClassVar[str] = "api-runtime"

    @classmethod
    def questions(cls) -> Mapping[str, SearchStrategy[tuple[Any, ...]]]:
        """Return by method what generates its arguments."""
        return {
            "parse_allowed_origins": alone(origin_values()),
            "resolve_asset_id": alone(asset_questions()),
            "create_session_id": alone(tokens()),
        }

    @classmethod
    def ordinary(cls) -> Mapping[str, tuple[Any, ...]]:
        """Return by method the arguments of a question that every node must answer."""
        return {
            "parse_allowed_origins": ("https://a.example",),
            "resolve_asset_id": (AssetQuestion(path="/cards/build"),),
            "create_session_id": ("0123456789abcdef" * 2,),
        }

    @classmethod
    def large_questions(cls) -> Mapping[str, SearchStrategy[tuple[Any, ...]]]:
        """Return a list of a thousand origins, and a path of a hundred thousand characters."""
        origins = ",".join([f"https://host-{index}.example" for index in range(1000)])
        return {
            "parse_allowed_origins": st.just((origins,)),
            "resolve_asset_id": st.just((AssetQuestion(path="/cards" * 20_000),)),
        }

    @rule("20", value=empty_origin_values())
    async def opens_nothing_unasked(self, value: str) -> None:
        """An empty value allows no wildcard."""
        assert "*" not in "".join(map(str, await self.valid("parse_allowed_origins", value, answer=tuple)))

    @rule("21", value=origin_values())
    async def allows_no_blank_origin(self, value: str) -> None:
        """No allowed origin is blank."""
        for origin in await self.valid("parse_allowed_origins", value, answer=tuple):
            assume(isinstance(origin, str))
            assert origin.strip()

    @rule("22", call=_calls())
    async def never_declines(self, call: Call) -> None:
        """A strategy answers whatever a request says, and declines nothing."""
        method, args = call
        _, error = await self.attempt(method, *args)
        assert error is None, f"{method} raises {type(error).__name__}: {error}"

    @rule("23", pair=near_tokens())
    async def makes_sessions_of_tokens(self, pair: tuple[str, str]) -> None:
        """Two tokens make two session ids, also where they differ in one digit only."""
        first, second = [await self.valid("create_session_id", token, answer=str) for token in pair]
        assume(first.strip() or second.strip())  # else rule 24 is broken
        assert first != second

    @rule("24", token=tokens())
    async def names_every_session(self, token: str) -> None:
        """A session id is not blank."""
        assert (await self.valid("create_session_id", token, answer=str)).strip()
