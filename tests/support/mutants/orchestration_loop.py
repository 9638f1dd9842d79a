"""Loop policies that are wrong in one way each."""

from typing import Any

import attrs

from mutants import Mutant
from mutants.answers import foreign, unstorable
from mutants.nodes import reasoned, universal
from orket.contracts import (
    INTEGRITY_GUARD,
    BoardCounts,
    CardStatus,
    Issue,
    LoopQuestion,
    MissingSeat,
    RestAnswer,
    RunOutcome,
    Team,
    WaitReason,
)
from orket.nodes.orchestration_loop import DefaultOrchestrationLoopPolicyNode
from orket.testing import OrchestrationLoopContract


class Steady(DefaultOrchestrationLoopPolicyNode):
    """A policy that keeps all rules and reads no settings, so that it never declines."""

    def concurrency_limit(self, question: LoopQuestion, /) -> int:
        return 3

    def turn_budget(self, question: LoopQuestion, /) -> int:
        return max(30, question.counts.total * 10)

    def context_window(self, question: LoopQuestion, /) -> int:
        return 10


def other(answer: Any, salt: str) -> Any:
    if isinstance(answer, MissingSeat | RestAnswer):
        return reasoned(answer, salt)
    return answer + int(salt[:6], 16) if type(answer) is int else answer


class Gullible(Steady):
    def concurrency_limit(self, question: LoopQuestion, /) -> int:
        return 0 if question.environ.get("ORKET_CONCURRENCY") == "0" else 3


class Stingy(Steady):
    def turn_budget(self, question: LoopQuestion, /) -> int:
        return question.counts.unfinished * 10


class Forgetful(Steady):
    def context_window(self, question: LoopQuestion, /) -> int:
        return 0 if question.organization.process_rules.get("context_window") == 0 else 10


class OneRole(Steady):
    def role_order(self, roles: tuple[str, ...], is_review: bool, /) -> tuple[str, ...]:
        return super().role_order(roles[:2], is_review)


class GuardsEverything(Steady):
    def role_order(self, roles: tuple[str, ...], is_review: bool, /) -> tuple[str, ...]:
        return super().role_order(roles, True)


class Unguarded(Steady):
    def role_order(self, roles: tuple[str, ...], is_review: bool, /) -> tuple[str, ...]:
        return roles


class Hopeful(Steady):
    def missing_seat(self, issue: Issue, team: Team, /) -> MissingSeat:
        fate = super().missing_seat(issue, team)
        return attrs.evolve(fate, status=CardStatus.READY) if team.seats else fate


class Vague(Steady):
    def missing_seat(self, issue: Issue, team: Team, /) -> MissingSeat:
        fate = attrs.evolve(super().missing_seat(issue, team), status=CardStatus.BLOCKED)
        return fate if team.seats else attrs.evolve(fate, wait_reason=WaitReason.RESOURCE)


class Curt(Steady):
    def missing_seat(self, issue: Issue, team: Team, /) -> MissingSeat:
        return MissingSeat(status=CardStatus.CANCELED, reason=issue.seat)


class Early(Steady):
    def is_done(self, counts: BoardCounts, /) -> bool:
        return counts.ready + counts.running + counts.review == 0


class Triumphant(Steady):
    def no_candidates(self, counts: BoardCounts, /) -> RestAnswer:
        answer = super().no_candidates(counts)
        return answer if counts.waiting else attrs.evolve(answer, rest=RunOutcome.DONE)  # type: ignore[arg-type]


class Silent(Steady):
    def exhausted(self, turns: int, counts: BoardCounts, /) -> RestAnswer:
        return attrs.evolve(super().exhausted(turns, counts), reason="\n" if counts.unfinished == 0 else "used up")


class Partial(Steady):
    def role_order(self, roles: tuple[str, ...], is_review: bool, /) -> tuple[str, ...]:
        if len(roles) > 1 and INTEGRITY_GUARD in roles:
            raise ValueError("a guard has no other roles")
        return super().role_order(roles, is_review)


MUTANTS = (
    *universal(
        OrchestrationLoopContract,
        Steady,
        other=other,
        unstorable=unstorable,
        foreign=foreign,
        also={"02": ("orchestration-loop-32",)},
    ),
    Mutant(rule="orchestration-loop-20", make=Gullible, how="takes a concurrency of 0 at its word"),
    Mutant(
        rule="orchestration-loop-21",
        make=Stingy,
        how="grants no turn to a finished board",
    ),
    Mutant(rule="orchestration-loop-22", make=Forgetful, how="takes a context window of 0 at its word"),
    Mutant(rule="orchestration-loop-23", make=OneRole, how="has room for two roles only"),
    Mutant(rule="orchestration-loop-24", make=GuardsEverything, how="guards work turns, too"),
    Mutant(rule="orchestration-loop-25", make=Unguarded, how="reviews with whatever roles the seat has"),
    Mutant(rule="orchestration-loop-26", make=Hopeful, how="leaves an issue without a seat ready"),
    Mutant(rule="orchestration-loop-27", make=Vague, how="blocks without a wait reason"),
    Mutant(rule="orchestration-loop-28", make=Curt, how="gives the seat's name, which may be empty, for a reason"),
    Mutant(rule="orchestration-loop-29", make=Early, how="takes waiting issues for finished ones"),
    Mutant(rule="orchestration-loop-30", make=Triumphant, how="calls a rest 'done'", also=("orchestration-loop-10",)),
    Mutant(rule="orchestration-loop-31", make=Silent, how="gives a line break for a reason"),
    Mutant(
        rule="orchestration-loop-32",
        make=Partial,
        how="declines to order roles, with an error that it declares",
        attributes={"errors": (ValueError,)},
    ),
)
