"""What an orchestration loop policy owes."""

from collections.abc import Mapping
from typing import Any, ClassVar

from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from orket.contracts import (
    INTEGRITY_GUARD,
    BoardCounts,
    CardStatus,
    Issue,
    LoopQuestion,
    MissingSeat,
    OrchestrationLoopPolicyNode,
    Organization,
    Rest,
    RestAnswer,
    Seat,
    Team,
    WaitReason,
)
from orket.testing._nodes import Call, NodeContract
from orket.testing._suite import rule
from orket.testing.strategies import alone, board_counts, loop_questions, missing_seats, turn_roles

_EXHAUSTED = st.tuples(st.sampled_from((30, 1, 10_000)), board_counts())


def _rests() -> SearchStrategy[Call]:
    return st.one_of(
        st.tuples(st.just("no_candidates"), alone(board_counts())), st.tuples(st.just("exhausted"), _EXHAUSTED)
    )


def _without_settings() -> SearchStrategy[Call]:
    return st.one_of(
        st.tuples(st.just("role_order"), turn_roles()),
        st.tuples(st.just("is_review_turn"), alone(st.sampled_from(CardStatus))),
        st.tuples(st.just("missing_seat"), missing_seats()),
        st.tuples(st.just("is_done"), alone(board_counts())),
        _rests(),
    )


