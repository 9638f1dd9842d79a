"""What an execution runtime strategy owes."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from orket.contracts import ExecutionRuntimeStrategyNode
from orket.testing._nodes import Call, NodeContract
from orket.testing._suite import rule
from orket.testing.strategies import given_ids, hostile_identifiers, tokens

_RUNS: Final = ("select_run_id", "select_rock_run_id")
_BUILDS: Final = ("select_epic_build_id", "select_rock_build_id")
_LONGEST: Final = 255  # characters of a file's name
_FILE_NAME: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")


def _calls(given: SearchStrategy[str | None]) -> SearchStrategy[Call]:
    return st.one_of(
        st.tuples(st.sampled_from(_RUNS), st.tuples(given, tokens())),
        st.tuples(st.sampled_from(_BUILDS), st.tuples(given, hostile_identifiers())),
    )


class ExecutionRuntimeContract(NodeContract[ExecutionRuntimeStrategyNode]):
    """The rules of execution runtime strategies."""

    kind: ClassVar[str] = "execution_runtime"
    prefix: ClassVar[str] = "execution-runtime"
    # Its questions are made of str and None only: they cannot be written to, and keeping one keeps nothing alive.
    without: ClassVar[frozenset[str]] = frozenset({"03", "04"})

    @classmethod
    def questions(cls) -> Mapping[str, SearchStrategy[tuple[Any, ...]]]:
        """Return by method what generates its arguments."""
        given = st.one_of(st.none(), given_ids())
        runs = {method: st.tuples(given, tokens()) for method in _RUNS}
        return {**runs, **{method: st.tuples(given, hostile_identifiers()) for method in _BUILDS}}

    @classmethod
    def ordinary(cls) -> Mapping[str, tuple[Any, ...]]:
        """Return by method the arguments of a question that every node must answer."""
        runs = dict.fromkeys(_RUNS, (None, "0123456789abcdef" * 2))
        return {**runs, **dict.fromkeys(_BUILDS, (None, "launch"))}

    @rule("20", call=_calls(given_ids()))
    async def keeps_a_given_id(self, call: Call) -> None:
        """An id that the host or an asset gives is kept as it is."""
        method, args = call
        assert await self.valid(method, *args, answer=str) == args[0]

    @rule("21", call=_calls(st.none()), share=2.0)
    async def makes_safe_file_names(self, call: Call) -> None:
        """An id that the node makes has only letters, digits, ".", "_" and "-", does not begin with a dot, and is not
        too long for a file's name.
        """
        method, args = call
        made = await self.valid(method, *args, answer=str)
        assert _FILE_NAME.fullmatch(made), f"{method} makes {made!r}"
        assert len(made) <= _LONGEST, f"{method} makes an id of {len(made)} characters"

    @rule("22", method=st.sampled_from(_BUILDS), name=hostile_identifiers(), other=hostile_identifiers())
    async def finds_a_board_again(self, method: str, name: str, other: str) -> None:
        """The build of an epic or a rock has the same id whenever it is asked for, from whichever node."""
        node = self.make_node()
        first = await self.ask(method, None, name, node=node)
        await self.ask(method, None, other, node=node)
        for again in (await self.ask(method, None, name, node=node), await self.ask(method, None, name)):
            assert self.alike(first, again), f"{method} of {name!r} is {first!r}, and later {again!r}"

    @rule("23", method=st.sampled_from(_RUNS), pair=st.lists(tokens(), min_size=2, max_size=2, unique=True))
    async def tells_runs_apart(self, method: str, pair: list[str]) -> None:
        """Two runs with different tokens have different ids."""
        first, second = [await self.valid(method, None, token, answer=str) for token in pair]
        assert first != second