class OrchestrationLoopContract(NodeContract[OrchestrationLoopPolicyNode]):
    """The rules of orchestration loop policies.

    Environment and process rules of the questions hold good settings and bad ones: a policy that refuses the bad ones
    declares in ``errors`` what it raises then.
    """

    kind: ClassVar[str] = "orchestration_loop"
    prefix: ClassVar[str] = "orchestration-loop"

    @classmethod
    def questions(cls) -> Mapping[str, SearchStrategy[tuple[Any, ...]]]:
        """Return by method what generates its arguments."""
        return {
            "concurrency_limit": alone(loop_questions()),
            "turn_budget": alone(loop_questions()),
            "context_window": alone(loop_questions()),
            "is_review_turn": alone(st.sampled_from(CardStatus)),
            "role_order": turn_roles(),
            "missing_seat": missing_seats(),
            "is_done": alone(board_counts()),
            "no_candidates": alone(board_counts()),
            "exhausted": _EXHAUSTED,
        }

    @classmethod
    def ordinary(cls) -> Mapping[str, tuple[Any, ...]]:
        """Return by method the arguments of a question that every node must answer."""
        counts = BoardCounts(total=3, done=1, ready=1, waiting=1)
        question = LoopQuestion(organization=Organization(name="Acme"), counts=counts)
        team = Team(name="core", seats={"coder": Seat(id="coder", name="Coder", roles=("coder",))})
        return {
            "concurrency_limit": (question,),
            "turn_budget": (question,),
            "context_window": (question,),
            "is_review_turn": (CardStatus.READY,),
            "role_order": (("coder",), False),
            "missing_seat": (Issue(id="I", name="Paint it", seat="painter"), team),
            "is_done": (counts,),
            "no_candidates": (counts,),
            "exhausted": (30, counts),
        }

    @classmethod
    def large_questions(cls) -> Mapping[str, SearchStrategy[tuple[Any, ...]]]:
        """Return questions about ten thousand issues, a thousand seats, a thousand roles."""
        counts = BoardCounts(total=10_000, ready=10_000)
        question = LoopQuestion(organization=Organization(name="Acme"), counts=counts)
        team = Team(name="many", seats={f"s{it}": Seat(id=f"s{it}", name=f"Seat {it}") for it in range(1000)})
        large: dict[str, tuple[Any, ...]] = {
            "turn_budget": (question,),
            "role_order": (tuple([f"role-{it}" for it in range(1000)]), True),
            "missing_seat": (Issue(id="I", name="Paint it", seat="painter"), team),
            "no_candidates": (counts,),
        }
        return {method: st.just(args) for method, args in large.items()}

    @rule("20", question=loop_questions())
    async def lets_a_turn_run(self, question: LoopQuestion) -> None:
        """At least one turn may run at once."""
        assert await self.valid("concurrency_limit", question, answer=int) >= 1

    @rule("21", question=loop_questions())
    async def grants_a_turn(self, question: LoopQuestion) -> None:
        """A run may take at least one turn in all."""
        assert await self.valid("turn_budget", question, answer=int) >= 1

    @rule("22", question=loop_questions())
    async def shows_an_entry_of_the_past(self, question: LoopQuestion) -> None:
        """At least one entry of an issue's history enters a prompt."""
        assert await self.valid("context_window", question, answer=int) >= 1

    @rule("23", asked=turn_roles())
    async def keeps_all_roles(self, asked: tuple[tuple[str, ...], bool]) -> None:
        """A turn has all the roles of its seat."""
        ordered = await self.valid("role_order", *asked, answer=tuple)
        assert set(asked[0]) <= set(ordered)

    @rule("24", asked=turn_roles())
    async def adds_no_role_to_work(self, asked: tuple[tuple[str, ...], bool]) -> None:
        """A work turn has no role that its seat does not hold."""
        ordered = await self.valid("role_order", asked[0], False, answer=tuple)
        assert set(ordered) <= set(asked[0])

    @rule("25", asked=turn_roles())
    async def reviews_as_a_guard(self, asked: tuple[tuple[str, ...], bool]) -> None:
        """A review turn has the role integrity_guard, also where its seat does not hold it."""
        ordered = await self.valid("role_order", asked[0], True, answer=tuple)
        assume(set(asked[0]) <= set(ordered))  # else rule 23 is broken
        assert INTEGRITY_GUARD in ordered

    @rule("26", asked=missing_seats())
    async def puts_away_what_nobody_can_do(self, asked: tuple[Issue, Team]) -> None:
        """An issue whose seat the team lacks is canceled or blocked."""
        fate = await self.valid("missing_seat", *asked, answer=MissingSeat)
        assert fate.status in (CardStatus.CANCELED, CardStatus.BLOCKED)

    @rule("27", asked=missing_seats())
    async def says_what_a_blocked_issue_waits_for(self, asked: tuple[Issue, Team]) -> None:
        """An issue that is blocked because the team lacks its seat has a wait reason."""
        fate = await self.valid("missing_seat", *asked, answer=MissingSeat)
        if fate.status is CardStatus.BLOCKED:
            assert isinstance(fate.wait_reason, WaitReason)

    @rule("28", asked=missing_seats())
    async def says_why_a_seat_is_missed(self, asked: tuple[Issue, Team]) -> None:
        """What becomes of an issue without a seat is explained in words."""
        fate = await self.valid("missing_seat", *asked, answer=MissingSeat)
        assume(isinstance(fate.reason, str))
        assert fate.reason.strip()

    @rule("29", counts=board_counts())
    async def is_not_done_before_the_end(self, counts: BoardCounts) -> None:
        """A board with an unfinished issue is not done."""
        assume(counts.unfinished > 0)
        assert not await self.valid("is_done", counts, answer=bool)

    @rule("30", call=_rests())
    async def never_rests_as_a_success(self, call: Call) -> None:
        """A run without candidates, or without turns left, comes to rest as stalled or failed."""
        method, args = call
        answer = await self.valid(method, *args, answer=RestAnswer)
        assert type(answer.rest) is Rest

    @rule("31", call=_rests())
    async def says_why_a_run_rests(self, call: Call) -> None:
        """A run that comes to rest has a reason in words."""
        method, args = call
        answer = await self.valid(method, *args, answer=RestAnswer)
        assume(isinstance(answer.reason, str))
        assert answer.reason.strip()

    @rule("32", call=_without_settings())
    async def never_declines_without_settings(self, call: Call) -> None:
        """What reads no settings answers every question and declines none."""
        method, args = call
        _, error = await self.attempt(method, *args)
        assert error is None, f"{method} raises {type(error).__name__}: {error}"
